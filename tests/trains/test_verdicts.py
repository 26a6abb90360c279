"""Page, API and worker get the same answer, with every reason."""

from datetime import timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SYSTEM
from releasetrain.lib.verdict import Decision
from releasetrain.trains import actions, queries
from releasetrain.trains.queries import Action, verdict
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db


def codes(*arguments: object, **fields: object) -> list[str]:
    return [one.code for one in verdict(*arguments, **fields).reasons]  # type: ignore[arg-type]


def test_a_verdict_keeps_every_reason() -> None:
    departure = make.departure()
    change = make.change(service=make.service("Search"))
    viewer = make.user("Vi", Role.VIEWER)
    found = verdict(Action.BOARD, change, viewer, departure.cut_off_at, departure=departure)
    assert found.decision is Decision.DENY
    assert [one.code for one in found.reasons] == ["role", "cut_off", "not_served"]


def test_boarding_is_asked_of_a_departure_alone_too() -> None:
    departure = make.departure()
    assert codes(Action.BOARD, departure, world.submitter(), make.NOW) == []
    assert codes(Action.BOARD, departure, make.user("Vi", Role.VIEWER), departure.cut_off_at) == [
        "role",
        "cut_off",
    ]
    assert codes(Action.BOARD, make.change(), SYSTEM, make.NOW) == ["no_departure"]


def test_votes_are_asked_for_once_the_manifest_is_sealed() -> None:
    departure = make.departure()
    assert codes(Action.VOTE, departure, world.manager(), make.NOW) == ["not_deciding"]
    departure = world.sealed(departure)
    assert codes(Action.VOTE, departure, world.manager(), make.NOW) == []
    assert codes(Action.VOTE, departure, SYSTEM, make.NOW) == ["not_a_person"]
    assert codes(Action.VOTE, departure, world.submitter(), make.NOW) == ["role"]
    departure = actions.cancel(departure, reason="x", by=world.manager(), now=make.NOW)
    assert codes(Action.VOTE, departure, world.manager(), make.NOW) == ["not_deciding"]


def test_a_boarding_departure_says_until_when_it_waits() -> None:
    departure = make.departure()
    found = verdict(Action.DEPART, departure, SYSTEM, make.NOW)
    assert found.decision is Decision.HOLD
    assert [one.code for one in found.reasons] == ["not_sealed"]
    assert found.until == departure.cut_off_at


def test_a_cleared_departure_waits_for_its_time_only() -> None:
    departure = world.cleared()
    assert codes(Action.DEPART, departure, SYSTEM, departure.departs_at - timedelta(seconds=1)) == ["time"]
    assert codes(Action.DEPART, departure, SYSTEM, departure.departs_at) == []
    assert codes(Action.DEPART, departure, SYSTEM, departure.departs_at + timedelta(hours=1)) == ["late"]


def test_the_worker_asks_what_the_page_shows() -> None:
    departure = world.cleared()
    held = actions.depart(departure, now=departure.departs_at + timedelta(hours=1))
    shown = queries.standing_of(held, held.departs_at + timedelta(hours=1)).verdict
    assert [one.code for one in shown.reasons] == ["held_late"]
    assert shown.reasons[0].text.startswith("Held by Release Train: It is 1 h late")


def test_steering_is_for_those_who_run_the_train_and_before_it_has_left() -> None:
    departure = world.rolling()
    assert codes(Action.CANCEL, departure, world.submitter(), make.NOW) == ["role", "gone"]
    assert codes(Action.HOLD, make.departure(), make.user("Olu", Role.ON_CALL), make.NOW) == []
    assert codes(Action.RELEASE, make.departure(), world.manager(), make.NOW) == ["not_held"]
    assert codes(Action.EDIT, departure.train, world.submitter(), make.NOW) == ["role"]
    assert codes(Action.EDIT, departure.train, world.manager(), make.NOW) == []
