"""Secrets lie encrypted, are opened by name, and leave no trace anywhere else."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from releasetrain.catalog.models import Secret
from releasetrain.catalog.secrets import (
    SecretInUse,
    SecretUnreadable,
    add_secret,
    names_in,
    remove_secret,
    replace_secret,
    reveal,
)
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db
HUSH = "s3cr3t-of-the-proxy"


def added(name: str = "proxy-token") -> Secret:
    return add_secret(name=name, value=HUSH, team=None, by=make.user(), now=NOW)


def test_a_secret_is_opened_by_its_name_alone() -> None:
    added()
    assert reveal({"secret": "proxy-token"}) == HUSH
    with pytest.raises(Invalid, match="no secret “other”"):
        reveal({"secret": "other"})
    with pytest.raises(Invalid):
        reveal({})


def test_neither_its_row_nor_an_event_holds_what_it_says() -> None:
    secret = added()
    replace_secret(secret, value=HUSH + "2", by=make.user(), now=NOW)
    kept = f"{Secret.objects.values()}{Event.objects.values()}"
    assert HUSH not in kept
    assert [one.kind for one in Event.objects.filter(kind__startswith="catalog.secret").order_by("pk")] == [
        "catalog.secret.added",
        "catalog.secret.replaced",
    ]
    assert reveal({"secret": "proxy-token"}) == HUSH + "2"


@pytest.mark.parametrize("value", ["", "  \n", "x" * 20_001])
def test_what_is_no_secret_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        add_secret(name="proxy-token", value=value, team=None, by=None, now=NOW)
    assert "xxx" not in refusal.value.message


def test_a_name_is_given_once() -> None:
    added()
    with pytest.raises(Invalid, match="already"):
        added()


def test_a_secret_that_a_target_or_its_fallback_names_stays() -> None:
    secret = added()
    config = {"flag": "x", "fallbacks": [{"driver": "webhook", "config": {"key": {"secret": "proxy-token"}}}]}
    target = make.target(driver_config=config)
    assert names_in(config) == {"proxy-token"}
    with pytest.raises(SecretInUse, match="Storefront"):
        remove_secret(secret, by=None, now=NOW)
    target.driver_config = {}
    target.save(update_fields=["driver_config"])
    remove_secret(secret, by=None, now=NOW)
    assert not Secret.objects.exists()


def test_the_key_of_the_house_can_be_changed(settings: Settings) -> None:
    added()
    before, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 40
    with pytest.raises(SecretUnreadable, match="another key"):
        reveal({"secret": "proxy-token"})
    with pytest.raises(CommandError, match="No key"):
        call_command("encrypt_again")
    settings.SECRET_KEY_FALLBACKS = [before]
    assert reveal({"secret": "proxy-token"}) == HUSH
    said = StringIO()
    call_command("encrypt_again", stdout=said)
    assert "1 secrets" in said.getvalue()
    settings.SECRET_KEY_FALLBACKS = []
    assert reveal({"secret": "proxy-token"}) == HUSH
