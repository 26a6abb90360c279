"""Create flags and place them in environments."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment
from releasetrain.events.actions import Actor, record
from releasetrain.flags.actions.freezing import refuse_frozen
from releasetrain.flags.actions.refusals import FlagExists
from releasetrain.flags.actions.revising import revise
from releasetrain.flags.models import Flag, FlagEnvironment, FlagKind
from releasetrain.flags.rules import why_not_key, why_not_percentage
from releasetrain.flags.rules.variants import Values, why_not_values
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief


def create_flag(
    *,
    key: str,
    owner: Team,
    environments: Iterable[Environment],
    description: str = "",
    kind: FlagKind = FlagKind.RELEASE,
    percentage: int = 0,
    enabled: bool = True,
    values: Values | None = None,
    is_client_visible: bool = False,
    expires_at: datetime | None = None,
    actor: Actor | None,
    now: datetime,
) -> Flag:
    """Create a flag and place it in environments, off for everybody unless a percentage is given.

    :param percentage: thousandths of a percent
    :param values: what it can answer; on and off where nothing is said
    :raises Invalid: the key, the percentage or a value cannot be used
    :raises FlagExists: the key is taken
    :raises FlagFrozen: it would be on for somebody at once, and a window is open there
    """
    if why := why_not_key(key):
        raise Invalid(why, field="key")
    if why := why_not_percentage(percentage):
        raise Invalid(why, field="percentage")
    values = values or Values()
    if why := why_not_values(values):
        raise Invalid(why, field="variants")
    with brief():
        try:
            with transaction.atomic():
                flag = Flag.objects.create(
                    key=key,
                    description=description[:300],
                    kind=kind,
                    owner=owner,
                    type=values.type,
                    variants=dict(values.variants),
                    off_variant=values.off,
                    ramp_variant=values.ramp,
                    is_client_visible=is_client_visible,
                    expires_at=expires_at,
                )
        except IntegrityError as error:
            raise FlagExists(f"There is already a flag “{key}”: choose another key.") from error
        record(kind="flags.flag.created", subject=flag, actor=actor, now=now, owner=owner.name)
        for environment in sorted(environments, key=lambda one: one.pk):
            _place(flag, environment, percentage=percentage, enabled=enabled, actor=actor, now=now)
    return flag


def add_to_environment(
    flag: Flag,
    environment: Environment,
    *,
    percentage: int = 0,
    enabled: bool = True,
    actor: Actor | None,
    now: datetime,
) -> FlagEnvironment:
    """Place an existing flag in one more environment.

    :raises FlagExists: it is there already
    :raises FlagFrozen: it would be on for somebody at once, and a window is open there
    """
    if why := why_not_percentage(percentage):
        raise Invalid(why, field="percentage")
    with brief():
        try:
            with transaction.atomic():
                return _place(flag, environment, percentage=percentage, enabled=enabled, actor=actor, now=now)
        except IntegrityError as error:
            raise FlagExists(f"The flag “{flag.key}” is in {environment} already.") from error


def _place(
    flag: Flag,
    environment: Environment,
    *,
    percentage: int,
    enabled: bool,
    actor: Actor | None,
    now: datetime,
) -> FlagEnvironment:
    """Add a flag to one environment, with a salt of its own that stays for good."""
    placed = FlagEnvironment.objects.create(
        flag=flag,
        environment=environment,
        percentage=percentage,
        enabled=enabled,
        salt=f"{flag.key[:80]}.{secrets.token_hex(8)}",
    )
    if enabled and percentage:
        refuse_frozen(placed, "", actor, now)
    revise(placed, {}, kind="flags.flag.placed", actor=actor, reason="", now=now)
    return placed
