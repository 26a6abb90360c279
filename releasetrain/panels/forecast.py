"""Gather how a departure would go: its stages against windows and rotas, and the last safe departure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from releasetrain.catalog.models import Service
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.departures import departure_of
from releasetrain.panels.reasons import public
from releasetrain.panels.shapes import ForecastHold, ForecastPanel, ForecastService, ForecastStage
from releasetrain.panels.stages import whole_second
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import changes_of
from releasetrain.trains.queries.forecast import Forecast, StagePlan, WillHold, forecast_of
from releasetrain.trains.rules.states import FINISHED_STATES, DepartureState


def load_forecast(pk: int, audience: Audience, now: datetime) -> ForecastPanel | None:
    """Gather what is foreseen for a departure; nothing for one that is over."""
    departure = departure_of(pk)
    if departure is None:
        return None
    if DepartureState(departure.state) in FINISHED_STATES:
        return ForecastPanel(pk, departure.train.time_zone, [], is_over=True)
    return panel_of(departure, forecast_of(departure, now), audience)


def panel_of(departure: Departure, forecast: Forecast, audience: Audience) -> ForecastPanel:
    """Say a forecast as a page shows it; a stakeholder reads its times and no names."""
    safe = forecast.last_safe_at
    return ForecastPanel(
        pk=departure.pk,
        zone=departure.train.time_zone,
        services=_services(departure, forecast.stages, audience),
        arrives_at=whole_second(forecast.arrives_at) if forecast.arrives_at else None,
        leaves_at=_late(departure, forecast),
        hold=_hold(departure, forecast.will_hold, audience) if forecast.will_hold else None,
        last_safe_at=safe,
        last_covered_at=forecast.last_covered_at if forecast.last_covered_at != safe else None,
        is_safe=forecast.will_hold is None and (safe is None or departure.departs_at <= safe),
        why=forecast.why_last_safe if audience.sees_people else "",
        alternatives=tuple(forecast.alternatives),
        uncovered=len(forecast.uncovered),
    )


def _late(departure: Departure, forecast: Forecast) -> datetime | None:
    """Return when it could leave, where windows keep it from leaving at its time."""
    is_kept = forecast.leaves_at is not None and forecast.leaves_at > departure.departs_at
    return (
        forecast.leaves_at
        if is_kept and DepartureState(departure.state) is not DepartureState.ROLLING
        else None
    )


def _services(
    departure: Departure, stages: Iterable[StagePlan], audience: Audience
) -> tuple[ForecastService, ...]:
    by_service: dict[int, list[StagePlan]] = {}
    for stage in stages:
        by_service.setdefault(stage.service_id, []).append(stage)
    rotas = _rotas(departure, by_service) if audience.sees_people else {}
    return tuple(
        ForecastService(
            name=own[0].service,
            stages=tuple(_stage(departure, one, audience) for one in own),
            on_call_url=rotas.get(service, ""),
        )
        for service, own in by_service.items()
    )


def _rotas(departure: Departure, services: Iterable[int]) -> Mapping[int, str]:
    """Lead to the rota of each service's team; of what is not aboard yet, the teams are asked for."""
    teams = {one.service_id: one.service.team.slug for one in changes_of(departure.pk)}
    if unknown := set(services) - teams.keys():
        teams |= dict(Service.objects.filter(pk__in=unknown).values_list("pk", "team__slug"))
    return {service: links.on_call(team) for service, team in teams.items()}


def _stage(departure: Departure, stage: StagePlan, audience: Audience) -> ForecastStage:
    reason = stage.blocked
    return ForecastStage(
        weight=stage.weight,
        starts_at=stage.starts_at,
        day=_day(departure, stage.starts_at),
        on_call=tuple(stage.on_call) if audience.sees_people else (),
        is_uncovered=stage.is_uncovered,
        reason=reason if reason is None or audience.sees_people else public(reason),
    )


def _day(departure: Departure, at: datetime | None) -> str:
    """Name the day of a stage where it is not that of the departure, on the train's own clocks."""
    zone = ZoneInfo(departure.train.time_zone)
    if at is None or at.astimezone(zone).date() == departure.departs_at.astimezone(zone).date():
        return ""
    return f"{at.astimezone(zone):%a} {at.astimezone(zone).day} {at.astimezone(zone):%b}"


def _hold(departure: Departure, hold: WillHold, audience: Audience) -> ForecastHold:
    accepted = departure.accepted_hold
    reason = hold.reason if audience.sees_people else public(hold.reason)
    return ForecastHold(
        weight=hold.weight,
        service=hold.service,
        until=hold.until,
        # Where and until when stands beside it already.
        text=reason.text.partition(": ")[2] or reason.text,
        comes_back=hold.comes_back,
        accepted_by=str(accepted.get("by", "")) if audience.sees_people else "",
        accepted_at=datetime.fromisoformat(accepted["at"]) if accepted.get("at") else None,
    )
