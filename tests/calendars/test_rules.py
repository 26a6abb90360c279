"""Windows unite: deny beats allow, every reason is kept (RULES W1, W5, W10, W12, T13)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.calendars.rules import Freeze, Place, Stops, judge, why_not_stop, why_not_window
from releasetrain.lib.verdict import Decision

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE = Place(team=1, service=2, environment=3)


def freeze(number: int = 1, level: Stops = Stops.HARD, hours: int = 1, **scope: Any) -> Freeze:
    return Freeze(number, f"W{number}", level, "because", AT, AT + HOUR * hours, **scope)


def test_t13_a_window_blocks_its_start_and_not_its_end() -> None:
    window = freeze()
    assert not judge([window], [HERE], AT).is_allowed
    assert judge([window], [HERE], AT - timedelta(microseconds=1)).is_allowed
    assert judge([window], [HERE], AT + HOUR).is_allowed


def test_w5_deny_beats_hold_and_every_reason_and_the_latest_end_are_shown() -> None:
    found = judge(
        [freeze(1, Stops.SOFT, 2), freeze(2, Stops.HARD, 1), freeze(3, Stops.NOTICE, 3)], [HERE], AT
    )
    assert found.decision is Decision.DENY
    assert [one.code for one in found.reasons] == ["window_hard", "window_soft", "window_notice"]
    assert found.until == AT + 3 * HOUR


def test_levels_stop_as_much_as_they_say() -> None:
    decisions = [judge([freeze(level=level)], [HERE], AT).decision for level in Stops]
    assert decisions == [Decision.DENY, Decision.HOLD, Decision.ALLOW]


def test_an_empty_scope_means_everything_and_a_filled_one_must_match_in_every_field() -> None:
    assert not judge([freeze()], [HERE], AT).is_allowed
    assert not judge([freeze(service=2, environment=3)], [HERE], AT).is_allowed
    assert judge([freeze(service=2, environment=9)], [HERE], AT).is_allowed


def test_an_accepted_soft_window_no_longer_holds_and_a_hard_one_cannot_be_accepted() -> None:
    windows = [freeze(1, Stops.SOFT), freeze(2, Stops.HARD)]
    assert [one.code for one in judge(windows, [HERE], AT, frozenset({1, 2})).reasons] == ["window_hard"]


def test_a_reason_says_what_why_until_when_and_who() -> None:
    [reason] = judge([freeze()], [HERE], AT).reasons
    assert (reason.text, reason.until, reason.who) == (
        "“W1” stops this: because.",
        AT + HOUR,
        "a release manager or an administrator",
    )


windows = st.lists(
    st.builds(
        lambda number, level, start, length, service: Freeze(
            number, "W", level, "r", AT + HOUR * start, AT + HOUR * (start + length), service=service
        ),
        st.integers(1, 9),
        st.sampled_from(Stops),
        st.integers(-5, 5),
        st.integers(1, 6),
        st.sampled_from([None, 2, 7]),
    ),
    max_size=6,
)


@given(windows, st.integers(-6, 12))
def test_w5_moving_is_allowed_exactly_where_no_stopping_window_covers_the_instant(
    found: list[Freeze], hour: int
) -> None:
    at = AT + HOUR * hour
    covering = [
        one for one in found if one.starts_at <= at < one.ends_at and one.service in (None, HERE.service)
    ]
    answer = judge(found, [HERE], at)
    assert answer.is_allowed == all(one.level is Stops.NOTICE for one in covering)
    assert len(answer.reasons) == len(covering)


def test_w10_a_window_typed_wrong_is_refused() -> None:
    def why(start: timedelta, end: timedelta, *, is_confirmed: bool = False) -> str:
        said = why_not_window(starts_at=AT + start, ends_at=AT + end, is_confirmed=is_confirmed, now=AT)
        return said or ""

    assert why(HOUR, HOUR) == "The window ends before it starts."
    assert why(-2 * HOUR, timedelta(0)) == "The window has ended already."
    assert why(HOUR, timedelta(days=15)) == "The window lasts 14 d 23 h. Confirm that this is meant."
    assert why(HOUR, timedelta(days=15), is_confirmed=True) == ""
    assert why(-HOUR, HOUR) == ""


def test_w12_the_line_is_stopped_for_a_week_at_most_and_never_for_the_past() -> None:
    assert why_not_stop(until=AT, now=AT)
    assert why_not_stop(until=AT + timedelta(days=7), now=AT) is None
    assert why_not_stop(until=AT + timedelta(days=7, microseconds=1), now=AT)
