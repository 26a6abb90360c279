"""Plan who is on call: shifts on the wall clock of a zone, people in turn (RULES T1 to T3, T5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from releasetrain.lib import schedule
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.spans import Span, in_words
from releasetrain.lib.wallspans import between, united

LONGEST_SHIFT = timedelta(days=14)
LONGEST_RULE = 1000
MOST_PEOPLE = 50
# So many times after its first one a shift is counted; a daily one needs 55 years for them.
MOST_TIMES = 20_000
MARGIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Turn:
    """One time of a shift, and whose it is: the place in the row of people."""

    span: Span
    seat: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A shift as it is typed: the two ends of its first time on the wall, naive, and how it repeats."""

    starts: datetime
    ends: datetime
    zone: ZoneInfo
    rule: str = ""

    def turns(self, people: int, first: datetime, last: datetime) -> list[Turn]:
        """Return the times that touch the span between two instants, each with whose it is.

        The first time ever is the first person's, then they follow in their order; both ends stay on the wall
        (T5), and where an end occurs twice somebody is on call for both (T3).
        """
        found: list[Turn] = []
        for number, wall in enumerate(self._starts(last)):
            span = between(wall, wall + (self.ends - self.starts), self.zone).span
            if span is not None and span.start < last and span.end > first:
                found.append(Turn(span, number % max(people, 1)))
        return found

    def _starts(self, until: datetime) -> list[datetime]:
        if not self.rule:
            return [self.starts]
        read = schedule.read(self.rule, self.starts.isoformat(), self.zone.key)
        begin = self.starts.replace(tzinfo=self.zone) - MARGIN
        return [one.wall for one in schedule.occurrences(read, after=begin, until=until, limit=MOST_TIMES)]


def shift_problems(*, time_zone: str, starts_local: str, ends_local: str, rule: str) -> dict[str, str]:
    """Return a sentence for each field of a shift that cannot be used; none means that it can be planned."""
    if len(rule) > LONGEST_RULE:
        return {"rule": f"The rule of a shift has at most {LONGEST_RULE} characters."}
    found = schedule.flaws(rule, starts_local, time_zone) if rule else _flaws_once(starts_local, time_zone)
    names = {"first_departs_at_local": "starts_local"}
    problems = {names.get(field, field): said for field, said in found.items()}
    try:
        ends = schedule.read_first(ends_local)
    except BadRule as refusal:
        problems["ends_local"] = str(refusal)
    if not problems:
        length = ends - schedule.read_first(starts_local)
        if length <= timedelta():
            problems["ends_local"] = "The shift ends before it starts."
        elif length > LONGEST_SHIFT:
            problems["ends_local"] = (
                f"One time of a shift lasts {in_words(LONGEST_SHIFT)} at most, not {in_words(length)}. "
                "Let it repeat instead."
            )
    return problems


def _flaws_once(starts_local: str, time_zone: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, reader, text in (
        ("starts_local", schedule.read_first, starts_local),
        ("time_zone", schedule.read_zone, time_zone),
    ):
        try:
            reader(text)
        except BadRule as refusal:
            found[field] = str(refusal)
    return found


def read_plan(*, time_zone: str, starts_local: str, ends_local: str, rule: str) -> Plan:
    """Read a shift from what is kept of it.

    :raises BadRule: it cannot be used
    """
    starts, ends = schedule.read_first(starts_local), schedule.read_first(ends_local)
    return Plan(starts, ends, schedule.read_zone(time_zone), rule)


def why_not_people(count: int) -> str | None:
    """Return why so many people cannot share a shift, or None."""
    if count == 0:
        return "A shift needs somebody who is on call."
    if count > MOST_PEOPLE:
        return f"At most {MOST_PEOPLE} people can take turns in one shift."
    return None


def gaps(covered: Iterable[Span], first: datetime, last: datetime) -> Sequence[Span]:
    """Return the parts of the half-open span between two instants that nothing covers, soonest first."""
    found: list[Span] = []
    at = first
    for span in united(covered):
        if span.start >= last:
            break
        if span.start > at:
            found.append(Span(at, span.start))
        at = max(at, span.end)
    if at < last:
        found.append(Span(at, last))
    return found
