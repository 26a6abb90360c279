"""Gather everything that one tick has to learn from outside: driver, metrics, windows and neighbours.

No row is locked while this runs (ENGINE R2); whatever cannot be learnt is None, which is never good news.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from releasetrain.catalog.models import Target
from releasetrain.health.models import MetricQuery
from releasetrain.health.queries import Counts as Reported
from releasetrain.health.queries import Point as Span
from releasetrain.health.queries import by_span, ending_after, last_watermark, readings_after
from releasetrain.health.rules.reports import OLDEST
from releasetrain.rollouts.detours import detour_of
from releasetrain.rollouts.drivers import base as drivers
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.due import Common, common_at
from releasetrain.rollouts.ladders import observe as observe
from releasetrain.rollouts.ladders import observe_return, why_not_climb
from releasetrain.rollouts.line import last_arrived, place_in_line
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.new_lines import new_errors_of
from releasetrain.rollouts.providers import outage_over
from releasetrain.rollouts.rules.guardrails import Counts, GuardrailKind, GuardrailState, Measurement
from releasetrain.rollouts.rules.ladder import Ladder
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


def gather(row: Rollout, now: datetime, common: Common | None = None) -> Gathered:
    """Learn everything that the machine wants to know about a rollout.

    :param common: what is known already of all that are due now; it is asked anew once it is too old
    """
    if common is None or now > common.until:
        common = common_at(now)
    windows = windows_over(row, now, common.windows)
    afterwards, place = after_windows(row, windows, now), place_in_line(row, now)
    observed = observed_of(row)
    left_over = why_not_settled(row, observed)
    in_preflight = row.state in {RolloutState.QUEUED, RolloutState.PREFLIGHT}
    watermark = row.counted_reading if row.counted_reading is not None else lookback(row, now)
    demanded, for_window = must_return(row)
    counts, newest = counts_after(row, watermark)
    outage = outage_over(row) if common.has_outages else None
    readings = Readings(
        observed=observed,
        call=_newest_call(row),
        counts=counts,
        new_errors=new_errors_of(row),
        stable_healthy=_is_healthy(row, "limit_baseline", now),
        candidate_healthy=False if is_dead(row.target, now) else _is_healthy(row, "limit_candidate", now),
        driver_healthy=_driver_is_well(row.target, now),
        undrivable=why_not_climb(row.target, Ladder.from_json(row.ladder)) if in_preflight else "",
        rollback_ready=_is_ready_to_return(row) if in_preflight else None,
        is_go=row.departure is None or row.departure.state == DepartureState.ROLLING,
        is_target_free=place.is_free and not left_over,
        waits_for=place.words if not place.is_free else left_over,
        may_take=place.may_take,
        detour=detour_of(row),
        blocks=tuple(blocks(row)),
        must_return=demanded,
        must_return_for_window=for_window,
        is_provider_incident=outage is not None,
        provider_outage=outage.label if outage else "",
        windows=windows,
        turn_at=afterwards.turn_at,
        undecided=afterwards.undecided,
    )
    return Gathered(readings, newest)


def observed_of(row: Rollout) -> Observed:
    """Read back which share of users has the version of a rollout; a way back counts from the other end."""
    if row.state == RolloutState.ROLLING_BACK and row.kind == RolloutKind.FORWARD:
        # By the rows alone: only a rollback that is stuck looks at the fallbacks.
        asked = row.intents.order_by("-fence").values_list("rung", flat=True).first()
        return observe_return(row.target, fence=row.weight_fence) if asked else observe(row.target)
    is_moving = row.state in MOVING_STATES and row.kind == RolloutKind.FORWARD
    seen = observe(row.target, (Ladder.from_json(row.ladder), row.stage_index) if is_moving else None)
    if row.kind == RolloutKind.FORWARD or seen.weight is None:
        return seen
    return replace(seen, weight=100 - seen.weight)


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


def _metrics(row: Rollout) -> list[str]:
    return sorted({one.metric for one in row.target.guardrails.all()})


def counts_after(row: Rollout, watermark: int) -> tuple[dict[str, list[Counts]], int]:
    """Gather what was reported after a watermark as points per metric, and the watermark for next time.

    Each reading comes exactly once, however late it arrives, whatever other process of the service reported
    the same span. Ten seconds are one point, which stands at its newest end, or just after the one before it.
    """
    rows, newest = readings_after(row.target, _metrics(row), watermark, since=row.created_at - OLDEST)
    points = {metric: _points(spans, _seen_until(row, metric)) for metric, spans in by_span(rows).items()}
    for query in MetricQuery.objects.filter(target=row.target_id, removed_at=None).exclude(fault=""):
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
    names = [one.name for one in row.target.guardrails.all() if one.metric == metric]
    states = [GuardrailState.from_json(row.guardrail_states.get(name, {})) for name in names]
    return max((state.at for state in states if state.at is not None), default=None)


def lookback(row: Rollout, now: datetime) -> int:
    """Return the watermark from which on the last minutes of a target were reported."""
    recent = ending_after(now - BASELINE_LOOKBACK).filter(target=row.target_id)
    first: int | None = recent.order_by("pk").values_list("pk", flat=True).first()
    return last_watermark(row.target) if first is None else first - 1


def newest_intent(row: Rollout) -> Intent | None:
    """Return what was asked last, as it was loaded with the rollout or as it is now."""
    if hasattr(row, "newest_intent"):
        loaded: Intent | None = row.newest_intent
        return loaded
    return Intent.objects.filter(rollout=row).order_by("-fence").first()


def _newest_call(row: Rollout) -> Call | None:
    intent = newest_intent(row)
    if intent is None:
        return None
    outcome = Outcome(intent.outcome) if intent.outcome else None
    return Call(fence=intent.fence, asked_at=intent.created_at, outcome=outcome, detail=intent.detail)


def _is_healthy(row: Rollout, limit: str, now: datetime) -> bool | None:
    """Say what the absolute limits of the required guardrails make of one arm; None where nothing is known.

    A target without any such limit has only its driver to ask.
    """
    unlimited = {GuardrailKind.SAMPLE_RATIO, GuardrailKind.NEW_ERRORS}
    required = {
        one.name
        for one in row.target.guardrails.all()
        if one.is_required and one.absolute_limit is not None and one.kind not in unlimited
    }
    if not required:
        return _driver_is_well(row.target, now)
    known = [
        getattr(GuardrailState.from_json(state), limit)
        for name, state in row.guardrail_states.items()
        if name in required
    ]
    if Measurement.BAD in known:
        return False
    return True if Measurement.OK in known else None


def _driver_is_well(target: Target, now: datetime) -> bool | None:
    """Tell by the last look where that is fresh; else ask."""
    if (known := fresh_standing(target, now)) is not None and known.is_well is not None:
        return known.is_well
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
