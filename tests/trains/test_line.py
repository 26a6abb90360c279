"""The whole line once: submit, board, seal, vote, depart, arrive."""

from datetime import timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.trains import actions, queries
from releasetrain.trains.rules.states import Choice
from tests import make

pytestmark = pytest.mark.django_db


def test_a_change_goes_from_the_form_to_arrived() -> None:
    author, captain = make.user("Ada", Role.SUBMITTER), make.user("Rob", Role.RELEASE_MANAGER)
    departure = make.departure()
    make.target()
    submitted = actions.submit_change(
        title="Prices", service=make.service(), version="v9", by=author, now=make.NOW, departure=departure
    )
    assert submitted.is_aboard, submitted.why_not_aboard
    departure = actions.seal(departure, now=departure.cut_off_at)
    assert departure.state == "deciding"
    standing = queries.standing_of(departure, departure.cut_off_at)
    assert standing.missing == ["Rob"]
    assert standing.manifest
    voted = actions.vote(
        departure, choice=Choice.GO, digest=standing.manifest.digest, by=captain, now=departure.cut_off_at
    )
    assert voted.cleared
    departure = actions.depart(departure, now=departure.departs_at)
    assert departure.state == "rolling"
    departure = actions.arrive(departure, now=departure.departs_at + timedelta(hours=1))
    submitted.change.refresh_from_db()
    assert (departure.state, submitted.change.state) == ("arrived", "shipped")
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == [
        "trains.change.submitted",
        "trains.change.boarded",
        "trains.departure.sealed",
        "trains.vote.cast",
        "trains.departure.cleared",
        "trains.departure.departed",
        "trains.departure.arrived",
    ]
