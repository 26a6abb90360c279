"""Windows unite: deny beats allow, every reason is kept (RULES T13, W5, W6, W8, W12)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.calendars.rules.checks import why_not_stop
from releasetrain.calendars.rules.judging import judge, openness, stops
from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Place, Scope, Stops, Time
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Decision

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)
HERE = Place(team=1, service=2, environment=3, region=4)


def times(*hours: tuple[float, float], region: int | None = None) -> tuple[Time, ...]:
    return tuple(Time(Span(AT + HOUR * start, AT + HOUR * end), region) for start, end in hours)


def freeze(number: int = 1, *hours: tuple[float, float], **fields: Any) -> Freeze:
    """Make a window that is open for hours counted from `AT`; the next one where none are given."""
    fields.setdefault("level", Stops.HARD)
    fields.setdefault("times", times(*(hours or ((0, 1),))))
    return Freeze(id=number, name=f"W{number}", reason="because", **fields)


def allow(number: int = 1, *hours: tuple[float, float], **fields: Any) -> Freeze:
    return freeze(number, *hours, effect=Effect.ALLOW, **fields)


def test_t13_a_window_blocks_its_start_and_not_its_end() -> None:
    window = freeze()
    assert not judge([window], [HERE], AT).is_allowed
    assert judge([window], [HERE], AT - INSTANT).is_allowed
    assert not judge([window], [HERE], AT + HOUR - INSTANT).is_allowed
    assert judge([window], [HERE], AT + HOUR).is_allowed


def test_t13_a_window_that_allows_is_open_at_its_start_and_shut_at_its_end() -> None:
    window = allow()
    assert judge([window], [HERE], AT).is_allowed
    assert not judge([window], [HERE], AT - INSTANT).is_allowed
    assert not judge([window], [HERE], AT + HOUR).is_allowed


def test_w5_deny_beats_hold_and_every_reason_and_the_latest_end_are_shown() -> None:
    windows = [
        freeze(1, (0, 2), level=Stops.SOFT),
        freeze(2, (0, 1)),
        freeze(3, (0, 3), level=Stops.NOTICE),
    ]
    found = judge(windows, [HERE], AT)
    assert found.decision is Decision.DENY
    assert [one.code for one in found.reasons] == ["window_hard", "window_soft", "window_notice"]
    assert found.until == AT + 3 * HOUR


def test_w5_deny_beats_allow() -> None:
    found = judge([allow(1, (-5, 5)), freeze(2)], [HERE], AT)
    assert (found.decision, [one.text for one in found.reasons]) == (
        Decision.DENY,
        ["“W2” stops this: because."],
    )


def test_w5_one_open_window_that_allows_is_enough() -> None:
    assert judge([allow(1, (5, 6)), allow(2)], [HERE], AT).is_allowed


@pytest.mark.parametrize(
    "hours",
    [((-1, 2), (0, 9), (3, 4)), ((-1, 2), (2, 9)), ((-1, 9), (0, 1)), ((-1, 1), (0, 5), (4, 9))],
    ids=["nested", "touching", "self-nested", "self-overlapping"],
)
def test_w5_times_of_one_window_that_overlap_or_touch_are_one(hours: tuple[tuple[int, int], ...]) -> None:
    [stop] = stops([freeze(1, *hours)], [HERE], AT)
    assert stop.until == AT + 9 * HOUR


def test_w6_a_window_of_the_future_stops_nothing_now() -> None:
    assert judge([freeze(1, (1, 2))], [HERE], AT).is_allowed


def test_w8_of_two_environments_only_the_frozen_one_waits() -> None:
    window = freeze(includes=(Scope(environment=3),))
    there = Place(team=1, service=2, environment=9)
    assert not judge([window], [HERE], AT).is_allowed
    assert judge([window], [there], AT).is_allowed
    assert not judge([window], [there, HERE], AT).is_allowed


def test_levels_stop_as_much_as_they_say() -> None:
    decisions = [judge([freeze(level=level)], [HERE], AT).decision for level in Stops]
    assert decisions == [Decision.DENY, Decision.HOLD, Decision.ALLOW]


def test_no_scope_means_everything_and_a_filled_one_must_match_in_every_field() -> None:
    def stopped(*includes: Scope, excludes: tuple[Scope, ...] = ()) -> bool:
        return not judge([freeze(includes=includes, excludes=excludes)], [HERE], AT).is_allowed

    assert stopped()
    assert stopped(Scope(service=2, environment=3))
    assert stopped(Scope(region=4))
    assert not stopped(Scope(service=2, environment=9))
    assert stopped(Scope(service=9), Scope(team=1))
    assert not stopped(excludes=(Scope(service=2),))
    assert not stopped(Scope(team=1), excludes=(Scope(service=2, environment=3),))
    assert stopped(Scope(team=1), excludes=(Scope(service=2, environment=9),))


def test_a_window_stops_the_lanes_that_it_names_or_all() -> None:
    hotfixes = freeze(lanes=frozenset({Lane.HOTFIX}))
    assert judge([hotfixes], [HERE], AT, lane=Lane.TRAIN).is_allowed
    assert not judge([hotfixes], [HERE], AT, lane=Lane.HOTFIX).is_allowed
    assert not any(judge([freeze()], [HERE], AT, lane=lane).is_allowed for lane in Lane)


def test_t7_a_region_waits_for_its_own_day_and_what_has_no_region_for_each() -> None:
    window = freeze(times=times((0, 24), region=4) + times((9, 33), region=5))
    there = Place(team=1, service=2, environment=3, region=5)
    nowhere = Place(team=1, service=2, environment=3)
    assert not judge([window], [HERE], AT).is_allowed
    assert judge([window], [there], AT).is_allowed
    assert judge([window], [HERE], AT + 24 * HOUR).is_allowed
    assert judge([window], [nowhere], AT).until == AT + 33 * HOUR


def test_an_accepted_soft_window_no_longer_holds_and_a_hard_one_cannot_be_accepted() -> None:
    windows = [freeze(1, level=Stops.SOFT), freeze(2)]
    assert [one.code for one in judge(windows, [HERE], AT, frozenset({1, 2})).reasons] == ["window_hard"]


def test_w7_an_override_lets_its_services_through_its_windows_only() -> None:
    other = Place(team=1, service=9, environment=3)
    windows = [freeze(1), freeze(2)]
    assert len(stops(windows, [HERE], AT, overridden=frozenset({(1, 2)}))) == 1
    assert judge(windows, [HERE], AT, overridden=frozenset({(1, 2), (2, 2)})).is_allowed
    assert not judge(windows, [HERE, other], AT, overridden=frozenset({(1, 2), (2, 2)})).is_allowed


def test_a_reason_says_what_why_until_when_and_who() -> None:
    [reason] = judge([freeze()], [HERE], AT).reasons
    assert (reason.text, reason.until, reason.who) == (
        "“W1” stops this: because.",
        AT + HOUR,
        "a release manager or an administrator",
    )


def test_a_window_that_allows_says_when_it_opens_next_or_that_nobody_knows() -> None:
    [soon] = judge([allow(1, (2, 3))], [HERE], AT).reasons
    assert (soon.text, soon.until) == ("This moves only inside “W1”: because.", AT + 2 * HOUR)
    [never] = judge([allow(times=())], [HERE], AT).reasons
    assert never.until is None
    assert "nobody has said when it opens next" in never.text


def test_a_window_that_allows_confines_nothing_once_its_last_time_is_over() -> None:
    window = allow(1, (-3, -1), over_at=AT - HOUR)
    assert judge([window], [HERE], AT).is_allowed
    assert not judge([window], [HERE], AT - 4 * HOUR).is_allowed


def test_w11_a_window_of_a_calendar_that_cannot_be_read_still_stops_and_says_so() -> None:
    [reason] = judge([freeze(is_stale=True)], [HERE], AT).reasons
    assert reason.code == "window_hard"
    assert "can no longer be read; what it last said counts." in reason.text


def test_openness_says_what_closes_next_and_when_it_opens_again() -> None:
    windows = [freeze(1, (2, 4)), freeze(2, (4, 5)), freeze(3, (1, 9), level=Stops.NOTICE)]
    before = openness(windows, [HERE], AT)
    assert (before.is_open, before.next_close_at, before.next_open_at) == (True, AT + 2 * HOUR, None)
    assert "“W1” stops this: because." in [one.text for one in before.why_closes]
    during = openness(windows, [HERE], AT + 3 * HOUR)
    assert (during.is_open, during.next_open_at) == (False, AT + 5 * HOUR)


def test_openness_of_what_nobody_will_open_has_no_end() -> None:
    found = openness([allow(1, (-3, -2))], [HERE], AT)
    assert (found.is_open, found.next_open_at) == (False, None)


hours = st.tuples(st.integers(-5, 8), st.integers(1, 6)).map(lambda one: (one[0], one[0] + one[1]))
windows = st.lists(
    st.builds(
        lambda number, level, effect, spans, service, over: Freeze(
            id=number,
            name="W",
            level=level,
            reason="r",
            times=tuple(sorted(times(*spans), key=lambda one: one.span.start)),
            effect=effect,
            includes=(Scope(service=service),) if service else (),
            over_at=max(one.span.end for one in times(*spans)) if over else None,
        ),
        st.integers(1, 9),
        st.sampled_from(Stops),
        st.sampled_from(Effect),
        st.lists(hours, min_size=1, max_size=4),
        st.sampled_from([None, 2, 7]),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)


def is_open(found: list[Freeze], at: datetime) -> bool:
    """Tell by the plainest reading of the rules whether HERE may move."""
    mine = [one for one in found if not one.includes or one.includes[0].service == HERE.service]
    covers = [one for one in mine if any(at in time.span for time in one.times)]
    if any(one.effect is Effect.DENY and one.level is not Stops.NOTICE for one in covers):
        return False
    binding = [
        one for one in mine if one.effect is Effect.ALLOW and (one.over_at is None or at < one.over_at)
    ]
    if any(one.effect is Effect.ALLOW for one in covers):
        return True
    return all(one.level is Stops.NOTICE for one in binding)


@given(windows, st.integers(-6, 15))
def test_w5_moving_is_allowed_exactly_where_the_rules_say(found: list[Freeze], hour: int) -> None:
    assert judge(found, [HERE], AT + HOUR * hour).is_allowed == is_open(found, AT + HOUR * hour)


@given(windows, st.integers(-6, 15))
def test_w5_the_next_change_is_the_first_instant_that_is_judged_otherwise(
    found: list[Freeze], hour: int
) -> None:
    at = AT + HOUR * hour
    answer = openness(found, [HERE], at)
    later = [at + HOUR * step for step in range(1, 40)]
    changed = next((one for one in later if is_open(found, one) != answer.is_open), None)
    assert answer.is_open == is_open(found, at)
    assert (answer.next_close_at if answer.is_open else answer.next_open_at) == changed


@given(windows, st.integers(-6, 15))
def test_w5_until_its_end_a_window_that_denies_stops_every_hour(found: list[Freeze], hour: int) -> None:
    at = AT + HOUR * hour
    for stop in stops(found, [HERE], at):
        if stop.freeze.effect is Effect.DENY and stop.until:
            between = [at + HOUR * step for step in range(20) if at + HOUR * step < stop.until]
            assert all(stop.freeze.open_span(HERE, one) for one in between)
            assert stop.freeze.open_span(HERE, stop.until) is None


def test_w12_the_line_is_stopped_for_a_week_at_most_and_never_for_the_past() -> None:
    assert why_not_stop(until=AT, now=AT)
    assert why_not_stop(until=AT + timedelta(days=7), now=AT) is None
    assert why_not_stop(until=AT + timedelta(days=7, microseconds=1), now=AT)
