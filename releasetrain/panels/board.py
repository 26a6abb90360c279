"""Gather the departure board: what is under way, what comes next, what is just over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Subquery, Value, prefetch_related_objects
from django.db.models.functions import Coalesce

from releasetrain.lib.once import once
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.reasons import shown, worst_first
from releasetrain.panels.rollouts import hold_reason
from releasetrain.panels.shapes import Board, BoardGroup, BoardRow, Stage
from releasetrain.panels.stages import Moving, finished, leading, moving_of, pending, stages_of
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.decision import Standing, standings
from releasetrain.trains.rules.states import BOARDING_STATES, FINISHED_STATES, DepartureState

D = DepartureState
MOST_COMING, MOST_OVER, MOST_REASONS = 60, 6, 2
JUST_OVER, SOON = timedelta(hours=24), timedelta(days=14)
AHEAD = [D.SCHEDULED, D.BOARDING, D.DECIDING, D.CLEARED]


@dataclass(frozen=True, slots=True)
class Filters:
    """Narrow the board down by ids; None lets everything through."""

    team: int | None = None
    service: int | None = None
    environment: int | None = None

    @property
    def are_set(self) -> bool:
        return bool(self.as_values)

    def as_query(self) -> Q:
        query = Q()
        if self.team is not None:
            query &= Q(train__team=self.team) | Q(changes__service__team=self.team)
        if self.service is not None:
            query &= Q(train__services=self.service) | Q(changes__service=self.service)
        if self.environment is not None:
            query &= Q(train__environment=self.environment)
        return query

    @property
    def as_values(self) -> dict[str, int]:
        """Return what is set, as an address says it."""
        named = {"team": self.team, "service": self.service, "environment": self.environment}
        return {name: pk for name, pk in named.items() if pk is not None}


EVERYTHING = Filters()


def board_context(
    now: datetime,
    *,
    filters: Filters = EVERYTHING,
    new_train_url: str = "",
    audience: Audience = Audience.MEMBER,
) -> dict[str, Any]:
    """Return what board/_departures.html is drawn from."""
    return {"board": load_board(now, audience, filters=filters, new_train_url=new_train_url), "now": now}


def load_board(
    now: datetime, audience: Audience, *, filters: Filters = EVERYTHING, new_train_url: str = ""
) -> Board:
    """Gather every departure that the filters let through, in a number of queries that does not grow."""
    wanted = Departure.objects.order_by()
    if filters.are_set:
        wanted = wanted.filter(pk__in=Departure.objects.filter(filters.as_query()).values("pk"))
    found = _found(wanted, now)
    rows = _rows(found, now, audience)
    groups: dict[str, list[BoardRow]] = {"Under way": [], "Ahead": [], "Just over": []}
    for departure, row in zip(found, rows, strict=True):
        groups[_group(D(departure.state))].append(row)
    return Board(
        [BoardGroup(title, rows) for title, rows in groups.items() if rows],
        filters.are_set,
        new_train_url,
        later=max(0, max((one.ahead for one in found), default=0) - len(groups["Ahead"])),
        later_url=links.agenda(filters.as_values),
    )


def _found(wanted: QuerySet[Departure], now: datetime) -> list[Any]:
    """Load what gets a row, in one query: what comes, soonest first, then what is just over, latest first.

    Each row knows `ahead`, how many departures there are to come, shown or not.
    """
    coming = wanted.filter(_coming(wanted, now)).order_by("departs_at", "pk")
    over = wanted.filter(state__in=FINISHED_STATES, finished_at__gt=now - JUST_OVER, imported_from="")
    over = over.order_by("-finished_at")
    shown = Q(pk__in=coming.values("pk")[:MOST_COMING]) | Q(pk__in=over.values("pk")[:MOST_OVER])
    ahead = wanted.filter(state__in=AHEAD).values(every=Value(1)).annotate(number=Count("pk"))
    rows = list(
        _departures()
        .annotate(ahead=Coalesce(Subquery(ahead.values("number")), 0))
        .filter(shown)
        .order_by("departs_at", "pk")
    )
    past = [one for one in rows if D(one.state) in FINISHED_STATES]
    past.sort(key=lambda one: one.finished_at or now, reverse=True)
    return [*(one for one in rows if D(one.state) not in FINISHED_STATES), *past]


def _coming(wanted: QuerySet[Departure], now: datetime) -> Q:
    """Say what is worth a row: what is under way or sealed, two weeks ahead, and each train’s next one."""
    following = wanted.filter(state__in=AHEAD).order_by("train_id", "departs_at", "pk").distinct("train_id")
    is_soon = Q(state__in=AHEAD, departs_at__lte=now + SOON)
    return Q(state__in=[D.ROLLING, D.DECIDING, D.CLEARED]) | is_soon | Q(pk__in=following.values("pk"))


def _group(state: DepartureState) -> str:
    if state in FINISHED_STATES:
        return "Just over"
    return "Under way" if state is D.ROLLING else "Ahead"


def load_row(pk: int, audience: Audience, now: datetime) -> BoardRow | None:
    """Gather one departure's row."""
    return next(iter(_rows(list(_departures().filter(pk=pk)), now, audience)), None)


def _departures() -> QuerySet[Departure]:
    return Departure.objects.select_related("captain", "train__team", "train__environment", "train__captain")


@once(lambda departures: tuple(departures))
def moving_by_departure(departures: Sequence[int]) -> dict[int, list[Moving]]:
    """Load the rollouts of departures, two queries however many there are."""
    found: dict[int, list[Moving]] = {}
    for one in moving_of(Rollout.objects.filter(departure__in=departures)):
        if one.rollout.departure_id is not None:
            found.setdefault(one.rollout.departure_id, []).append(one)
    return found


def _rows(departures: Sequence[Departure], now: datetime, audience: Audience) -> list[BoardRow]:
    """Gather rows; what cannot be there for any of them is not asked for."""
    standing = standings(departures, now) if departures else {}
    prefetch_related_objects(
        [one for one in departures if not standing[one.pk].load.expected], "train__services"
    )
    left = [one.pk for one in departures if D(one.state) not in AHEAD]
    moving = moving_by_departure(left) if left else {}
    return [_row(one, standing[one.pk], moving.get(one.pk, []), now, audience) for one in departures]


def _row(
    departure: Departure, standing: Standing, moving: Sequence[Moving], now: datetime, audience: Audience
) -> BoardRow:
    lead, train = leading(moving), departure.train
    state = shown_state(departure, lead)
    note, until_at = _note(departure, standing, lead, state, audience)
    reasons = _reasons(departure, standing, moving, state, audience)
    is_boarding = D(departure.state) in BOARDING_STATES and state != "held"
    return BoardRow(
        pk=departure.pk,
        code=departure.code,
        url=links.departure(departure.pk),
        train=train.name,
        services=f"{', '.join(service_names(departure, standing))} · {train.environment.name}",
        departs_at=departure.departs_at,
        zone=train.time_zone,
        state=state,
        changes=standing.load.changes,
        stages=departure_stages(departure, lead),
        cut_off_at=departure.cut_off_at if is_boarding and now < departure.cut_off_at else None,
        weight=lead.rollout.desired_weight if lead and state in {"rolling", "held"} else None,
        note=note,
        reasons=reasons[:MOST_REASONS],
        more=max(0, len(reasons) - MOST_REASONS),
        asked_at=departure.sealed_at if any(one.code == "votes" for one in reasons) else None,
        until_at=until_at,
        is_past=D(departure.state) in FINISHED_STATES,
    )


def shown_state(departure: Departure, lead: Moving | None) -> str:
    """Say how a departure looks: its state, or held, or on its way back."""
    state = D(departure.state)
    if state is D.ROLLING and lead is not None:
        if lead.state is RolloutState.ROLLING_BACK:
            return lead.state.value
        return "held" if lead.shown_state == "held" or departure.held_at else state.value
    return "held" if departure.held_at and state not in FINISHED_STATES else state.value


def departure_stages(departure: Departure, lead: Moving | None) -> list[Stage]:
    """Draw a departure's track: that of the rollout that leads, or its plan's ladder."""
    if lead is not None and D(departure.state) is not D.ARRIVED:
        return stages_of(lead)
    ladder = departure.plan.get("ladder") or departure.train.ladder
    return finished(ladder) if D(departure.state) is D.ARRIVED else pending(ladder)


def service_names(departure: Departure, standing: Standing) -> list[str]:
    """Name what is aboard, or what the train carries while nothing is."""
    expected = sorted(name for name, _ in standing.load.expected.values())
    return expected or [service.name for service in departure.train.services.all()]


def _note(
    departure: Departure, standing: Standing, lead: Moving | None, state: str, audience: Audience
) -> tuple[str, datetime | None]:
    """Say in a few words what the state means right now, and until when."""
    if state == "deciding":
        return approvals(standing), None
    if state == "cleared":
        return "departs in", departure.departs_at
    if state == "rolling" and lead is not None and lead.state is RolloutState.QUEUED:
        return "waits for its turn", None
    if state == "rolling" and lead is not None and lead.bake_ends_at:
        return ("next stage in" if lead.next_weight else "arrives in"), lead.bake_ends_at
    if D(departure.state) in FINISHED_STATES:
        return over_note(departure, audience), None
    return "", None


def approvals(standing: Standing) -> str:
    """Count what is asked and given: 2 of 3 approvals."""
    if standing.tally is None or not standing.tally.lines:
        return ""
    asked = sum(line.quorum for line in standing.tally.lines)
    given = sum(min(line.quorum, len(line.said_go)) for line in standing.tally.lines)
    return f"{given} of {asked} approval{'' if asked == 1 else 's'}"


def over_note(departure: Departure, audience: Audience) -> str:
    """Say how it ended; what people wrote about it stays inside the house."""
    took = ""
    if departure.departed_at and departure.finished_at:
        took = f"after {in_words(departure.finished_at - departure.departed_at)}"
    return departure.outcome if departure.outcome and audience.sees_people else took


def _reasons(
    departure: Departure, standing: Standing, moving: Sequence[Moving], state: str, audience: Audience
) -> list[Reason]:
    """Return every reason why it does not go on, the worst first."""
    if D(departure.state) is D.ROLLING:
        holds = [hold_reason(hold) for one in moving for hold in one.holds] if state == "held" else []
        return worst_first(dict.fromkeys(shown(holds, audience)))
    return worst_first(shown(standing.verdict.reasons, audience))
