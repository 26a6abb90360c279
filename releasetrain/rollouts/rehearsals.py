"""Load what was reported of a target within a day, and rehearse a guardrail on it before it is saved."""

from dataclasses import dataclass
from datetime import datetime

from releasetrain.catalog.models import Target
from releasetrain.health.queries import Point, series
from releasetrain.rollouts.guarding import RECENT, ladders_of
from releasetrain.rollouts.models import Transition
from releasetrain.rollouts.new_lines import new_errors_in
from releasetrain.rollouts.rules.guardrails import Counts, Guardrail, GuardrailKind
from releasetrain.rollouts.rules.new_errors import NewError
from releasetrain.rollouts.rules.rehearsal import Rehearsal, Replay, rehearse, replay

MOST_STAGES = 24
POINT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Baked:
    """A stage that was really baked, and what the guardrail would have said of it."""

    version: str
    entered_at: datetime
    replay: Replay


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a day makes of a guardrail: bakes that are drawn, and bakes that were."""

    ladder: str
    rehearsal: Rehearsal
    baked: list[Baked]


def rehearse_on(target: Target, promise: Guardrail, now: datetime) -> Rehearsed:
    """Rehearse a guardrail on the last day of a target; the same day gives the same answer."""
    spans = series(target, promise.metric, now - RECENT, until=now, seconds=POINT_SECONDS)
    points = [_counts(span) for span in spans]
    name, ladder = ladders_of(target)[0]
    rehearsal = rehearse(promise, points, ladder, seed=target.pk)
    return Rehearsed(name, rehearsal, _baked(target, promise, points, now))


def _counts(span: Point) -> Counts:
    candidate, baseline = span.candidate, span.baseline
    return Counts(
        at=span.ends_at,
        candidate_units=candidate.units if candidate else None,
        candidate_bad=candidate.bad if candidate else None,
        baseline_units=baseline.units if baseline else None,
        baseline_bad=baseline.bad if baseline else None,
    )


def _baked(target: Target, promise: Guardrail, points: list[Counts], now: datetime) -> list[Baked]:
    """Replay the newest stages; one begins when its weight is asked for and ends with the next step."""
    rows = Transition.objects.filter(rollout__target=target, rollout__kind="forward", at__gt=now - RECENT)
    steps = list(rows.select_related("rollout").order_by("rollout", "seq"))
    found = []
    for number, step in enumerate(steps):
        if step.to_state != "baking":
            continue
        following = steps[number + 1] if number + 1 < len(steps) else None
        is_next = following is not None and following.rollout_id == step.rollout_id
        ended_at = following.at if following is not None and is_next else now
        within = [point for point in points if step.at < point.at <= ended_at]
        lines = _lines(target, promise, step, ended_at)
        said = replay(promise, within, weight=step.weight, entered_at=step.at, ended_at=ended_at, lines=lines)
        found.append(Baked(step.rollout.to_version, step.at, said))
    found.sort(key=lambda one: one.entered_at, reverse=True)
    return found[:MOST_STAGES]


def _lines(
    target: Target, promise: Guardrail, step: Transition, ended_at: datetime
) -> tuple[NewError, ...] | None:
    """Return the error lines that were new until the end of a stage, counted since its rollout began."""
    if promise.kind is not GuardrailKind.NEW_ERRORS:
        return None
    return new_errors_in(target.pk, step.rollout.created_at, ended_at, step.weight)
