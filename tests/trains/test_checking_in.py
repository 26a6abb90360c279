"""Where a train asks for it, authors say before a departure that they are there."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed
from releasetrain.trains import actions, tasks
from releasetrain.trains.actions.refusals import NotDue, SteeringRefused
from releasetrain.trains.models import Change, Departure
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def asking(**fields: Any) -> Departure:
    """Make a departure in two hours whose train asks for check-in an hour and a half before."""
    return make.departure(make.train(check_in_lead=timedelta(minutes=90)), **fields)


def opens(departure: Departure) -> Any:
    return departure.departs_at - timedelta(minutes=90)


def checked(change: Change) -> tuple[bool, str]:
    change.refresh_from_db()
    return change.checked_in_at is not None, change.checked_in_by_label


def test_the_author_checks_in_once_it_is_open() -> None:
    departure = asking()
    change = world.aboard(departure)
    with pytest.raises(SteeringRefused, match="Check-in opens on"):
        actions.check_in(change, by=world.submitter(), now=opens(departure) - HOUR)
    actions.check_in(change, by=world.submitter(), now=opens(departure))
    assert checked(change) == (True, "Ada")
    assert world.kinds(departure)[-1] == "change.checked_in"
    with pytest.raises(SteeringRefused, match="checked in already"):
        actions.check_in(change, by=world.submitter(), now=opens(departure))


def test_who_answers_for_a_change_checks_in_and_nobody_else() -> None:
    departure = asking()
    captain = make.user("Cap", Role.VIEWER)
    Departure.objects.filter(pk=departure.pk).update(captain=captain)
    change = world.aboard(departure)
    with pytest.raises(NotAllowed, match="must have written or submitted it"):
        actions.check_in(change, by=make.user("Eve", Role.VIEWER), now=opens(departure))
    actions.check_in(change, by=captain, now=opens(departure))
    assert checked(change) == (True, "Cap")


def test_a_train_that_asks_nobody_takes_no_check_in() -> None:
    departure = make.departure()
    with pytest.raises(SteeringRefused, match="asks nobody to check in"):
        actions.check_in(world.aboard(departure), by=world.submitter(), now=make.NOW)
    with pytest.raises(SteeringRefused, match="on no departure"):
        actions.check_in(make.change(author=world.submitter()), by=world.submitter(), now=make.NOW)


def test_i7_a_change_that_moves_or_leaves_has_not_checked_in_for_anything() -> None:
    first, second = asking(), make.departure()
    moving, leaving = world.aboard(first), world.aboard(first)
    Departure.objects.filter(pk=first.pk).update(cut_off_at=first.departs_at)
    for change in (moving, leaving):
        actions.check_in(change, by=world.submitter(), now=opens(first))
    actions.move(moving, second, by=world.submitter(), now=opens(first))
    actions.withdraw(leaving, by=world.submitter(), now=opens(first))
    assert (checked(moving), checked(leaving)) == ((False, ""), (False, ""))


def test_i12_a_change_that_rolls_over_has_not_checked_in_for_the_next_departure() -> None:
    departure = asking()
    following = make.departure(departure.train, departs_at=departure.departs_at + 24 * HOUR)
    change = world.aboard(departure)
    actions.check_in(change, by=world.submitter(), now=opens(departure))
    actions.cancel(departure, reason="Fire", by=world.manager(), now=opens(departure))
    assert checked(change) == (False, "")
    assert change.departure == following


def test_a_departure_that_is_postponed_far_enough_asks_again() -> None:
    departure = asking()
    change = world.aboard(departure)
    now = opens(departure)
    actions.ask_to_check_in(departure, now=now)
    actions.check_in(change, by=world.submitter(), now=now)
    soon = departure.departs_at + HOUR / 4
    Departure.objects.filter(pk=departure.pk).update(departs_at=soon - HOUR / 2)
    departure.refresh_from_db()
    actions.postpone(departure, to=soon - HOUR / 4, reason="x", by=world.manager(), now=now + HOUR / 2)
    assert checked(change) == (True, "Ada"), "it is open for the new time, too"
    actions.postpone(departure, to=soon + 24 * HOUR, reason="x", by=world.manager(), now=now + HOUR / 2)
    assert checked(change) == (False, "")
    departure.refresh_from_db()
    assert departure.check_in_asked_at is None


def test_people_aboard_are_asked_once_when_check_in_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    departure = asking()
    world.aboard(departure, author_label="Ada")
    late = world.aboard(departure, author_label="Bob")
    empty, silent = asking(), make.departure()
    world.aboard(silent)
    monkeypatch.setattr(clock, "now", lambda: opens(departure) - timedelta(seconds=1))
    tasks.tick()
    assert not Event.objects.filter(kind="trains.departure.check_in_asked").exists()
    monkeypatch.setattr(clock, "now", lambda: opens(departure) + timedelta(seconds=1))
    actions.check_in(late, by=world.submitter(), now=opens(departure))
    tasks.tick()
    tasks.tick()
    (asked,) = Event.objects.filter(kind="trains.departure.check_in_asked")
    assert asked.data["people"] == "Ada"
    assert {one.check_in_asked_at for one in (empty, silent)} == {None}
    with pytest.raises(NotDue, match="has asked already"):
        actions.ask_to_check_in(departure, now=opens(departure))
    with pytest.raises(NotDue, match="Check-in opens on"):
        actions.ask_to_check_in(empty, now=opens(empty) - HOUR)
