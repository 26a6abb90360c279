"""Gather what the pages of teams show: who is on call, now and next, and when nobody is."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db.models import Count

from releasetrain.accounts.actions.rota import MAY_PLAN
from releasetrain.accounts.models import Duty, Shift, Team, User
from releasetrain.accounts.queries import (
    coverage,
    duties_between,
    name_of,
    on_call,
    shifts_of,
    uncovered,
    with_rota,
)
from releasetrain.accounts.rules import Roles
from releasetrain.accounts.rules.rota import read_plan, shift_problems
from releasetrain.calendars.models import Feed
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import read as read_schedule
from releasetrain.lib.schedule import read_first
from releasetrain.lib.spans import Span, in_words
from releasetrain.panels import links
from releasetrain.panels.shapes import (
    Action,
    DutyLine,
    GapLine,
    RotaDay,
    RotaPage,
    Segment,
    ShiftLine,
    ShiftWords,
    TeamRow,
)
from releasetrain.web.forms.teams import ShiftForm

GAP_DAYS, DRAWN_DAYS, COMING, TURNS = 14, 7, 6, 10
THOUSANDTHS = 1000
AHEAD = timedelta(days=400)


def may_plan(roles: Roles, team: int) -> bool:
    """Tell whether somebody may plan the shifts of a team."""
    return any(roles.has(role, team=team) for role in MAY_PLAN)


def team_rows(teams: Sequence[Team], now: datetime) -> list[TeamRow]:
    """Say each team with who is on call; four queries however many there are."""
    ids = [team.pk for team in teams]
    duties, rotas = on_call(ids, now), with_rota(ids)
    gaps = uncovered(ids, now, now + timedelta(days=GAP_DAYS))
    people = dict(
        Team.objects.filter(pk__in=ids)
        .annotate(members=Count("memberships__user", distinct=True))
        .values_list("pk", "members")
    )
    return [
        TeamRow(
            name=team.name,
            zone=team.time_zone,
            people=people.get(team.pk, 0),
            on_call_url=links.on_call(team.slug),
            on_call=[name_of(duty) for duty in duties[team.pk]],
            until_at=min((duty.during.upper for duty in duties[team.pk]), default=None),
            gap_at=gaps[team.pk][0].start if gaps[team.pk] and team.pk in rotas else None,
            has_rota=team.pk in rotas,
        )
        for team in teams
    ]


def rota_of(team: Team, roles: Roles, now: datetime) -> RotaPage:
    """Gather the rota of one team."""
    until = now + timedelta(days=GAP_DAYS)
    duties = list(duties_between([team], now, now + timedelta(days=60))[: 4 * GAP_DAYS])
    shifts, plans = list(shifts_of(team)), may_plan(roles, team.pk)
    has_rota = bool(shifts)
    return RotaPage(
        team=team.name,
        slug=team.slug,
        zone=team.time_zone,
        on_call=[_duty(one) for one in duties if one.during.lower <= now],
        coming=[_duty(one) for one in duties if one.during.lower > now][:COMING],
        days=_days(team, now) if has_rota else [],
        gaps=[
            GapLine(gap.start, gap.end, in_words(gap.end - gap.start))
            for gap in (uncovered([team], now, until)[team.pk] if has_rota else [])
        ],
        shifts=_shift_lines(team, shifts, may_edit=plans),
        gap_days=GAP_DAYS,
        add_url=f"{links.on_call(team.slug)}new/" if plans else "",
    )


def _duty(duty: Duty) -> DutyLine:
    return DutyLine(name_of(duty), duty.during.lower, duty.during.upper)


def _shift_lines(team: Team, shifts: Iterable[Shift], *, may_edit: bool) -> list[ShiftLine]:
    known = list(shifts)
    feeds = dict(
        Feed.objects.filter(pk__in={one.feed for one in known if one.feed}).values_list("pk", "name")
    )
    lines = []
    for one in known:
        url = f"{links.on_call(team.slug)}{one.pk}/"
        is_typed = one.feed is None
        lines.append(
            ShiftLine(
                pk=one.pk,
                words=shift_in_words(one.starts_local, one.ends_local, one.rule, one.time_zone),
                zone=one.time_zone,
                people=[str(seat.user) for seat in one.seats.all()] or [one.label],
                note=one.note,
                source=""
                if is_typed
                else f"from the calendar {feeds.get(one.feed or 0, 'that was removed')}",
                edit_url=url if may_edit and is_typed else "",
                remove=_removal(one, url) if may_edit and is_typed else None,
            )
        )
    return lines


def _removal(shift: Shift, url: str) -> Action:
    return Action(
        f"remove-{shift.pk}",
        "Remove",
        f"{url}remove/",
        "trash-2",
        "quiet",
        asks="optional",
        consequence="From now on nobody is on call by this shift. Who was on duty until now stays on record.",
    )


def shift_in_words(starts: str, ends: str, rule: str, zone: str) -> str:
    """Say a shift: how often, from when to when on the wall, and how long."""
    try:
        first, last = read_first(starts), read_first(ends)
        repeats = read_schedule(rule, starts, zone).in_words() if rule else ""
    except BadRule as refusal:
        return str(refusal)
    until = f"{last:%H:%M}" if last - first <= timedelta(days=1) else f"{last:%a %H:%M}"
    if not repeats:
        return f"once, {first:%a} {first.day} {first:%b %Y} {first:%H:%M} to {until}"
    return f"{repeats.replace(f' {zone}', '', 1)} to {until}"


def _days(team: Team, now: datetime) -> list[RotaDay]:
    """Lay the coming days out, each with who has which part of it on the team's own clocks."""
    zone = ZoneInfo(team.time_zone)
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [(today + timedelta(days=number)).replace(tzinfo=zone) for number in range(DRAWN_DAYS + 1)]
    covered = coverage([team], starts[0], starts[-1])[team.pk]
    bare = uncovered([team], starts[0], starts[-1])[team.pk]
    spans = sorted([*covered, *((gap, "") for gap in bare)], key=lambda one: one[0].start)
    return [_day(Span(start, end), spans, zone, now) for start, end in pairwise(starts)]


def _day(day: Span, spans: Iterable[tuple[Span, str]], zone: ZoneInfo, now: datetime) -> RotaDay:
    length = day.end.timestamp() - day.start.timestamp()

    def place(at: datetime) -> int:
        return round((at.timestamp() - day.start.timestamp()) / length * THOUSANDTHS)

    segments = []
    for span, name in spans:
        if span.start >= day.end or span.end <= day.start:
            continue
        start, end = max(span.start, day.start), min(span.end, day.end)
        x = place(start)
        ends = "24:00" if end == day.end else f"{end.astimezone(zone):%H:%M}"
        segments.append(Segment(x, place(end) - x, name, f"{start.astimezone(zone):%H:%M}", ends))
    label = f"{day.start:%a} {day.start.day} {day.start:%b}"
    return RotaDay(label, segments, place(now) if now in day else None)


def shift_words(form: ShiftForm, now: datetime) -> ShiftWords:
    """Say what somebody has typed of a shift, and whose its next times would be."""
    starts, ends = _typed(form, "starts_local"), _typed(form, "ends_local")
    rule, zone = str(form["rule"].value() or "").strip(), str(form["time_zone"].value() or "UTC")
    if not (starts and ends):
        return ShiftWords("", zone)
    if wrong := shift_problems(time_zone=zone, starts_local=starts, ends_local=ends, rule=rule):
        return ShiftWords("", "UTC" if "time_zone" in wrong else zone, problems=list(wrong.values()))
    names = _names(form)
    plan = read_plan(time_zone=zone, starts_local=starts, ends_local=ends, rule=rule)
    turns = plan.turns(max(len(names), 1), now, now + AHEAD)[:TURNS]
    said = shift_in_words(starts, ends, rule, zone)
    return ShiftWords(
        words=f"{said[:1].upper()}{said[1:]}",
        zone=zone,
        turns=[
            DutyLine(
                names[one.seat] if names else "nobody yet",
                one.span.start,
                one.span.end,
                _length(one.span, starts, ends),
            )
            for one in turns
        ],
        problems=[] if turns else ["None of its times lies ahead."],
    )


def _typed(form: ShiftForm, name: str) -> str:
    value = form[name].value()
    return value.isoformat() if isinstance(value, datetime) else str(value or "")


def _names(form: ShiftForm) -> list[str]:
    """Name the people who are chosen so far, in their turn."""
    chosen = [str(seat["user"].value() or "") for seat in form.people.forms]
    names = dict(
        User.objects.filter(pk__in=[one for one in chosen if one.isdecimal()]).values_list("pk", "name")
    )
    return [names[int(one)] for one in chosen if one.isdecimal() and int(one) in names]


def _length(span: Span, starts: str, ends: str) -> str:
    """Say how long a time lasts where the clocks make it longer or shorter than its first one (RULES T5)."""
    usual, real = read_first(ends) - read_first(starts), span.end - span.start
    return "" if usual == real else f"{in_words(real)} instead of {in_words(usual)}: the clocks change"
