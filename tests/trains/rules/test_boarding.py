"""The cut-off is a promise: half-open, judged by when a request was received (RULES T10, T13, I2 to I7)."""

from datetime import UTC, datetime, timedelta

import pytest

from releasetrain.trains.rules.boarding import why_not_board, why_not_come_aboard, why_not_withdraw
from releasetrain.trains.rules.states import ChangeState, DepartureState

OPENS = datetime(2026, 11, 17, 16, tzinfo=UTC)
CUT_OFF = datetime(2026, 11, 24, 16, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
D = DepartureState


def board(state: DepartureState, now: datetime) -> str:
    reason = why_not_board(state, boards_at=OPENS, cut_off_at=CUT_OFF, zone="Europe/Berlin", now=now)
    return reason.code if reason else ""


def withdraw(state: DepartureState, now: datetime) -> str:
    reason = why_not_withdraw(state, cut_off_at=CUT_OFF, zone="Europe/Berlin", captain="Ada", now=now)
    return reason.code if reason else ""


def test_t13_at_the_cut_off_one_is_late_and_just_before_it_one_is_not() -> None:
    assert board(D.BOARDING, CUT_OFF - INSTANT) == ""
    assert board(D.BOARDING, CUT_OFF) == "cut_off"


def test_t13_boarding_opens_at_its_very_instant() -> None:
    assert board(D.SCHEDULED, OPENS - INSTANT) == "not_boarding"
    assert board(D.SCHEDULED, OPENS) == ""


def test_t10_a_tick_that_never_ran_lets_nobody_in_late() -> None:
    assert board(D.BOARDING, CUT_OFF + timedelta(minutes=20)) == "cut_off"


@pytest.mark.parametrize("state", [D.DECIDING, D.CLEARED])
def test_t10_a_request_received_in_time_comes_aboard_although_a_tick_has_sealed(
    state: DepartureState,
) -> None:
    assert board(state, CUT_OFF - INSTANT) == ""
    assert board(state, CUT_OFF) == "cut_off"


@pytest.mark.parametrize("state", [D.ROLLING, D.ARRIVED, D.ROLLED_BACK, D.CANCELLED, D.SKIPPED])
def test_nothing_boards_or_leaves_what_has_gone(state: DepartureState) -> None:
    assert board(state, CUT_OFF - INSTANT) == "gone"
    assert withdraw(state, CUT_OFF - INSTANT) == ("rolling" if state is D.ROLLING else "gone")


def test_a_refusal_says_when_and_who() -> None:
    reason = why_not_board(D.BOARDING, boards_at=OPENS, cut_off_at=CUT_OFF, zone="Europe/Berlin", now=CUT_OFF)
    assert reason
    assert reason.text == "The cut-off was on Tue 24 Nov 2026 17:00 Europe/Berlin; choose another departure."
    early = why_not_board(
        D.SCHEDULED, boards_at=OPENS, cut_off_at=CUT_OFF, zone="Europe/Berlin", now=OPENS - INSTANT
    )
    assert early
    assert early.until == OPENS


def test_i2_a_change_is_withdrawn_freely_before_the_cut_off() -> None:
    assert withdraw(D.BOARDING, CUT_OFF - INSTANT) == ""


def test_i3_after_the_cut_off_it_is_no_simple_withdrawal() -> None:
    reason = why_not_withdraw(D.DECIDING, cut_off_at=CUT_OFF, zone="UTC", captain="Ada", now=CUT_OFF)
    assert reason
    assert (reason.code, reason.who) == ("cut_off", "Ada")


def test_i4_while_rolling_other_ways_out_are_offered() -> None:
    reason = why_not_withdraw(D.ROLLING, cut_off_at=CUT_OFF, zone="UTC", captain="Ada", now=CUT_OFF)
    assert reason
    assert "Switch the change's flag off, roll the departure back, or mend it with a hotfix" in reason.text


def come(state: ChangeState = ChangeState.SUBMITTED, **facts: object) -> str:
    known: dict[str, object] = {
        "elsewhere": "", "service": "Search", "is_served": True, "is_archived": False, "train": "Express",
    }  # fmt: skip
    reason = why_not_come_aboard(state, **{**known, **facts})  # type: ignore[arg-type]
    return reason.code if reason else ""


def test_i7_a_change_is_on_one_departure_only() -> None:
    assert come() == ""
    assert come(ChangeState.ABOARD, elsewhere="Express RT-4") == "elsewhere"


def test_i15_an_archived_service_does_not_board() -> None:
    assert come(is_archived=True) == "archived"


def test_a_train_carries_only_its_services() -> None:
    assert come(is_served=False) == "not_served"


@pytest.mark.parametrize("state", [ChangeState.SHIPPED, ChangeState.ROLLED_OVER])
def test_a_change_that_ended_does_not_board_again(state: ChangeState) -> None:
    assert come(state) == "ended"


@pytest.mark.parametrize("state", [ChangeState.WITHDRAWN, ChangeState.RETURNED, ChangeState.EJECTED])
def test_a_change_that_came_back_may_board_again(state: ChangeState) -> None:
    assert come(state) == ""
