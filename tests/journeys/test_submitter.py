"""A submitter’s week: aboard, on stand-by, withdrawn, too late, and aboard after all with a late pass."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import NewPage
from tests.journeys.steps import LONG, say_go
from tests.running import Up

pytestmark = pytest.mark.journey
BERLIN = ZoneInfo("Europe/Berlin")
TRAIN = "Milk Run"
# Less than this before a full minute, the next one is meant: people need time to press.
TO_PRESS = timedelta(seconds=10)


def typed(at: datetime) -> str:
    """Return a wall time as the fields take it."""
    return f"{at:%Y-%m-%dT%H:%M}"


def plan_train(page: Page, house: Up) -> str:
    """Make a train with two places, and return the path of its first departure, in two days."""
    page.goto(f"{house.address}/trains/new/")
    page.get_by_label("Name").fill(TRAIN)
    page.get_by_label("Team").select_option(label="Storefront")
    page.get_by_label("Environment").select_option(label="Production")
    page.get_by_label("Storefront", exact=True).check()
    page.get_by_label("Time zone").select_option(value=BERLIN.key)
    page.get_by_label("First departure").fill(typed(datetime.now(BERLIN) + timedelta(days=2)))
    page.get_by_label("Schedule").fill("FREQ=WEEKLY")
    page.get_by_label("Who says go").select_option(label="Release manager and on-call")
    page.get_by_label("Room, changes").fill("2")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name=TRAIN)).to_be_visible()
    page.locator("#train-dates").get_by_role("link").first.click()
    page.wait_for_url("**/departures/*/")
    return page.url.removeprefix(house.address)


def panel(page: Page, path: str, name: str) -> Locator:
    return page.locator(f"#departure-{path.split('/')[2]}-{name}")


def fill_in(page: Page, house: Up, path: str, title: str, version: str) -> None:
    """Open the form for a departure and say what changes in the shop."""
    page.goto(f"{house.address}/changes/new/?departure={path.split('/')[2]}")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Service", exact=True).select_option(label="Storefront")
    page.get_by_label("Version").fill(version)


def say_what_it_risks(page: Page) -> None:
    """Answer questions: what is answered decides what is asked next, and what it weighs."""
    minutes = page.get_by_label("How long does it take, in minutes?")
    expect(minutes).to_have_count(0)
    schema = page.get_by_label("Does it change stored data")
    schema.select_option(label="It adds; the version before still runs")
    minutes.fill("90")
    page.get_by_label("Who meets it?").select_option(label="Everybody")
    expect(page.locator("#change-weight")).to_contain_text("Everybody meets it")
    expect(minutes).to_have_value("90")


def submit(page: Page) -> str:
    """Submit what is filled in; return the address that this leads to."""
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#change-form")).to_have_count(0)
    return page.url


def withdraw(page: Page, address: str, reason: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Withdraw").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(reason)
    dialog.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("It got off.")).to_be_visible()


def end_boarding_soon(page: Page, house: Up, path: str) -> None:
    """Move the cut-off to the next full minute that leaves time to press."""
    page.goto(house.address + path)
    panel(page, path, "steer").get_by_role("link", name="Move deadline").click()
    soon = datetime.now(BERLIN) + TO_PRESS + timedelta(minutes=1)
    page.get_by_label("It is then").fill(typed(soon))
    page.get_by_label("Reason").fill("the shop is closed for stocktaking in an hour")
    expect(panel(page, path, "consequences")).to_contain_text("Cut-off")
    page.get_by_role("button", name="Move a deadline").click()
    expect(page.get_by_text("The deadline is moved.")).to_be_visible()


def stay(page: Page, title: str) -> Locator:
    """Return the line of the ledger about one change."""
    return page.get_by_role("row").filter(has_text=title)


def test_a_submitters_week(house: Up, look_around: NewPage) -> None:
    manager, submitter, other = (
        look_around(role) for role in ("Release manager", "Submitter", "Administrator")
    )
    path = plan_train(manager, house)

    # Two places are taken; the third has to wait.
    fill_in(submitter, house, path, "Round the tax of a basket", "2026.49-1")
    say_what_it_risks(submitter)
    tax = submit(submitter)
    main = submitter.locator("main")
    expect(main).to_contain_text("Aboard")
    expect(main).to_contain_text("It takes 90 minutes")
    fill_in(submitter, house, path, "Find shoes by their size", "2026.49-2")
    sizes = submit(submitter)
    expect(main).to_contain_text("Aboard")
    fill_in(other, house, path, "Wrap what is a gift", "2026.49-3")
    submit(other)
    expect(other.locator("main")).to_contain_text("On stand-by")
    expect(other.locator("main")).to_contain_text("2 are aboard. It stands by, first in line.")

    # Somebody gets off; whoever looks sees who moves up, and reloads nothing.
    other.goto(house.address + path)
    manifest = panel(other, path, "manifest")
    expect(manifest).to_contain_text("2 of 2 places are taken. 1 on stand-by")
    expect(manifest.locator("table")).not_to_contain_text("Wrap what is a gift")
    withdraw(submitter, tax, "the rounding is wrong in Norway")
    expect(manifest.locator("table")).to_contain_text("Wrap what is a gift")
    expect(manifest.locator("table")).not_to_contain_text("Round the tax of a basket")
    withdraw(submitter, sizes, "sizes of children are missing")
    expect(manifest).to_contain_text("1 of 2 places are taken.")
    # The cut-off is pulled forward, and passes while somebody is still typing.
    end_boarding_soon(manager, house, path)
    fill_in(submitter, house, path, "Show the size of shoes", "2026.49-4")
    say_what_it_risks(submitter)
    expect(manifest).to_contain_text("Sealed as revision 1", timeout=LONG)

    # Somebody says go; whoever comes now has to ask, and reads first what that costs.
    manager.goto(house.address + path)
    say_go(manager)
    expect(panel(manager, path, "decision")).to_contain_text("1 of 1 needed")
    submit(submitter)
    expect(submitter.get_by_role("heading", name="Late pass for")).to_be_visible()
    expect(main).to_contain_text("Nothing of the change is lost: it is saved")
    expect(main).to_contain_text("1 vote is asked for again: release manager (Maya Chen).")
    expect(main).to_contain_text("one person who runs the departure grants it")
    submitter.get_by_label("Why can it not wait").fill("the sale of shoes begins on Monday")
    submitter.get_by_role("button", name="Ask for the pass: re-opens 1 vote").click()
    expect(main).to_contain_text("Asked by")

    # The other page shows it asked for, granted and used, and is not reloaded.
    passes = panel(other, path, "late")
    expect(passes).to_contain_text("the sale of shoes begins on Monday")
    manager.goto(f"{house.address}/notices/")
    expect(manager.locator("main")).to_contain_text("asked for the late pass of “Show the size of shoes”")
    manager.goto(house.address + path)
    manager.get_by_role("link", name="Decide about the late pass").click()
    expect(manager.locator("main")).to_contain_text("1 vote is asked for again")
    manager.get_by_role("button", name="Grant it: re-opens 1 vote").click()
    expect(passes).to_contain_text("granted by Maya Chen")
    submitter.reload()
    submitter.get_by_role("button", name="with the pass").click()
    expect(main).to_contain_text("Used")
    expect(manifest).to_contain_text("Sealed as revision 2")
    expect(manifest.locator("table")).to_contain_text("Show the size of shoes")
    decision = panel(other, path, "decision")
    expect(decision).to_contain_text("Not counted: Maya Chen said go to an older manifest.")
    manager.goto(house.address + path)
    expect(manager.locator("main")).to_contain_text("Changed since your vote on revision 1")
    expect(manager.locator("main")).to_contain_text("New: “Show the size of shoes”")

    # Everything that was ever aboard is accounted for.
    other.get_by_role("link", name="Ledger").click()
    expect(stay(other, "Round the tax")).to_contain_text("Withdrawn")
    expect(stay(other, "Round the tax")).to_contain_text("the rounding is wrong in Norway")
    expect(stay(other, "Find shoes")).to_contain_text("sizes of children are missing")
    expect(stay(other, "Wrap what is a gift")).to_contain_text("Aboard")
    expect(stay(other, "Show the size of shoes")).to_contain_text("Ana Sousa")
    other.get_by_role("link", name="lost property").click()
    expect(other.locator("#lost-property")).to_contain_text("Nothing is lost")
    other.goto(f"{house.address}/notices/")
    expect(other.locator("main")).to_contain_text("“Wrap what is a gift” came off stand-by and is aboard")
