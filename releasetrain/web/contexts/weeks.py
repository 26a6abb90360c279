"""Gather what the pages of a train’s weeks show: what each runs by, and what else it could run by."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count

from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import Schedule, known_zones, occurrences
from releasetrain.panels.shapes import Action, MovedDate, VariantLine, WeekChoice, WeekLine, WeekPage
from releasetrain.trains.models import Departure, Train, Variant
from releasetrain.trains.queries.terms import schedule_of, variant_schedule
from releasetrain.trains.queries.timetable import moves_for_week
from releasetrain.trains.rules.states import FINISHED_STATES
from releasetrain.trains.rules.weeks import monday_of, week_start
from releasetrain.web.contexts.timetable import touched_by

WEEKS = 8
SEVEN_DAYS = timedelta(weeks=1)
USUAL = "The usual schedule"


@dataclass(frozen=True, slots=True)
class Week:
    """One week on a train’s own clocks, and the variant that it runs by; None is the usual schedule."""

    monday: date
    start: datetime
    end: datetime
    current: int | None


def variant_lines(train: Train, *, may_edit: bool) -> list[VariantLine]:
    """Say each other schedule of a train, and for how many weeks it is chosen."""
    rows = train.variants.annotate(chosen=Count("weeks"))
    return [
        VariantLine(
            row.name,
            variant_in_words(row, train),
            row.chosen,
            f"/trains/{train.slug}/variants/{row.pk}/" if may_edit else "",
        )
        for row in rows
    ]


def variant_in_words(variant: Variant, train: Train) -> str:
    """Say the schedule of a variant."""
    try:
        schedule = variant_schedule(variant, train.time_zone)
    except BadRule as refusal:
        return str(refusal)
    return schedule.in_words() if schedule else "nothing departs"


def week_lines(train: Train, now: datetime, *, may_choose: bool) -> list[WeekLine]:
    """Say the coming weeks of a train that has variants; the others all run by its one schedule."""
    if train.time_zone not in known_zones() or not train.variants.exists():
        return []
    zone = ZoneInfo(train.time_zone)
    first = monday_of(now, zone)
    mondays = [first + SEVEN_DAYS * number for number in range(WEEKS)]
    chosen = dict(train.weeks.filter(monday__in=mondays).values_list("monday", "variant__name"))
    dates: dict[date, list[datetime]] = defaultdict(list)
    span = (week_start(first, zone), week_start(mondays[-1] + SEVEN_DAYS, zone))
    rows = train.departures.exclude(state__in=[state.value for state in FINISHED_STATES])
    for at in rows.filter(departs_at__gte=span[0], departs_at__lt=span[1]).values_list(
        "departs_at", flat=True
    ):
        dates[monday_of(at, zone)].append(at)
    return [
        WeekLine(
            monday,
            chosen.get(monday, ""),
            sorted(dates[monday]),
            f"/trains/{train.slug}/weeks/{monday}/" if may_choose else "",
        )
        for monday in mondays
    ]


def week_page(train: Train, monday: date, now: datetime) -> WeekPage:
    """Say every way to run one week, each with the dates that it would have."""
    zone = ZoneInfo(train.time_zone)
    start, end = week_start(monday, zone), week_start(monday + SEVEN_DAYS, zone)
    current = train.weeks.filter(monday=monday).values_list("variant", flat=True).first()
    week = Week(monday, start, end, current)
    choices = [_choice(train, None, schedule_of(train), week, now)]
    choices += [
        _choice(train, variant, variant_schedule(variant, train.time_zone), week, now)
        for variant in train.variants.all()
    ]
    aboard = Departure.objects.filter(train=train, departs_at__gte=max(start, now), departs_at__lt=end)
    return WeekPage(
        train=train.name,
        train_url=f"/trains/{train.slug}/",
        monday=monday,
        zone=train.time_zone,
        choices=choices,
        aboard=aboard.aggregate(changes=Count("changes"))["changes"],
    )


def _choice(
    train: Train, variant: Variant | None, schedule: Schedule | None, week: Week, now: datetime
) -> WeekChoice:
    is_current = (variant.pk if variant else None) == week.current
    ahead = occurrences(schedule, after=week.start, until=week.end) if schedule else []
    value = str(variant.pk) if variant else ""
    action = Action(
        f"run-{value or 'usual'}",
        "Run by this",
        f"/trains/{train.slug}/weeks/{week.monday}/",
        "calendar-check",
        fields=(("variant", value),),
    )
    return WeekChoice(
        name=variant.name if variant else USUAL,
        schedule=schedule.in_words() if schedule else "nothing departs",
        dates=[one.at for one in ahead],
        is_current=is_current,
        action=None if is_current else action,
        moves=() if is_current else _moves(train, variant, week, now),
    )


def _moves(train: Train, variant: Variant | None, week: Week, now: datetime) -> list[MovedDate]:
    """Return what a choice moves, and what stays in that very week although it would move."""
    found = touched_by(moves_for_week(train, week.monday, variant, now))
    return [
        one
        for one in found
        if one.is_moved or (one.before_at is not None and week.start <= one.before_at < week.end)
    ]
