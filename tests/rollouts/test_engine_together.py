"""A bundle climbs, arrives and comes back as one; a departure comes back in the reverse of its order."""

from collections.abc import Iterator
from typing import Any

import pytest

from releasetrain.catalog.models import Target
from releasetrain.rollouts.actions import bring_back, launch, press_on, roll_back, settle, tick_one
from releasetrain.rollouts.drivers.simulated import SimulatedDriver
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.trains.models import Departure, Manifest
from tests import make
from tests.rollouts.clocks import Clock
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)

LADDER = [{"weight": weight, "bake_seconds": 20} for weight in (10, 100)]


def rolling(
    *names: str, bundle: str = "", waits: dict[str, str] | None = None, time: Clock
) -> tuple[Departure, list[Rollout]]:
    """Make a departure that has left with one change for each service, each in the same bundle or in none."""
    departure = make.departure(
        state="rolling",
        plan={"ladder": LADDER, "accelerated": True, "requirements": [], "no_approval_needed": True},
    )
    ids: dict[str, int] = {}
    services: list[dict[str, Any]] = []
    for name in names:
        target = make.target(name, driver="simulated", driver_config={}, stable_version="v1")
        make.guardrail(target)
        ids[name] = target.service_id
        needed = (waits or {}).get(name)
        services.append(
            {
                "id": target.service_id,
                "service": target.service.slug,
                "name": name,
                "version": "v2",
                "waits_for": [ids[needed]] if needed else [],
                "changes": [{"id": target.service_id, "bundle": bundle}],
            }
        )
    Manifest.objects.create(
        departure=departure, revision=1, digest="x" * 64, content={"services": services}, sealed_at=time.now
    )
    return departure, launch(departure, time.now)


def run(rollouts: list[Rollout], time: Clock, seconds: int, **readings: Any) -> None:
    for _ in range(seconds):
        now = time.go(1)
        for one in rollouts:
            make.readings(one.target, now, seconds=1, **readings)
        for one in rollouts:
            tick_one(one.pk, now)
    for one in rollouts:
        one.refresh_from_db()


def stands(rollouts: list[Rollout]) -> list[tuple[str, int]]:
    return [(one.state, one.desired_weight) for one in rollouts]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note in which order targets are asked for 0."""
    order: list[str] = []
    own = SimulatedDriver.rollback

    def note(self: SimulatedDriver, target: Target, **call: Any) -> Any:
        order.append(target.service.name)
        return own(self, target, **call)

    monkeypatch.setattr(SimulatedDriver, "rollback", note)
    yield order


def test_t5_a_member_waits_for_its_bundle_at_the_end_of_its_bake(time: Clock) -> None:
    _, (shop, cart) = rolling("Shop", "Cart", bundle="Checkout", time=time)
    run([shop], time, 40)
    assert stands([shop]) == [("baking", 10)]
    hold = Hold.objects.get(rollout=shop, kind="barrier", cleared_at=None)
    assert hold.reason == "Cart, in the same bundle, must come as far first."
    run([shop, cart], time, 60)
    assert stands([shop, cart])[0][1] == 100
    assert not Hold.objects.filter(rollout=shop, kind="barrier", cleared_at=None).exists()


def test_t5_without_a_bundle_nobody_waits_at_a_barrier(time: Clock) -> None:
    _, (shop, cart) = rolling("Shop", "Cart", time=time)
    run([shop], time, 60)
    assert shop.desired_weight == 100
    assert cart.state == "queued"


def test_t8_a_bundle_arrives_as_one_so_that_all_of_it_can_still_come_back(time: Clock) -> None:
    departure, (ledger, shop) = rolling(
        "Ledger", "Shop", bundle="Checkout", waits={"Shop": "Ledger"}, time=time
    )
    run([ledger, shop], time, 80)
    assert ledger.state == "soaking"
    assert shop.state in {"shifting", "baking", "soaking"}
    run([ledger, shop], time, 120)
    assert stands([ledger, shop]) == [("succeeded", 100), ("succeeded", 100)]
    assert settle(departure, time.now)


def test_t9_one_member_that_fails_brings_back_what_has_soaked_already(time: Clock) -> None:
    departure, (ledger, shop) = rolling(
        "Ledger", "Shop", bundle="Checkout", waits={"Shop": "Ledger"}, time=time
    )
    run([ledger, shop], time, 80)
    assert ledger.state == "soaking"
    roll_back(shop, reason="It smells.", by=None, now=time.go(1))
    run([ledger, shop], time, 5)
    assert [one.state for one in (ledger, shop)] == ["rolled_back", "rolled_back"]
    assert settle(departure, time.now)
    departure.refresh_from_db()
    assert departure.state == "rolled_back"


def test_t9_the_group_comes_back_in_the_reverse_of_its_order(time: Clock, asked: list[str]) -> None:
    _, rollouts = rolling("Ledger", "Shop", "Cart", time=time)
    run(rollouts, time, 12)
    assert [one.state for one in rollouts] == ["baking"] * 3
    roll_back(rollouts[1], reason="It smells.", by=None, now=time.go(0.5))
    assert asked == ["Cart", "Shop", "Ledger"]
    run(rollouts, time, 4)
    assert [one.state for one in rollouts] == ["rolled_back"] * 3


def test_t9_r8_everything_at_once_comes_back_in_the_same_order_and_ends_the_departure_without_a_beat(
    time: Clock, asked: list[str]
) -> None:
    departure, rollouts = rolling("Ledger", "Shop", "Cart", time=time)
    run(rollouts, time, 12)
    # Most users see what moved first: that alone must not bring it back before what moved after it.
    Rollout.objects.filter(pk=rollouts[0].pk).update(desired_weight=100)
    bring_back(list(Rollout.objects.all()), reason="Everything.", by=None, now=time.go(0.5))
    assert asked == ["Cart", "Shop", "Ledger"]
    for _ in range(3):
        time.go(1)
        press_on([one.pk for one in rollouts])
    departure.refresh_from_db()
    assert departure.state == "rolled_back"


def test_r8_a_departure_that_nobody_saw_is_over_as_soon_as_it_is_taken_back(time: Clock) -> None:
    departure, (only,) = rolling("Ledger", time=time)
    roll_back(only, reason="It smells.", by=None, now=time.go(0.5))
    departure.refresh_from_db()
    assert departure.state == "rolled_back"


def test_t9_a_member_whose_driver_fails_keeps_no_other_back(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, rollouts = rolling("Ledger", "Shop", "Cart", time=time)
    run(rollouts, time, 12)
    own = SimulatedDriver.rollback

    def broken(self: SimulatedDriver, target: Target, **call: Any) -> Any:
        if target.service.name == "Cart":
            raise ConnectionError("gone")
        return own(self, target, **call)

    monkeypatch.setattr(SimulatedDriver, "rollback", broken)
    roll_back(rollouts[1], reason="It smells.", by=None, now=time.go(0.5))
    run(rollouts, time, 4)
    assert [one.state for one in rollouts] == ["rolled_back", "rolled_back", "rolling_back"]


def test_t2x_a_member_that_cannot_start_brings_its_bundle_back(time: Clock) -> None:
    _, (shop, cart) = rolling("Shop", "Cart", bundle="Checkout", time=time)
    run([shop], time, 15)
    cart.target.driver_config = {"world": {"weight": 5, "fence": 0, "calls": 0}}
    cart.target.save(update_fields=["driver_config"])
    run([shop, cart], time, 15)
    assert cart.state == "cancelled"
    assert shop.state == "rolled_back"
    assert shop.reason.startswith("Cart, in the same bundle, will not arrive:")


def test_a_departure_with_nowhere_to_go_is_over_and_says_so(time: Clock) -> None:
    departure = make.departure(state="rolling")
    content = {"services": [{"id": 1, "service": "ghost", "name": "Ghost", "version": "v2", "changes": []}]}
    Manifest.objects.create(
        departure=departure, revision=1, digest="x" * 64, content=content, sealed_at=time.now
    )
    assert launch(departure, time.now) == []
    departure.refresh_from_db()
    assert departure.state == "rolled_back"
    assert "Ghost cannot be reached in Production" in departure.outcome
