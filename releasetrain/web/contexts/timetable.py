"""Say a train in the making in words, and what saving it would move (RULES T2, T9)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import cast

from django.http import QueryDict

from releasetrain.lib import deadlines
from releasetrain.lib.hashing import digest
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import flaws, occurrences, read
from releasetrain.lib.spans import in_words
from releasetrain.panels import links
from releasetrain.panels.shapes import MovedDate, MovedDeadline, Preview, ScheduleWords, WordDate
from releasetrain.trains.models import Change, Train
from releasetrain.trains.queries.settings import TrainSettings, schedule_notes
from releasetrain.trains.queries.terms import dates_ahead
from releasetrain.trains.queries.timetable import AHEAD, moves
from releasetrain.trains.rules.times import Times
from releasetrain.trains.rules.timetable import Date, Move, Standing, Stay, Timetable
from releasetrain.web.forms.deadlines import DeadlineForm
from releasetrain.web.forms.trains import TrainForm

SOON, SHOWN, NEW = 5, 10, 10
FIVE_YEARS = timedelta(days=366 * 5)


def shift_in_words(shift: timedelta) -> str:
    """Say by how much the clocks changed since the date before; nothing where they did not (RULES T1)."""
    if not shift:
        return ""
    return f"clocks go {'forward' if shift > timedelta(0) else 'back'} by {in_words(shift)} before it"


def words_of(form: TrainForm, now: datetime) -> ScheduleWords:
    """Say what somebody has typed so far, each part by itself: what is wrong in one hides no other."""
    if form.is_bound:
        form = TrainForm(cast(QueryDict, form.data), train=form.train, now=now)  # one that may be judged
    rule, zone = str(form["rule"].value() or ""), str(form["time_zone"].value() or "UTC")
    first = form["first_departs_at_local"].value()
    first = first.isoformat() if isinstance(first, datetime) else str(first or "")
    cut_offs, milestones = _deadlines(form.cut_offs.forms), _deadlines(form.milestones.forms)
    words = ScheduleWords(
        schedule="",
        zone=zone,
        cut_offs=[f"Cut-off{f' for {name}' if name else ''}: {said}" for name, said in cut_offs],
        milestones=[f"{name or 'Milestone'}: {said}" for name, said in milestones],
    )
    if not (rule.strip() and first):
        return words
    if wrong := flaws(rule, first, zone):
        return replace(words, zone="UTC" if "time_zone" in wrong else zone, problems=list(wrong.values()))
    schedule = read(rule, first, zone)
    ahead = occurrences(schedule, after=now, until=now + FIVE_YEARS, limit=SOON + 1)
    shifts = [timedelta(0), *(one.offset - before.offset for before, one in pairwise(ahead))]
    dates = [
        WordDate(one.at, shift=shift_in_words(shift), note=one.note)
        for one, shift in zip(ahead, shifts, strict=True)
    ]
    problems = [] if dates else ["It has no departure in the next five years."]
    said = schedule.in_words()
    return replace(words, schedule=f"{said[:1].upper()}{said[1:]}", dates=dates[:SOON], problems=problems)


def _deadlines(forms: Iterable[DeadlineForm]) -> list[tuple[str, str]]:
    """Return the name and the words of each deadline that can be read already."""
    return [(name, said) for name, said in ((_name(form), _said(form)) for form in forms) if said]


def _name(form: DeadlineForm) -> str:
    return str(form["category" if "category" in form.fields else "name"].value() or "").strip()


def _said(form: DeadlineForm) -> str:
    try:
        if form.is_bound:
            return form.deadline().in_words() if form.is_valid() else ""
        return deadlines.read((form.initial or {}).get("spec", {})).in_words()
    except BadRule as refusal:
        return str(refusal)


def preview_of(train: Train | None, settings: TrainSettings, now: datetime) -> Preview:
    """Say what saving would move, before it moves; sealed departures are not looked at (RULES T9)."""
    notes = schedule_notes(settings, now)[:SOON]
    if train is None:
        ahead = dates_ahead(settings, {}, after=now, until=now + AHEAD, limit=NEW)
        return Preview([_added(one) for one in ahead], notes=notes, is_new=True)
    table = moves(train, settings, now)
    touched = touched_by(table)
    first = [one for number, one in enumerate(touched) if number < SHOWN or one.aboard]
    added = [_added(one) for one in table.added[:NEW]]
    return Preview(
        dates=first,
        rest=[one for one in touched if one not in first],
        added=added,
        added_count=len(table.added),
        told=_told([one.departure for one in table.moved if one.aboard]),
        notes=notes,
        digest=digest([repr(one) for one in touched]) if touched else "",
    )


def touched_by(table: Timetable) -> list[MovedDate]:
    """Say each departure that a change of the timetable moves, drops or would have moved, soonest first."""
    found = [
        *(_moved(one) for one in table.moved),
        *(_dropped(one) for one in table.dropped),
        *(_stayed(one) for one in table.stayed),
    ]
    return sorted(found, key=_when)


def _when(one: MovedDate) -> datetime:
    return one.after_at or one.before_at or datetime.max.replace(tzinfo=UTC)


def _moved(one: Move) -> MovedDate:
    return MovedDate(
        label=f"RT-{one.departure}",
        url=links.departure(one.departure),
        before_at=one.before.departs_at,
        after_at=one.after.departs_at,
        aboard=one.aboard,
        deadlines=_changed(one.before, one.after),
        shift=shift_in_words(one.date.shift),
        notes=[one.date.note] if one.date.note else [],
    )


def _dropped(one: Standing) -> MovedDate:
    note = "Changes are aboard, and the new schedule has no date for them: cancel it or move them first."
    return MovedDate(
        label=f"RT-{one.departure}",
        url=links.departure(one.departure),
        before_at=one.times.departs_at,
        after_at=None,
        aboard=one.aboard,
        notes=[note] if one.aboard else [],
    )


def _stayed(one: Stay) -> MovedDate:
    at = one.times.departs_at
    note = f"It stays as it is: {one.why}."
    return MovedDate(
        label=f"RT-{one.departure}",
        url=links.departure(one.departure),
        before_at=at,
        after_at=at,
        aboard=one.aboard,
        notes=[note],
    )


def _added(one: Date) -> MovedDate:
    return MovedDate(
        label="New",
        before_at=None,
        after_at=one.times.departs_at,
        deadlines=_changed(None, one.times),
        shift=shift_in_words(one.shift),
        notes=[one.note] if one.note else [],
    )


def _changed(before: Times | None, after: Times) -> list[MovedDeadline]:
    """Return every cut-off and milestone that comes, goes or moves."""
    old = _named(before) if before else {}
    new = _named(after)
    return [
        MovedDeadline(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _named(times: Times) -> Mapping[str, datetime]:
    cut_offs = {f"Cut-off for {name}" if name else "Cut-off": at for name, at in times.cut_offs.items()}
    return {**cut_offs, **dict(times.milestones)}


def _told(departures: list[int]) -> list[str]:
    """Name who answers for a change aboard of what moves; they are told (RULES T9)."""
    aboard = Change.objects.filter(departure__in=departures)
    pairs = aboard.values_list("author__name", "submitted_by__name")
    return sorted({name for pair in pairs for name in pair if name})
