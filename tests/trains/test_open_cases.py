"""Real intake rules of other houses, as acceptance cases: O4 (capacity, presence) and O5 (vehicles)."""

from datetime import timedelta

import pytest

from releasetrain.accounts.models import User
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import BoardingClosed
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries.ledger import lost_property
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def backport() -> Departure:
    """Make a backport slot of at most six patches whose requesters have to be there."""
    train = make.train("Backport", check_in_lead=HOUR)
    departure = make.departure(train)
    make.window(
        "Backport window",
        effect="allow",
        capacity=6,
        starts_at=departure.departs_at - HOUR,
        ends_at=departure.departs_at + HOUR,
    )
    return departure


def patch(number: int, departure: Departure) -> Change:
    author = world.submitter(f"Requester {number}")
    return actions.board(make.change(f"c{number}", author=author), departure, by=author, now=make.NOW)


def test_o4_a_seventh_patch_is_refused_and_who_is_absent_is_not_deployed() -> None:
    departure = backport()
    changes = [patch(number, departure) for number in range(1, 7)]
    with pytest.raises(BoardingClosed, match="has room for 6 changes"):
        patch(7, departure)
    make.target()
    actions.seal(departure, now=departure.cut_off_at)
    for change in changes:
        if change.title != "c2":
            actions.check_in(change, by=_author(change), now=departure.cut_off_at)
    deployer = world.manager("D1")
    world.vote(departure, deployer)
    held = actions.depart(departure, now=departure.departs_at)
    assert (held.held_kind, "c2" in held.held_reason) == ("check_in", True)
    actions.eject(changes[1], reason="the requester is absent", by=deployer, now=departure.departs_at)
    world.vote(departure, deployer, now=departure.departs_at)
    actions.recheck_hold(departure, now=departure.departs_at)
    departure.refresh_from_db()
    rolling = actions.depart(departure, now=departure.departs_at)
    actions.arrive(rolling, now=departure.departs_at + HOUR)
    outcomes = dict(Change.objects.exclude(title="c7").values_list("title", "state"))
    assert outcomes == {f"c{number}": "ejected" if number == 2 else "shipped" for number in range(1, 7)}
    assert changes[1].ledger.get().reason == "the requester is absent"
    assert lost_property() == []


def test_o4_a_window_that_nobody_claims_ends_and_its_changes_go_back_to_the_queue() -> None:
    departure = backport()
    change = patch(1, departure)
    actions.skip(departure, reason="no deployer is present", by=world.manager("D1"), now=make.NOW)
    change.refresh_from_db()
    assert (change.state, change.departure) == ("returned", None)
    entry = change.ledger.get()
    assert (entry.end, entry.reason) == ("returned", "skipped: no deployer is present")
    assert "departure.skipped" in world.kinds(departure)


@pytest.mark.parametrize(
    ("answers", "is_taken"),
    [({"schema": "expand"}, False), ({"minutes": 61}, False), ({"minutes": 60}, True), ({}, True)],
)
def test_o5_what_needs_a_window_of_its_own_does_not_ride_a_backport(
    answers: dict[str, object], is_taken: bool
) -> None:
    train = make.train("Backport", refuses=["schema", "long"])
    departure = make.departure(train, plan=queries.plan_of(train).to_json())
    change = make.change(author=world.submitter(), answers=answers)
    if is_taken:
        assert actions.board(change, departure, by=world.submitter(), now=make.NOW).state == "aboard"
        return
    with pytest.raises(BoardingClosed):
        actions.board(change, departure, by=world.submitter(), now=make.NOW)


def _author(change: Change) -> User:
    assert change.author is not None
    return change.author
