"""A tick does what is due, each departure by itself; one bad one stops no other."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.calendars.actions import delete_window
from releasetrain.lib import clock
from releasetrain.trains import tasks
from releasetrain.trains.models import Departure, Train
from tests import make
from tests.trains import world
from tests.trains.test_parallel import at_once

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the house's clock stand at the tests' noon."""
    monkeypatch.setattr(clock, "now", lambda: make.NOW)
    yield


def state(departure: Departure) -> str:
    return Departure.objects.values_list("state", flat=True).get(pk=departure.pk)


def test_a_tick_opens_boarding() -> None:
    departure = make.departure(state="scheduled", boards_at=make.NOW)
    later = make.departure(state="scheduled", boards_at=make.NOW + HOUR)
    tasks.tick()
    assert (state(departure), state(later)) == ("boarding", "scheduled")


def test_a_tick_seals_at_the_cut_off() -> None:
    departure = make.departure(cut_off_at=make.NOW)
    world.aboard(departure)
    later = make.departure()
    tasks.tick()
    assert (state(departure), state(later)) == ("deciding", "boarding")


def test_t10_a_tick_that_comes_late_seals_what_never_opened() -> None:
    departure = make.departure(state="scheduled", cut_off_at=make.NOW - HOUR)
    world.aboard(departure)
    tasks.tick()
    assert state(departure) == "deciding"


def test_a_tick_lets_a_cleared_departure_leave() -> None:
    departure = world.cleared(cut_off_at=make.NOW - HOUR, departs_at=make.NOW)
    later = world.cleared(make.departure(departure.train, cut_off_at=make.NOW - HOUR))
    tasks.tick()
    assert (state(departure), state(later)) == ("rolling", "cleared")


def test_a_tick_carries_a_departure_that_needs_nobody_from_its_cut_off_to_its_departure() -> None:
    make.target()
    departure = make.departure(make.train(policy=make.policy()), cut_off_at=make.NOW, departs_at=make.NOW)
    world.aboard(departure)
    tasks.tick()
    assert state(departure) == "rolling"


def test_t11_after_a_stop_no_backlog_is_fired() -> None:
    train = make.train(policy=make.policy())
    late = [
        world.sealed(make.departure(train, cut_off_at=at - HOUR, departs_at=at))
        for at in (make.NOW - 3 * HOUR, make.NOW - 2 * HOUR)
    ]
    tasks.tick()
    tasks.tick()
    assert [state(one) for one in late] == ["cleared", "cleared"]
    assert set(Departure.objects.values_list("held_kind", flat=True)) == {"late"}
    assert world.kinds(late[0]).count("departure.held") == 1, "the captain is told once"


def test_w2_a_tick_lets_a_departure_go_on_when_its_window_has_ended() -> None:
    departure = world.cleared(cut_off_at=make.NOW - 2 * HOUR, departs_at=make.NOW - HOUR)
    make.window("F", starts_at=make.NOW - 2 * HOUR, ends_at=make.NOW)
    Departure.objects.filter(pk=departure.pk).update(
        held_at=make.NOW - HOUR, held_kind="window", held_until=make.NOW, held_reason="F"
    )
    tasks.tick()
    assert state(departure) == "rolling"


@pytest.mark.parametrize("how", ["shortened", "deleted"])
def test_w3_a_tick_lets_a_departure_go_on_before_the_announced_end_of_its_window(how: str) -> None:
    departure = world.cleared(cut_off_at=make.NOW - 2 * HOUR, departs_at=make.NOW)
    window = make.window("F", starts_at=make.NOW - HOUR, ends_at=make.NOW + 5 * HOUR)
    tasks.tick()
    departure.refresh_from_db()
    assert (departure.held_kind, departure.held_until) == ("window", make.NOW + 5 * HOUR)
    if how == "deleted":
        delete_window(window, reason="the wrong day", by=world.manager(), now=make.NOW)
    else:
        window.occurrences.update(during=DateTimeTZRange(make.NOW - HOUR, make.NOW))
    tasks.tick()
    assert state(departure) == "rolling"


def test_one_bad_departure_stops_no_other_and_waits_for_a_person_after_five_times() -> None:
    bad = make.departure(cut_off_at=make.NOW - HOUR, plan={"requirements": [{"role": "wizard", "quorum": 1}]})
    world.aboard(bad)
    good = make.departure(bad.train, cut_off_at=make.NOW)
    world.aboard(good)
    tasks.tick()
    assert (state(bad), state(good)) == ("boarding", "deciding")
    for _ in range(5):
        tasks.tick()
    bad.refresh_from_db()
    assert (bad.failures, bad.held_kind) == (5, "error")
    assert "The scheduler failed 5 times (seal: ValueError)" in bad.held_reason


def test_departures_are_planned_four_hundred_days_ahead_and_a_broken_train_stops_no_other() -> None:
    broken = make.train("Broken", time_zone="Europe/Atlantis")
    sound = make.train("Sound")
    tasks.materialise()
    assert broken.departures.count() == 0
    assert sound.departures.count() == 57


def test_messages_of_an_older_or_newer_house_are_taken() -> None:
    tasks.tick(hurry=True)
    tasks.materialise(ahead=400)
    assert Train.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_tick_leaves_a_departure_to_whoever_has_it() -> None:
    departure = make.departure(cut_off_at=make.NOW)
    world.aboard(departure)
    with transaction.atomic():
        Departure.objects.select_for_update(no_key=True).get(pk=departure.pk)
        at_once(tasks.tick)
        assert state(departure) == "boarding"
    tasks.tick()
    assert state(departure) == "deciding"


@pytest.mark.django_db(transaction=True)
def test_ten_ticks_at_once_do_everything_once() -> None:
    make.target()
    train = make.train(policy=make.policy())
    for _ in range(3):
        world.aboard(make.departure(train, cut_off_at=make.NOW, departs_at=make.NOW))
    at_once(*[tasks.tick] * 10)
    tasks.tick()
    assert [one.state for one in Departure.objects.all()] == ["rolling"] * 3
    kinds = world.kinds()
    assert [kinds.count(f"departure.{kind}") for kind in ("sealed", "cleared", "departed")] == [3, 3, 3]
