"""Say what a departure would get differently from the settings that its train has now (RULES I14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from releasetrain.accounts.rules import Role
from releasetrain.lib.spans import in_words
from releasetrain.lib.words import listed
from releasetrain.trains.rules.ladder import share_words
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.states import OnNewVersion
from releasetrain.trains.rules.vehicles import Trait

NO_LIMIT = "no limit"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a departure keeps from when boarding opened, and what its train says now."""

    what: str
    before: str
    after: str


def differences(kept: Plan, now: Plan) -> list[Difference]:
    """Return what applying the train's settings would change, in the order of the train's form."""
    before, after = kept.to_json(), now.to_json()
    return [
        Difference(WHAT.get(key, key.replace("_", " ")), *_both(key, before, after))
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]


def _both(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    say = WORDS.get(key, _plain)
    return say(before.get(key)), say(after.get(key))


def _plain(value: object) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _ladder(stages: Sequence[Mapping[str, Any]] | None) -> str:
    return ", ".join(_stage(one) for one in stages or ()) or "nothing"


def _stage(stage: Mapping[str, Any]) -> str:
    approval = " after an approval" if stage.get("approval") else ""
    return f"{share_words(stage)} for {in_words(timedelta(seconds=stage['bake_seconds']))}{approval}"


def _asks(asks: Sequence[Mapping[str, Any]] | None) -> str:
    return listed([f"{one['quorum']} × {Role(one['role']).label}" for one in asks or ()]) or "nobody"


def _grace(seconds: int | None) -> str:
    return in_words(timedelta(seconds=seconds or 0))


def _limit(unit: str) -> Any:
    return lambda value: NO_LIMIT if value is None else f"{value} {unit}{'' if value == 1 else 's'}"


def _traits(values: Sequence[str] | None) -> str:
    known = {one.value: one.label for one in Trait}
    return listed([known.get(one, one) for one in values or ()]) or "nothing"


WHAT = {
    "ladder": "Ladder",
    "accelerated": "Bakes shorter than 10 minutes",
    "on_new_version": "A new version while another is on its way",
    "requirements": "Who must say go",
    "no_approval_needed": "No approval needed",
    "policy": "Policy",
    "policy_owner": "Owner of the policy",
    "grace_seconds": "How late it may leave",
    "capacity": "Room",
    "risk_budget": "Risk budget",
    "refuses": "Carries no change that",
    "takes_only": "Carries only changes that",
}
WORDS: dict[str, Any] = {
    "on_new_version": lambda value: OnNewVersion(value or OnNewVersion.QUEUE).words,
    "ladder": _ladder,
    "requirements": _asks,
    "grace_seconds": _grace,
    "capacity": _limit("change"),
    "risk_budget": _limit("point"),
    "refuses": _traits,
    "takes_only": _traits,
}
