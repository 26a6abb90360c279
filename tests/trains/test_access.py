"""Whoever may not see or run something hears who could change that."""

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.lib.errors import NotAllowed, NotFound
from releasetrain.trains.access import change_for, departure_for, train_for
from tests import make

pytestmark = pytest.mark.django_db


def test_everybody_with_a_role_sees_everything() -> None:
    viewer = make.user("Vi", Role.VIEWER, team=make.team("Payments"))
    departure, change = make.departure(), make.change()
    assert departure_for(viewer, departure.pk) == departure
    assert train_for(viewer, departure.train.slug) == departure.train
    assert change_for(viewer, change.pk) == change


def test_somebody_without_a_role_sees_nothing() -> None:
    nobody, departure = make.user("No"), make.departure()
    with pytest.raises(NotAllowed, match="no role here yet") as refused:
        departure_for(nobody, departure.pk)
    assert refused.value.who == "an administrator"


@pytest.mark.parametrize("to", ["run", "hold"])
def test_a_submitter_runs_no_departure(to: str) -> None:
    with pytest.raises(NotAllowed, match="release manager"):
        departure_for(make.user("Sue", Role.SUBMITTER), make.departure().pk, to)


def test_a_release_manager_runs_the_departures_of_their_team_only() -> None:
    ours, theirs = make.departure(), make.departure(make.train(team=make.team("Payments")))
    manager = make.user("Rob", Role.RELEASE_MANAGER, team=make.team())
    assert departure_for(manager, ours.pk, "run") == ours
    with pytest.raises(NotAllowed):
        departure_for(manager, theirs.pk, "run")
    with pytest.raises(NotAllowed):
        train_for(manager, theirs.train.slug, "edit")


def test_on_call_people_hold_and_do_not_run() -> None:
    departure, olu = make.departure(), make.user("Olu", Role.ON_CALL)
    assert departure_for(olu, departure.pk, "hold") == departure
    with pytest.raises(NotAllowed):
        departure_for(olu, departure.pk, "run")


def test_the_captain_runs_their_train() -> None:
    captain = make.user("Cap", Role.VIEWER)
    departure = make.departure(make.train(captain=captain))
    assert departure_for(captain, departure.pk, "run") == departure
    assert train_for(captain, departure.train.slug, "edit") == departure.train


@pytest.mark.parametrize("pk", [0, -1, 10**30])
def test_what_is_not_there_is_not_found(pk: int) -> None:
    viewer = make.user("Vi", Role.VIEWER)
    with pytest.raises(NotFound, match=f"There is no departure RT-{pk}"):
        departure_for(viewer, pk)
    with pytest.raises(NotFound):
        change_for(viewer, pk)


def test_a_train_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="There is no train “x”"):
        train_for(make.user("Vi", Role.VIEWER), "x")
