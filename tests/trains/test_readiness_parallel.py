"""Checks and blockers hold with twenty at the same moment and a real PostgreSQL (RULES D9, D12)."""

import pytest

from releasetrain.events.actions import SystemActor
from releasetrain.trains import actions
from releasetrain.trains.models import Blocker, Evidence, Mark
from releasetrain.trains.queries.blockers import blocking_of
from releasetrain.trains.rules.evidence import EvidenceState
from tests import make
from tests.trains import world
from tests.trains.test_blockers import block
from tests.trains.test_parallel import MANY, at_once, happened, refusals
from tests.trains.test_readiness import LIST, asking

pytestmark = pytest.mark.django_db(transaction=True)


def test_twenty_clicks_tick_once() -> None:
    departure, ada = world.sealed(asking(manual=("Support knows",))), world.submitter()
    results = at_once(*[lambda: actions.tick_check(departure, check=LIST, by=ada, now=make.NOW)] * MANY)
    assert refusals(results) == []
    assert Mark.objects.count() == happened("trains.check.ticked") == 1


def test_twenty_clears_clear_once_and_the_rest_is_told_so() -> None:
    departure = world.sealed()
    blocker, rob = block(departure), world.manager()
    results = at_once(*[lambda: actions.clear_blocker(blocker, reason="x", by=rob, now=make.NOW)] * MANY)
    assert {one.code for one in refusals(results)} == {"cleared"}
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.blocker.cleared") == 1


def test_twenty_blockers_at_once_all_stand_on_the_row() -> None:
    departure, rob = world.sealed(), world.manager()
    at_once(*(lambda number=number: block(departure, by=rob, title=f"No {number}") for number in range(MANY)))
    departure.refresh_from_db()
    assert len(departure.blocking) == Blocker.objects.count() == MANY
    assert departure.blocking == blocking_of(departure, departure.blockers.all())


def test_d12_twenty_samplers_keep_one_stretch() -> None:
    departure = world.sealed(asking(manual=("Support knows",)))
    at_once(*[lambda: actions.sample_readiness(departure, now=make.NOW)] * MANY)
    assert departure.stretches.count() == happened("trains.readiness.changed") == 1


def test_twenty_reports_of_one_check_are_one_and_the_newest_counts() -> None:
    service, ci = make.service(), SystemActor("CI")
    results = at_once(
        *(
            lambda number=number: actions.report_evidence(
                service=service,
                version="v1",
                name="build",
                state=EvidenceState.GREEN if number == MANY - 1 else EvidenceState.RED,
                at=make.NOW.replace(second=number),
                by=ci,
                now=make.NOW.replace(second=MANY),
            )
            for number in range(MANY)
        )
    )
    assert refusals(results) == []
    assert Evidence.objects.get().state == "green"


def test_d9_a_departure_leaves_or_is_blocked_and_never_both() -> None:
    departure, rob = world.cleared(), world.manager()
    results = at_once(
        lambda: actions.depart(departure, now=departure.departs_at),
        *[lambda: block(departure, by=rob, now=departure.departs_at)] * (MANY - 1),
    )
    departure.refresh_from_db()
    blockers = Blocker.objects.count()
    assert (departure.state, blockers) in [("rolling", 0), ("cleared", MANY - 1)]
    assert len(refusals(results)) in (0, MANY - 1)
