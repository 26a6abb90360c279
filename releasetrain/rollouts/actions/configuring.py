"""Say by which driver, and how, the traffic of a target moves; only administrators do."""

from datetime import datetime
from typing import Any

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import may, roles_of
from releasetrain.catalog.models import Secret, Target
from releasetrain.catalog.secrets import names_in
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid, NotAllowed, Refused
from releasetrain.rollouts.drivers import DRIVERS, driver_for
from releasetrain.rollouts.drivers.fields import FieldKind, problems_of, value_of
from releasetrain.rollouts.models import UNBOUND_STATES, Rollout, Standing

FALLBACKS, ENDPOINTS = "fallbacks", "endpoints"


class TargetBusy(Refused):
    """Refuse to change how traffic moves while a rollout moves it; a further way back is always welcome."""

    code = "target_busy"


def may_configure(user: User, target: Target) -> bool:
    """Tell whether somebody may name files, sockets and commands for a target."""
    return may(roles_of(user), Role.ADMINISTRATOR, target.service)


@transaction.atomic
def configure_target(
    target: Target, *, driver: str, config: dict[str, Any], by: User, now: datetime
) -> list[str]:
    """Save the driver of a target and its configuration; return the names of what has changed.

    While a rollout has the target only its fallbacks may change, and dead endpoints may be taken out of a
    fleet: in trouble one adds a way back, and nothing that has been asked of the driver becomes wrong.

    :raises NotAllowed: this person is no administrator there
    :raises TargetBusy: a rollout has the target, and more than the fallbacks would change
    :raises Invalid: the configuration lacks something, or names a secret that there is not
    """
    if not may_configure(by, target):
        raise NotAllowed(
            f"To change how the traffic of {target.service} moves one must be an administrator there.",
            who="an administrator",
        )
    if problems := problems_in(driver, config):
        raise Invalid(" ".join(problems), field="driver")
    row = Target.objects.select_for_update(no_key=True).get(pk=target.pk)
    names = sorted({*row.driver_config, *config})
    changed = [name for name in names if row.driver_config.get(name) != config.get(name)]
    if row.driver != driver:
        changed.insert(0, "driver")
    if not changed:
        return []
    moves_it = [name for name in changed if name != FALLBACKS and not _is_without_some(name, row, config)]
    if moves_it and Rollout.objects.filter(target=row).exclude(state__in=UNBOUND_STATES).exists():
        raise TargetBusy(
            f"A rollout moves {target}. Until that is over only its fallbacks can change, and endpoints that "
            "are gone can be taken out.",
            who="whoever runs that rollout",
        )
    row.driver, row.driver_config = driver, config
    row.save(update_fields=["driver", "driver_config"])
    if moves_it:
        Standing.objects.update_or_create(target=row, defaults={"configured_at": now, "checked_at": None})
    record(
        kind="catalog.target.configured",
        subject=target,
        actor=by,
        now=now,
        driver=DRIVERS[driver].label,
        changed=", ".join(changed)[:500],
    )
    return changed


def _is_without_some(name: str, before: Target, config: dict[str, Any]) -> bool:
    """Tell whether a fleet only loses endpoints, and not all of them."""
    was, is_now = before.driver_config.get(name), config.get(name)
    if name != ENDPOINTS or not isinstance(was, list) or not isinstance(is_now, list):
        return False
    return bool(is_now) and set(is_now) < set(was)


def problems_in(driver: str, config: dict[str, Any]) -> list[str]:
    """Return in sentences what is wrong with a configuration, its fallbacks included.

    :raises Invalid: there is no such driver
    """
    found = _problems_of_one(driver, config)
    fallbacks = config.get(FALLBACKS) or []
    for number, one in enumerate(fallbacks, 1):
        kind, own = str(one.get("driver", "")), one.get("config")
        if kind not in DRIVERS or not isinstance(own, dict):
            found.append(f"Fallback {number} names no driver that there is.")
        else:
            found += [f"Fallback {number}: {problem}" for problem in _problems_of_one(kind, own)]
    wanted = names_in(config)
    known = set(Secret.objects.filter(name__in=wanted).values_list("name", flat=True))
    return found + [f"There is no secret “{name}”." for name in sorted(wanted - known)]


def _problems_of_one(kind: str, config: dict[str, Any]) -> list[str]:
    fields = driver_for(kind).fields
    found = problems_of(fields, config)
    for field in fields:
        value = value_of(field, config)
        if field.kind is FieldKind.PATH and isinstance(value, str) and not value.startswith("/"):
            found.append(f"{field.label} must be a whole path from /, not “{value}”.")
    return found
