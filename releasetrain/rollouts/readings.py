"""Gather everything that one tick has to learn from outside: driver, metrics, windows and neighbours.

No row is locked while this runs (ENGINE R2); whatever cannot be learnt is None, which is never good news.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from releasetrain.catalog.models import Target
from releasetrain.health.queries import Counts as Reported
from releasetrain.health.queries import Point as Span
from releasetrain.health.queries import by_span, ending_after, last_watermark
from releasetrain.rollouts.detours import detour_of
from releasetrain.rollouts.drivers import base as drivers
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.known import Known, learn
from releasetrain.rollouts.ladders import Place, as_observed, observe_return, why_not_climb
from releasetrain.rollouts.ladders import observe as observe
from releasetrain.rollouts.line import last_arrived, place_in_line
from releasetrain.rollouts.loaded import guardrails_of, newest_intent
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.new_lines import new_errors_of
from releasetrain.rollouts.rules.guardrails import Counts, GuardrailKind, Measurement
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.shadows import SHADOW_METRIC
from releasetrain.rollouts.rules.snapshot import Call, Observed, Outcome, Readings
from releasetrain.rollouts.rules.states import MOVING_STATES, RolloutKind, RolloutState
from releasetrain.rollouts.standings import fresh_standing, is_dead
from releasetrain.rollouts.together import blocks, must_return
from releasetrain.rollouts.windows import after_windows, windows_over
from releasetrain.trains.rules.states import DepartureState

logger = logging.getLogger(__name__)

PREPARE_SECONDS = 2.0
BASELINE_LOOKBACK = timedelta(minutes=10)
POINT_SECONDS = 10
TINY = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was learnt, and the newest report among it."""

    readings: Readings
    counted_reading: int


def gather(row: Rollout, now: datetime, known: Known | None = None) -> Gathered:
    """Learn everything that the machine wants to know about a rollout.

    :param known: what was learnt for a whole batch at this instant; without it, everything is asked now
    """
    if known is None:
        known = learn_for([row], now)
    windows = windows_over(row, now, known.windows, known.passings)
    afterwards, place = after_windows(row, windows, now), place_in_line(row, now)
    sight = known.sights.get(row.target_id)
    observed = observed_of(row) if sight is None else as_wanted(row, sight.observed)
    left_over = why_not_settled(row, observed)
    in_preflight = row.state in {RolloutState.QUEUED, RolloutState.PREFLIGHT}
    company = known.companies.get(row.departure_id) if row.departure_id else None
    demanded, for_window = must_return(row, company)
    counts, newest = counts_of(row, known)
    outage = known.outages.get(row.target_id)
    is_driver_well = _driver_is_well(row.target, now, sight)
    healthy = _is_healthy(row, "limit_candidate", is_driver_well)
    readings = Readings(
        observed=observed,
        call=_newest_call(row),
        counts=counts,
        new_errors=new_errors_of(row),
        stable_healthy=_is_healthy(row, "limit_baseline", is_driver_well),
        candidate_healthy=False if is_dead(row.target, now) else healthy,
        driver_healthy=is_driver_well,
        undrivable=why_not_climb(row.target, Ladder.from_json(row.ladder)) if in_preflight else "",
        rollback_ready=_is_ready_to_return(row) if in_preflight else None,
        is_go=row.departure is None or row.departure.state == DepartureState.ROLLING,
        is_target_free=place.is_free and not left_over,
        waits_for=place.words if not place.is_free else left_over,
        may_take=place.may_take,
        detour=detour_of(row, company),
        blocks=tuple(blocks(row, company)),
        must_return=demanded,
        must_return_for_window=for_window,
        is_provider_incident=outage is not None,
        provider_outage=outage.label if outage else "",
        windows=windows,
        turn_at=afterwards.turn_at,
        undecided=afterwards.undecided,
    )
    return Gathered(readings, newest)


def learn_for(
    rows: Collection[Rollout], now: datetime, sights: Mapping[int, drivers.Sight] | None = None
) -> Known:
    """Learn in a few questions what the ticks of some rollouts need; each is of another target.

    :param sights: what was read back of their targets, where that was asked of all at once
    """
    watermarks = {row.target_id: watermark_of(row, now) for row in rows}
    return learn(watermarks, rows, now, sights or {})


def watermark_of(row: Rollout, now: datetime) -> int:
    """Return after which reading a rollout counts: the newest that it has counted, or the last minutes."""
    return row.counted_reading if row.counted_reading is not None else lookback(row, now)


def observed_of(row: Rollout) -> Observed:
    """Read back which share of users has the version of a rollout; a way back counts from the other end."""
    if row.state == RolloutState.ROLLING_BACK and row.kind == RolloutKind.FORWARD:
        # By the rows alone: only a rollback that is stuck looks at the fallbacks.
        asked = row.intents.order_by("-fence").values_list("rung", flat=True).first()
        return observe_return(row.target, fence=row.weight_fence) if asked else observe(row.target)
    seen = observe(row.target, _place(row))
    if row.kind == RolloutKind.FORWARD or seen.weight is None:
        return seen
    return replace(seen, weight=100 - seen.weight)


def _place(row: Rollout) -> Place | None:
    is_moving = row.state in MOVING_STATES and row.kind == RolloutKind.FORWARD
    return (Ladder.from_json(row.ladder), row.stage_index) if is_moving else None


def as_wanted(row: Rollout, seen: drivers.Observed) -> Observed:
    """Read what a driver saw in the terms of the stage that a rollout is at."""
    return as_observed(driver_for(row.target.driver), seen, _place(row))


def why_not_settled(row: Rollout, observed: Observed | None) -> str:
    """Say that everybody still gets the last version by the side that the next one needs, "" where not.

    Only a person knows when the other side serves it, too; then they settle the target.
    """
    if row.state != RolloutState.QUEUED or row.kind != "forward" or observed is None or not observed.weight:
        return ""
    last = last_arrived(row.target)
    if last is None or observed.weight != last.desired_weight:
        return ""
    return (
        f"Everybody still gets {last.to_version} by the new side of {row.target}. Once the old side serves "
        f"{last.to_version}, too, somebody settles it to 0 %, and {row.to_version} can begin."
    )


def counts_of(row: Rollout, known: Known) -> tuple[dict[str, list[Counts]], int]:
    """Gather what was reported of a rollout as points per metric, and the watermark for next time.

    Each reading comes exactly once, however late it arrives, whatever other process of the service reported
    the same span. Ten seconds are one point, which stands at its newest end, or just after the one before it.
    """
    rows, newest = known.reported.get(row.target_id, ((), known.watermarks[row.target_id]))
    points = {metric: _points(spans, _seen_until(row, metric)) for metric, spans in by_span(rows).items()}
    for query in known.faults.get(row.target_id, ()):
        if query.failed_at is not None:
            points.setdefault(query.metric, []).append(Counts(at=query.failed_at, error=query.fault))
    return points, newest


def _points(spans: Iterable[Span], seen_until: datetime | None) -> list[Counts]:
    """Join the spans of each ten seconds; guardrails take in only what is newer than the point before."""
    points: list[Counts] = []
    for _, group in groupby(spans, key=lambda span: span.ends_at.timestamp() // POINT_SECONDS):
        joined = list(group)
        at = joined[-1].ends_at if seen_until is None else max(joined[-1].ends_at, seen_until + TINY)
        points.append(_counts(at, joined))
        seen_until = at
    return points


def _counts(at: datetime, spans: list[Span]) -> Counts:
    candidate, baseline = _sum(one.candidate for one in spans), _sum(one.baseline for one in spans)
    return Counts(
        at=at,
        candidate_units=candidate.units if candidate else None,
        candidate_bad=candidate.bad if candidate and candidate.is_bad_known else None,
        baseline_units=baseline.units if baseline else None,
        baseline_bad=baseline.bad if baseline and baseline.is_bad_known else None,
    )


def _sum(parts: Iterable[Reported | None]) -> Reported | None:
    """Add up what one arm reported; an arm that reported nothing at all stays None."""
    known = [part for part in parts if part is not None]
    return sum(known[1:], known[0]) if known else None


def _seen_until(row: Rollout, metric: str) -> datetime | None:
    """Return the newest point that any guardrail of a metric has taken in."""
    names = [one.name for one in guardrails_of(row.target) if one.metric == metric]
    known = [at for name in names if (at := row.guardrail_states.get(name, {}).get("at"))]
    return max((datetime.fromisoformat(at) for at in known), default=None)


def lookback(row: Rollout, now: datetime) -> int:
    """Return the watermark from which on the last minutes of a target were reported."""
    recent = ending_after(now - BASELINE_LOOKBACK).filter(target=row.target_id)
    first: int | None = recent.order_by("pk").values_list("pk", flat=True).first()
    return last_watermark(row.target) if first is None else first - 1


def _newest_call(row: Rollout) -> Call | None:
    intent = newest_intent(row)
    if intent is None:
        return None
    outcome = Outcome(intent.outcome) if intent.outcome else None
    return Call(fence=intent.fence, asked_at=intent.created_at, outcome=outcome, detail=intent.detail)


def _is_healthy(row: Rollout, limit: str, is_driver_well: bool | None) -> bool | None:  # noqa: FBT001 - a reading
    """Say what the absolute limits of the required guardrails make of one arm; None where nothing is known.

    A target without any such limit has only its driver to ask.
    """
    unlimited = {GuardrailKind.SAMPLE_RATIO, GuardrailKind.NEW_ERRORS}
    required = {
        one.name
        for one in guardrails_of(row.target)
        if one.is_required
        and one.absolute_limit is not None
        and one.kind not in unlimited
        # How often the old version differs from itself is no sickness of it.
        and one.metric != SHADOW_METRIC
    }
    if not required:
        return is_driver_well
    known = [state.get(limit) for name, state in row.guardrail_states.items() if name in required]
    if Measurement.BAD in known:
        return False
    return True if Measurement.OK in known else None


def _driver_is_well(target: Target, now: datetime, sight: drivers.Sight | None) -> bool | None:
    """Tell by the last look where that is fresh; else ask, if nobody has asked for a whole batch."""
    if (known := fresh_standing(target, now)) is not None and known.is_well is not None:
        return known.is_well
    if sight is not None:
        return sight.health.is_well
    try:
        return driver_for(target.driver).health(target).is_well
    except Exception:
        logger.exception("The driver of %s cannot say how it is.", target)
        return None


def _is_ready_to_return(row: Rollout) -> bool | None:
    """Rehearse the way back; a driver that does not answer leaves it unknown, and the start waits."""
    desired = drivers.Desired(row.target, row.desired_weight, row.fence, row.to_version)
    try:
        driver = driver_for(row.target.driver)
        return (
            driver.prepare(desired, key=f"{row.pk}:prepare", deadline=PREPARE_SECONDS).outcome == "confirmed"
        )
    except Exception:
        logger.exception("The driver of %s could not prepare.", row.target)
        return False
