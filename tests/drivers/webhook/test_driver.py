"""Each fault of a receiver: the same id again with back-off, one report of each call, and a read-back."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releasetrain.catalog.models import Target
from releasetrain.catalog.secrets import add_secret
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.rollouts.drivers.base import Ack, Desired, Observed, Outcome, Sync
from releasetrain.rollouts.drivers.webhook import WebhookDriver
from releasetrain.rollouts.hooks import HookCall, HookState
from tests import make
from tests.drivers.webhook.receiver import SECRET, Receiver
from tests.rollouts.clocks import Clock

pytestmark = pytest.mark.django_db
PATIENCE = 30.0
CONFIRMED = Ack(Outcome.CONFIRMED)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Go on from the real time, which the receiver compares with its own."""
    fake = Clock()
    fake.now = datetime.now(UTC)
    monkeypatch.setattr(clock, "now", fake)
    return fake


@pytest.fixture
def receiver(tmp_path: Path, settings: Settings) -> Iterator[Receiver]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    server = Receiver(tmp_path / "world.json")
    yield server
    server.stop()


@pytest.fixture
def target(receiver: Receiver) -> Target:
    add_secret(name="shifter", value=SECRET, team=None, by=None, now=make.NOW)
    config = {"url": f"{receiver.url}/shift", "secret": {"secret": "shifter"}, "observe_url": receiver.url}
    return make.target(driver="webhook", driver_config=config)


def shift(target: Target, weight: int, fence: int, *, key: str = "", deadline: float = PATIENCE) -> Ack:
    desired = Desired(target, weight, fence, "v2")
    return WebhookDriver().apply(desired, key=key or f"1:{fence}:apply", deadline=deadline)


def back(target: Target, fence: int, deadline: float = PATIENCE) -> Ack:
    return WebhookDriver().rollback(target, fence=fence, key=f"1:{fence}:rollback", deadline=deadline)


def look(target: Target) -> Observed:
    return WebhookDriver().observe(target, deadline=PATIENCE)


def report(address: str, **said: Any) -> tuple[int, str]:
    path = address.partition("/api/")[2]
    answer = Client(enforce_csrf_checks=True).post(f"/api/{path}", said, content_type="application/json")
    told = answer.json()
    return answer.status_code, told.get("reason", told.get("error", "")) or told["result"]


def address_of(receiver: Receiver, number: int = -1) -> str:
    address: str = receiver.seen[number]["body"]["data"]["callback_url"]
    return address


def silently(target: Target) -> Target:
    """Have the receiver say the weight by callbacks alone."""
    del target.driver_config["observe_url"]
    return target


def test_a_message_is_signed_and_confirmed_by_the_read_back(receiver: Receiver, target: Target) -> None:
    assert shift(target, 25, 3) == CONFIRMED
    assert (look(target).weight, look(target).fence) == (25, 3)
    assert back(target, 4) == CONFIRMED
    assert [one["body"]["data"]["action"] for one in receiver.seen] == ["apply", "rollback"]
    assert receiver.forged == 0


def test_the_same_key_is_sent_once(receiver: Receiver, target: Target) -> None:
    assert [shift(target, 25, 3) for _ in range(3)] == [CONFIRMED] * 3
    assert len(receiver.seen) == 1


def test_2xx_without_doing_it_is_only_accepted(receiver: Receiver, target: Target) -> None:
    receiver.is_lazy = True
    assert shift(target, 25, 3).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("status", [500, 503, 429, 0])
def test_webhook_5xx_or_reset_is_sent_again_with_the_same_id_after_a_wait(
    receiver: Receiver, target: Target, time: Clock, status: int
) -> None:
    receiver.answers = [(status, {})] * 2
    assert shift(target, 25, 3).outcome is Outcome.UNKNOWN
    # The engine asks under a new fence each time; before the wait is over nothing is sent.
    waiting = shift(target, 25, 4)
    assert (waiting.outcome, "with the same id" in waiting.detail) == (Outcome.UNKNOWN, True)
    assert len(receiver.seen) == 1
    time.go(0.6)
    assert shift(target, 25, 5).outcome is Outcome.UNKNOWN
    time.go(1.1)
    assert shift(target, 25, 6) == CONFIRMED
    assert len({one["id"] for one in receiver.seen}) == 1
    assert len({one["raw"] for one in receiver.seen}) == 1
    assert len(receiver.seen) == 3


def test_webhook_timeout_is_unknown_within_the_deadline_and_sent_again_with_the_same_id(
    receiver: Receiver, target: Target, time: Clock
) -> None:
    receiver.wait_seconds = 1.0
    assert shift(target, 25, 3, deadline=0.2).outcome is Outcome.UNKNOWN
    receiver.wait_seconds = 0.0
    time.go(5)
    assert shift(target, 25, 4) == CONFIRMED
    assert len({one["id"] for one in receiver.seen}) == 1


def test_a_lost_answer_is_asked_for_again_and_done_once(
    receiver: Receiver, target: Target, time: Clock
) -> None:
    receiver.loses = 1
    assert shift(target, 25, 3).outcome is Outcome.UNKNOWN
    time.go(5)
    assert shift(target, 25, 4) == CONFIRMED
    assert len(receiver.ids) == 1


def test_a_rollback_is_a_new_message_at_once_whatever_is_waited_for(
    receiver: Receiver, target: Target, time: Clock
) -> None:
    receiver.answers = [(503, {"retry-after": "600"})]
    assert shift(target, 25, 3).outcome is Outcome.UNKNOWN
    assert back(target, 4) == CONFIRMED
    receiver.answers = [(503, {"retry-after": "600"})]
    assert back(target, 5).outcome is Outcome.UNKNOWN
    time.go(2.1)
    assert back(target, 6) == CONFIRMED
    assert shift(target, 25, 3).outcome is Outcome.REFUSED


def test_410_disables_the_address_but_never_a_rollback(receiver: Receiver, target: Target) -> None:
    receiver.answers = [(410, {})]
    assert shift(target, 25, 3).outcome is Outcome.REFUSED
    assert "410" in shift(target, 25, 4).detail
    assert len(receiver.seen) == 1
    health = WebhookDriver().health(target)
    assert (health.is_well, "410" in health.detail) == (False, True)
    assert Event.objects.filter(kind="rollouts.receiver.gone").count() == 1
    assert back(target, 5) == CONFIRMED
    target.driver_config["url"] += "/elsewhere"
    assert shift(target, 25, 6) == CONFIRMED


def test_a_callback_moves_what_is_read_and_settles_its_call(receiver: Receiver, target: Target) -> None:
    silently(target)
    assert shift(target, 25, 3).outcome is Outcome.ACCEPTED
    driver = WebhookDriver()
    assert driver.answer_of(target, key="1:3:apply", deadline=1).outcome is Outcome.ACCEPTED
    assert report(address_of(receiver), state="done", weight=25, fence=3) == (200, "taken")
    assert (look(target).state, look(target).weight, look(target).fence) == (Sync.SYNCED, 25, 3)
    assert driver.answer_of(target, key="1:3:apply", deadline=1) == CONFIRMED
    assert Event.objects.filter(kind="rollouts.receiver.reported").count() == 1


@pytest.mark.parametrize(("state", "outcome"), [("failed", Outcome.UNKNOWN), ("refused", Outcome.REFUSED)])
def test_a_callback_tells_of_a_failure(
    receiver: Receiver, target: Target, state: str, outcome: Outcome
) -> None:
    silently(target)
    shift(target, 25, 3)
    report(address_of(receiver), state=state, detail="no room")
    assert WebhookDriver().answer_of(target, key="1:3:apply", deadline=1) == Ack(outcome, "no room")


def test_done_that_is_never_read_back_is_asked_for_again(
    receiver: Receiver, target: Target, time: Clock
) -> None:
    receiver.is_lazy = True
    shift(target, 25, 3)
    report(address_of(receiver), state="done")
    driver = WebhookDriver()
    assert driver.answer_of(target, key="1:3:apply", deadline=PATIENCE).outcome is Outcome.ACCEPTED
    time.go(31)
    assert driver.answer_of(target, key="1:3:apply", deadline=PATIENCE).outcome is Outcome.UNKNOWN


def test_duplicate_replayed_older_stale_and_forged_callbacks_change_nothing_and_are_counted(
    receiver: Receiver, target: Target, time: Clock
) -> None:
    silently(target)
    for weight, fence in ((10, 3), (25, 4), (50, 5), (50, 6)):
        shift(target, weight, fence)
    first, second, third, last = (address_of(receiver, number) for number in range(4))
    assert report(third, state="done", weight=50) == (200, "older")
    assert report(last, state="done", weight=50, fence=6) == (200, "taken")
    assert report(last, state="done", weight=50, fence=6) == (200, "duplicate")
    assert report(last, state="done", weight=100) == (200, "replayed")
    assert report(first, state="done", weight=10) == (200, "older")
    for forged in (last[:-1] + ("a" if last[-1] != "a" else "b"), second.replace(":", ";"), f"{last}x"):
        assert report(forged, state="done", weight=100) == (401, "forged")
    shift(target, 75, 7)
    time.go(901)
    assert report(address_of(receiver), state="done", weight=75) == (200, "stale")
    assert (look(target).weight, look(target).fence) == (50, 6)
    counted = {"older": 2, "duplicate": 1, "replayed": 1, "forged": 2, "stale": 1}
    assert HookState.objects.get().ignored == counted
    assert Event.objects.filter(kind="rollouts.receiver.reported").count() == 1


@pytest.mark.parametrize(
    "said", [{}, {"state": "well"}, {"state": "done", "weight": 101}, {"state": "done", "fence": -1}]
)
def test_a_callback_that_cannot_be_read_is_refused(
    receiver: Receiver, target: Target, said: dict[str, Any]
) -> None:
    silently(target)
    shift(target, 25, 3)
    assert report(address_of(receiver), **said)[0] == 422
    assert HookCall.objects.get().report is None


def test_callbacks_alone_are_asked_for_before_the_first_user(receiver: Receiver, target: Target) -> None:
    silently(target)
    desired, driver = Desired(target, 0, 1, "v2"), WebhookDriver()
    for _ in range(2):
        assert driver.prepare(desired, key="1", deadline=PATIENCE).outcome is Outcome.UNKNOWN
    assert [one["body"]["type"] for one in receiver.seen] == ["traffic.look"]
    report(address_of(receiver), state="done", weight=0)
    assert driver.prepare(desired, key="1", deadline=PATIENCE) == CONFIRMED


def test_a_receiver_inside_the_network_is_not_asked_unless_the_server_allows_it(
    receiver: Receiver, target: Target, settings: Settings
) -> None:
    settings.INTERNAL_HOSTS = frozenset()
    ack = shift(target, 25, 3)
    assert (ack.outcome, "RELEASETRAIN_INTERNAL_HOSTS" in ack.detail) == (Outcome.REFUSED, True)
    assert back(target, 4).outcome is Outcome.REFUSED
    assert look(target).state is Sync.UNREACHABLE
    assert receiver.seen == []


def test_check_and_health_say_what_is_wrong_and_nothing_of_the_secret(
    receiver: Receiver, target: Target
) -> None:
    driver = WebhookDriver()
    assert [one for one in driver.check(target, target.driver_config) if one.is_blocking] == []
    assert driver.health(target).is_well
    receiver.world.write_text("nonsense")
    assert driver.health(target).detail == "The read-back answered 200 and no weight from 0 to 100."
    add_secret(name="weak", value="hunter2hunter2é", team=None, by=None, now=make.NOW)
    for change in ({"url": "ftp://x"}, {"secret": {"secret": "weak"}}, {"secret": {"secret": "none"}}):
        config = target.driver_config | change
        blocking = [one.text for one in driver.check(target, config) if one.is_blocking]
        assert len(blocking) == 1
        assert "hunter2" not in blocking[0]
        refused = make.target("Other", driver="webhook", driver_config=config)
        refused.driver_config = config
        assert shift(refused, 25, 3, key=json.dumps(change)).outcome is Outcome.REFUSED
