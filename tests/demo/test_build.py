"""The demonstration's world is built by ordinary actions, once, however often it is loaded."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from releasetrain.accounts.access import token_for
from releasetrain.accounts.models import ApiToken, User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service, Target
from releasetrain.demo import build, journey, kept, running, world
from releasetrain.events.models import Event
from releasetrain.flags.models import FlagEnvironment
from releasetrain.lib import clock
from releasetrain.trains.actions import materialise, open_boarding
from releasetrain.trains.models import Change, Departure, Movement, Train
from releasetrain.trains.rules.states import ChangeState, DepartureState
from tests import make
from tests.demo.worlds import WHOLE_HISTORY, demo_departure, furnish, load

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _house(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(settings, monkeypatch, tmp_path)


def counts() -> dict[str, int]:
    return {
        model.__name__: model.objects.count()
        for model in (User, Service, Target, Train, Departure, Change, ApiToken, FlagEnvironment, Event)
    }


def test_loading_twice_adds_nothing() -> None:
    load()
    before = counts()

    load()

    assert counts() == before


def test_the_demonstration_train_boards_now_and_departs_in_two_minutes() -> None:
    before = clock.now()
    load()

    departure = demo_departure()

    assert departure.state == DepartureState.BOARDING
    assert timedelta(seconds=110) < departure.departs_at - before < timedelta(seconds=140)
    assert departure.departs_at - departure.cut_off_at == timedelta(minutes=1)
    assert departure.plan["accelerated"] is True
    assert [stage["weight"] for stage in departure.plan["ladder"]] == list(world.WEIGHTS)


def test_the_new_checkout_is_aboard_behind_its_flag() -> None:
    load()

    change = demo_departure().changes.get()

    assert (change.flag_key, change.state) == (world.FLAG, ChangeState.ABOARD)
    assert change.author == journey.demo_people()["ana.sousa@demo.example"]


def test_a_release_manager_and_somebody_on_call_are_asked() -> None:
    load()

    asks = demo_departure().plan["requirements"]

    assert {one["role"]: one["quorum"] for one in asks} == {Role.RELEASE_MANAGER: 1, Role.ON_CALL: 1}


def test_the_real_pull_request_became_a_change_of_its_service() -> None:
    load()

    change = Change.objects.get(external_id__icontains="Hello-World")

    assert change.service.slug == "help-centre"
    assert change.title == "Update the README with new information."
    assert change.author_label == "Codertocat"


def test_the_record_of_real_trains_is_part_of_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "HISTORY", WHOLE_HISTORY)
    load()

    past = Departure.objects.exclude(imported_from="")

    assert past.count() > 500
    assert Movement.objects.count() == 2496


def test_weekly_trains_run_in_different_zones_with_departures_ahead() -> None:
    load()

    zones = {train.time_zone for train in Train.objects.filter(slug__in=[one.slug for one in world.TRAINS])}

    assert zones == {"UTC", "America/New_York", "Asia/Singapore"}
    for train in world.TRAINS:
        assert Departure.objects.filter(train__slug=train.slug, state=DepartureState.SCHEDULED).count() >= 7


def test_the_storefront_is_given_tokens_that_work_and_that_only_their_owner_can_read(tmp_path: Path) -> None:
    load()

    for name, (_, scope) in build.TOKENS.items():
        file = kept.folder(tmp_path) / name
        assert token_for(file.read_text(), scope).scopes == [scope]
        assert file.stat().st_mode & 0o077 == 0


def test_a_lost_token_is_replaced_and_the_old_one_revoked(tmp_path: Path) -> None:
    load()
    old = ApiToken.objects.get(scopes=["ofrep:production"])
    (kept.folder(tmp_path) / "ofrep").unlink()

    load()

    old.refresh_from_db()
    assert old.revoked_at is not None
    assert ApiToken.objects.filter(scopes=["ofrep:production"], revoked_at=None).count() == 1


def test_a_house_with_services_of_its_own_is_left_alone() -> None:
    make.service("Ours")

    with pytest.raises(build.HouseInUse, match="services of its own"):
        load()

    assert not User.objects.filter(email__endswith="@demo.example").exists()


def test_loading_after_the_last_departure_has_ended_plans_another_one() -> None:
    load()
    first = demo_departure()
    Departure.objects.filter(pk=first.pk).update(state=DepartureState.ARRIVED)
    Change.objects.filter(departure=first).update(state=ChangeState.SHIPPED)

    load()

    again = demo_departure()
    assert again.pk != first.pk
    assert again.changes.get().version != first.changes.get().version


def test_loading_does_not_disturb_a_rollout_under_way() -> None:
    load()
    Departure.objects.filter(pk=demo_departure().pk).update(state=DepartureState.ROLLING)

    load()

    assert demo_departure().state == DepartureState.ROLLING


def test_a_departure_that_the_house_slept_through_is_cancelled_for_a_new_one() -> None:
    load()
    slept = demo_departure()
    past = clock.now() - timedelta(hours=5)
    Departure.objects.filter(pk=slept.pk).update(
        state=DepartureState.BOARDING, planned_at=past, departs_at=past, cut_off_at=past
    )

    load()

    slept.refresh_from_db()
    assert slept.state == DepartureState.CANCELLED
    assert demo_departure().state == DepartureState.BOARDING


def test_departing_soon_is_refused_while_one_is_still_to_be_watched() -> None:
    load()

    with pytest.raises(running.AlreadyUnderWay, match="still to depart"):
        running.depart_soon(clock.now())


def test_departing_again_puts_everybody_back_on_the_old_version() -> None:
    load()
    Departure.objects.update(state=DepartureState.ARRIVED)
    FlagEnvironment.objects.filter(flag__key=world.FLAG).update(
        percentage=100_000, fence=41, killed_at=clock.now(), enabled=False
    )

    running.depart_soon(clock.now())

    state = FlagEnvironment.objects.get(flag__key=world.FLAG)
    assert (state.percentage, state.fence, state.killed_at, state.enabled) == (0, 41, None, True)


def test_the_house_may_open_the_departure_first(monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    Departure.objects.update(state=DepartureState.ARRIVED)

    def materialise_and_tick(*args: Any, now: datetime, **more: Any) -> int:
        found = materialise(*args, now=now, **more)
        for departure in Departure.objects.filter(state=DepartureState.SCHEDULED):
            open_boarding(departure, now=now)
        return found

    monkeypatch.setattr("releasetrain.demo.running.materialise", materialise_and_tick)
    departure = running.depart_soon(clock.now())
    assert departure.state == DepartureState.BOARDING
    assert departure.changes.count() == 1
