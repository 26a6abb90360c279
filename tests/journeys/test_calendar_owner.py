"""A calendar owner freezes the shop while a train rolls: rehearsed, held, resumed, overridden, stopped."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import NewPage
from tests.journeys.steps import LONG, follow_until, run_again, track_of
from tests.running import Up

pytestmark = pytest.mark.journey
OVERRIDE = re.compile("override", re.IGNORECASE)
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")  # where the release manager of the demonstration reads the clock


def typed(after: timedelta) -> str:
    """Return a wall time as the fields take it."""
    return f"{datetime.now(NEW_YORK) + after:%Y-%m-%dT%H:%M}"


def open_window(page: Page, house: Up, name: str) -> None:
    """Freeze the shop from now on for two hours, after a rehearsal."""
    page.goto(f"{house.address}/calendar/windows/new/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Reason").first.fill("the auditors count")
    page.get_by_label("Starts", exact=True).fill(typed(timedelta(0)))
    page.get_by_label("Ends", exact=True).fill(typed(timedelta(hours=2)))
    page.get_by_label("Service").first.select_option(label="Storefront")
    page.get_by_role("button", name="Rehearse").click()
    rehearsal = page.locator("#window-rehearsal")
    expect(rehearsal).to_contain_text("Nothing is saved")
    expect(rehearsal).to_contain_text("Checkout Express")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def end_window(page: Page, address: str, reason: str) -> None:
    """End a window before its time, from its own page."""
    page.goto(address)
    page.get_by_role("button", name="End it").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(reason)
    dialog.get_by_role("button", name="End it").click()
    expect(page.get_by_role("button", name="End it")).to_have_count(0)


def test_a_freeze_holds_a_rollout_and_lets_it_go_on(house: Up, look_around: NewPage) -> None:
    owner, watcher = look_around("Release manager"), look_around("On-call")
    path = run_again(house, owner)
    watcher.goto(house.address + path)
    follow_until(watcher, house, path, 1)

    open_window(owner, house, "Stocktaking")
    window = owner.url
    # The watcher reloads nothing: the page follows by itself, and says what, why, until when and who.
    expect(track_of(watcher)).to_have_attribute("data-state", "held", timeout=LONG)
    main = watcher.locator("main")
    expect(main).to_contain_text("“Stocktaking” stops this: the auditors count.")
    expect(main).to_contain_text("A release manager or an administrator can clear it")

    end_window(owner, window, "counted")
    expect(track_of(watcher)).to_have_attribute("data-weight", "5", timeout=LONG)

    # Another freeze; this time the train is let through, by two people.
    open_window(owner, house, "Tax audit")
    audit = owner.url
    expect(track_of(watcher)).to_have_attribute("data-state", "held", timeout=LONG)
    # Whoever asks has no vote in it, so it is asked by somebody who has not voted.
    asks = look_around("Administrator")
    asks.goto(house.address + path)
    asks.get_by_role("link", name=OVERRIDE).first.click()
    asks.get_by_label("Tax audit (hard)").check()
    asks.get_by_label("Until").fill(f"{datetime.now(BERLIN) + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    asks.get_by_label("Reason").fill("a wrong tax is shown to everybody")
    asks.get_by_role("button", name=OVERRIDE).click()
    expect(asks.locator("[id$=-overrides]")).to_contain_text("Tax audit")

    owner.goto(house.address + path)
    owner.locator("[id$=-overrides]").get_by_role("link", name="Tax audit").click()
    owner.get_by_role("button", name="Approve").click()
    expect(owner.locator("main")).to_contain_text("Approved by")
    expect(track_of(watcher)).to_have_attribute("data-weight", "10", timeout=LONG)

    # The line is stopped: nothing climbs, and the way back is open.
    on_call = look_around("On-call")
    on_call.goto(f"{house.address}/calendar/stop/")
    on_call.get_by_label("Reason").fill("orders are lost")
    on_call.get_by_role("button", name="Stop the line").click()
    expect(on_call.locator("main")).to_contain_text("The line is stopped for everything")
    expect(track_of(watcher)).to_have_attribute("data-state", "held", timeout=LONG)
    expect(main).to_contain_text("Stop the line")
    watcher.get_by_role("button", name="Roll back to 0 %").click()
    expect(track_of(watcher)).to_have_attribute("data-state", "rolled_back", timeout=LONG)

    on_call.get_by_role("button", name="Let it run again").click()
    dialog = on_call.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("found the fault")
    dialog.get_by_role("button", name="Let it run again").click()
    expect(on_call.locator("main")).not_to_contain_text("The line is stopped")

    # Other journeys ride the same train.
    end_window(owner, audit, "the auditors have left")
