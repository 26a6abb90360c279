"""Let people in, give them roles, and issue tokens."""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction

from releasetrain.accounts.models import ApiToken, Membership, SignInLink, Team, User
from releasetrain.accounts.rules import Role
from releasetrain.accounts.rules.roles import Loss
from releasetrain.events.actions import Actor, record
from releasetrain.lib.errors import Refused
from releasetrain.lib.hashing import token_digest

LINK_LIFETIME = timedelta(hours=24)
Guard = Callable[[datetime], Iterable[Loss]]
guards: list[Guard] = []


class StillNeeded(Refused):
    """Refuse to take a role from somebody without whom a decision could not be made (RULES D4)."""


class LinkSpent(Refused):
    """Refuse a sign-in link that was used, has expired or never existed."""

    status = 410


@transaction.atomic
def add_person(
    *,
    email: str,
    name: str,
    time_zone: str = "UTC",
    by: Actor | None,
    now: datetime,
    is_superuser: bool = False,
) -> User:
    """Add a person who has no password yet; they come in by a one-time link."""
    user = User(
        email=User.objects.normalize_email(email),
        name=name,
        time_zone=time_zone,
        is_superuser=is_superuser,
        is_staff=is_superuser,
    )
    user.set_unusable_password()
    user.save()
    record(kind="accounts.person.joined", subject=user, actor=by, now=now)
    return user


@transaction.atomic
def grant(*, user: User, role: Role, team: Team | None, by: Actor | None, now: datetime) -> Membership:
    """Give a person a role in a team, or in the whole house."""
    membership, is_new = Membership.objects.get_or_create(user=user, role=role, team=team)
    if is_new:
        place = team.name if team else "the whole house"
        record(kind="accounts.role.granted", subject=user, actor=by, now=now, role=role.label, team=place)
    return membership


def guard(one: Guard) -> None:
    """Ask this about everybody who loses a role, inside the transaction that takes it."""
    if one not in guards:
        guards.append(one)


@transaction.atomic
def revoke(membership: Membership, *, by: Actor | None, now: datetime) -> list[str]:
    """Take a role from a person; return what is said about quorums that they are missed in.

    :raises StillNeeded: a policy that guards its quorum needs them (RULES D4)
    """
    user, role, team = membership.user, Role(membership.role), membership.team
    before = losses(now)
    membership.delete()
    place = team.name if team else "the whole house"
    record(kind="accounts.role.revoked", subject=user, actor=by, now=now, role=role.label, team=place)
    return check_losses(user, before, now)


def losses(now: datetime) -> list[Loss]:
    """Return every quorum that cannot be reached."""
    return [loss for one in guards for loss in one(now)]


def check_losses(user: User, before: Iterable[Loss], now: datetime) -> list[str]:
    """Say which quorums can no longer be reached, now that somebody has lost a role or is gone.

    :param before: those that could not be reached anyway
    :raises StillNeeded: one of them is guarded by its policy
    """
    known = set(before)
    new = [loss for loss in losses(now) if loss not in known]
    if guarded := [loss for loss in new if loss.is_guarded]:
        named = " ".join(loss.sentence for loss in guarded)
        raise StillNeeded(f"{user} is still needed. {named} Give the role to somebody else first.")
    return [loss.sentence for loss in new]


def make_sign_in_link(user: User, now: datetime) -> str:
    """Return the secret of a new link that signs this person in once, within a day."""
    secret = secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, digest=token_digest(secret), expires_at=now + LINK_LIFETIME)
    return secret


@transaction.atomic
def use_sign_in_link(secret: str, now: datetime) -> User:
    """Spend a link and return whom it signs in.

    :raises LinkSpent: it cannot be used (any more)
    """
    link = SignInLink.objects.select_for_update(no_key=True).filter(digest=token_digest(secret)).first()
    if link is None or not link.is_usable(now) or not link.user.is_active:
        raise LinkSpent(
            "This sign-in link was used already or has expired. “manage.py sign_in_link” makes a new one."
        )
    link.used_at = now
    link.save(update_fields=["used_at"])
    record(kind="accounts.link.used", subject=link.user, actor=link.user, now=now)
    return link.user


@transaction.atomic
def issue_token(
    *, name: str, scopes: list[str], by: User | None, now: datetime, prefix: str = "rt"
) -> tuple[ApiToken, str]:
    """Issue a token and return it with its secret, which is not kept."""
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        name=name,
        prefix=secret[:10],
        digest=token_digest(secret),
        scopes=scopes,
        created_by=by,
        created_at=now,
    )
    record(kind="accounts.token.issued", subject=token, actor=by, now=now, scopes=scopes)
    return token, secret


@transaction.atomic
def revoke_token(token: ApiToken, *, by: Actor | None, now: datetime) -> None:
    """Make a token worthless from now on."""
    token.revoked_at = now
    token.save(update_fields=["revoked_at"])
    record(kind="accounts.token.revoked", subject=token, actor=by, now=now)
