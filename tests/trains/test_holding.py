"""A hold stops a departure from leaving, says why, and ends as its kind says."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.calendars.actions import end_window
from releasetrain.calendars.models import Window
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import NotDue, SteeringRefused
from releasetrain.trains.models import Departure
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def held_by_window(hours: int = 5, level: str = "hard") -> tuple[Departure, Window]:
    departure = world.cleared()
    window = make.window(
        level=level, starts_at=departure.departs_at, ends_at=departure.departs_at + HOUR * hours
    )
    return actions.depart(departure, now=departure.departs_at), window


def end(window: Window) -> datetime:
    assert window.ends_at
    return window.ends_at


def test_a_held_departure_does_not_leave_and_says_who_holds_it_and_why() -> None:
    departure = world.cleared()
    held = actions.hold(departure, reason="waiting for legal", by=world.manager(), now=make.NOW)
    with pytest.raises(NotDue, match="waiting for legal"):
        actions.depart(held, now=held.departs_at)
    verdict = queries.standing_of(held, make.NOW).verdict
    assert "Held by Rob: waiting for legal." in verdict.sentence()


def test_on_call_people_may_hold_and_submitters_may_not() -> None:
    departure = world.cleared()
    with pytest.raises(NotAllowed):
        actions.hold(departure, reason="no", by=world.submitter(), now=make.NOW)
    assert actions.hold(departure, reason="pager", by=make.user("Olu", Role.ON_CALL), now=make.NOW).held_at
    with pytest.raises(NotAllowed):
        actions.release(departure, by=make.user("Oki", Role.ON_CALL), now=make.NOW)


@pytest.mark.parametrize(("reason", "hours", "field"), [(" ", 1, "reason"), ("legal", -1, "until")])
def test_a_hold_needs_a_reason_and_a_future(reason: str, hours: int, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        actions.hold(
            make.departure(), reason=reason, by=world.manager(), now=make.NOW, until=make.NOW + HOUR * hours
        )
    assert refused.value.field == field


def test_a_departure_is_held_by_one_person_at_a_time() -> None:
    departure = make.departure()
    actions.hold(departure, reason="legal", by=world.manager(), now=make.NOW)
    with pytest.raises(SteeringRefused, match="held already, by Rob: legal"):
        actions.hold(departure, reason="me too", by=make.user("Kim", Role.RELEASE_MANAGER), now=make.NOW)


def test_what_is_not_held_cannot_be_released() -> None:
    with pytest.raises(SteeringRefused, match="is not held"):
        actions.release(make.departure(), by=world.manager(), now=make.NOW)


def test_a_hold_does_not_stop_the_seal_at_the_cut_off() -> None:
    departure = make.departure()
    actions.hold(departure, reason="legal", by=world.manager(), now=make.NOW)
    assert world.sealed(departure).state == "deciding"


def test_nobody_releases_a_departure_into_a_hard_window() -> None:
    held, window = held_by_window()
    with pytest.raises(SteeringRefused, match="“Freeze” stops this: audit") as refused:
        actions.release(held, by=world.manager(), now=held.departs_at)
    assert (refused.value.until, refused.value.who) == (
        end(window),
        "a release manager or an administrator",
    )


def test_w2_when_its_window_ends_a_departure_goes_on_by_itself() -> None:
    held, window = held_by_window()
    assert not actions.recheck_hold(held, now=end(window) - HOUR)
    assert actions.recheck_hold(held, now=end(window))
    held.refresh_from_db()
    assert (held.held_at, held.departs_at) == (None, end(window))
    assert actions.depart(held, now=end(window)).state == "rolling"


def test_w3_when_its_window_is_ended_early_a_departure_goes_on_at_once() -> None:
    held, window = held_by_window()
    end_window(window, reason="passed", by=world.manager(), now=held.departs_at + HOUR)
    assert actions.recheck_hold(held, now=held.departs_at + HOUR)


def test_w5_a_second_window_keeps_a_departure_to_its_own_end() -> None:
    held, window = held_by_window()
    later = make.window("Second", starts_at=window.starts_at + HOUR, ends_at=window.starts_at + 6 * HOUR)
    assert actions.recheck_hold(held, now=window.starts_at + 2 * HOUR)
    held.refresh_from_db()
    assert held.held_until == later.ends_at
    assert actions.recheck_hold(held, now=end(window)) is False


def test_w2_held_for_more_than_a_day_a_person_must_say_go() -> None:
    held, window = held_by_window(hours=30)
    assert actions.recheck_hold(held, now=end(window))
    held.refresh_from_db()
    assert held.held_kind == "late"
    assert "30" not in held.held_reason
    assert "1 d 6 h" in held.held_reason
    released = actions.release(held, by=world.manager(), now=end(window))
    assert actions.depart(released, now=end(window)).state == "rolling"


def test_a_hold_with_an_end_ends_there() -> None:
    departure = world.cleared()
    until = departure.departs_at + HOUR
    held = actions.hold(departure, reason="legal", by=world.manager(), now=departure.departs_at, until=until)
    assert not actions.recheck_hold(held, now=until - timedelta(microseconds=1))
    assert actions.recheck_hold(held, now=until)
    assert actions.depart(held, now=until).state == "rolling"


def test_every_reason_that_keeps_a_departure_is_shown() -> None:
    departure = world.sealed()
    world.manager()
    departure = actions.hold(departure, reason="legal", by=world.manager(), now=make.NOW)
    make.window(starts_at=departure.departs_at, ends_at=departure.departs_at + HOUR)
    codes: list[Any] = [one.code for one in queries.standing_of(departure, make.NOW).verdict.reasons]
    assert codes == ["held_person", "window_hard", "time", "votes"]
