"""Compare the answers of shadow stages, and tell the guardrails how many differ."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min

from releasetrain.health.actions import Delivery, take_reports
from releasetrain.health.models import Arm
from releasetrain.health.rules.reports import LONGEST_SPAN, Counted, Report
from releasetrain.lib.spans import Span
from releasetrain.rollouts.copies import Shadow
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.shadows import Answered, TellsAnswers
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.rules.shadows import SHADOW_METRIC, Comparison, Pairs
from releasetrain.rollouts.rules.states import RolloutKind, RolloutState

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=2)
# A look whose worker died is repeated after this.
LEASE = timedelta(seconds=30)
SOURCE = "shadow"
MIRRORING = (RolloutState.SHIFTING, RolloutState.BAKING)
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """A look at one rollout's copies, ours alone until the lease is over."""

    shadow: Shadow
    until: datetime


def compare_due(now: datetime) -> int:
    """Look at every rollout that mirrors and is due, and return how many those were."""
    count = 0
    for rollout in mirroring():
        claim = _claim(rollout, now)
        if claim is not None:
            _look(claim, rollout, now)
            count += 1
    return count


def mirroring() -> list[Rollout]:
    """Return the rollouts whose stage sends copies and no user; only such stages have the weight 0."""
    rows = Rollout.objects.filter(next_due_at__isnull=False, state__in=MIRRORING)
    rows = rows.filter(kind=RolloutKind.FORWARD, desired_weight=0)
    return list(rows.select_related("target").order_by("pk")[:MOST_AT_ONCE])


def _claim(rollout: Rollout, now: datetime) -> Claim | None:
    """Take a look for ourselves, None where it is not due or somebody else has it (ENGINE R1)."""
    shadow = Shadow.objects.filter(rollout=rollout).first()
    if shadow is None:
        first = Intent.objects.filter(rollout=rollout).aggregate(first=Min("fence"))["first"]
        if first is None:
            return None
        values = {"first_fence": first, "told_until": now, "next_due_at": now}
        shadow, _ = Shadow.objects.get_or_create(rollout=rollout, defaults=values)
    until = now + LEASE
    mine = Shadow.objects.filter(pk=shadow.pk, next_due_at=shadow.next_due_at, next_due_at__lte=now)
    return Claim(shadow, until) if mine.update(next_due_at=until) else None


def _look(claim: Claim, rollout: Rollout, now: datetime) -> None:
    """Read and compare, holding no lock; a driver that cannot be read leaves a sentence and no reading."""
    try:
        driver = driver_for(rollout.target.driver)
        if not isinstance(driver, TellsAnswers):
            told = f"{driver.label} copies requests, but does not tell how they are answered."
            _put_off(claim, told, now)
            return
        answered = driver.answers(rollout.target, dict(claim.shadow.memory))
    except Exception as error:
        logger.exception("The copies of %s could not be compared.", rollout)
        _put_off(claim, f"Nothing could be read: {type(error).__name__}.", now)
        return
    _keep(claim, rollout, answered, now)


def _put_off(claim: Claim, fault: str, now: datetime) -> None:
    mine = Shadow.objects.filter(pk=claim.shadow.pk, next_due_at=claim.until)
    mine.update(next_due_at=now + EVERY, fault=fault[:500])


def _keep(claim: Claim, rollout: Rollout, answered: Answered, now: datetime) -> None:
    shadow, comparison = claim.shadow, Comparison.from_json(claim.shadow.found)
    before = comparison.pairs, comparison.noise
    own = [(side, one) for side, one in answered.answers if one.fence >= shadow.first_fence]
    comparison.take(own, now.timestamp(), has_noise=answered.has_noise)
    pairs, noise = comparison.pairs - before[0], comparison.noise - before[1]
    with transaction.atomic():
        mine = Shadow.objects.filter(pk=shadow.pk, next_due_at=claim.until)
        is_mine = mine.update(
            found=comparison.to_json(),
            memory=answered.memory,
            told_until=now,
            next_due_at=now + EVERY,
            fault="",
        )
        span = Span(max(shadow.told_until, now - LONGEST_SPAN), now)
        if is_mine and span.start < span.end:
            readings = [_counted(Arm.CANDIDATE, pairs)]
            readings += [_counted(Arm.BASELINE, noise)] if answered.has_noise else []
            take_reports([Delivery(rollout.target_id, Report(SOURCE, span, readings, []))], now)


def _counted(arm: Arm, pairs: Pairs) -> Counted:
    return Counted(arm.value, SHADOW_METRIC, pairs.compared, pairs.different)
