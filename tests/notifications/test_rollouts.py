"""People are told what stops a rollout before they ask: who can clear it, or who follows it (ENGINE R4)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.accounts.models import Duty, Shift, User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import ServiceRole
from releasetrain.events.actions import SYSTEM, record
from releasetrain.notifications.actions import tell, url_of
from releasetrain.notifications.models import Notice
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import CLEARING, HoldKind
from tests import make
from tests.trains import world

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def rollout() -> Rollout:
    """Make a rollout of a departure that Cap runs, with a change of Ada's aboard."""
    departure = make.departure(make.train(captain=make.user("Cap", Role.RELEASE_MANAGER)))
    world.aboard(departure)
    return make.rollout(of=departure)


@pytest.fixture
def olga() -> User:
    """Make somebody on call for the team of the service."""
    return make.user("Olga", Role.ON_CALL, team=make.team())


@pytest.fixture
def owner() -> User:
    return make.user("Owen", Role.RELEASE_MANAGER, team=make.team())


def say(rollout: Rollout, kind: str, *, by: User | None = None, **data: Any) -> set[str]:
    """Record an event, tell it, and return who was told by that."""
    event = record(kind=kind, subject=rollout, actor=by or SYSTEM, now=make.NOW, **data)
    tell(event)
    return {notice.user.name for notice in Notice.objects.filter(event=event).select_related("user")}


def held(rollout: Rollout, hold: str = "error", *, seq: int = 3, **data: Any) -> set[str]:
    return say(rollout, "rollouts.hold.opened", hold=hold, reason="It failed.", seq=seq, **data)


def test_a_hold_that_pages_is_told_to_those_who_can_clear_it(
    rollout: Rollout, olga: User, owner: User
) -> None:
    assert held(rollout, pages=True) == {"Olga", "Owen", "Cap"}
    notice = Notice.objects.filter(user=olga).get()
    assert notice.text == f"{rollout} is held (error): It failed. {CLEARING[HoldKind.ERROR].sentence}"
    assert notice.url == f"/departures/{rollout.departure_id}/"


def test_who_is_on_duty_hears_it_in_the_place_of_everybody_on_call(rollout: Rollout, olga: User) -> None:
    guard = make.user("Gus")
    shift = Shift.objects.create(team=make.team(), time_zone="UTC", starts_local="", ends_local="")
    during = DateTimeTZRange(make.NOW - HOUR, make.NOW + HOUR)
    Duty.objects.create(shift=shift, team=make.team(), user=guard, label="Gus", during=during)
    assert held(rollout, pages=True) >= {"Gus"}
    assert not Notice.objects.filter(user=olga).exists()


def test_who_is_on_call_for_the_service_alone_hears_it(rollout: Rollout) -> None:
    sam = make.user("Sam")
    ServiceRole.objects.create(user=sam, service=rollout.target.service, role=Role.ON_CALL)
    assert "Sam" in held(rollout, pages=True)


def test_any_other_hold_is_told_to_those_who_follow_the_departure(rollout: Rollout, olga: User) -> None:
    assert held(rollout, "blackout") == {"Ada", "Cap"}


@pytest.mark.parametrize("hold", ["dependency", "barrier"])
def test_what_a_train_waits_for_by_its_own_plan_is_not_told(rollout: Rollout, hold: str) -> None:
    assert held(rollout, hold) == set()


def test_r4_what_opens_again_in_the_same_step_is_told_once(rollout: Rollout, olga: User) -> None:
    assert "Olga" in held(rollout, "metrics_outage", pages=True)
    assert held(rollout, "metrics_outage", pages=True) == set()
    assert "Olga" in held(rollout, "drift", pages=True)
    assert "Olga" in held(rollout, "metrics_outage", pages=True, seq=4)


def test_whoever_holds_it_knows_already(rollout: Rollout, olga: User) -> None:
    assert "Olga" not in held(rollout, "operator", pages=True, by=olga)


def test_a_rollback_and_one_that_is_stuck_reach_who_is_on_call(rollout: Rollout, olga: User) -> None:
    assert "Olga" in say(rollout, "rollouts.rollback.started", weight=5, reason="Errors.", seq=2, pages=True)
    assert "Olga" in say(rollout, "rollouts.rollback.stuck", attempts=5, seq=3, pages=True)


def test_a_cancelled_rollout_is_told_where_the_engine_gave_up_and_not_where_somebody_did(
    rollout: Rollout, olga: User
) -> None:
    assert say(rollout, "rollouts.rollout.cancelled", reason="Superseded.") == set()
    assert "Olga" in say(rollout, "rollouts.rollout.cancelled", reason="Not ready.", seq=2, pages=True)


def test_without_a_departure_one_reads_on_where_everything_rolls(olga: User) -> None:
    alone = make.rollout()
    event = record(kind="rollouts.rollback.stuck", subject=alone, actor=None, now=make.NOW, attempts=5)
    tell(event)
    assert url_of(event) == "/rolling/"
    assert Notice.objects.filter(user=olga, event=event).exists()
