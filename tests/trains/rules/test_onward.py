"""Who finds a place where changes go on to: bundles whole, nothing without its needs, no more than fit."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releasetrain.trains.rules.onward import Goer, Onward, Stop, go_on
from releasetrain.trains.rules.standby import Rider, Room, Taken

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEXT, EXPRESS = 1, 2
HOUR = timedelta(hours=1)


def goer(
    pk: int, to: int | None = NEXT, *, bundle: int | None = None, points: int = 1, priority: int = 3
) -> Goer:
    return Goer(Rider(pk, points, priority, NOW + pk * HOUR), to, bundle)


def stops(room: Room | None = None, aboard: Taken | None = None) -> dict[int, Stop]:
    return {
        NEXT: Stop(NOW + 24 * HOUR, room or Room(), aboard or Taken()),
        EXPRESS: Stop(NOW + HOUR, Room(), Taken()),
    }


def test_i11_the_last_in_stand_by_by_priority_and_then_by_time() -> None:
    goers = [goer(1), goer(2), goer(3, priority=1)]
    found = go_on(goers, [], stops(Room(capacity=3), Taken(1, 1)))
    assert (set(found.aboard), set(found.standing)) == ({1, 3}, {2})


def test_i11_the_risk_budget_counts_what_is_aboard_already() -> None:
    found = go_on([goer(1, points=5), goer(2, points=2)], [], stops(Room(risk_budget=10), Taken(1, 7)))
    assert (set(found.aboard), set(found.standing)) == ({2}, {1})


def test_i9_i11_a_bundle_that_does_not_fit_whole_stands_by_whole() -> None:
    goers = [goer(1, bundle=7), goer(2, bundle=7), goer(3)]
    found = go_on(goers, [], stops(Room(capacity=1)))
    assert (set(found.aboard), set(found.standing)) == ({3}, {1, 2})


def test_i8_i11_what_is_needed_comes_along_and_who_needs_what_stands_by_waits_too() -> None:
    found = go_on([goer(1), goer(2), goer(3)], [(1, 3)], stops(Room(capacity=2)))
    assert (set(found.aboard), set(found.standing)) == ({1, 3}, {2})
    found = go_on([goer(1, points=9), goer(2)], [(2, 1)], stops(Room(risk_budget=5)))
    assert (set(found.aboard), set(found.standing)) == (set(), {1, 2})


def test_i8_i12_nothing_goes_on_without_what_it_needs_unless_that_goes_before() -> None:
    needs = [(1, 2), (2, 3)]
    assert go_on([goer(1), goer(2), goer(3, None)], needs, stops()) == Onward({}, {})
    assert set(go_on([goer(1), goer(2), goer(3, EXPRESS)], needs, stops()).aboard) == {1, 2, 3}
    late = go_on([goer(1), goer(2, EXPRESS), goer(3)], needs, stops())
    assert set(late.aboard) == {3}, "2 would arrive before 3"


def test_i9_i12_a_bundle_that_is_placed_apart_goes_nowhere() -> None:
    goers = [goer(1, bundle=7), goer(2, EXPRESS, bundle=7), goer(3)]
    assert set(go_on(goers, [(3, 2)], stops()).aboard) == set()


GOERS = st.lists(
    st.tuples(
        st.sampled_from([NEXT, NEXT, EXPRESS, None]),
        st.sampled_from([None, None, 1, 2]),
        st.integers(0, 5),
        st.integers(1, 4),
    ),
    max_size=9,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GOERS, st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=8), st.integers(0, 6))
def test_i8_i9_i11_nothing_is_torn_or_overfilled_or_arrives_without_its_needs(
    drawn: list[tuple[int | None, int | None, int, int]], edges: list[tuple[int, int]], capacity: int
) -> None:
    goers = {
        pk: goer(pk, to, bundle=bundle, points=points, priority=priority)
        for pk, (to, bundle, points, priority) in enumerate(drawn)
    }
    needs = [(one, needed) for one, needed in edges if one != needed and one in goers and needed in goers]
    room = Room(capacity=capacity, risk_budget=12)
    found = go_on(goers.values(), needs, stops(room))
    assert not found.aboard.keys() & found.standing.keys()
    assert all(goers[pk].to == where for pk, where in {**found.aboard, **found.standing}.items())
    there = [goers[pk] for pk, where in found.aboard.items() if where == NEXT]
    assert len(there) <= capacity
    assert sum(one.rider.points for one in there) <= 12
    for one, needed in needs:
        if one in found.aboard:
            assert found.aboard.get(needed) in (found.aboard[one], EXPRESS)
    for bundle in (1, 2):
        places = {
            (found.aboard.get(pk), found.standing.get(pk))
            for pk, one in goers.items()
            if one.bundle == bundle
        }
        assert len(places) <= 1
