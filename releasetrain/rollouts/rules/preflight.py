"""Ask, before any user is sent anywhere, whether all that would be needed later is there (T2)."""

from datetime import datetime

from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailKind, GuardrailState, Measurement
from releasetrain.rollouts.rules.measuring import STALE_AFTER
from releasetrain.rollouts.rules.snapshot import Readings, Snapshot


def problems_before_start(rollout: Snapshot, readings: Readings) -> list[str]:
    """Return a sentence for each check that has failed; waiting would not mend it."""
    problems = [readings.undrivable] if readings.undrivable else []
    observed = readings.observed
    if observed is not None and observed.weight:
        problems.append(
            f"{observed.weight} % of the users are on a new version already; "
            "something else moves this traffic."
        )
    if readings.stable_healthy is False and not rollout.is_hotfix:
        problems.append("The old version is unhealthy, so there would be nothing to come back to.")
    if readings.candidate_healthy is False:
        problems.append("The new version is unhealthy.")
    if readings.rollback_ready is False:
        problems.append("The rehearsal of the rollback failed.")
    if rollout.is_hotfix:  # a broken old version is what it is sent for
        return problems
    return problems + [
        f"{guardrail.name}: the old version is beyond the limit of {guardrail.absolute_limit:.0%} already."
        for guardrail in rollout.guardrails
        if guardrail.is_required
        and not guardrail.is_of_copies
        and rollout.state_of(guardrail).limit_baseline is Measurement.BAD
    ]


def waits_before_start(rollout: Snapshot, readings: Readings, now: datetime) -> list[str]:
    """Return a sentence for each thing that is not known yet; it may still come."""
    waits = []
    if readings.observed is None or readings.observed.weight is None:
        waits.append("The driver cannot read the weight.")
    if readings.stable_healthy is None:
        waits.append("The health of the old version is not known.")
    if readings.rollback_ready is None:
        waits.append("The rollback has not been rehearsed.")
    if readings.driver_healthy is False:
        waits.append("The driver is unhealthy.")
    # Nobody has copied anything before the first stage does.
    required = [one for one in rollout.guardrails if one.is_required and not one.is_of_copies]
    return waits + [
        sentence
        for guardrail in required
        if (sentence := _why_not_measured(guardrail, rollout.state_of(guardrail), now)) is not None
    ]


def _why_not_measured(guardrail: Guardrail, state: GuardrailState, now: datetime) -> str | None:
    if state.last is Measurement.ERROR:
        return f"{guardrail.name}: the source of “{guardrail.metric}” answers with an error."
    if state.fresh_at is None or state.baseline.units <= 0:
        return f"{guardrail.name}: nothing reports “{guardrail.metric}” of the old version."
    if guardrail.kind is GuardrailKind.NEW_ERRORS and not state.oks:
        return f"{guardrail.name}: nobody sends error lines of this service."
    if now - state.fresh_at > STALE_AFTER:
        return f"{guardrail.name}: the newest “{guardrail.metric}” is too old."
    return None
