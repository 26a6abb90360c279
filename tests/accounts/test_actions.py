"""People come in by a link that works once; machines by a token that can be taken away."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from releasetrain.accounts.access import roles_of, token_for
from releasetrain.accounts.actions import (
    LinkSpent,
    add_person,
    grant,
    issue_token,
    make_sign_in_link,
    revoke_token,
    use_sign_in_link,
)
from releasetrain.accounts.models import ApiToken, SignInLink, User
from releasetrain.accounts.rules import Role
from releasetrain.lib.errors import NotAllowed
from tests import make

pytestmark = pytest.mark.django_db


def test_a_new_person_has_no_password() -> None:
    person = add_person(email="ada@example.org", name="Ada", by=None, now=make.NOW)
    assert not person.has_usable_password()


def test_a_link_signs_in_once() -> None:
    person = make.user("Ada")
    secret = make_sign_in_link(person, make.NOW)
    assert use_sign_in_link(secret, make.NOW) == person
    with pytest.raises(LinkSpent):
        use_sign_in_link(secret, make.NOW)


def test_a_link_expires_at_its_last_instant() -> None:
    secret = make_sign_in_link(make.user("Ada"), make.NOW)
    with pytest.raises(LinkSpent):
        use_sign_in_link(secret, make.NOW + timedelta(hours=24))


def test_a_link_of_somebody_who_left_is_refused() -> None:
    secret = make_sign_in_link(make.user("Ada", is_active=False), make.NOW)
    with pytest.raises(LinkSpent):
        use_sign_in_link(secret, make.NOW)


def test_no_secret_is_kept() -> None:
    token, secret = issue_token(name="storefront", scopes=["read"], by=None, now=make.NOW)
    link = make_sign_in_link(make.user("Ada"), make.NOW)
    kept = [*ApiToken.objects.values_list("digest", "prefix"), *SignInLink.objects.values_list("digest")]
    assert all(secret not in row and link not in row for row in kept)
    assert token_for(secret, "read") == token


def test_a_token_does_only_what_its_scopes_say() -> None:
    _, secret = issue_token(name="storefront", scopes=["read"], by=None, now=make.NOW)
    with pytest.raises(NotAllowed, match="lacks the scope"):
        token_for(secret, "metrics:storefront")


def test_a_revoked_token_is_unknown() -> None:
    token, secret = issue_token(name="storefront", scopes=["read"], by=None, now=make.NOW)
    revoke_token(token, by=make.user("Ada"), now=make.NOW)
    with pytest.raises(NotAllowed, match="revoked"):
        token_for(secret, "read")


def test_a_role_is_granted_once() -> None:
    person = make.user("Ada")
    for _ in range(2):
        grant(user=person, role=Role.ON_CALL, team=None, by=None, now=make.NOW)
    assert person.memberships.count() == 1
    assert roles_of(person).has(Role.ON_CALL)


def test_somebody_who_left_holds_no_role() -> None:
    assert not roles_of(make.user("Ada", Role.ON_CALL, is_active=False)).has(Role.VIEWER)


def test_the_first_administrator_gets_a_link_until_they_came() -> None:
    printed = StringIO()
    call_command("sign_in_link", "--first", stdout=printed)
    secret = printed.getvalue().strip().rsplit("/", 2)[1]
    first = use_sign_in_link(secret, make.NOW)
    assert first.is_superuser
    User.objects.filter(pk=first.pk).update(last_login=make.NOW)
    again = StringIO()
    call_command("sign_in_link", "--first", stdout=again)
    assert again.getvalue() == ""


def test_a_link_for_a_stranger_is_refused() -> None:
    with pytest.raises(CommandError, match="Nobody with the address"):
        call_command("sign_in_link", "nobody@example.org")
