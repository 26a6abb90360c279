"""Draw a stretch of the calendar as month, week or agenda; all three show the same things."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from releasetrain.accounts.rules import Roles
from releasetrain.lib.moments import city
from releasetrain.lib.schedule import known_zones
from releasetrain.lib.spans import Span
from releasetrain.panels.shapes import Tab
from releasetrain.trains.models import Departure
from releasetrain.web.contexts.calendar.conflicts import conflicts_of
from releasetrain.web.contexts.calendar.days import (
    TICK,
    Stretch,
    clocks_on,
    day_start,
    day_words,
    lanes_of,
    last_day,
    local_day,
    shares,
    stretch_of,
    title_of,
)
from releasetrain.web.contexts.calendar.gathering import (
    Open,
    departures_in,
    freezes_in,
    holidays_in,
    instants_of,
    look_of,
    opening_of,
    openings_in,
)
from releasetrain.web.contexts.calendar.line import stops_now
from releasetrain.web.contexts.calendar.shapes import (
    AgendaDay,
    AgendaLine,
    Bar,
    Block,
    CalendarPage,
    Clash,
    Day,
    Entry,
    Holiday,
    Opening,
    Week,
)
from releasetrain.web.forms.calendar import Chosen
from releasetrain.web.forms.parts import Parts
from releasetrain.web.templatetags.times import local_time

MONTH_LANES, MONTH_ENTRIES, WEEK_LANES = 4, 5, 6
MOST_CLASHES, MOST_SENTENCES = 12, 3
CARD_MINUTES = 75
LABELS = {"departure": "Departs", "cut_off": "Cut-off", "milestone": "Milestone"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything of a stretch, not yet laid out."""

    stretch: Stretch
    zone: tzinfo
    today: date
    chosen: Chosen
    parts: Parts
    openings: Sequence[Open]
    entries: dict[date, list[Entry]]
    holidays: dict[date, list[Holiday]]
    clocks: dict[date, str]


def calendar_page(chosen: Chosen, parts: Parts, *, roles: Roles, zone: tzinfo, now: datetime) -> CalendarPage:
    """Gather a stretch of the calendar in the reader's zone."""
    stretch = stretch_of(chosen.view, chosen.on)
    span = stretch.span(zone)
    departures, freezes = departures_in(span, chosen), freezes_in(span)
    conflicts = conflicts_of(departures, freezes, parts, zone, now)
    loaded = Loaded(
        stretch=stretch,
        zone=zone,
        today=local_day(now, zone),
        chosen=chosen,
        parts=parts,
        openings=openings_in(freezes, span, chosen, parts, zone),
        entries=_entries(departures, stretch, conflicts, parts, zone),
        holidays=holidays_in(stretch.dates),
        clocks=clocks_on(stretch.dates, zone),
    )
    clashing = [one for day in stretch.dates for one in loaded.entries.get(day, ()) if one.conflicts]
    page = CalendarPage(
        view=chosen.view,
        title=title_of(chosen.view, chosen.on, stretch),
        zone=city(str(zone)),
        on=chosen.on,
        tabs=[
            Tab(view.capitalize(), url_of(chosen, view=view), view == chosen.view)
            for view in ("month", "week", "agenda")
        ],
        earlier_url=url_of(chosen, on=stretch.earlier),
        later_url=url_of(chosen, on=stretch.later),
        today_url=url_of(chosen, on=loaded.today),
        is_filtered=bool(chosen.narrows),
        stops=stops_now(roles, parts, zone, now),
        clashes=[_clash(one) for one in clashing[:MOST_CLASHES]],
        clashing=len(clashing),
    )
    if chosen.view == "agenda":
        running, agenda = _agenda(loaded, span.start)
        return replace(page, running=running, agenda=agenda)
    if chosen.view == "week":
        clock = f"{_share_of_day(now, loaded.today, zone):.2f}%" if loaded.today in stretch.dates else ""
        hours = [f"{hour:02}:00" for hour in range(24)]
        return replace(page, weeks=[_week(loaded, stretch.dates, WEEK_LANES)], hours=hours, clock=clock)
    mondays = range(0, stretch.days, 7)
    weeks = [_week(loaded, stretch.dates[index : index + 7], MONTH_LANES) for index in mondays]
    return replace(page, weeks=weeks)


def url_of(chosen: Chosen, *, view: str = "", on: date | None = None) -> str:
    """Return the address of another view or another day, with the same filters."""
    query = {"view": view or chosen.view, "on": (on or chosen.on).isoformat(), **chosen.narrows}
    return f"/calendar/?{urlencode(query)}"


# entries ----------------------------------------------------------------------------------------------------


def _entries(
    departures: Sequence[Departure],
    stretch: Stretch,
    conflicts: dict[int, list[str]],
    parts: Parts,
    zone: tzinfo,
) -> dict[date, list[Entry]]:
    """Set everything that happens at an instant onto its day, in order."""
    found: dict[date, list[Entry]] = defaultdict(list)
    for departure in departures:
        for kind, name, at in instants_of(departure):
            day = local_day(at, zone)
            if stretch.first <= day <= stretch.last:
                met = conflicts.get(departure.pk, ()) if kind == "departure" else ()
                found[day].append(_entry(departure, kind, name, at, met, parts, zone))
    for entries in found.values():
        entries.sort(key=lambda one: (one.at, one.kind, one.title))
    return found


def _entry(
    departure: Departure,
    kind: str,
    name: str,
    at: datetime,
    conflicts: Sequence[str],
    parts: Parts,
    zone: tzinfo,
) -> Entry:
    train, local = departure.train, at.astimezone(zone)
    label = LABELS[kind]
    if kind == "cut_off" and name:
        label = f"{label} {name}"
    if kind == "departure" and departure.departed_at:
        label = "Departed"
    services: list[int] = departure.service_ids  # type: ignore[attr-defined]
    return Entry(
        kind=kind,  # type: ignore[arg-type]
        at=at,
        time=f"{local:%H:%M}",
        day=day_words(local.date()),
        title=name if kind == "milestone" else train.name,
        url=f"/departures/{departure.pk}/",
        label=f"{departure.code} {train.name}" if kind == "milestone" else label,
        there=_there(at, train.time_zone, zone),
        services=", ".join(sorted(parts.services[pk] for pk in services if pk in parts.services)),
        state=("held" if departure.held_at and departure.finished_at is None else departure.state)
        if kind == "departure"
        else "",
        conflicts=conflicts,
        hour=local.hour,
        quarter=local.minute // 15 * 15,
    )


def _clash(entry: Entry) -> Clash:
    """Say the first of what a departure meets; its own page and the agenda say everything."""
    return Clash(entry, entry.conflicts[:MOST_SENTENCES], max(len(entry.conflicts) - MOST_SENTENCES, 0))


def _there(at: datetime, train_zone: str, zone: tzinfo) -> str:
    """Say the train’s own wall time where it differs from the reader’s, with its weekday if need be (T8)."""
    if train_zone not in known_zones():
        return ""
    here, there = at.astimezone(zone), local_time(at, train_zone)
    day = local_day(at, ZoneInfo(train_zone))
    if there == f"{here:%H:%M}" and day == here.date():
        return ""
    return f"{f'{day:%a} ' if day != here.date() else ''}{there} {city(train_zone)}"


# month and week ---------------------------------------------------------------------------------------------


def _week(loaded: Loaded, dates: Sequence[date], most: int) -> Week:
    """Lay out seven days: bars in lanes above, what happens at an instant below."""
    touching = [one for one in loaded.openings if one.first <= dates[-1] and one.last >= dates[0]]
    touching.sort(key=lambda one: max(one.first, dates[0]))
    places = [_columns(one, dates) for one in touching]
    lanes = lanes_of(places)
    bars = [
        Bar(
            opening=opening_of(one, loaded.parts, loaded.zone),
            column=first + 1,
            days=last - first + 1,
            lane=lane + 1,
            is_from_before=one.first < dates[0],
            goes_on=one.last > dates[-1],
        )
        for one, (first, last), lane in zip(touching, places, lanes, strict=True)
        if lane < most
    ]
    hidden = [place for place, lane in zip(places, lanes, strict=True) if lane >= most]
    return Week(
        label=f"Week of {day_words(dates[0])}",
        days=[_day(loaded, day, index, bars, hidden) for index, day in enumerate(dates)],
        bars=bars,
        lanes=max((bar.lane for bar in bars), default=0),
        hidden=len(hidden),
        url=url_of(loaded.chosen, view="agenda", on=dates[0]),
    )


def _columns(one: Open, dates: Sequence[date]) -> tuple[int, int]:
    first = max((one.first - dates[0]).days, 0)
    return first, min((one.last - dates[0]).days, 6)


def _day(
    loaded: Loaded, day: date, index: int, bars: Sequence[Bar], hidden: Sequence[tuple[int, int]]
) -> Day:
    """Draw one day; `hidden` are the first and last days of the bars for which there is no lane."""
    entries = loaded.entries.get(day, [])
    over = [bar.lane for bar in bars if bar.column - 1 <= index < bar.column - 1 + bar.days]
    is_week = loaded.chosen.view == "week"
    kept = _side_by_side(entries) if is_week else entries[:MONTH_ENTRIES]
    return Day(
        on=day,
        name=f"{day:%A}",
        number=f"{day.day} {day:%b}" if day.day == 1 or is_week else str(day.day),
        is_today=day == loaded.today,
        is_outside=not is_week and day.month != loaded.chosen.on.month,
        is_weekend=day.weekday() >= 5,
        clocks=loaded.clocks.get(day, ""),
        holidays=loaded.holidays.get(day, ()),
        entries=kept,
        blocks=_blocks(loaded, day) if is_week else (),
        lanes=max(over, default=0),
        more=len(entries) - len(kept) + sum(first <= index <= last for first, last in hidden),
        url=url_of(loaded.chosen, view="agenda", on=day),
    )


def _side_by_side(entries: Sequence[Entry]) -> list[Entry]:
    minutes = [one.hour * 60 + one.quarter for one in entries]
    return [
        replace(one, lane=lane, lanes=min(lanes, 4))
        for one, (lane, lanes) in zip(entries, shares(minutes, CARD_MINUTES), strict=True)
    ]


def _blocks(loaded: Loaded, day: date) -> list[Block]:
    """Cut out what of the openings falls on one day, in percent of its wall clock; like ones are one (W5)."""
    start, end = day_start(day, loaded.zone), day_start(day + timedelta(days=1), loaded.zone)
    spans: dict[str, list[Span]] = defaultdict(list)
    for one in sorted(loaded.openings, key=lambda one: one.span.start):
        if one.span.start >= end or one.span.end <= start:
            continue
        known = spans[look_of(one.freeze)]
        if known and one.span.start <= known[-1].end:
            known[-1] = Span(known[-1].start, max(known[-1].end, one.span.end))
        else:
            known.append(one.span)
    return [
        _block(look, Span(max(span.start, start), min(span.end, end)), end, day, loaded.zone)
        for look, some in spans.items()
        for span in some
    ]


def _block(look: str, span: Span, end: datetime, day: date, zone: tzinfo) -> Block:
    top = _share_of_day(span.start, day, zone)
    foot = 100.0 if span.end >= end else _share_of_day(span.end, day, zone)
    return Block(look, f"{top:.2f}%", f"{max(foot - top, 0.4):.2f}%")


def _share_of_day(at: datetime, day: date, zone: tzinfo) -> float:
    wall = at.astimezone(zone).replace(tzinfo=None) - datetime.combine(day, datetime.min.time())
    return wall / timedelta(days=1) * 100


# agenda -----------------------------------------------------------------------------------------------------


def _agenda(loaded: Loaded, start: datetime) -> tuple[list[Opening], list[AgendaDay]]:
    """List everything in order: what is open already, then day by day what opens, shuts and happens."""
    openings = [opening_of(one, loaded.parts, loaded.zone) for one in loaded.openings]
    running = [one for one in openings if one.span.start < start]
    lines: dict[date, list[AgendaLine]] = defaultdict(list)
    for day, entries in loaded.entries.items():
        lines[day] += [AgendaLine(one.at, one.time, one.label, entry=one) for one in entries]
    for one in openings:
        for line in _turns(one, loaded.zone):
            lines[local_day(line.at, loaded.zone)].append(line)
    days = []
    for day in loaded.stretch.dates:
        drawn = _day(loaded, day, 0, (), ())
        if not drawn.is_bare or day in lines:
            days.append(AgendaDay(drawn, sorted(lines.get(day, []), key=lambda line: (line.at, line.verb))))
    return running, days


def _turns(opening: Opening, zone: tzinfo) -> list[AgendaLine]:
    """Say when a window opens and when it shuts; an all-day one has no time, and shuts with its last day."""
    start, end = opening.span.start.astimezone(zone), opening.span.end.astimezone(zone)
    opens = AgendaLine(
        opening.span.start, "All day" if opening.is_all_day else f"{start:%H:%M}", "Opens", opening=opening
    )
    shuts_at = opening.span.end - TICK if opening.is_all_day else opening.span.end
    shuts = AgendaLine(shuts_at, "" if opening.is_all_day else f"{end:%H:%M}", "Shuts", opening=opening)
    if opening.is_all_day and local_day(opening.span.start, zone) == last_day(opening.span, zone):
        return [opens]
    return [opens, shuts]
