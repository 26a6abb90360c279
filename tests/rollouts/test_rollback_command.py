"""From a shell everything comes back, one service or all of it, with PostgreSQL and the drivers alone."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.rollouts.models import Rollout
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def baking(name: str, weight: int = 10, **faults: int) -> Rollout:
    config = {"world": {"weight": weight, "fence": 1}, "faults": faults}
    on = make.target(name, driver="simulated", driver_config=config)
    return make.rollout(on=on, state="baking", seq=3, desired_weight=weight, bake_needed_seconds=600)


def world(target: Target) -> dict[str, Any]:
    return dict(Target.objects.get(pk=target.pk).driver_config["world"])


def rollback(*options: str) -> str:
    said = StringIO()
    call_command("rollback", *options, stdout=said)
    return said.getvalue()


def states() -> dict[str, str]:
    return dict(Rollout.objects.values_list("target__service__name", "state"))


def test_r8_everything_comes_back_and_is_read_back_without_a_worker() -> None:
    rollouts = [baking("Storefront", 50), baking("Payments", 1)]
    waiting = make.rollout(on=make.target("Search", driver="simulated", driver_config={}))
    said = rollback("--all", "--reason", "orders are lost")
    assert states() == {"Storefront": "rolled_back", "Payments": "rolled_back", "Search": "cancelled"}
    assert [world(one.target)["weight"] for one in rollouts] == [0, 0]
    assert said.count("asked for 0 %, the driver answered “confirmed”") == 2
    assert said.count("0 % was read back twice") == 2
    assert f"Rollout {waiting.pk}, v2 to Search in Production: cancelled; no user saw it." in said
    assert Event.objects.filter(kind="rollouts.rollback.started", actor_label="the shell").count() == 2


def test_t11_it_goes_on_asking_a_driver_that_loses_requests() -> None:
    rollout = baking("Storefront", lose_request=3)
    said = rollback("--all")
    assert states() == {"Storefront": "rolled_back"}
    assert world(rollout.target)["weight"] == 0
    assert "the driver answered “unknown”" in said


def test_a_driver_that_never_does_it_ends_in_a_sentence_and_an_error() -> None:
    baking("Storefront", lose_request=10_000)
    bank = baking("Payments")
    with pytest.raises(CommandError, match=r"Not read back as 0 % twice .* v2 to Storefront in Production"):
        rollback("--all", "--wait", "0")
    assert states()["Storefront"] == "rolling_back"
    assert world(bank.target)["weight"] == 0


def test_pressed_again_it_goes_on_with_what_is_on_its_way() -> None:
    rollout = baking("Storefront", lose_request=10_000)
    with pytest.raises(CommandError):
        rollback("--all", "--wait", "0")
    Target.objects.filter(pk=rollout.target_id).update(
        driver_config={"world": {"weight": 10, "fence": 1}, "faults": {}}
    )
    rollback("--all")
    assert states() == {"Storefront": "rolled_back"}
    assert Event.objects.filter(kind="rollouts.rollback.started").count() == 1


def test_one_service_comes_back_and_no_other() -> None:
    baking("Storefront")
    baking("Payments")
    rollback("--service", "payments")
    assert states() == {"Storefront": "baking", "Payments": "rolled_back"}


def test_one_rollout_and_one_departure_come_back_alone() -> None:
    shop, _ = baking("Storefront"), baking("Payments")
    rollback("--rollout", str(shop.pk))
    assert states() == {"Storefront": "rolled_back", "Payments": "baking"}
    departure = make.departure(state="rolling")
    Rollout.objects.filter(target__service__name="Payments").update(departure=departure)
    rollback("--departure", str(departure.pk))
    assert states()["Payments"] == "rolled_back"


def test_one_environment_comes_back() -> None:
    baking("Storefront")
    rollback("--environment", "production")
    assert states() == {"Storefront": "rolled_back"}


def test_the_list_says_what_it_would_do_and_does_nothing() -> None:
    rollout = baking("Storefront", 25)
    said = rollback("--all", "--list")
    assert said == f"Rollout {rollout.pk}, v2 to Storefront in Production: baking at 25 %.\n"
    assert states() == {"Storefront": "baking"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Say what to take back"),
        (["--all"], "Nothing rolls there"),
        (["--service", "stroefront"], "There is no service “stroefront”. Known: "),
        (["--environment", "x"], "There is no environment “x”. Known: "),
        (["--rollout", "0"], "Nothing rolls there"),
    ],
)
def test_what_cannot_be_done_is_said(options: list[Any], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        rollback(*options)
