"""Ask who is on call, and when nobody is."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.postgres.fields import DateTimeRangeField
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from releasetrain.accounts.models import Duty, Shift, Team
from releasetrain.accounts.rules.rota import gaps
from releasetrain.lib.spans import Span


def on_call(teams: Iterable[Team | int], at: datetime) -> dict[int, list[Duty]]:
    """Return who is on duty at an instant, by team id; an empty list where nobody is. One query."""
    found: dict[int, list[Duty]] = {team: [] for team in _ids(teams)}
    for duty in _duties(found).filter(during__contains=at):
        found[duty.team_id].append(duty)
    return found


def duties_between(teams: Iterable[Team | int], first: datetime, last: datetime) -> QuerySet[Duty]:
    """Return the duties that touch the half-open span between two instants, soonest first."""
    return _duties(_ids(teams)).filter(during__overlap=DateTimeTZRange(first, last))


def coverage(
    teams: Iterable[Team | int], first: datetime, last: datetime
) -> dict[int, list[tuple[Span, str]]]:
    """Return who is on duty when in the span between two instants, by team id, soonest first. One query."""
    found: dict[int, list[tuple[Span, str]]] = {team: [] for team in _ids(teams)}
    for duty in duties_between(found, first, last):
        found[duty.team_id].append((Span(duty.during.lower, duty.during.upper), name_of(duty)))
    return found


def rotas(teams: Iterable[Team | int], first: datetime, last: datetime) -> dict[int, list[tuple[Span, str]]]:
    """Return who is on duty when, as `coverage` does, of the teams that keep a rota only. One query."""
    ids = _ids(teams)
    known_as = Coalesce(NullIf("user__name", Value("")), "user__email", "label", output_field=CharField())
    duties = duties_between(ids, first, last).filter(shift__removed_at__isnull=True).order_by()
    held = duties.values_list("team_id", "during", known_as)
    kept = Shift.objects.filter(team__in=ids, removed_at__isnull=True).order_by().distinct()
    nothing = kept.values_list("team_id", Value(None, DateTimeRangeField()), Value(""))
    found: dict[int, list[tuple[Span, str]]] = {}
    for team, during, name in held.union(nothing, all=True).order_by("during"):
        own = found.setdefault(team, [])
        if during is not None:
            own.append((Span(during.lower, during.upper), name))
    return found


def uncovered(teams: Iterable[Team | int], first: datetime, last: datetime) -> dict[int, list[Span]]:
    """Return when nobody is on duty in the span between two instants, by team id. One query.

    A team without any rota is uncovered all the time; `with_rota` tells those apart.
    """
    covered = coverage(teams, first, last)
    return {team: list(gaps((span for span, _ in spans), first, last)) for team, spans in covered.items()}


def with_rota(teams: Iterable[Team | int]) -> set[int]:
    """Return the ids of the teams that have any shift at all."""
    shifts = Shift.objects.filter(team__in=_ids(teams), removed_at__isnull=True)
    return set(shifts.values_list("team_id", flat=True))


def name_of(duty: Duty) -> str:
    """Name who is on duty, as they are called now where they are known here."""
    return str(duty.user) if duty.user else duty.label


def shifts_of(team: Team) -> QuerySet[Shift]:
    """Return the shifts of a team that count, with the people who take turns."""
    return team.shifts.filter(removed_at__isnull=True).prefetch_related("seats__user")


def _duties(teams: Iterable[int]) -> QuerySet[Duty]:
    """Return the duties of people who are here, and of those whom only a calendar names."""
    here = Q(user__isnull=True) | Q(user__is_active=True)
    return Duty.objects.filter(here, team__in=list(teams)).select_related("user").order_by("during", "pk")


def _ids(teams: Iterable[Team | int]) -> list[int]:
    return [team if isinstance(team, int) else team.pk for team in teams]
