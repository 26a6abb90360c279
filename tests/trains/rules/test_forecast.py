"""A departure is foreseen stage by stage, and windows are judged at each stage's own instant."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.calendars.rules.judging import stops
from releasetrain.calendars.rules.windows import Behaviour, Effect, Freeze, Lane, Place, Scope, Stops, Time
from releasetrain.lib.spans import Span
from releasetrain.trains.rules.forecast import (
    Closures,
    Course,
    Run,
    Step,
    closures_of,
    foresee,
    in_waves,
    length,
    offsets,
    steps_of,
)
from releasetrain.trains.rules.overrides import Passing, let_through
from releasetrain.trains.rules.safety import Touched, last_before, last_safe, next_starts, touched, uncovered

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
SINCE = NOON - 400 * HOUR
SHOP, SEARCH = Place(1, 10, 5), Place(2, 11, 5)
THREE = (Step(10, HOUR), Step(50, HOUR), Step(100, HOUR))


def freeze(starts: float, ends: float, number: int = 1, **fields: Any) -> Freeze:
    """Make a hard window over everything, so many hours after noon."""
    span = Span(NOON + HOUR * starts, NOON + HOUR * ends)
    defaults: dict[str, Any] = {"name": f"Freeze {number}", "level": Stops.HARD, "reason": "audit"}
    return Freeze(id=number, times=(Time(span),), **{**defaults, **fields})


def shop(steps: tuple[Step, ...] = THREE, **fields: Any) -> Run:
    return Run(10, "Shop", SHOP, steps, **fields)


def search(steps: tuple[Step, ...] = THREE, **fields: Any) -> Run:
    return Run(11, "Search", SEARCH, steps, **fields)


def closed(runs: list[Run], *freezes: Freeze, **fields: Any) -> Closures:
    return {one.service: closures_of(freezes, one.place, since=SINCE, **fields) for one in runs}


def course(*freezes: Freeze, at: datetime = NOON, runs: list[Run] | None = None, **fields: Any) -> Course:
    runs = runs or [shop()]
    return foresee(runs, closed(runs, *freezes, **fields), at)


def hours(course: Course) -> list[tuple[float | None, float | None]]:
    """Return when each stage starts and ends, in hours after noon."""
    return [(_hour(one.starts_at), _hour(one.ends_at)) for one in course.stages]


def _hour(at: datetime | None) -> float | None:
    return None if at is None else (at - NOON) / HOUR


def test_stages_follow_one_another_and_the_last_one_soaks() -> None:
    found = course()
    assert hours(found) == [(0, 1), (1, 2), (2, 3)]
    assert found.arrives_at == NOON + 3 * HOUR
    assert not found.holds


def test_a_service_starts_once_what_it_needs_has_arrived() -> None:
    needy = search(needs=frozenset({10}))
    found = course(runs=[needy, shop()])
    assert [one.service for one in in_waves([needy, shop()])] == [10, 11]
    assert hours(found)[3:] == [(3, 4), (4, 5), (5, 6)]
    assert length([needy, shop()]) == 6 * HOUR
    assert offsets([needy, shop()]) == {10: timedelta(0), 11: 3 * HOUR}


def test_services_that_need_each_other_in_a_circle_are_foreseen_all_the_same() -> None:
    found = course(runs=[shop(needs=frozenset({11})), search(needs=frozenset({10}))])
    assert found.arrives_at == NOON + 6 * HOUR


def test_nothing_aboard_arrives_nowhere() -> None:
    assert foresee([], {}, NOON) == Course(NOON, None)
    assert length([]) == timedelta(0)


def test_a_ladder_takes_its_bakes_and_the_shifts_between() -> None:
    ladder: list[dict[str, Any]] = [{"weight": 5, "bake_seconds": 600}, {"weight": 100, "bake_seconds": 60.5}]
    assert steps_of(ladder, SECOND) == (Step(5, timedelta(seconds=601)), Step(100, timedelta(seconds=61.5)))


def test_w6_a_window_that_opens_after_everything_has_arrived_holds_nothing() -> None:
    found = course(freeze(3, 60))
    assert (found.holds, found.waits) == ((), ())


def test_w6_a_window_that_is_open_now_and_over_before_the_departure_holds_nothing() -> None:
    assert course(freeze(-9, 0)).waits == ()


def test_w6_a_later_service_is_judged_at_its_own_instant() -> None:
    runs = [shop(), search(needs=frozenset({10}))]
    only_search: dict[str, Any] = {"includes": (Scope(service=11),)}
    assert course(freeze(-1, 3, **only_search), runs=runs).waits == ()
    found = course(freeze(-1, 4, **only_search), runs=runs)
    assert found.waits == ()
    assert [(one.run.name, one.weight, one.end) for one in found.holds] == [("Search", 0, NOON + 4 * HOUR)]


def test_w4_a_window_in_a_bake_stops_its_clock_and_the_rest_follows() -> None:
    found = course(freeze(1.5, 60))
    assert hours(found) == [(0, 1), (1, 60.5), (60.5, 61.5)]
    hold = found.worst
    assert hold is not None
    assert (hold.run.name, hold.weight, _hour(hold.start), _hour(hold.end)) == ("Shop", 50, 1.5, 60)
    assert [one.text for one in hold.reasons()] == ["“Freeze 1” stops this: audit."]
    assert found.stages[1].holds == (hold,)


def test_w4_a_window_between_two_stages_holds_the_smaller_one() -> None:
    hold = course(freeze(1, 60)).worst
    assert hold is not None
    assert (hold.weight, _hour(hold.start)) == (10, 1)


def test_w1_a_window_that_lets_the_stage_finish_holds_only_the_next() -> None:
    found = course(freeze(1.5, 60, behaviour=Behaviour.FINISH_STAGE))
    assert hours(found) == [(0, 1), (1, 2), (60, 61)]
    short = freeze(1.2, 1.8, behaviour=Behaviour.FINISH_STAGE)
    assert course(short).holds == ()


def test_w1_a_window_that_lets_the_rollout_finish_holds_only_what_has_not_begun() -> None:
    gentle: dict[str, Any] = {"behaviour": Behaviour.FINISH_ROLLOUT}
    assert course(freeze(1, 60, **gentle)).holds == ()
    assert course(freeze(0, 60, **gentle)).leaves_at == NOON + 60 * HOUR
    runs = [shop(), search(needs=frozenset({10}))]
    assert course(freeze(2, 60, **gentle), runs=runs).arrives_at == NOON + 63 * HOUR


def test_w1_a_window_that_rolls_back_ends_it_where_it_stands() -> None:
    found = course(freeze(1.5, 60, behaviour=Behaviour.ROLL_BACK))
    assert hours(found) == [(0, 1), (1, 1.5), (None, None)]
    assert found.arrives_at is None
    assert found.worst is not None
    assert (found.worst.comes_back, found.worst.weight) == (True, 50)


def test_w1_what_is_held_is_rolled_back_too_when_such_a_window_opens() -> None:
    found = course(freeze(1.5, 60), freeze(20, 30, 2, behaviour=Behaviour.ROLL_BACK))
    assert [(one.comes_back, _hour(one.start)) for one in found.holds] == [(False, 1.5), (True, 20)]
    assert found.worst == found.holds[1]


def test_w2_a_second_window_holds_what_the_first_one_let_go() -> None:
    found = course(freeze(1.5, 10), freeze(11, 20, 2))
    assert hours(found) == [(0, 1), (1, 10.5), (10.5, 20.5)]
    assert found.worst is not None
    assert _hour(found.worst.end) == 20


def test_w5_windows_that_overlap_are_one_hold_with_every_reason() -> None:
    found = course(freeze(1.5, 10), freeze(9, 20, 2))
    (hold,) = found.holds
    assert _hour(hold.end) == 20
    assert [one.text for one in hold.reasons()] == [
        "“Freeze 1” stops this: audit.",
        "“Freeze 2” stops this: audit.",
    ]


def test_w5_a_departure_waits_until_all_of_its_first_services_may_start() -> None:
    runs = [shop(), search()]
    found = course(
        freeze(-1, 2, includes=(Scope(service=10),)),
        freeze(1.5, 4, 2, includes=(Scope(service=11),)),
        runs=runs,
    )
    assert found.leaves_at == NOON + 4 * HOUR
    assert [(one.run.name, one.weight) for one in found.waits] == [("Shop", 0), ("Search", 0)]
    assert found.holds == ()


def test_w5_outside_a_window_that_allows_nothing_starts() -> None:
    office = freeze(-2, 2, effect=Effect.ALLOW)
    found = course(office)
    assert hours(found)[:2] == [(0, 1), (1, 2)]
    assert found.stages[2].starts_at is None
    assert found.arrives_at is None
    assert found.worst is not None
    assert (found.worst.end, found.worst.weight) == (None, 50)
    assert course(office, at=NOON + 2 * HOUR).leaves_at is None


def test_notices_accepted_soft_windows_and_other_lanes_hold_nothing() -> None:
    assert course(freeze(-1, 60, level=Stops.NOTICE)).waits == ()
    soft = freeze(-1, 60, level=Stops.SOFT)
    assert course(soft).leaves_at == NOON + 60 * HOUR
    assert course(soft, acknowledged=frozenset({1})).leaves_at == NOON
    trains_only = freeze(-1, 60, lanes=frozenset({Lane.TRAIN}))
    assert course(trains_only, lane=Lane.HOTFIX).leaves_at == NOON
    assert course(freeze(-1, 60, includes=(Scope(environment=6),))).leaves_at == NOON


def passing(until: float, **fields: Any) -> Passing:
    defaults: dict[str, Any] = {
        "windows": frozenset({1}),
        "services": frozenset({10}),
        "approved_at": NOON - HOUR,
    }
    return Passing(id=1, expires_at=NOON + HOUR * until, **{**defaults, **fields})


def test_w7_an_override_opens_its_windows_for_its_services_until_it_expires() -> None:
    assert course(freeze(-1, 60), passings=[passing(9)]).arrives_at == NOON + 3 * HOUR
    found = course(freeze(-1, 60), passings=[passing(1.5)])
    assert found.worst is not None
    assert (found.worst.weight, _hour(found.worst.start)) == (50, 1.5)
    assert course(freeze(-1, 60), runs=[search()], passings=[passing(9)]).leaves_at == NOON + 60 * HOUR
    assert course(freeze(-1, 60, 2), passings=[passing(9)]).leaves_at == NOON + 60 * HOUR


@pytest.mark.parametrize("fields", [{"approved_at": None}, {"withdrawn_at": NOON}])
def test_w7_an_override_that_nobody_approved_or_that_was_withdrawn_opens_nothing(
    fields: dict[str, Any],
) -> None:
    assert course(freeze(-1, 60), passings=[passing(9, **fields)]).leaves_at == NOON + 60 * HOUR


def test_w5_a_window_that_allows_confines_nothing_once_its_last_time_is_over() -> None:
    office = freeze(-2, 2, effect=Effect.ALLOW, over_at=NOON + 2 * HOUR)
    found = course(office)
    assert (found.holds, found.arrives_at) == ((), NOON + 3 * HOUR)
    assert course(freeze(5, 9, effect=Effect.ALLOW, over_at=NOON + 9 * HOUR)).leaves_at == NOON + 5 * HOUR


def safe(*freezes: Freeze, at: datetime = NOON, runs: list[Run] | None = None) -> float | None:
    """Return the last safe departure, in hours after noon."""
    runs = runs or [shop()]
    found = last_safe(touched(runs, closed(runs, *freezes)), at, since=SINCE)
    return None if found is None else _hour(found.at)


def test_w4_the_last_safe_departure_ends_as_the_window_opens() -> None:
    assert safe(freeze(18, 60)) == 15
    assert safe(freeze(18, 60), runs=[shop(), search(needs=frozenset({10}))]) == 12
    assert safe() is None


def test_w4_for_one_that_would_be_held_it_is_the_one_before() -> None:
    assert safe(freeze(18, 60), at=NOON + 17 * HOUR) == 15
    assert safe(freeze(-9, -3), freeze(2, 60)) == -1
    assert safe(freeze(-9, -3), freeze(-1, 60)) == -12


def test_w4_windows_that_let_things_finish_are_safe_until_later() -> None:
    second = 1 / 3600
    assert safe(freeze(18, 60, behaviour=Behaviour.FINISH_STAGE)) == pytest.approx(16 - second)
    assert safe(freeze(18, 60, behaviour=Behaviour.FINISH_ROLLOUT)) == pytest.approx(18 - second)


def test_w4_the_next_safe_starts_are_offered() -> None:
    spans = touched([shop()], closed([shop()], freeze(-1, 6), freeze(7, 20, 2), freeze(40, 60, 3)))
    assert next_starts(spans, NOON, NOON + 336 * HOUR) == [NOON + 20 * HOUR, NOON + 60 * HOUR]
    assert next_starts(spans, NOON, NOON + 30 * HOUR) == [NOON + 20 * HOUR]
    assert next_starts(spans, NOON, NOON + 336 * HOUR, limit=1) == [NOON + 20 * HOUR]


def test_a_departure_is_covered_where_every_stage_has_somebody_on_call() -> None:
    runs = [shop(), search(needs=frozenset({10}))]
    night = {2: [Span(NOON + 5 * HOUR, NOON + 14 * HOUR)]}
    (found,) = uncovered(runs, night)
    assert NOON - HOUR not in found
    assert NOON in found
    assert NOON + 11 * HOUR not in found
    assert uncovered(runs, {3: night[2]}) == []
    assert last_before([found], NOON, since=SINCE) == NOON - HOUR
    assert last_before([found], NOON - 2 * HOUR, since=SINCE) == NOON - 2 * HOUR


minutes = st.integers(-3000, 3000)
behaviours = st.sampled_from(list(Behaviour))


@st.composite
def freezes(draw: st.DrawFn, most: int = 4) -> list[Freeze]:
    found = []
    for number in range(1, draw(st.integers(0, most)) + 1):
        start = draw(minutes)
        span = Span(
            NOON + timedelta(minutes=start),
            NOON + timedelta(minutes=start + draw(st.integers(1, 2000))),
        )
        effect = draw(st.sampled_from([Effect.DENY, Effect.DENY, Effect.DENY, Effect.ALLOW]))
        includes = draw(st.sampled_from([(), (Scope(service=10),), (Scope(team=2),)]))
        found.append(
            Freeze(
                id=number,
                name=f"W{number}",
                level=draw(st.sampled_from([Stops.HARD, Stops.HARD, Stops.SOFT, Stops.NOTICE])),
                reason="r",
                times=(Time(span),),
                effect=effect,
                over_at=draw(st.sampled_from([None, span.end])) if effect is Effect.ALLOW else None,
                behaviour=draw(behaviours),
                includes=includes,
            )
        )
    return found


def ladders() -> st.SearchStrategy[tuple[Step, ...]]:
    step = st.builds(Step, st.integers(1, 100), st.integers(1, 180).map(lambda one: timedelta(minutes=one)))
    return st.lists(step, min_size=1, max_size=4).map(tuple)


@st.composite
def aboard(draw: st.DrawFn) -> list[Run]:
    runs = [shop(draw(ladders()))]
    if draw(st.booleans()):
        runs.append(search(draw(ladders()), needs=draw(st.sampled_from([frozenset(), frozenset({10})]))))
    return runs


def is_untouched(runs: list[Run], windows: list[Freeze], at: datetime) -> bool:
    found = foresee(runs, closed(runs, *windows), at)
    return not found.waits and not found.holds


@given(runs=aboard(), windows=freezes(), at=minutes)
def test_w6_every_stage_starts_at_an_instant_at_which_the_windows_let_it(
    runs: list[Run], windows: list[Freeze], at: int
) -> None:
    found = foresee(runs, closed(runs, *windows), NOON + timedelta(minutes=at))
    began: dict[int, datetime] = {}
    for stage in found.stages:
        if stage.starts_at is None:
            continue
        began.setdefault(stage.run.service, stage.starts_at)
        for stop in stops(windows, [stage.run.place], stage.starts_at):
            opened = stop.freeze.times[0].span.start
            assert stop.freeze.level is Stops.NOTICE or (
                stop.freeze.behaviour is Behaviour.FINISH_ROLLOUT
                and (stop.freeze.effect is Effect.ALLOW or opened > began[stage.run.service])
            )


@given(runs=aboard(), windows=freezes(), at=minutes)
def test_w4_departing_at_the_last_safe_instant_finishes_untouched_and_a_second_later_does_not(
    runs: list[Run], windows: list[Freeze], at: int
) -> None:
    base = NOON + timedelta(minutes=at)
    found = last_safe(touched(runs, closed(runs, *windows)), base, since=SINCE)
    if found is None:
        return
    assert is_untouched(runs, windows, found.at)
    assert not is_untouched(runs, windows, found.at + SECOND)
    if is_untouched(runs, windows, base):
        assert found.at >= base


@given(runs=aboard(), windows=freezes(), at=minutes)
def test_w4_what_is_said_to_be_safe_is_what_is_foreseen_untouched(
    runs: list[Run], windows: list[Freeze], at: int
) -> None:
    base = NOON + timedelta(minutes=at)
    spans = touched(runs, closed(runs, *windows))
    assert any(base in one for one in spans) != is_untouched(runs, windows, base)


@given(runs=aboard(), windows=freezes(), at=minutes)
def test_w4_every_alternative_finishes_untouched_and_a_second_earlier_does_not(
    runs: list[Run], windows: list[Freeze], at: int
) -> None:
    base = NOON + timedelta(minutes=at)
    for start in next_starts(touched(runs, closed(runs, *windows)), base, base + 336 * HOUR):
        assert is_untouched(runs, windows, start)
        assert not is_untouched(runs, windows, start - SECOND)


@given(runs=aboard(), windows=freezes(), at=minutes)
def test_t6_holds_only_ever_make_it_later_and_no_bake_shorter(
    runs: list[Run], windows: list[Freeze], at: int
) -> None:
    found = foresee(runs, closed(runs, *windows), NOON + timedelta(minutes=at))
    for run in runs:
        own = [one for one in found.stages if one.run == run]
        for stage, step in zip(own, run.steps, strict=True):
            if stage.starts_at and stage.ends_at and not any(one.comes_back for one in stage.holds):
                assert stage.ends_at - stage.starts_at >= step.lasts
        for before, after in pairwise(own):
            assert after.starts_at is None or (before.ends_at and after.starts_at >= before.ends_at)


@given(windows=freezes(), until=st.integers(-100, 3000), at=minutes)
def test_w7_a_closure_stands_exactly_where_the_judgement_stops(
    windows: list[Freeze], until: int, at: int
) -> None:
    one = Passing(
        1,
        frozenset({1, 2}),
        frozenset({10}),
        NOON + timedelta(minutes=until),
        approved_at=SINCE,
    )
    when = NOON + timedelta(minutes=at)
    judged = stops(windows, [SHOP], when, overridden=let_through((one,), when))
    known = closures_of(windows, SHOP, since=SINCE, passings=[one])
    closed_now = {found.freeze.id for found in known if found.start <= when < found.end}
    assert closed_now == {stop.freeze.id for stop in judged if stop.freeze.level is not Stops.NOTICE}


def test_touched_spans_are_open_below_unless_they_say_so() -> None:
    assert NOON not in Touched(NOON, NOON + HOUR)
    assert NOON in Touched(NOON, NOON + HOUR, takes_low=True)
    assert NOON + HOUR not in Touched(NOON, NOON + HOUR, takes_low=True)
