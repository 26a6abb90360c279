"""Ask drivers for what was intended, and note what they answered."""

import logging
from collections.abc import Iterable

from releasetrain.lib import clock
from releasetrain.rollouts.drivers.base import Ack, Desired, Outcome
from releasetrain.rollouts.ladders import Rung, answer_of, rungs_of
from releasetrain.rollouts.loaded import newest_intent
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.snapshot import IntentAction
from releasetrain.rollouts.rules.states import RolloutKind

logger = logging.getLogger(__name__)

APPLY_SECONDS = 10.0
ROLLBACK_SECONDS = 2.0


def carry_out(intents: Iterable[Intent], rollout: Rollout) -> None:
    """Call the driver for each intent, after the commit that wrote it and holding no lock (ENGINE R2, R3).

    A driver that fails is an unknown outcome, never an exception: the next tick reads back and asks again.
    A late answer is only noted: it changes no rollout (ENGINE R11).
    """
    for intent in intents:
        ack = _ask(intent, rollout)
        Intent.objects.filter(pk=intent.pk).update(
            outcome=ack.outcome, detail=ack.detail[:500], answered_at=clock.now()
        )


def hear_of_accepted(rollout: Rollout) -> None:
    """Note what has become of a share of users that a driver has only accepted, and works on since.

    What it says is an answer to that very intent: a refusal or a failure ends the waiting at once.
    """
    intent = newest_intent(rollout)
    if intent is None or intent.outcome != Outcome.ACCEPTED or intent.action != IntentAction.APPLY:
        return
    try:
        ack = answer_of(rollout.target, intent.key)
    except Exception:
        logger.exception("The driver of %s cannot say what became of %s.", rollout.target, intent.key)
        return
    if ack is None or ack.outcome == intent.outcome:
        return
    intent.outcome, intent.detail, intent.answered_at = ack.outcome, ack.detail[:500], clock.now()
    intent.save(update_fields=["outcome", "detail", "answered_at"])


def _ask(intent: Intent, rollout: Rollout) -> Ack:
    """Ask the target's own driver and every one down to the intent's rung; one that obeys is enough (T11)."""
    rungs = rungs_of(rollout.target)[: intent.rung + 1]
    answers = [(rung, _call(rung, intent, rollout)) for rung in rungs]
    if len(answers) == 1:
        return answers[0][1]
    said = " ".join(f"{rung.kind}: {ack.outcome}. {ack.detail}".strip() for rung, ack in answers)
    outcomes = [ack.outcome for _, ack in answers]
    best = next((one for one in BEST_FIRST if one in outcomes), Outcome.UNKNOWN)
    return Ack(best, said)


BEST_FIRST = (Outcome.CONFIRMED, Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.REFUSED)


def _call(rung: Rung, intent: Intent, rollout: Rollout) -> Ack:
    try:
        driver, target = rung.driver(), rung.target
        weight, version = intent.weight, rollout.to_version
        if rollout.kind == RolloutKind.ROLLBACK:
            # The way back of a finished rollout: all users of the old version are none of the new one.
            weight, version = 100 - weight, rollout.from_version
        ladder = Ladder.from_json(rollout.ladder)
        mirror = 0
        if rollout.kind == RolloutKind.FORWARD and intent.action == IntentAction.APPLY:
            mirror = ladder.stage(rollout.stage_index).mirror
        if weight == 0 and not mirror:
            return driver.rollback(target, fence=intent.fence, key=intent.key, deadline=ROLLBACK_SECONDS)
        is_return = intent.action == IntentAction.ROLLBACK
        deadline = ROLLBACK_SECONDS if is_return else APPLY_SECONDS
        segments: tuple[tuple[str, int], ...] = ()
        if rollout.kind == RolloutKind.FORWARD:
            weight, segments = ladder.shares(rollout.stage_index)
        desired = Desired(target, weight, intent.fence, version, segments, mirror)
        return driver.apply(desired, key=intent.key, deadline=deadline)
    except Exception as error:
        logger.exception("The driver %s of %s failed on intent %s.", rung.kind, rollout.target, intent.key)
        return Ack(Outcome.UNKNOWN, f"{type(error).__name__}: {error}")
