"""Work out every time of a departure from what its train says about deadlines (RULES T1, T9, T12)."""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from releasetrain.lib import deadlines
from releasetrain.lib.deadlines import Deadline
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import at_words

EVERYTHING_ELSE = ""
CATEGORY = re.compile(r"[A-Za-z0-9_-]{1,50}")
LONGEST_NAME = 60
MOST_DEADLINES = 30


@dataclass(frozen=True, slots=True)
class Times:
    """Hold the instants of one departure: when it boards, every cut-off and milestone, and when it goes."""

    departs_at: datetime
    boards_at: datetime
    cut_offs: Mapping[str, datetime]
    milestones: tuple[tuple[str, datetime], ...] = ()

    @property
    def cut_off_at(self) -> datetime:
        """Return the latest cut-off, at which the manifest is sealed."""
        return max(self.cut_offs.values())

    def cut_offs_to_json(self) -> dict[str, str]:
        return {category: at.isoformat() for category, at in self.cut_offs.items()}

    def milestones_to_json(self) -> list[dict[str, str]]:
        return [{"name": name, "at": at.isoformat()} for name, at in self.milestones]


@dataclass(frozen=True, slots=True)
class MovedDeadline:
    """A cut-off or milestone that falls on another instant than before."""

    what: str
    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold what a train says about the times of its departures.

    `holidays` are the days off of each calendar that a deadline names.
    """

    zone: ZoneInfo
    boarding_lead: timedelta
    cut_offs: Mapping[str, Deadline]
    milestones: tuple[tuple[str, Deadline], ...] = ()
    holidays: Mapping[int, Container[date]] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        zone: ZoneInfo,
        boarding_lead: timedelta,
        cut_offs: Iterable[Mapping[str, Any]],
        milestones: Iterable[Mapping[str, Any]],
    ) -> Self:
        """Read the terms that a train keeps, without its days off.

        :raises BadRule: a deadline cannot be used
        """
        return cls(zone, boarding_lead, read_cut_offs(cut_offs), tuple(read_milestones(milestones).items()))

    def calendars(self) -> set[int]:
        """Return the numbers of the holiday calendars that its deadlines name."""
        every = [*self.cut_offs.values(), *(one for _, one in self.milestones)]
        return {one.holidays for one in every if one.holidays is not None}

    def with_holidays(self, holidays: Mapping[int, Container[date]]) -> Self:
        return replace(self, holidays=holidays)

    def times(self, departs_at: datetime) -> Times:
        """Return the times of a departure that goes at an instant."""
        return Times(
            departs_at=departs_at,
            boards_at=departs_at - self.boarding_lead,
            cut_offs={
                category: min(self._instant(one, departs_at), departs_at)
                for category, one in self.cut_offs.items()
            },
            milestones=tuple((name, self._instant(one, departs_at)) for name, one in self.milestones),
        )

    def _instant(self, deadline: Deadline, departs_at: datetime) -> datetime:
        off = self.holidays.get(deadline.holidays or 0, frozenset())
        return deadline.instant(departs_at, self.zone, off)

    def why_not_cut_offs(self, departs_at: datetime) -> str | None:
        """Return which cut-off would come after this departure, or before boarding opens, or None."""
        for category, one in self.cut_offs.items():
            what = f"The cut-off of {category}" if category else "The cut-off"
            if why := self._why_not(what, self._instant(one, departs_at), departs_at):
                return why
        return None

    def why_not_milestones(self, departs_at: datetime) -> str | None:
        """Return which milestone would come after this departure, or before boarding opens, or None.

        One that is counted forward from the departure is meant to come after it.
        """
        for name, one in self.milestones:
            if one.is_after:
                continue
            if why := self._why_not(f"The milestone {name}", self._instant(one, departs_at), departs_at):
                return why
        return None

    def _why_not(self, what: str, at: datetime, departs_at: datetime) -> str | None:
        zone = self.zone.key
        boards_at = departs_at - self.boarding_lead
        departure = f"for the departure on {at_words(departs_at, zone)}"
        if at > departs_at:
            return f"{what} would be on {at_words(at, zone)}, which is too late {departure}."
        if at <= boards_at:
            opens = at_words(boards_at, zone)
            return f"{what} would be on {at_words(at, zone)} {departure}, but boarding opens on {opens} only."
        return None


def cut_off_words(category: str) -> str:
    """Name the cut-off of a category."""
    return f"the cut-off of {category}" if category else "the cut-off"


def with_cut_off(times: Times, category: str, at: datetime) -> Times:
    """Return times of which the cut-off of a category falls on another instant."""
    return replace(times, cut_offs={**times.cut_offs, category: at})


def with_milestone(times: Times, name: str, at: datetime) -> Times:
    """Return times of which a milestone falls on another instant."""
    return replace(
        times, milestones=tuple((one, at if one == name else old) for one, old in times.milestones)
    )


def moved_deadlines(before: Times, after: Times) -> list[MovedDeadline]:
    """Return what moves between two readings of a departure's times, cut-offs first."""
    pairs = [(cut_off_words(key), before.cut_offs.get(key), at) for key, at in after.cut_offs.items()]
    known = dict(before.milestones)
    pairs += [(f"the milestone {name}", known.get(name), at) for name, at in after.milestones]
    return [MovedDeadline(what, old, new) for what, old, new in pairs if old is not None and old != new]


def cut_off_before(lead: timedelta) -> list[dict[str, Any]]:
    """Return one cut-off for everything, so long before departure, as trains keep it."""
    return [{"category": EVERYTHING_ELSE, **deadlines.before(lead)}]


def read_cut_offs(specs: Iterable[Mapping[str, Any]]) -> dict[str, Deadline]:
    """Read a train's cut-offs by category; "" is the one of everything else.

    :raises BadRule: one cannot be used, stands twice, or everything else has none
    """
    found: dict[str, Deadline] = {}
    for spec in specs:
        category = str(spec.get("category", "")).strip()
        who = f"The cut-off of {category}" if category else "The cut-off of everything else"
        if category and not CATEGORY.fullmatch(category):
            raise BadRule(f"“{category[:60]}” is no category: it is made of letters, digits, “_” and “-”.")
        if category in found:
            raise BadRule(f"{who} is given twice.")
        found[category] = _read(spec, who)
        if found[category].is_after:
            raise BadRule(f"{who} must lie before the departure.")
    if EVERYTHING_ELSE not in found:
        raise BadRule("Say until when everything may board whose category has no cut-off of its own.")
    return _not_too_many(found)


def read_milestones(specs: Iterable[Mapping[str, Any]]) -> dict[str, Deadline]:
    """Read a train's milestones by name, in their order.

    :raises BadRule: one cannot be used, has no name, or its name stands twice
    """
    found: dict[str, Deadline] = {}
    for spec in specs:
        name = str(spec.get("name", "")).strip()
        if not name or len(name) > LONGEST_NAME:
            raise BadRule(f"A milestone needs a name of at most {LONGEST_NAME} characters.")
        if name in found:
            raise BadRule(f"The milestone {name} is given twice.")
        found[name] = _read(spec, f"The milestone {name}")
    return _not_too_many(found)


def _read(spec: Mapping[str, Any], who: str) -> Deadline:
    try:
        return deadlines.read(spec)
    except BadRule as refusal:
        raise BadRule(f"{who}: {refusal}") from None


def _not_too_many(found: dict[str, Deadline]) -> dict[str, Deadline]:
    if len(found) > MOST_DEADLINES:
        raise BadRule(f"A train has at most {MOST_DEADLINES} of them.")
    return found


def in_words(cut_offs: Mapping[str, Deadline]) -> str:
    """Say cut-offs, e.g. "2 h before departure" or "library: Thursday of week R−6; else: …"."""
    if list(cut_offs) == [EVERYTHING_ELSE]:
        return cut_offs[EVERYTHING_ELSE].in_words()
    said = [f"{category or 'everything else'}: {one.in_words()}" for category, one in cut_offs.items()]
    return "; ".join(said)
