"""Change who gets which variant: rules, named users, what everybody else gets, and prerequisites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from releasetrain.events.actions import Actor
from releasetrain.flags.actions.freezing import refuse_frozen
from releasetrain.flags.actions.refusals import NothingToRevert, TargetingRefused
from releasetrain.flags.actions.revising import TARGETING, facts_of, lock, revise
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.flags.queries import segments_in_force, state_of, states_in
from releasetrain.flags.rules import prerequisites_of
from releasetrain.flags.rules.checks import problems_of
from releasetrain.flags.rules.serving import variants_in
from releasetrain.flags.rules.states import FlagState
from releasetrain.lib.errors import Stale
from releasetrain.lib.transactions import brief


@dataclass(frozen=True, slots=True)
class Targeting:
    """Who gets which variant of a flag in one environment, in the shapes of `FlagState`."""

    rules: Sequence[Mapping[str, Any]] = ()
    overrides: Mapping[str, str] | None = None
    default: Mapping[str, Any] | None = None
    prerequisites: Sequence[Sequence[Any]] = ()

    def fields(self) -> dict[str, Any]:
        return {
            "rules": [dict(one) for one in self.rules],
            "overrides": dict(self.overrides or {}),
            "default": dict(self.default or {}),
            "prerequisites": [list(one) for one in self.prerequisites],
        }


def retarget(
    flag_environment: FlagEnvironment,
    targeting: Targeting,
    *,
    base: int,
    reason: str,
    actor: Actor | None,
    now: datetime,
) -> FlagRevision | None:
    """Change who gets what; None where it is so already.

    :param base: the number of the flag's revision that the change was made from
    :raises Stale: somebody has changed the flag since
    :raises TargetingRefused: it cannot be served, with a sentence for each field
    :raises FlagFrozen: it may reach more users, and a window is open
    """
    with brief():
        locked = lock(flag_environment)
        _refuse_stale(locked, base)
        fields = targeting.fields()
        if all(getattr(locked, name) == value for name, value in fields.items()):
            return None
        wanted = _wanted(locked, fields)
        if problems := problems_of(wanted, segments=_segments(), needs=_needs(locked)):
            raise TargetingRefused(problems)
        if not is_off(wanted):
            refuse_frozen(locked, reason, actor, now)
        before = facts_of(locked)
        for name, value in fields.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(TARGETING))
        return revise(locked, before, kind="flags.targeting.set", actor=actor, reason=reason, now=now)


def revert(revision: FlagRevision, *, reason: str, actor: Actor | None, now: datetime) -> FlagRevision | None:
    """Target a flag as it was before a revision; None where it is targeted so already.

    Percentage, kill and state have buttons of their own, and are left as they are.

    :raises NothingToRevert: the revision did not change who gets what
    :raises TargetingRefused: what was served then can no longer be
    :raises FlagFrozen: it may reach more users, and a window is open
    """
    names = [name for name in TARGETING if revision.before.get(name) != revision.after.get(name)]
    placed = FlagEnvironment.objects.filter(
        flag=revision.flag_id, environment=revision.environment_id
    ).first()
    if not names or placed is None:
        raise NothingToRevert(f"Revision {revision.number} did not change who gets what.")
    before = Targeting(
        rules=revision.before.get("rules", ()),
        overrides=revision.before.get("overrides"),
        default=revision.before.get("default"),
        prerequisites=revision.before.get("prerequisites", ()),
    )
    said = reason.strip() or f"Reverts revision {revision.number}."
    return retarget(placed, before, base=last_of(placed), reason=said, actor=actor, now=now)


def is_off(state: FlagState) -> bool:
    """Tell whether nobody can get anything but the off variant, whatever else a flag says."""
    named = {*state.overrides.values(), *variants_in(state.fallthrough)}
    for rule in state.rules:
        named |= {*variants_in(rule["serve"])}
    return named <= {state.off_variant}


def last_of(flag_environment: FlagEnvironment) -> int:
    """Return the number of a flag's newest revision in an environment."""
    revisions = FlagRevision.objects.filter(
        flag=flag_environment.flag_id, environment=flag_environment.environment_id
    )
    number: int | None = revisions.order_by("-number").values_list("number", flat=True).first()
    return number or 0


def _refuse_stale(locked: FlagEnvironment, base: int) -> None:
    newest = last_of(locked)
    if base != newest:
        raise Stale(f"{locked} has changed since: revision {newest} is newer than {base}. Look at it again.")


def _wanted(locked: FlagEnvironment, fields: Mapping[str, Any]) -> FlagState:
    return replace(
        state_of(locked),
        rules=tuple(fields["rules"]),
        overrides=fields["overrides"],
        default=fields["default"],
        prerequisites=prerequisites_of(fields["prerequisites"]),
    )


def _segments() -> dict[str, Any]:
    return {one.key: one for one in segments_in_force()}


def _needs(locked: FlagEnvironment) -> dict[str, list[str]]:
    others = states_in(locked.environment)
    return {one.key: [key for key, _ in one.prerequisites] for one in others if one.key != locked.flag.key}
