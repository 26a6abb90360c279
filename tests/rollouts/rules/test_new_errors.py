from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.rollouts.rules.dismissing import dismiss
from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailKind, GuardrailState, Verdict
from releasetrain.rollouts.rules.measuring import Look
from releasetrain.rollouts.rules.new_errors import NewError, find_lines, look_at_lines
from releasetrain.rollouts.rules.states import HoldKind, RolloutState
from tests.rollouts.rules.world import ERRORS, START, World, rollout

R = RolloutState
WATCH = Guardrail(name="New lines", metric="errors", kind=GuardrailKind.NEW_ERRORS, absolute_minimum=3)
LOOK = Look(now=START, stage_index=0, weight=1, entered_at=START)


def line(count: int, *, share: float = 0.01, name: str = "tax", severity: int = 20) -> NewError:
    return NewError(
        name=name, words=f"KeyError: '{name}'", severity=severity, count=count, chance=share**count
    )


def looked(*lines: NewError, guardrail: Guardrail = WATCH, look: Look = LOOK) -> tuple[Verdict, str]:
    state = look_at_lines(guardrail, GuardrailState(), lines, look)
    return (Verdict.FAIL, state.failed) if state.failed else find_lines(guardrail, state)


def test_a_severe_line_that_only_the_new_version_writes_fails_it() -> None:
    assert looked(line(3)) == (
        Verdict.FAIL,
        "New lines: “KeyError: 'tax'” came 3 times from the new version and never from the old one.",
    )


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (line(2),),  # too few
        (line(50, severity=10),),  # too mild
    ],
)
def test_without_one_it_passes(lines: tuple[NewError, ...]) -> None:
    assert looked(*lines) == (
        Verdict.PASS,
        "New lines: no severe error line is new on the new version.",
    )


def test_nobody_sending_lines_is_no_good_news() -> None:
    state = look_at_lines(WATCH, GuardrailState(oks=1), None, LOOK)
    assert find_lines(WATCH, state) == (
        Verdict.NOT_RUN,
        "New lines: nobody sends error lines of this service.",
    )


def test_what_chance_may_bring_is_waited_for_and_then_suspected() -> None:
    look = replace(LOOK, weight=50)
    verdict, told = looked(line(3, share=0.5), look=look)
    assert (verdict, told.endswith("That may be chance yet.")) == (Verdict.PENDING, True)
    assert looked(line(5, share=0.5), look=look)[0] is Verdict.INCONCLUSIVE
    assert looked(line(7, share=0.5), look=look)[0] is Verdict.FAIL


def test_many_kinds_share_the_chance_of_a_false_alarm() -> None:
    mild = [line(1, name=f"kind {number}", share=0.1) for number in range(99)]
    assert looked(line(3, share=0.1))[0] is Verdict.FAIL
    assert looked(line(3, share=0.1), *mild)[0] is Verdict.PENDING
    assert looked(line(5, share=0.1), *mild)[0] is Verdict.FAIL


def test_one_that_only_notifies_never_fails() -> None:
    assert looked(line(50), guardrail=replace(WATCH, alpha=0.05))[0] is Verdict.INCONCLUSIVE


def test_at_everybody_there_is_no_old_version_to_compare_with() -> None:
    assert looked(line(50, share=1.0), look=replace(LOOK, weight=100))[0] is Verdict.PASS
    assert not WATCH.decides_at(100)


def watched(*lines: NewError, **fields: Any) -> World:
    world = World(rollout(guardrails=(ERRORS, replace(WATCH, **fields))))
    world.given["new_errors"] = ()
    world.run_to(R.BAKING)
    world.given["new_errors"] = lines
    return world


def test_t9_a_new_severe_line_brings_users_back() -> None:
    world = watched(line(5))
    world.run_to(R.ROLLED_BACK)
    assert "KeyError: 'tax'" in world.snapshot.reason
    assert world.target.weight == 0


def test_an_advisory_one_is_shown_and_keeps_nothing_back() -> None:
    world = watched(line(5), is_required=False)
    world.run_to(R.BAKING, 5)
    judged = {one.guardrail: one.verdict for step in world.steps for one in step.judgements}
    assert judged["New lines"] is Verdict.FAIL


def test_doubt_holds_and_ends_when_the_old_version_has_the_line_too() -> None:
    world = watched(line(2, share=0.2), absolute_minimum=2)
    world.run(lambda one: one.hold(HoldKind.INCONCLUSIVE) is not None)
    world.given["new_errors"] = ()
    world.run_to(R.BAKING, 5)


def test_t2_a_required_one_waits_until_somebody_sends_lines() -> None:
    world = World(rollout(guardrails=(ERRORS, WATCH)))
    world.run(lambda one: one.state in {R.CANCELLED, R.BAKING})
    assert world.snapshot.state is R.CANCELLED
    assert "nobody sends error lines" in world.snapshot.reason


def test_a_dismissed_line_is_accepted_and_another_one_arms_it_again() -> None:
    world = watched(line(5), alpha=0.05)
    world.run(lambda one: one.state_of(replace(WATCH, alpha=0.05)).is_suspected)
    states = dismiss(world.snapshot, "New lines", minutes=60, by="Ada", reason="Known.", now=world.now)
    critical = replace(WATCH, alpha=0.01)
    state = look_at_lines(critical, states["New lines"], (line(50),), LOOK)
    assert (state.failed, state.dismissal is not None) == ("", True)
    again = look_at_lines(critical, state, (line(50), line(5, name="vat")), LOOK)
    assert again.failed.startswith("New lines: “KeyError: 'vat'” came 5 times")
    assert again.failed.endswith("That is worse than what was dismissed.")
    assert again.dismissal is None


def test_what_is_carried_survives_being_kept() -> None:
    world = watched(line(5), alpha=0.05)
    world.run(lambda one: one.state_of(WATCH).is_suspected)
    given = dismiss(world.snapshot, "New lines", minutes=60, by="Ada", reason="Known.", now=world.now)
    state = given["New lines"]
    assert GuardrailState.from_json(state.to_json()) == state
    assert state.dismissal is not None
    assert state.dismissal.lines == ("tax",)
    assert state.dismissal.until == world.now + timedelta(minutes=60)
