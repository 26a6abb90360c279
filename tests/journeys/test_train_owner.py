"""A train owner crosses a clock change and moves one departure; people are told before they ask."""

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewPage
from tests.running import Up

pytestmark = pytest.mark.journey


def test_a_train_over_a_clock_change_with_one_departure_moved(house: Up, look_around: NewPage) -> None:
    owner = look_around("Release manager")
    owner.goto(f"{house.address}/trains/new/")
    owner.get_by_label("Name").fill("Night Sleeper")
    owner.get_by_label("Team").select_option(label="Storefront")
    owner.get_by_label("Environment").select_option(label="Production")
    owner.get_by_label("Storefront", exact=True).check()
    owner.get_by_label("Time zone").select_option(value="Europe/Berlin")
    owner.get_by_label("First departure").fill("2027-03-14T02:30")
    owner.get_by_label("Schedule").fill("FREQ=WEEKLY;BYDAY=SU")
    owner.get_by_label("Boarding opens").fill(str(300 * 24 * 60))
    owner.get_by_label("Who says go").select_option(label="Release manager and on-call")
    owner.get_by_role("button", name="Preview").click()
    # What the clocks will not let happen is said before anything is saved.
    expect(owner.locator("main")).to_contain_text("02:30 does not exist on Sun 28 Mar 2027")
    owner.get_by_role("button", name="Save", exact=True).click()
    expect(owner.get_by_role("heading", name="Night Sleeper")).to_be_visible()
    dates = owner.locator("#train-dates")
    expect(dates).to_contain_text("Sun 28 Mar, 03:30")
    expect(dates).to_contain_text("clocks go forward by 1 h")
    expect(dates).to_contain_text("Sun 4 Apr, 02:30")

    dates.get_by_role("link", name="Sun 21 Mar").first.click()
    owner.wait_for_url("**/departures/*/")
    path = owner.url.removeprefix(house.address)
    submitter = look_around("Submitter")
    submitter.goto(f"{house.address}/changes/new/?departure={path.split('/')[2]}")
    submitter.get_by_label("Title").fill("Sleep through the night")
    submitter.get_by_label("Service", exact=True).select_option(label="Storefront")
    submitter.get_by_label("Version").fill("2027.11-1")
    submitter.get_by_role("button", name="Submit").click()
    expect(submitter.locator("main")).to_contain_text("Aboard")

    owner.get_by_role("link", name="Postpone").click()
    owner.get_by_label("It departs").fill("2027-03-22T10:00")
    owner.get_by_label("Reason").fill("the night shift has moved")
    consequences = owner.locator("[id$=-consequences]")
    expect(consequences).to_contain_text("Told at once: Ana Sousa")
    owner.get_by_role("button", name="Postpone").click()
    expect(owner.get_by_role("button", name="Postpone")).to_have_count(0)
    expect(owner.locator("main")).to_contain_text("Mon 22 Mar")

    submitter.goto(f"{house.address}/notices/")
    expect(submitter.locator("main")).to_contain_text("postponed")
    expect(submitter.locator("main")).to_contain_text("the night shift has moved")

    owner.goto(f"{house.address}/trains/night-sleeper/")
    expect(dates).to_contain_text("moved by Maya Chen")
