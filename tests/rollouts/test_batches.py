"""What merely goes on is claimed, looked at and credited in batches: the same rows, few questions (R1)."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.health.queries import last_watermark
from releasetrain.rollouts import crediting, due, readings
from releasetrain.rollouts.actions import batch as batches
from releasetrain.rollouts.actions import roll_back, tick_one
from releasetrain.rollouts.actions import tick as ticking
from releasetrain.rollouts.actions.batch import BATCH, tick_batch
from releasetrain.rollouts.due import LEASE, claim_many, due_others, give_back
from releasetrain.rollouts.models import Guardrail, Hold, Judgement, Rollout, Transition
from releasetrain.rollouts.tasks import step_due
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time
from tests.rollouts.test_engine_together import rolling
from tests.rollouts.test_engine_together import run as run_all

pytestmark = pytest.mark.django_db(transaction=True)
# These differ between two rollouts that take the same steps.
OWN = {"id", "target_id", "fence", "weight_fence", "counted_reading", "incident_id"}


def target(number: int, **fields: Any) -> Target:
    return make.target(f"Service {number}", **{"driver": "simulated", "driver_config": {}, **fields})


def baking(time: Clock, count: int) -> list[Rollout]:
    return [started(time, on=target(number)) for number in range(count)]


def all_due(time: Clock) -> None:
    Rollout.objects.update(next_due_at=time.go(1))


def credit(rollout: Rollout) -> float:
    rollout.refresh_from_db()
    return rollout.bake_credit_seconds


def queries_of_a_batch(time: Clock) -> int:
    all_due(time)
    with CaptureQueriesContext(connection) as captured:
        step_due()
    return len(captured)


def trace_of(rollout: Rollout) -> tuple[Any, ...]:
    """Return everything that ticks have written about a rollout."""
    row = Rollout.objects.filter(pk=rollout.pk).values().get()
    mine = {"rollout": rollout.pk}
    newest = last_watermark(Target.objects.get(pk=row["target_id"]))
    return (
        {name: value for name, value in row.items() if name not in OWN},
        row["counted_reading"] == newest,
        list(Judgement.objects.filter(**mine).values("stage_index", "verdict", "evidence", "sentence", "at")),
        list(Transition.objects.filter(**mine).values("seq", "rule", "to_state", "weight", "reason", "at")),
        list(Hold.objects.filter(**mine).values("kind", "reason", "opened_at", "until", "cleared_at")),
        list(
            Event.objects.filter(kind__startswith="rollouts.", subject_id=rollout.pk).values(
                "kind", "data", "at"
            )
        ),
    )


def report(
    target: int,
    time: Clock,
    *,
    weight: int | None,
    reports: bool,
    bad: int,
    candidate: int,
    candidate_bad: int,
) -> None:
    """Let a target report, and its proxy be moved by somebody else."""
    place = Target.objects.get(pk=target)
    if weight is not None:
        place.driver_config["world"]["weight"] = weight
        place.save(update_fields=["driver_config"])
    if reports:
        wrong = min(candidate_bad, candidate)
        make.readings(
            place, time.now, seconds=1, units=900, bad=bad, candidate=candidate, candidate_bad=wrong
        )


ROUND = st.fixed_dictionaries(
    {
        "seconds": st.sampled_from([1, 10, 13, 45, 90]),
        "reports": st.booleans(),
        "bad": st.sampled_from([0, 1, 9]),
        "candidate_bad": st.sampled_from([0, 0, 1, 12, 60]),
        "candidate": st.sampled_from([0, 100, 100, 180]),
        "weight": st.sampled_from([None, None, None, 3]),
    }
)


def test_r1_a_batch_leaves_the_same_rows_as_one_by_one(time: Clock) -> None:
    ladder = [{"weight": weight, "bake_seconds": 60} for weight in (10, 100)]
    twins = [make.rollout(on=target(number), ladder=ladder, is_accelerated=True) for number in (1, 2)]
    for one in twins:
        make.guardrail(one.target)
        for kind in ("threshold", "sample_ratio"):
            Guardrail.objects.create(target=one.target, name=kind, metric="errors", kind=kind)
    alone, together = twins
    for _ in range(12):
        time.go(1)
        for one in twins:
            make.readings(one.target, time.now, seconds=1, units=900, candidate=100)
            tick_one(one.pk, time.now)
    alone.refresh_from_db()
    assert alone.state == "baking"
    begun = time.now

    # Shrinking would run thousands of ticks; the rounds are few enough to be read as they are.
    @settings(
        max_examples=8,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(rounds=st.lists(ROUND, min_size=1, max_size=4), credit=st.sampled_from([0.0, 55.0]))
    def check(rounds: list[dict[str, Any]], credit: float) -> None:
        time.now = begun
        with transaction.atomic():
            Rollout.objects.update(bake_credit_seconds=credit)
            for one in rounds:
                time.go(one.pop("seconds"))
                for twin in twins:
                    report(twin.target_id, time, **one)
                tick_one(alone.pk, time.now)
                tick_batch(time.now)
                tick_one(together.pk, time.now)
                assert trace_of(alone) == trace_of(together)
            transaction.set_rollback(True)

    check()


def test_r1_what_a_batch_has_claimed_is_nobody_elses_until_it_is_given_back(time: Clock) -> None:
    (rollout,) = baking(time, 1)
    all_due(time)
    claims = claim_many(BATCH, time.now)
    assert [one.pk for one in claims] == [rollout.pk]
    assert claim_many(BATCH, time.now) == []
    assert tick_one(rollout.pk, time.now) is None
    give_back(claims)
    rollout.refresh_from_db()
    assert rollout.next_due_at == claims[0].due_at
    assert tick_one(rollout.pk, time.now) is not None


def test_r1_a_batch_claims_only_what_probably_merely_goes_on(time: Clock) -> None:
    good, failing, making_way, queued = (started(time, on=target(number)) for number in range(4))
    Rollout.objects.filter(pk=failing.pk).update(failures=1)
    Rollout.objects.filter(pk=making_way.pk).update(makes_way=True)
    Rollout.objects.filter(pk=queued.pk).update(state="queued")
    unknown = started(time, on=target(9))
    Target.objects.filter(pk=unknown.target_id).update(driver="another")
    all_due(time)
    assert set(due_others(9, time.now)) == {failing.pk, making_way.pk, queued.pk, unknown.pk}
    assert [one.pk for one in claim_many(9, time.now)] == [good.pk]


def test_r1_a_fence_taken_meanwhile_makes_a_batch_skip_exactly_that_row(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought_back, held, other = baking(time, 3)
    before, own = credit(other), crediting.write_credits

    def late(quiet: Any) -> set[int]:
        roll_back(brought_back, reason="It smells.", by=None, now=time.now)
        Rollout.objects.filter(pk=held.pk).update(fence=held.fence + 100)
        return own(quiet)

    monkeypatch.setattr(batches, "write_credits", late)
    had = [credit(row) for row in (brought_back, held)]
    all_due(time)
    tick_batch(time.now)
    assert credit(other) > before
    assert [credit(row) for row in (brought_back, held)] == had
    assert (brought_back.state, brought_back.desired_weight) == ("rolling_back", 0)
    assert held.fence == Rollout.objects.get(pk=held.pk).fence


def test_r1_a_worker_killed_between_claim_and_write_delays_and_loses_nothing(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollouts = baking(time, 2)
    before = [credit(row) for row in rollouts]

    def killed(*_: Any) -> None:
        raise SystemExit

    all_due(time)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "write_credits", killed)
        with pytest.raises(SystemExit):
            tick_batch(time.now)
    step_due()
    assert [credit(row) for row in rollouts] == before
    time.go(LEASE.total_seconds())
    for row in rollouts:
        make.readings(row.target, time.now)
    step_due()
    gained = [credit(row) - had for row, had in zip(rollouts, before, strict=True)]
    assert all(LEASE.total_seconds() <= one <= 2 * 10 for one in gained)
    assert Transition.objects.filter(rollout__in=rollouts).count() == 2 * 3


def test_r1_a_frozen_worker_that_holds_a_row_keeps_no_other_waiting(time: Clock) -> None:
    first, second = baking(time, 2)
    all_due(time)
    fences = dict(Rollout.objects.values_list("pk", "fence"))
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as frozen:
        frozen.execute("SELECT 1 FROM rollouts_rollout WHERE id = %s FOR UPDATE", [first.pk])
        step_due()
    after = dict(Rollout.objects.values_list("pk", "fence"))
    assert after[first.pk] == fences[first.pk]
    assert after[second.pk] > fences[second.pk]


def test_r1_who_decides_while_a_batch_is_written_keeps_no_other_waiting(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = baking(time, 2)
    before, own = [credit(row) for row in (first, second)], crediting.write_credits

    def beside(quiet: Any) -> set[int]:
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as deciding:
            deciding.execute("SELECT 1 FROM rollouts_rollout WHERE id = %s FOR NO KEY UPDATE", [first.pk])
            return own(quiet)

    monkeypatch.setattr(batches, "write_credits", beside)
    all_due(time)
    assert tick_batch(time.now).alone == (first.pk,)
    assert credit(first) == before[0]
    assert credit(second) > before[1]


def poison(monkeypatch: pytest.MonkeyPatch, pk: int) -> None:
    own = readings.gather

    def gather(row: Rollout, *more: Any) -> Any:
        if row.pk == pk:
            raise ZeroDivisionError("poison")
        return own(row, *more)

    monkeypatch.setattr(ticking, "gather", gather)
    monkeypatch.setattr(batches, "gather", gather)


def test_r10_a_batch_with_one_poison_row_ticks_the_others(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, *others = baking(time, 3)
    before = [credit(row) for row in others]
    poison(monkeypatch, bad.pk)
    all_due(time)
    step_due()
    assert all(credit(row) > had for row, had in zip(others, before, strict=True))
    bad.refresh_from_db()
    assert bad.failures == 1


def test_r10_what_spoils_a_whole_batch_leaves_each_to_be_taken_alone(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollouts = baking(time, 2)
    before = [credit(row) for row in rollouts]

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("poison")

    monkeypatch.setattr(batches, "sights_of", broken)
    all_due(time)
    step_due()
    assert all(credit(row) > had for row, had in zip(rollouts, before, strict=True))


def test_a_driver_that_misbehaves_is_asked_on_its_own(time: Clock) -> None:
    lying, _ = baking(time, 2)
    place = Target.objects.get(pk=lying.target_id)
    place.driver_config["faults"] = {"misread": 1}
    place.save(update_fields=["driver_config"])
    all_due(time)
    assert tick_batch(time.now).alone == (lying.pk,)
    tick_one(lying.pk, time.now)
    lying.refresh_from_db()
    assert lying.observed_weight == 99
    place.refresh_from_db()
    assert place.driver_config["faults"] == {"misread": 0}


def test_flags_are_read_back_together(time: Clock) -> None:
    states = [make.flag_environment(f"flag-{number}") for number in range(3)]
    rollouts = [
        started(time, on=target(number, driver="flag", driver_config={"flag": f"flag-{number}"}))
        for number in range(3)
    ]
    type(states[2]).objects.filter(pk=states[2].pk).update(killed_at=time.now)
    before = credit(rollouts[0])
    type(states[1]).objects.filter(pk=states[1].pk).update(percentage=5_000)
    all_due(time)
    assert tick_batch(time.now).alone == (rollouts[2].pk,)
    assert credit(rollouts[0]) > before
    rollouts[1].refresh_from_db()
    assert (rollouts[1].observed_weight, rollouts[1].agreed_at) == (5, None)


def test_one_more_rollout_costs_no_more_questions(time: Clock) -> None:
    baking(time, 1)
    few = queries_of_a_batch(time)
    for number in range(1, 5):
        started(time, on=target(number))
    assert queries_of_a_batch(time) == few


def test_one_more_departure_costs_no_more_questions(time: Clock) -> None:
    aboard = rolling("Shop", time=time)[1]
    run_all(aboard, time, 12)
    few = queries_of_a_batch(time)
    for names in (("Cart", "Search"), ("Mail", "Stock")):
        aboard += rolling(*names, time=time)[1]
    run_all(aboard, time, 12)
    assert {one.state for one in aboard} == {"baking"}
    Rollout.objects.update(bake_credit_seconds=0)
    assert queries_of_a_batch(time) == few


def test_w6_a_window_holds_from_the_instant_at_which_a_batch_looks(time: Clock) -> None:
    (rollout,) = baking(time, 1)
    begins = time.now + timedelta(seconds=3)
    make.window(starts_at=begins, ends_at=begins + timedelta(hours=1))
    for is_held in (False, False, True):
        all_due(time)
        step_due()
        assert rollout.holds.filter(kind="blackout", cleared_at=None).exists() is is_held


def test_w12_nobody_gets_it_by_what_a_batch_read_before_the_line_was_stopped(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder = [{"weight": weight, "bake_seconds": 20} for weight in (1, 50, 100)]
    rollout = started(time, on=target(1), ladder=ladder, is_accelerated=True)
    run(rollout, time, 6)
    Rollout.objects.update(bake_credit_seconds=19.5)
    own = due.give_back

    def stop_the_line(claims: Any) -> None:
        own(claims)
        make.window("Everything", starts_at=time.now, stops_the_line=True)

    monkeypatch.setattr(batches, "give_back", stop_the_line)
    all_due(time)
    make.readings(rollout.target, time.now, seconds=1)
    step_due()
    rollout.refresh_from_db()
    assert (rollout.state, rollout.desired_weight) == ("baking", 1)
    assert rollout.holds.filter(kind="blackout", cleared_at=None).exists()
