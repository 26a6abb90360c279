"""Figures count our own departures and imported history alike."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.insights.past import past_of
from releasetrain.insights.queries import figures_of
from releasetrain.trains.actions import arrive, import_history, mark_rolled_back
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HISTORY = Path(__file__).parents[2] / "releasetrain" / "demo" / "history"


def test_the_imported_trains_have_their_real_figures() -> None:
    train = import_history(HISTORY, by=None, now=make.NOW).train
    found = {one.key: one.words for one in figures_of(train)}
    assert found["success"] == "92.0 % (480 of 522)"
    assert found["rollbacks"] == "0.54 (286 in 529)"
    assert found["punctuality"] == "nothing to count yet"
    assert found["duration"].startswith("2 d")


def test_our_own_departures_count_their_rollouts_that_came_back() -> None:
    departure = world.rolling()
    make.rollout(departure, make.target(), state="rolled_back", next_due_at=None)
    arrive(departure, now=departure.departs_at + timedelta(hours=2))
    found = {one.key: one.words for one in figures_of(departure.train)}
    assert found == {
        "success": "100.0 % (1 of 1)",
        "clean": "0.0 % (0 of 1)",
        "rollbacks": "1.00 (1 in 1)",
        "punctuality": "100.0 % (1 of 1)",
        "duration": "2 h",
    }


def test_w1_what_a_window_took_back_is_no_failure_of_a_change() -> None:
    departure = world.rolling()
    make.rollout(departure, make.target(), state="rolled_back", next_due_at=None, is_window_return=True)
    mark_rolled_back(
        departure, reason="A window took it back.", now=departure.departs_at + timedelta(hours=2)
    )
    found = {one.key: one.words for one in figures_of(departure.train)}
    assert found["success"] == found["clean"] == "nothing to count yet"
    assert found["rollbacks"] == "0.00 (0 in 1)"
    later = make.departure(departure.train)
    assert past_of(later, make.service().pk, timedelta(hours=1), make.NOW).returns == ""
    make.rollout(departure, make.target("Ledger"), state="rolled_back", next_due_at=None)
    found = {one.key: one.words for one in figures_of(departure.train)}
    assert (found["success"], found["rollbacks"]) == ("0.0 % (0 of 1)", "1.00 (1 in 1)")
    past = past_of(later, make.service().pk, timedelta(hours=1), make.NOW)
    assert past.returns == "1 of the last 1 departures of this train came back."


def test_figures_take_two_queries_however_long_the_history() -> None:
    train = import_history(HISTORY, by=None, now=make.NOW).train
    with CaptureQueriesContext(connection) as captured:
        figures_of(train)
    assert len(captured) == 2
