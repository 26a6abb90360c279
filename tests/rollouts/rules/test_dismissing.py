"""Dismissals (ENGINE section 3): accepted for a time, armed again by what is worse."""

import json
import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.rollouts.rules.dismissals import LONGEST_MINUTES, why_not_minutes
from releasetrain.rollouts.rules.dismissing import dismiss, needs_second, why_not_dismiss
from releasetrain.rollouts.rules.guardrails import (
    Counts,
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Measurement,
    Verdict,
)
from releasetrain.rollouts.rules.judging import judge
from releasetrain.rollouts.rules.measuring import Look, absorb
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.rules.states import HoldKind, RolloutState
from releasetrain.rollouts.rules.watch import deciding
from tests.rollouts.rules.test_baking import baking
from tests.rollouts.rules.world import ERRORS, START, at, counts, rollout

WEIGHT = 5


def look(seconds: float, **fields: Any) -> Look:
    return Look(now=at(seconds), stage_index=0, weight=WEIGHT, entered_at=START, **fields)


def watch(
    guardrail: Guardrail, state: GuardrailState, since: int, until: int, **traffic: Any
) -> GuardrailState:
    points = [counts(at(second), WEIGHT, **traffic) for second in range(since + 10, until + 10, 10)]
    for point in points:
        state = absorb(guardrail, state, [point], look((point.at - START).total_seconds()))
    return state


def baked(guardrail: Guardrail, state: GuardrailState, **fields: Any) -> Snapshot:
    fields.setdefault("desired_weight", WEIGHT)
    return rollout(
        state=RolloutState.BAKING,
        guardrails=(guardrail,),
        guardrail_states={guardrail.name: state},
        **fields,
    )


def dismissed(
    guardrail: Guardrail, state: GuardrailState, seconds: float, minutes: int = 30
) -> GuardrailState:
    states = dismiss(
        baked(guardrail, state),
        guardrail.name,
        minutes=minutes,
        by="Ada",
        reason="A crawler.",
        now=at(seconds),
    )
    return states[guardrail.name]


def test_what_is_dismissed_says_so_and_decides_nothing() -> None:
    state = dismissed(ERRORS, watch(ERRORS, GuardrailState(), 0, 120, ratio=4), 120)
    judgement = judge(ERRORS, state, look(130))
    assert (judgement.verdict, judgement.sentence) == (
        Verdict.DISMISSED,
        "Errors: dismissed by Ada for another 30 min: A crawler.",
    )
    assert deciding(baked(ERRORS, state)) == ()
    assert deciding(baked(ERRORS, replace(state, dismissal=None))) == (ERRORS,)


def test_the_same_finding_does_not_arm_it_again() -> None:
    found = watch(ERRORS, GuardrailState(), 0, 600, ratio=4)
    assert found.failed
    state = watch(ERRORS, dismissed(ERRORS, found, 600), 600, 2000, ratio=4)
    assert (state.failed, state.is_suspected) == ("", False)
    assert state.dismissal is not None


def test_a_worse_finding_arms_it_again_at_once() -> None:
    state = dismissed(ERRORS, watch(ERRORS, GuardrailState(), 0, 600, ratio=4), 600)
    state = watch(ERRORS, state, 600, 1200, ratio=20)
    assert state.dismissal is None
    assert state.failed.endswith("That is worse than what was dismissed.")
    assert judge(ERRORS, state, look(1200)).verdict is Verdict.FAIL


def test_an_absolute_limit_that_was_not_crossed_before_arms_it_again() -> None:
    state = dismissed(ERRORS, watch(ERRORS, GuardrailState(), 0, 600, ratio=4), 600)
    broken = Counts(at=at(610), candidate_units=50, candidate_bad=11, baseline_units=950, baseline_bad=5)
    state = absorb(ERRORS, state, [broken], look(610))
    assert state.dismissal is None
    assert state.failed.startswith("Errors: 11 of the newest 50 on the new version (22%)")


def test_a_limit_that_was_crossed_counts_again_when_it_is_crossed_further() -> None:
    limited = replace(ERRORS, ratio=60)
    crossed = watch(limited, GuardrailState(), 0, 60, ratio=50)
    assert crossed.limit_candidate is Measurement.BAD
    state = dismissed(limited, crossed, 60)
    same = watch(limited, state, 60, 300, ratio=56)
    assert (same.failed, same.limit_candidate) == ("", Measurement.BAD)
    assert watch(limited, same, 300, 320, ratio=80).failed.endswith("worse than what was dismissed.")


def test_a_dismissal_ends_and_what_was_found_counts_again() -> None:
    state = dismissed(ERRORS, watch(ERRORS, GuardrailState(), 0, 600, ratio=4), 600, minutes=10)
    assert watch(ERRORS, state, 600, 1190, ratio=4).failed == ""
    assert watch(ERRORS, state, 600, 1210, ratio=4).failed.startswith("Errors: ")


def test_a_threshold_that_was_dismissed_counts_only_what_is_worse() -> None:
    slow = Guardrail(name="Slow", metric="slow", kind=GuardrailKind.THRESHOLD, absolute_limit=0.1)
    found = watch(slow, GuardrailState(), 0, 90, rate=0.2)
    assert found.failed
    state = watch(slow, dismissed(slow, found, 90), 90, 300, rate=0.21)
    assert (state.failed, state.bads) == ("", 0)
    assert watch(slow, state, 300, 330, rate=0.5).failed.endswith("worse than what was dismissed.")


def test_a_share_that_was_dismissed_counts_again_when_it_goes_further() -> None:
    shares = Guardrail(name="Share", metric="requests", kind=GuardrailKind.SAMPLE_RATIO)

    def given(state: GuardrailState, since: int, until: int, candidate: float) -> GuardrailState:
        for second in range(since, until, 10):
            point = Counts(at=at(second), candidate_units=candidate, baseline_units=1000 - candidate)
            state = absorb(shares, state, [point], look(second))
        return state

    far = given(GuardrailState(), 40, 340, 150)
    assert far.failed
    accepted = dismissed(shares, far, 340)
    same = given(accepted, 340, 600, 150)
    assert (same.failed, same.is_suspected) == ("", False)
    assert given(accepted, 340, 600, 400).failed.endswith("worse than what was dismissed.")


def test_a_dismissal_lasts_over_the_next_stage_and_is_kept_as_json() -> None:
    state = dismissed(ERRORS, watch(ERRORS, GuardrailState(), 0, 600, ratio=4), 600)
    stored = json.loads(json.dumps(state.for_next_stage(ERRORS).to_json()))
    assert GuardrailState.from_json(stored).dismissal == state.dismissal


def test_nothing_passes_by_dismissals_alone() -> None:
    world = baking()
    state = GuardrailState(at=world.now, fresh_at=world.now, compared_at=world.now, is_suspected=True)
    world.snapshot = replace(world.snapshot, guardrail_states={"Errors": state})
    given = dismiss(world.snapshot, "Errors", minutes=240, by="Ada", reason="A crawler.", now=world.now)
    world.snapshot = replace(world.snapshot, guardrail_states=given)
    world.run(lambda one: bool(one.holds))
    assert world.snapshot.bake_credit_seconds >= 600
    assert [(one.kind, one.reason) for one in world.snapshot.holds] == [
        (
            HoldKind.INCONCLUSIVE,
            "Every guardrail that decides is dismissed, so nothing says that it is well.",
        )
    ]


FOUND = GuardrailState(is_suspected=True)


@pytest.mark.parametrize(
    ("fields", "state", "named", "said"),
    [
        ({}, FOUND, "Orders", "No guardrail of this rollout is called “Orders”."),
        ({"is_critical": True}, FOUND, "Errors", "Errors is critical: nobody can dismiss it."),
        ({"is_required": False}, FOUND, "Errors", "Errors is advisory: it keeps nothing back."),
        ({}, GuardrailState(), "Errors", "Errors has found nothing that could be dismissed."),
    ],
)
def test_what_cannot_be_dismissed_is_said(
    fields: dict[str, Any], state: GuardrailState, named: str, said: str
) -> None:
    guardrail = replace(ERRORS, **fields)
    assert (why_not_dismiss(baked(guardrail, state), named) or "").startswith(said)


def test_a_finding_is_dismissed_once_and_only_while_users_are_there() -> None:
    assert why_not_dismiss(baked(ERRORS, FOUND), "Errors") is None
    given = dismissed(ERRORS, FOUND, 60)
    assert why_not_dismiss(baked(ERRORS, given), "Errors") == "Errors is dismissed already, by Ada."
    returning = replace(baked(ERRORS, FOUND), state=RolloutState.ROLLING_BACK)
    assert (why_not_dismiss(returning, "Errors") or "").startswith("No user is on the new version")
    with pytest.raises(ValueError, match="dismissed already"):
        dismissed(ERRORS, given, 60)


def test_above_ten_percent_a_second_person_is_needed() -> None:
    assert [needs_second(baked(ERRORS, FOUND, desired_weight=one)) for one in (10, 11)] == [False, True]


def test_a_dismissal_has_an_end() -> None:
    assert why_not_minutes(1) is why_not_minutes(LONGEST_MINUTES) is None
    assert why_not_minutes(0) and why_not_minutes(LONGEST_MINUTES + 1)
    state = dismissed(ERRORS, FOUND, 60, minutes=5)
    assert state.dismissal and state.dismissal.until == at(60) + timedelta(minutes=5)


@settings(max_examples=60, deadline=None)
@given(
    ticks=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=6, max_size=40),
    cut=st.integers(1, 5),
    fewer=st.booleans(),
)
def test_however_the_counts_arrive_a_dismissal_hides_no_evidence(
    ticks: list[tuple[int, int]], cut: int, fewer: bool
) -> None:
    guardrail = replace(ERRORS, fewer_is_worse=fewer, absolute_limit=None)
    points = [
        Counts(
            at=at(10 * number),
            candidate_units=400,
            candidate_bad=mine,
            baseline_units=7600,
            baseline_bad=others,
        )
        for number, (mine, others) in enumerate(ticks, 1)
    ]
    end = look(10 * len(points))
    plain = absorb(guardrail, GuardrailState(), points, end)
    first = absorb(guardrail, GuardrailState(), points[:cut], end)
    found = replace(first, failed="", is_suspected=True)
    given_up = absorb(guardrail, dismissed(guardrail, found, 10 * cut), points[cut:], end)
    assert given_up.tests["worse"] == plain.tests["worse"]
    assert math.isfinite(plain.tests["worse"].log_e)
    assert bool(given_up.failed) == (given_up.dismissal is None)
