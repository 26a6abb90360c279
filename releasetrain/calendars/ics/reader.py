"""Read any iCalendar file: each event alone, no zone guessed, nothing unbounded, never an exception (W11)."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from releasetrain.calendars.ics.events import Event, Once, Override
from releasetrain.calendars.ics.lines import Line, Part, Unreadable, components, name_of, plain
from releasetrain.calendars.ics.values import Length, Moment, Reader, read_length, read_rule
from releasetrain.calendars.ics.zones import Clocks, Zones
from releasetrain.lib.hashing import digest
from releasetrain.lib.recurrence import BadRule, Recurrence
from releasetrain.lib.schedule import read_zone

logger = logging.getLogger(__name__)

MOST_EVENTS = 5000
MOST_REMARKS = 200
LONGEST_UID = 400
NO_LENGTH = Length()
A_DAY = Length(1)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about an event, or about the whole calendar where none is named.

    `uid` is that of an event that was not taken, or not in full; empty where nothing was lost.
    """

    event: str
    sentence: str
    uid: str = ""

    @property
    def is_lost(self) -> bool:
        return bool(self.uid)


@dataclass(frozen=True, slots=True)
class Read:
    """What could be read: events, what there is to say about them, and why nothing could be, if so.

    `cancelled` are the uids of events that the calendar itself calls off.
    """

    events: tuple[Event, ...] = ()
    remarks: tuple[Remark, ...] = ()
    fault: str = ""
    cancelled: frozenset[str] = frozenset()

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Return (event, sentence) for whatever was not taken, or not in full."""
        return [(one.event, one.sentence) for one in self.remarks if one.is_lost]

    @property
    def lost(self) -> frozenset[str]:
        """Return the uids of the events that could not be read, or not in full."""
        return frozenset(one.uid for one in self.remarks if one.is_lost)


@dataclass(frozen=True, slots=True)
class Draft:
    """One component as it was read, before those of one uid are put together."""

    event: Event
    of: Moment | None = None
    and_following: bool = False
    is_cancelled: bool = False


def read(body: bytes, *, zone: str) -> Read:
    """Read a calendar.

    :param zone: the IANA zone for times without one and for whole days
    """
    try:
        own = read_zone(zone)
        calendars = components(body)
    except (BadRule, Unreadable) as refusal:
        return Read(fault=str(refusal))
    found = [(calendar, part) for calendar in calendars for part in calendar.parts if part.name == "VEVENT"]
    if len(found) > MOST_EVENTS:
        return Read(fault=f"The calendar holds {len(found)} events; at most {MOST_EVENTS} can be taken.")
    gathering = Gathering()
    zones = {id(calendar): Zones(calendar) for calendar in calendars}
    for calendar, part in found:
        gathering.add(part, zones[id(calendar)], own, is_off=_method(calendar) == "CANCEL")
    return gathering.result()


def _method(calendar: Part) -> str:
    return calendar.text("METHOD").upper()


class Gathering:
    """Take components in one after the other, and put together those that are one event."""

    def __init__(self) -> None:
        self._drafts: dict[str, list[Draft]] = defaultdict(list)
        self._said: dict[str, list[str]] = defaultdict(list)
        self._lost: list[Remark] = []
        self._headless: set[str] = set()

    def add(self, part: Part, zones: Zones, own: Clocks, *, is_off: bool) -> None:
        """Read one component; whatever is wrong with it stays with it."""
        uid, title = uid_of(part), part.text("SUMMARY")[:300]
        said: list[str] = []
        reader = Reader(zones, own, said)
        try:
            draft, lacks = _draft(part, uid, title, reader)
        except Unreadable as refusal:
            self._miss(part, title or uid, str(refusal), uid)
        except Exception:
            # Somebody else's text met something that nobody has thought of: one event is lost, and said so.
            logger.exception("An event of an imported calendar could not be read.")
            self._miss(part, title or uid, "The event cannot be read.", uid)
        else:
            self._drafts[uid].append(replace(draft, is_cancelled=draft.is_cancelled or is_off))
            for sentence in lacks:
                self._lose(title or uid, sentence, uid)
            for sentence in said:
                self._said[sentence].append(title or uid)

    def _miss(self, part: Part, event: str, sentence: str, uid: str) -> None:
        """Give up a component; its changed times go with the event, they say too little alone."""
        self._lose(event, sentence, uid)
        if "RECURRENCE-ID" not in map(name_of, part.lines):
            self._headless.add(uid)

    def _lose(self, event: str, sentence: str, uid: str) -> None:
        self._lost.append(Remark(event, sentence, uid))

    def result(self) -> Read:
        """Put the events together."""
        events: list[Event] = []
        cancelled: set[str] = set()
        for uid, drafts in self._drafts.items():
            whole = _newest(one for one in drafts if one.of is None)
            changed = _newest(one for one in drafts if one.of is not None)
            if whole or uid not in self._headless:
                events += _joined(uid, [one for one in whole if not one.is_cancelled], changed)
            if whole and all(one.is_cancelled for one in whole):
                cancelled.add(uid)
        said = [_remark(sentence, names) for sentence, names in self._said.items()]
        return Read(tuple(events), _bounded([*self._lost, *said]), cancelled=frozenset(cancelled))


def _remark(sentence: str, names: list[str]) -> Remark:
    if len(names) == 1:
        return Remark(names[0], sentence)
    return Remark("", f"{len(names)} events: {sentence}")


def _bounded(remarks: list[Remark]) -> tuple[Remark, ...]:
    """Keep every uid that was lost, but the words of only so many."""
    kept, rest = remarks[:MOST_REMARKS], remarks[MOST_REMARKS:]
    if rest:
        kept.append(Remark("", f"There is as much to say about {len(rest)} more events."))
    return (*kept, *(replace(one, event="", sentence="") for one in rest if one.is_lost))


def _newest(drafts: Iterable[Draft]) -> list[Draft]:
    """Return the latest revision of each; two that differ at one revision both stand: none is thrown away."""
    found: dict[object, list[Draft]] = defaultdict(list)
    for draft in drafts:
        key = (draft.of.wall, draft.of.zone.key, draft.of.is_day) if draft.of else None
        same = found[key]
        latest = max((one.event.revision for one in same), default=draft.event.revision)
        if draft.event.revision > latest:
            same.clear()
        if draft.event.revision >= latest and draft not in same:
            same.append(draft)
    return [draft for same in found.values() for draft in same]


def _joined(uid: str, whole: list[Draft], changed: list[Draft]) -> list[Event]:
    """Give the changed times to the event that they belong to; without one they stand alone.

    A change that is older than the event counts only where the event still has that time.
    """
    if not whole:
        alone = [one.event for one in changed if not one.is_cancelled]
        return [replace(event, uid=_nth(uid, index)) for index, event in enumerate(alone)]
    first, *others = [draft.event for draft in whole]
    overrides = tuple(
        Override(one.of, None if one.is_cancelled else one.event, one.and_following)
        for one in changed
        if one.of is not None and (one.event.revision >= first.revision or first.plans(one.of))
    )
    events = [replace(first, overrides=overrides)]
    return events + [replace(event, uid=_nth(uid, index)) for index, event in enumerate(others, start=1)]


def _nth(uid: str, index: int) -> str:
    return f"{uid}#{index}" if index else uid


def uid_of(part: Part) -> str:
    """Return the uid of a component; one made of its content where it has none, so that it stays the same."""
    uid = " ".join(part.text("UID").split())
    if not uid:
        uid = f"no-uid-{digest(sorted(part.lines))[:24]}"
    return uid if len(uid) <= LONGEST_UID else f"{uid[:300]}-{digest(uid)[:24]}"


def _draft(part: Part, uid: str, title: str, reader: Reader) -> tuple[Draft, list[str]]:
    """Read one component, and say what it lacks of what it should have."""
    lacks: list[str] = []
    start = _one(part, "DTSTART", reader)
    if start is None:
        raise Unreadable("It does not say when it starts.")
    first = _first(part, start, reader)
    dates, excluded = _dates(part, start, first, reader, lacks), _excluded(part, start, reader, lacks)
    of, and_following = _recurrence_id(part, start, reader)
    event = Event(
        uid=uid,
        title=title,
        zone=start.zone,
        first=first,
        is_all_day=start.is_day,
        description=part.text("DESCRIPTION")[:2000],
        location=part.text("LOCATION")[:300],
        people=_people(part, "ATTENDEE"),
        organizer=_people(part, "ORGANIZER"),
        revision=_whole(part.text("SEQUENCE")),
        rules=() if of else _rules(part, start),
        dates=() if of else dates,
        excluded=() if of else excluded,
    )
    return Draft(event, of, and_following, part.text("STATUS").upper() == "CANCELLED"), lacks


def _one(part: Part, name: str, reader: Reader) -> Moment | None:
    lines = list(part.all(name))
    if len({(line.value, line.params.get("TZID")) for line in lines}) > 1:
        raise Unreadable(f"{name} stands in it more than once.")
    return reader.moment(lines[0]) if lines else None


def _first(part: Part, start: Moment, reader: Reader) -> Once:
    """Read the first time of an event: up to its end, or as long as it lasts."""
    end = _one(part, "DTEND", reader)
    if end is None:
        line = part.first("DURATION")
        length = read_length(line.value) if line else A_DAY if start.is_day else NO_LENGTH
        return _lasting(start, length)
    if end.is_day != start.is_day:
        raise Unreadable("Of its start and its end one is a day and the other a time.")
    last = end.on(start.zone)
    if last < start.wall:
        raise Unreadable("It ends before it starts.")
    if start.is_day and last == start.wall:
        last += timedelta(days=1)
    return Once(start.wall, last)


def _lasting(start: Moment, length: Length) -> Once:
    if start.is_day:
        # A day is no stopwatch: whatever is left over of one counts as one.
        days = length.days + -(-length.rest // timedelta(days=1))
        return Once(start.wall, start.wall + timedelta(days=max(days, 1)))
    return Once(start.wall, start.wall + timedelta(days=length.days), length.rest)


def _rules(part: Part, start: Moment) -> tuple[Recurrence, ...]:
    return tuple(read_rule(line.value, start) for line in part.all("RRULE") if line.value.strip())


def _dates(part: Part, start: Moment, first: Once, reader: Reader, lacks: list[str]) -> tuple[Once, ...]:
    """Read the further dates; the event stands without one that cannot be read, and says so."""
    found: list[Once] = []
    for text in part.lines:
        try:
            found += _dates_of(text, start, first, reader)
        except Unreadable as refusal:
            lacks.append(f"{refusal} The event was taken without that date.")
    return tuple(found)


def _dates_of(text: str, start: Moment, first: Once, reader: Reader) -> list[Once]:
    part = Part("", [text])
    found: list[Once] = []
    for line in part.all("RDATE"):
        for value in filter(str.strip, line.value.split(",")):
            moment, slash, until = value.partition("/")
            at = reader.like(start, line, moment)
            if at.is_day and not start.is_day and not slash:
                at = Moment(datetime.combine(at.wall.date(), start.wall.time()), start.zone)
            begin = at.on(start.zone)
            found.append(_period(line, begin, until, start, reader) if slash else first.at(begin))
    return found


def _period(line: Line, begin: datetime, until: str, start: Moment, reader: Reader) -> Once:
    if until.strip().upper().startswith(("P", "+P")):
        return _lasting(Moment(begin, start.zone), read_length(until))
    end = reader.moment(line, until).on(start.zone)
    if end < begin:
        raise Unreadable("A period in it ends before it starts.")
    return Once(begin, end)


def _excluded(part: Part, start: Moment, reader: Reader, lacks: list[str]) -> tuple[Moment, ...]:
    """Read the dates that are taken out; one that cannot be read takes nothing out, and that is said."""
    found: list[Moment] = []
    for text in part.lines:
        try:
            for line in Part("", [text]).all("EXDATE"):
                found += [reader.like(start, line, one) for one in line.value.split(",") if one.strip()]
        except Unreadable as refusal:
            lacks.append(f"{refusal} Nothing was taken out for it.")
    if list(part.all("EXRULE")):
        lacks.append("It takes times out by a rule (EXRULE), which nobody follows any more; they stand.")
    return tuple(found)


def _recurrence_id(part: Part, start: Moment, reader: Reader) -> tuple[Moment | None, bool]:
    line = part.first("RECURRENCE-ID")
    if line is None:
        return None, False
    return reader.like(start, line), line.params.get("RANGE", "").upper() == "THISANDFUTURE"


def _people(part: Part, name: str) -> tuple[str, ...]:
    """Return the mail addresses and names of attendees or organizer, those who decline left out."""
    found: list[str] = []
    for text in part.lines:
        try:
            lines = list(Part("", [text]).all(name))
        except Unreadable:
            continue
        for line in lines:
            if line.params.get("PARTSTAT", "").upper() == "DECLINED":
                continue
            address = plain(line.value).strip()
            if address.lower().startswith("mailto:"):
                found.append(address[7:].strip().lower())
            if called := line.params.get("CN", "").strip():
                found.append(called)
    return tuple(dict.fromkeys(found))[:50]


def _whole(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 10 else 0
