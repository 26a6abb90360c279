"""Gather what a rollout must keep, how it is kept, and the points that its charts are drawn from."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from releasetrain.health.models import Arm
from releasetrain.health.queries import received_after
from releasetrain.lib.spans import in_words
from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import Chart, GuardrailCard, Guardrails, Point
from releasetrain.rollouts.models import Guardrail, Judgement, Rollout
from releasetrain.rollouts.rules.findings import promised, ratio_words
from releasetrain.rollouts.rules.guardrails import GuardrailKind, Verdict
from releasetrain.rollouts.rules.states import MOVING_STATES, RolloutState
from releasetrain.rollouts.store import promise_of

WINDOW = timedelta(minutes=10)
# News may come late: each look at the readings goes back a little further than the last one.
OVERLAP = timedelta(seconds=20)
STALE_AFTER = timedelta(seconds=60)
MOST_READINGS = 5000
Figures = Mapping[str, Any]


def load_guardrails(
    pk: int, audience: Audience, now: datetime, *, with_points: bool = False
) -> Guardrails | None:
    """Gather all guardrails of one rollout.

    :param with_points: for a page's first paint; a chart that is on the page already keeps its points
    """
    rollout = Rollout.objects.select_related("target").filter(pk=pk).first()
    if rollout is None:
        return None
    guardrails = list(Guardrail.objects.filter(target=rollout.target_id))
    found = Judgement.objects.filter(rollout=rollout, stage_index=rollout.stage_index)
    judgements = {one.guardrail_id: one for one in found}
    points = points_since([rollout], now - WINDOW).get(pk, {}) if with_points else {}
    cards = [
        _card(rollout, one, judgements.get(one.pk), points.get(chart_key(pk, one), ())) for one in guardrails
    ]
    return Guardrails(pk, cards, _stale(rollout, now))


def chart_key(rollout: int, guardrail: Guardrail) -> str:
    """Name the chart of a guardrail on a rollout's page."""
    return f"{rollout}-{guardrail.pk}"


def _stale(rollout: Rollout, now: datetime) -> str:
    """Say that measurements are missing, in whole minutes so that the sentence does not flicker."""
    fresh_at = rollout.data_fresh_at
    if fresh_at is None or RolloutState(rollout.state) not in MOVING_STATES or now - fresh_at < STALE_AFTER:
        return ""
    minutes = in_words((now - fresh_at) // timedelta(minutes=1) * timedelta(minutes=1))
    return f"No fresh measurements for {minutes}: the bake does not count until they arrive again."


def _card(
    rollout: Rollout, guardrail: Guardrail, judgement: Judgement | None, points: Iterable[Point]
) -> GuardrailCard:
    figures: Figures = judgement.evidence if judgement else {}
    needed, seen = figures.get("needed_units"), figures.get("candidate_units", 0)
    return GuardrailCard(
        key=str(guardrail.pk),
        name=guardrail.name,
        verdict=judgement.verdict if judgement else Verdict.NOT_RUN.value,
        text=(judgement.sentence if judgement else "") or promised(promise_of(guardrail)),
        is_required=guardrail.is_required,
        is_critical=guardrail.is_critical,
        detectable=_detectable(figures),
        sample=_sample(seen, needed) if needed else "",
        sample_percent=min(100, int(100 * seen / needed)) if needed else None,
        evidence=_evidence(figures),
        chart=_chart(rollout, guardrail, figures, points),
    )


def _sample(seen: float, needed: float) -> str:
    if seen < needed:
        return f"{seen:,.0f} of {needed:,.0f} seen"
    return f"{seen:,.0f} seen, {needed:,.0f} needed"


def _detectable(figures: Figures) -> str:
    ratio = figures.get("detectable_ratio")
    return f"this stage can detect {ratio_words(ratio)}" if ratio else ""


def _evidence(figures: Figures) -> str:
    log_e, limit = figures.get("log_e"), figures.get("log_e_limit")
    if log_e is None or not limit:
        return ""
    return f"Evidence against it: E = {_large(log_e)}, fails at {_large(limit)}"


def _large(log: float) -> str:
    """Write e to the power of log with two digits that matter, and no more than a million."""
    if log > math.log(1e6):
        return "more than a million"
    value = math.exp(log)
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _chart(rollout: Rollout, guardrail: Guardrail, figures: Figures, points: Iterable[Point]) -> Chart | None:
    if guardrail.kind == GuardrailKind.NEW_ERRORS:
        return None
    if guardrail.kind == GuardrailKind.SAMPLE_RATIO:
        return _shares(rollout, guardrail, points)
    threshold = _threshold(guardrail, figures)
    return Chart(
        key=chart_key(rollout.pk, guardrail),
        title=guardrail.name,
        unit="%",
        points=list(points),
        threshold=threshold,
        window_seconds=int(WINDOW.total_seconds()),
        summary=_summary(figures, threshold),
        bad_side="below" if guardrail.fewer_is_worse else "above",
    )


def _shares(rollout: Rollout, guardrail: Guardrail, points: Iterable[Point]) -> Chart:
    """Draw the share of units that the new version gets, beside the one that it was given."""
    drawn = list(points)
    wanted = rollout.desired_weight
    newest = next((share for _, share, _ in reversed(drawn) if share is not None), None)
    told = f"The new version got {newest:.1f} % of them last; " if newest is not None else ""
    return Chart(
        key=chart_key(rollout.pk, guardrail),
        title=guardrail.name,
        unit="%",
        points=drawn,
        threshold=float(wanted),
        window_seconds=int(WINDOW.total_seconds()),
        summary=f"{told}{wanted} % are wanted." if told else f"{wanted} % are wanted.",
        limit_word="Wanted",
        bad_side="",
        has_baseline=False,
    )


def _threshold(guardrail: Guardrail, figures: Figures) -> float | None:
    """Draw the line that the candidate must keep to: relative to the old version where that has a rate."""
    units, bad = figures.get("baseline_units") or 0, figures.get("baseline_bad") or 0
    if guardrail.kind == GuardrailKind.RATIO and units and bad:
        allowed = 1 / guardrail.ratio if guardrail.fewer_is_worse else guardrail.ratio
        return float(f"{100 * allowed * bad / units:.2g}")
    return None if guardrail.absolute_limit is None else 100 * guardrail.absolute_limit


def _summary(figures: Figures, threshold: float | None) -> str:
    """Say the chart in words."""
    pairs = [
        (figures.get(f"{arm}_bad"), figures.get(f"{arm}_units"), words)
        for arm, words in (("candidate", "The new version"), ("baseline", "the old one"))
    ]
    said = [f"{words} {bad / units:.2%}" for bad, units, words in pairs if units and bad is not None]
    if len(said) < 2:
        return ""
    line = f" The line is at {threshold:g} %." if threshold is not None else ""
    return f"{', '.join(said)} of {pairs[0][1]:,.0f} and {pairs[1][1]:,.0f}.{line}"


def points_since(rollouts: Iterable[Rollout], since: datetime) -> dict[int, dict[str, tuple[Point, ...]]]:
    """Return the points of every chart of these rollouts, in two queries however many there are.

    A point is (seconds since 1970, candidate, baseline) in percent, one for each span that was reported.

    :return: rollout id → chart key → points, oldest first
    """
    shown = list(rollouts)
    targets = {rollout.target_id for rollout in shown}
    guardrails = list(Guardrail.objects.filter(target__in=targets).exclude(kind=GuardrailKind.NEW_ERRORS))
    counts = _counts(targets, {one.metric for one in guardrails}, since)
    found: dict[int, dict[str, tuple[Point, ...]]] = {}
    for rollout in shown:
        end = rollout.finished_at.timestamp() if rollout.finished_at else math.inf
        for guardrail in guardrails:
            spans = counts.get((guardrail.target_id, guardrail.metric), {})
            if guardrail.target_id == rollout.target_id and spans:
                draw = _share if guardrail.kind == GuardrailKind.SAMPLE_RATIO else _rates
                found.setdefault(rollout.pk, {})[chart_key(rollout.pk, guardrail)] = tuple(
                    draw(at, arms) for at, arms in sorted(spans.items()) if at <= end
                )
    return found


Arms = dict[str, tuple[int, int | None]]


def _rates(at: float, arms: Arms) -> Point:
    """Return the bad rate of each arm in percent."""
    rates = {
        arm: round(100 * bad / units, 3) for arm, (units, bad) in arms.items() if units and bad is not None
    }
    return at, rates.get(Arm.CANDIDATE.value), rates.get(Arm.BASELINE.value)


def _share(at: float, arms: Arms) -> Point:
    """Return the candidate's share of the units of both arms in percent, where both told of theirs."""
    mine, others = arms.get(Arm.CANDIDATE.value), arms.get(Arm.BASELINE.value)
    if mine is None or others is None or not mine[0] + others[0]:
        return at, None, None
    return at, round(100 * mine[0] / (mine[0] + others[0]), 3), None


def _counts(
    targets: Iterable[int], metrics: Iterable[str], since: datetime
) -> dict[tuple[int, str], dict[float, Arms]]:
    """Return (units, bad) by target and metric, then by the end of the span, then by arm; sources add up."""
    readings = received_after(since).filter(target__in=targets, metric__in=metrics)
    rows = readings.order_by("-received_at").values_list(
        "target_id", "metric", "ends_at", "arm", "units", "bad"
    )
    found: dict[tuple[int, str], dict[float, Arms]] = {}
    for target, metric, ends_at, arm, units, bad in rows[:MOST_READINGS]:
        arms = found.setdefault((target, metric), {}).setdefault(round(ends_at.timestamp(), 1), {})
        others, wrong = arms.get(arm, (0, 0))
        arms[arm] = others + units, None if bad is None or wrong is None else wrong + bad
    return found
