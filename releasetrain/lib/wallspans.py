"""Turn two ends on the wall clock into a span of instants, whatever the clocks do there (RULES T2 to T5, T7).

A span that protects takes the widest reading of a time that occurs twice; one that lets things happen takes
the narrowest, so that nothing happens in an hour that somebody may have meant to be shut.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import Enum

from releasetrain.lib.spans import Span, in_words

FIRST_ZONE, LAST_ZONE = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
DAY, SECOND, INSTANT = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)


class Reads(Enum):
    """How often the clocks of a zone show a wall time."""

    ONCE = 1
    NEVER = 0
    TWICE = 2


@dataclass(frozen=True, slots=True)
class Found:
    """The span between two wall times, None where the clocks leave nothing; `notes` say what they did."""

    span: Span | None
    notes: tuple[str, ...] = ()


def reads(wall: datetime, zone: tzinfo) -> Reads:
    """Tell whether a naive wall time exists in a zone, and whether it does so twice (PEP 495)."""
    first, second = _offset(wall, zone, 0), _offset(wall, zone, 1)
    if first == second:
        return Reads.ONCE
    return Reads.TWICE if first > second else Reads.NEVER


def between(start: datetime, end: datetime, zone: tzinfo, *, is_widest: bool = True) -> Found:
    """Return the span from one wall time to another, each read on its own and never as start and length (T5).

    A time in a gap is read by the offset before it (T2). Where that puts the start behind the end, the span
    starts at the gap itself; nothing is left where it lies wholly in the gap.

    :param start: naive; so is `end`, which lies after it
    """
    opens = _instant(start, zone, fold=0 if is_widest else 1, gap_fold=0)
    closes = _instant(end, zone, fold=1 if is_widest else 0, gap_fold=0)
    if opens >= closes and not is_widest:
        opens = _instant(start, zone, fold=0, gap_fold=0)
    if opens >= closes and reads(start, zone) is Reads.NEVER:
        opens = _jump(start, zone)
    if opens >= closes:
        return Found(None, (f"{_said(start)} to {end:%H:%M} does not exist in {zone}.",))
    span = Span(opens, closes)
    notes = [_end_note("opens", start, opens, zone), _end_note("closes", end, closes, zone)]
    return Found(span, tuple(note for note in [*notes, _length_note(span, end - start, zone)] if note))


def days(first: date, last: date, zone: tzinfo, *, is_widest: bool = True) -> Found:
    """Return the whole days of a zone from the first to the last, both included (T4).

    A day starts at its first valid instant and ends with its last one, wherever midnight is.
    """
    start, end = midnight(first), midnight(last) + DAY
    opens, closes = _first(start, zone), _after(end, zone)
    if not is_widest:
        opens, closes = _after(start, zone), _first(end, zone)
    if opens >= closes:
        return Found(None, (f"{_day(start)} does not exist in {zone}.",))
    span = Span(opens, closes)
    said = ""
    if reads(start, zone) is Reads.NEVER:
        said = f"Midnight does not exist on {_day(start)} in {zone}; the day starts at {_clock(opens, zone)}."
    return Found(span, tuple(note for note in (said, _length_note(span, end - start, zone)) if note))


def days_anywhere(first: date, last: date) -> Found:
    """Return the span in which it is one of the days anywhere on Earth, from UTC+14 to UTC−12 (T7)."""
    return Found(
        Span(
            midnight(first).replace(tzinfo=FIRST_ZONE).astimezone(UTC),
            (midnight(last) + DAY).replace(tzinfo=LAST_ZONE).astimezone(UTC),
        )
    )


def midnight(day: date) -> datetime:
    """Return the naive wall time at which a day starts where nothing is the matter."""
    return datetime.combine(day, time())


def united(spans: Iterable[Span]) -> list[Span]:
    """Unite spans that overlap or touch (RULES W5, T13), soonest first."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, one.end)):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def length_of(spans: Iterable[Span]) -> timedelta:
    """Return how long spans last together, an instant counting once however many of them hold it."""
    return sum((span.end - span.start for span in united(spans)), timedelta())


def hours_words(length: timedelta) -> str:
    """Say a length in hours, as people count windows: "60 h", "36 h 30 min"."""
    hours, seconds = divmod(int(length.total_seconds()), 3600)
    rest = in_words(seconds) if seconds else ""
    return " ".join(part for part in (f"{hours} h" if hours else "", rest) if part) or "0 h"


def _offset(wall: datetime, zone: tzinfo, fold: int) -> timedelta:
    return wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta()


def _instant(wall: datetime, zone: tzinfo, *, fold: int, gap_fold: int) -> datetime:
    chosen = gap_fold if reads(wall, zone) is Reads.NEVER else fold
    return wall.replace(tzinfo=zone, fold=chosen).astimezone(UTC)


def _jump(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant at which the clocks jump over a wall time."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + ((after - before) // 2 // SECOND) * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _first(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant at which the clocks have reached a wall time."""
    return _jump(wall, zone) if reads(wall, zone) is Reads.NEVER else _instant(wall, zone, fold=0, gap_fold=0)


def _after(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant after the last one at which the clocks show less than a wall time."""
    if reads(wall, zone) is not Reads.TWICE:
        return _first(wall, zone)
    again = _instant(wall, zone, fold=1, gap_fold=1)
    shown = (again - INSTANT).astimezone(zone).replace(tzinfo=None, fold=0)
    return again if shown < wall else _instant(wall, zone, fold=0, gap_fold=0)


def _day(wall: datetime) -> str:
    return f"{wall:%a} {wall.day} {wall:%b %Y}"


def _said(wall: datetime) -> str:
    return f"{_day(wall)} {wall:%H:%M}"


def _clock(instant: datetime, zone: tzinfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"


def _end_note(verb: str, wall: datetime, at: datetime, zone: tzinfo) -> str:
    """Say what became of one end that the clocks show never or twice."""
    how_often = reads(wall, zone)
    if how_often is Reads.NEVER:
        where = f"{wall:%H:%M} does not exist on {_day(wall)} in {zone}"
        return f"{where}; it {verb} at {_clock(at, zone)}."
    if how_often is Reads.TWICE:
        which = "second" if at.astimezone(zone).fold else "first"
        return f"{wall:%H:%M} occurs twice on {_day(wall)} in {zone}; it {verb} the {which} time."
    return ""


def _length_note(span: Span, on_the_wall: timedelta, zone: tzinfo) -> str:
    """Say where the clocks make a span longer or shorter than its two ends look."""
    lasts = span.end - span.start
    if lasts == on_the_wall:
        return ""
    start = span.start.astimezone(zone)
    what = f"What opens on {_day(start)} at {start:%H:%M}"
    return f"{what} lasts {hours_words(lasts)}, not {hours_words(on_the_wall)}: the clocks change in {zone}."
