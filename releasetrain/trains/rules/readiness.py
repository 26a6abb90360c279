"""Say whether a departure is ready: every check green in the same samples, for long enough (RULES D12).

No data is not green: what was never reported, what nobody has looked at lately, and what nobody has ticked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from releasetrain.lib.schedule import at_words
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed

# Samples that are farther apart say nothing of the time between them.
FRESH = timedelta(minutes=2)
# A departure whose manifest is not sealed yet is looked at from so long before it leaves.
LOOKED_AT_FROM = timedelta(hours=24)
MINIMUM = timedelta(minutes=5)
LONGEST_MINIMUM = timedelta(hours=24)
OBJECTIVE = 99.9
MOST_MANUAL, LONGEST_MANUAL = 20, 100
MANUAL = "manual:"
# When more than so many checks change at once they are counted.
MOST_SAID = 3


class CheckState(StrEnum):
    """What one check says; only green is green."""

    GREEN = "green"
    RED = "red"
    WAITING = "waiting"
    NO_DATA = "no_data"


class CheckKind(StrEnum):
    """What is looked at by itself."""

    CI = "ci"
    WINDOWS = "windows"
    ON_CALL = "on_call"
    ROLLBACK = "rollback"
    MIGRATION = "migration"
    ERROR_BUDGET = "error_budget"
    INCIDENTS = "incidents"
    METRICS = "metrics"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    CheckKind.CI: "CI is green for every version",
    CheckKind.WINDOWS: "No window is in the way",
    CheckKind.ON_CALL: "Somebody is on call for every stage",
    CheckKind.ROLLBACK: "Every change has a way back",
    CheckKind.MIGRATION: "Schemas grow first and shrink later",
    CheckKind.ERROR_BUDGET: "The error budget is not spent",
    CheckKind.INCIDENTS: "No incident is open",
    CheckKind.METRICS: "Every service reports",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What one check said in one sample; `who` can change it, `waived` says who did without it and why."""

    key: str
    label: str
    state: CheckState
    text: str = ""
    who: str = ""
    waived: str = ""

    @property
    def is_fine(self) -> bool:
        return self.state is CheckState.GREEN or bool(self.waived)

    def to_json(self) -> dict[str, str]:
        return {
            "key": self.key,
            "label": self.label,
            "state": self.state.value,
            "text": self.text,
            "who": self.who,
            "waived": self.waived,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(**{**value, "state": CheckState(value["state"])})


@dataclass(frozen=True, slots=True)
class Asks:
    """Which checks a departure has to pass, and for how long all of them at once.

    `objective` is the share of good answers, in percent, that the error budget is counted from.
    """

    kinds: tuple[CheckKind, ...] = ()
    manual: tuple[str, ...] = ()
    minimum: timedelta = MINIMUM
    objective: float = OBJECTIVE

    def __bool__(self) -> bool:
        return bool(self.kinds or self.manual)

    @property
    def labels(self) -> dict[str, str]:
        """Return every check in its order, key to label."""
        kinds = {kind.value: kind.label for kind in self.kinds}
        return {**kinds, **{f"{MANUAL}{label}": label for label in self.manual}}

    def to_json(self) -> dict[str, Any]:
        """Return what a train and its departures keep, nothing where nothing is asked."""
        if not self:
            return {}
        return {
            "kinds": [kind.value for kind in self.kinds],
            "manual": list(self.manual),
            "minimum_seconds": int(self.minimum.total_seconds()),
            "objective": self.objective,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what a train keeps; a kind that this version does not know is left out."""
        known = [kind.value for kind in CheckKind]
        return cls(
            kinds=tuple(CheckKind(one) for one in value.get("kinds", ()) if one in known),
            manual=tuple(str(one) for one in value.get("manual", ())),
            minimum=timedelta(seconds=int(value.get("minimum_seconds", MINIMUM.total_seconds()))),
            objective=float(value.get("objective", OBJECTIVE)),
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """What every check said at one instant, and since when all of them have been green without a gap."""

    at: datetime
    results: tuple[Result, ...]
    since: datetime | None = None

    @property
    def is_green(self) -> bool:
        return bool(self.results) and all(one.is_fine for one in self.results)

    def states(self) -> dict[str, str]:
        """Return what each check said, "waived" where somebody does without it."""
        return {one.key: "waived" if one.waived else one.state.value for one in self.results}

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "checks": [one.to_json() for one in self.results],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self | None:
        """Read the newest sample of a departure; None before its first one."""
        if not value:
            return None
        since = value.get("since")
        return cls(
            at=datetime.fromisoformat(value["at"]),
            results=tuple(Result.from_json(one) for one in value["checks"]),
            since=datetime.fromisoformat(since) if since else None,
        )


def follow(before: Sample | None, results: Sequence[Result], now: datetime) -> Sample:
    """Return the sample after another one; green goes on only where no gap lies between the two (RULES D12).

    Another set of checks starts anew: the time before says nothing about what was not looked at.
    """
    sample = Sample(now, tuple(results))
    if not sample.is_green:
        return sample
    goes_on = (
        before is not None
        and before.is_green
        and before.since is not None
        and before.states().keys() == sample.states().keys()
        and not is_stale(before, now)
    )
    return replace(sample, since=before.since if goes_on and before else now)


def is_stale(sample: Sample, now: datetime) -> bool:
    """Tell whether a sample says nothing about now any more."""
    return now - sample.at > FRESH


def why_not_ready(asks: Asks, sample: Sample | None, *, zone: str, now: datetime) -> tuple[Reason, ...]:
    """Return every reason why a departure is not ready; none where nothing is asked (RULES D12)."""
    if not asks:
        return ()
    if sample is None or not asks.labels.keys() <= sample.states().keys():
        return (Reason("unready", "Its checks have not been looked at yet.", who="the scheduler"),)
    if is_stale(sample, now):
        when = at_words(sample.at, zone)
        text = f"Its checks were looked at for the last time on {when}; no data is not green."
        return (Reason("unready", text, who="whoever runs this server"),)
    if red := [one for one in sample.results if not one.is_fine]:
        return tuple(Reason(f"unready_{one.key.partition(':')[0]}", said(one), who=one.who) for one in red)
    since = sample.since or sample.at
    if sample.at - since < asks.minimum:
        ends = since + asks.minimum
        text = (
            f"Every check is green; that has to last {in_words(asks.minimum)}, until {at_words(ends, zone)}."
        )
        return (Reason("unready_wait", text, until=ends),)
    return ()


def said(result: Result) -> str:
    """Say what a check says in one sentence."""
    return result.text or f"“{result.label}” is {WORDS[result.state]}."


WORDS = {
    CheckState.GREEN: "green",
    CheckState.RED: "red",
    CheckState.WAITING: "not known yet",
    CheckState.NO_DATA: "without data",
}


def changed_words(before: Sample | None, after: Sample) -> str:
    """Say what has changed between two samples, nothing where nothing has."""
    known = before.states() if before else {}
    if known == after.states():
        return ""
    if after.is_green:
        return "every check is green"
    moved = [one for one in after.results if after.states()[one.key] != known.get(one.key)]
    if len(moved) > MOST_SAID:
        return f"{sum(one.is_fine for one in after.results)} of {len(after.results)} checks are green"
    return listed([f"“{one.label}” is {'waived' if one.waived else WORDS[one.state]}" for one in moved])


def why_not_asks(asks: Asks) -> str | None:
    """Return why checks cannot be asked for like this, or None."""
    if len(asks.manual) > MOST_MANUAL:
        return f"A checklist has at most {MOST_MANUAL} lines."
    if any(len(label) > LONGEST_MANUAL for label in asks.manual):
        return f"A line of the checklist has at most {LONGEST_MANUAL} characters."
    if len(set(asks.manual)) < len(asks.manual):
        return "Two lines of the checklist are the same."
    if not timedelta(0) <= asks.minimum <= LONGEST_MINIMUM:
        return f"The checks have to be green for {in_words(LONGEST_MINIMUM)} at most."
    if not 0 < asks.objective < 100:
        return "The objective lies between 0 and 100 % of good answers; at 100 % there is no budget to spend."
    return None


def is_spent(*, bad: int, units: int, objective: float) -> bool:
    """Tell whether more went wrong than an objective, in percent of good answers, allows."""
    return bad * 100 > units * (100 - Decimal(str(objective)))


def worst(states: Sequence[CheckState]) -> CheckState:
    """Unite what is known of several things; without any there is no data."""
    for state in (CheckState.RED, CheckState.NO_DATA, CheckState.WAITING):
        if state in states:
            return state
    return CheckState.GREEN if states else CheckState.NO_DATA
