"""The readiness of a departure stands on its own row: what is shown of it costs no query."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.events.models import Event
from releasetrain.lib.verdict import Reason
from releasetrain.panels import Audience
from releasetrain.panels.readiness import load_readiness, readiness_of
from releasetrain.panels.reasons import shown
from releasetrain.panels.registry import Need, needs
from releasetrain.trains import actions
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.readiness import CheckKind
from tests import make
from tests.trains import world
from tests.trains.test_blockers import block
from tests.trains.test_readiness import MINUTES, asking, green, sample

pytestmark = pytest.mark.django_db
MEMBER, STAKEHOLDER = Audience.MEMBER, Audience.STAKEHOLDER


def test_a_departure_that_asks_for_nothing_shows_nothing() -> None:
    shown = load_readiness(make.departure().pk, MEMBER, make.NOW)
    assert shown is not None
    assert (shown.state, list(shown.checks), list(shown.blockers)) == ("", [], [])
    assert load_readiness(0, MEMBER, make.NOW) is None


def test_d12_it_is_ready_only_once_the_minimum_is_over() -> None:
    departure = world.sealed(asking(CheckKind.CI))
    before = readiness_of(departure, MEMBER, make.NOW)
    assert (before.state, before.checks[0].state, before.note) == ("not_ready", "no_data", "No sample yet.")
    green(departure)
    sample(departure, make.NOW, make.NOW + 4 * MINUTES)
    waiting = readiness_of(departure, MEMBER, make.NOW + 4 * MINUTES)
    assert (waiting.state, waiting.ready_at) == ("not_ready", make.NOW + 5 * MINUTES)
    sample(departure, make.NOW + 4 * MINUTES, make.NOW + 5 * MINUTES)
    ready = readiness_of(departure, MEMBER, make.NOW + 5 * MINUTES)
    assert (ready.state, ready.ready_at, ready.checks[0].state) == ("ready", None, "green")
    stale = readiness_of(departure, MEMBER, make.NOW + 8 * MINUTES)
    assert (stale.state, stale.note) == ("not_ready", "The samples have stopped; no data is not green.")


def test_it_is_said_from_when_on_a_departure_far_ahead_is_looked_at() -> None:
    ahead = timedelta(days=3)
    departure = asking(CheckKind.CI, departs_at=make.NOW + ahead, cut_off_at=make.NOW + ahead)
    assert "or from 1 d before it departs" in readiness_of(departure, MEMBER, make.NOW).note


def test_what_is_shown_costs_no_query() -> None:
    departure = world.sealed(asking(CheckKind.CI, manual=("Support knows",)))
    block(departure)
    departure = Departure.objects.select_related("train").get(pk=departure.pk)
    with CaptureQueriesContext(connection) as queries:
        shown = readiness_of(departure, MEMBER, make.NOW)
    assert len(queries) == 0
    assert [one.title for one in shown.blockers] == ["Prices are wrong"]


def test_a_stakeholder_reads_no_names_and_nothing_that_people_typed() -> None:
    departure = world.sealed(asking(CheckKind.CI, minutes=0))
    block(departure, owner=world.submitter())
    departure.refresh_from_db()
    actions.waive_check(departure, check="ci", reason="CI is down", by=world.manager(), now=make.NOW)
    departure.refresh_from_db()
    shown = readiness_of(departure, STAKEHOLDER, make.NOW)
    assert "Prices" not in repr(shown)
    assert "Rob" not in repr(shown)
    assert (shown.url, shown.checks[0].state, shown.blockers[0].state) == ("", "waived", "blocks")


def test_what_happens_to_it_is_drawn_again() -> None:
    departure = world.sealed(asking(CheckKind.CI))
    block(departure)
    events = Event.objects.filter(kind="trains.blocker.opened")
    assert Need("departure/readiness", departure.pk) in needs(f"departure:{departure.pk}", events)


def test_the_head_says_several_checks_in_one_line() -> None:
    reasons = [Reason("votes", "Needs a go."), Reason("unready_ci", "CI is red.", who="Ada")]
    assert shown(reasons, MEMBER) == reasons
    several = [*reasons, Reason("unready_manual", "Nobody has ticked it."), Reason("late", "It is late.")]
    assert [(one.code, one.text) for one in shown(several, MEMBER)] == [
        ("votes", "Needs a go."),
        ("unready_ci", "2 checks are not green, among them: CI is red."),
        ("late", "It is late."),
    ]
    assert [one.code for one in shown([*reasons, *several], STAKEHOLDER)].count("unready_ci") == 1
