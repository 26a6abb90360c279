"""Somebody on call stops a bad train from a phone while Redis is down, then from a shell without the web."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from releasetrain.embedded import throwaway_folder
from releasetrain.embedded.places import settle
from releasetrain.embedded.valkey import Valkey
from tests.journeys.conftest import NewPage
from tests.journeys.steps import LONG, follow_until, has_stopped, run_again
from tests.running import RUNS, Up, free_port

pytestmark = pytest.mark.journey
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def messages() -> Iterator[Valkey]:
    """Run the Redis of the house where this module can take it away."""
    with throwaway_folder() as folder:
        server = Valkey(settle(folder / "data"))
        begin(server)
        yield server
        server.stop()


@pytest.fixture(scope="module")
def house(messages: Valkey) -> Iterator[Up]:
    """Run a house of this module's own, in the place of the one that the other journeys share."""
    with throwaway_folder() as folder:
        up = Up(folder / "data", free_port(), REDIS_URL=messages.url, RELEASETRAIN_DEMO_RATE="60")
        try:
            up.wait_for(RUNS, LONG / 1000)
            yield up
        finally:
            up.end()


def begin(server: Valkey) -> None:
    server.launch()
    server.wait(lambda: None)


def test_r8_a_bad_train_is_stopped_from_a_phone_while_redis_is_down(
    house: Up, messages: Valkey, look_around: NewPage
) -> None:
    manager = look_around("Release manager")
    path = run_again(house, manager)
    manager.goto(house.address + path)
    follow_until(manager, house, path, 1)
    messages.stop()
    manager.get_by_role("button", name="Break the new version").click()

    # Nobody is signed in on this phone, and nothing but PostgreSQL answers.
    phone = look_around("On-call", **PHONE)
    phone.get_by_role("link", name="Rolling", exact=True).tap()
    rolling = phone.locator("#rolling")
    expect(rolling).to_contain_text("Users see it")
    expect(rolling).to_contain_text("The engine has not looked since", timeout=LONG)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390

    phone.get_by_role("button", name="Roll everything back").tap()
    dialog = phone.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"Storefront in Production \(\d+ %\)"))
    dialog.get_by_label("Reason").fill("the basket is empty")
    dialog.get_by_role("button", name="Roll everything back").tap()

    # Its own page asks the driver on until 0 % is read back twice: no worker does.
    expect(phone.locator("#toasts")).to_contain_text("1 rollout comes back")
    expect(rolling).to_contain_text("traffic at 0 %, read back after", timeout=LONG)
    assert has_stopped(house)
    expect(phone.get_by_role("button", name="Roll everything back")).to_have_count(0)

    begin(messages)
    manager.goto(house.address + path)
    expect(manager.locator("main")).to_contain_text("It came back", timeout=LONG)
    assert has_stopped(house)


def test_r8_a_shell_takes_it_back_while_redis_and_the_web_are_gone(
    house: Up, messages: Valkey, look_around: NewPage
) -> None:
    manager = look_around("Release manager")
    path = run_again(house, manager)
    manager.goto(house.address + path)
    follow_until(manager, house, path, 1)
    messages.stop()
    house.kill("web")
    answer = house.manage("rollback", "--service", "storefront", "--wait", "90")
    assert answer.returncode == 0, answer.stderr
    assert "0 % was read back twice" in answer.stdout
    assert has_stopped(house)
    begin(messages)
