"""Keep secrets encrypted where they lie, and open one only where it is used.

A configuration holds `{"secret": "its name"}`. What lies in the database is encrypted under a key that is
derived from the house's secret key, so that a copy of the database alone opens nothing.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Secret, Target
from releasetrain.events.actions import Actor, record
from releasetrain.lib.errors import Invalid, Refused

PURPOSE = b"releasetrain catalog secrets, 1"
LONGEST = 20_000


class SecretInUse(Refused):
    """Refuse to remove a secret that a target still names."""

    code = "secret_in_use"


class SecretUnreadable(Refused):
    """Refuse to open what no key of this house fits."""

    code = "secret_unreadable"


def reveal(reference: Mapping[str, Any]) -> str:
    """Return what a secret holds, for the very call that needs it.

    :param reference: {"secret": name}, as a configuration holds it
    :raises Invalid: there is no secret of that name
    :raises SecretUnreadable: the house's key has changed since it was typed in
    """
    name = str(reference.get("secret", ""))
    ciphertext = Secret.objects.filter(name=name).values_list("ciphertext", flat=True).first()
    if ciphertext is None:
        raise Invalid(f"There is no secret “{name[:50]}”.", field="secret", who="an administrator")
    try:
        return _box().decrypt(ciphertext.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable(
            f"The secret “{name}” was encrypted under another key of this house. Name that key in "
            "RELEASETRAIN_SECRET_KEY_FALLBACKS, or type the secret in again.",
            who="an administrator",
        ) from None


def names_in(config: Mapping[str, Any]) -> set[str]:
    """Return the names of the secrets that a configuration holds, those of its fallbacks included."""
    found: set[str] = set()
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if set(value) == {"secret"} and isinstance(value["secret"], str):
                found.add(value["secret"])
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found


@transaction.atomic
def add_secret(*, name: str, value: str, team: Team | None, by: Actor | None, now: datetime) -> Secret:
    """Keep a secret under a name.

    :raises Invalid: it is empty or too long, or its name is taken
    """
    _check(value)
    secret, is_new = Secret.objects.get_or_create(
        name=name, defaults={"team": team, "ciphertext": _seal(value), "changed_at": now}
    )
    if not is_new:
        raise Invalid(
            f"There is a secret “{name}” already: replace it, or choose another name.", field="name"
        )
    record(
        kind="catalog.secret.added",
        subject=secret,
        actor=by,
        now=now,
        owner=team.name if team else "the house",
    )
    return secret


@transaction.atomic
def replace_secret(secret: Secret, *, value: str, by: Actor | None, now: datetime) -> None:
    """Put something else in its place; whoever names it uses that from the next call on.

    :raises Invalid: it is empty or too long
    """
    _check(value)
    secret.ciphertext, secret.changed_at = _seal(value), now
    secret.save(update_fields=["ciphertext", "changed_at"])
    record(kind="catalog.secret.replaced", subject=secret, actor=by, now=now)


@transaction.atomic
def remove_secret(secret: Secret, *, by: Actor | None, now: datetime) -> None:
    """Forget a secret.

    :raises SecretInUse: a target's driver still names it
    """
    locked = Secret.objects.select_for_update().get(pk=secret.pk)
    users = [str(one) for one in Target.objects.all() if locked.name in names_in(one.driver_config)]
    if users:
        raise SecretInUse(
            f"{', '.join(users)} would have no secret any more: name another one there first.",
            who="an administrator",
        )
    record(kind="catalog.secret.removed", subject=locked, actor=by, now=now)
    locked.delete()


@transaction.atomic
def encrypt_again() -> int:
    """Encrypt everything under the newest key of the house; return how many secrets there are.

    :raises SecretUnreadable: one fits none of the keys; then nothing is changed
    """
    rows = list(Secret.objects.select_for_update())
    for row in rows:
        try:
            row.ciphertext = _box().rotate(row.ciphertext.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(f"No key of this house fits the secret “{row.name}”.") from None
    Secret.objects.bulk_update(rows, ["ciphertext"])
    return len(rows)


def _check(value: str) -> None:
    if not value.strip():
        raise Invalid("A secret cannot be empty.", field="value")
    if len(value) > LONGEST:
        raise Invalid(f"A secret has {LONGEST:,} characters at most.", field="value")


def _seal(value: str) -> str:
    return _box().encrypt(value.encode()).decode()


def _box() -> MultiFernet:
    return _box_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=2)
def _box_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in keys])


def _derive(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())
