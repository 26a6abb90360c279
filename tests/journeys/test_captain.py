"""A captain takes a sealed train from its cut-off to GO: one change off, and only who must asked again."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import NewPage
from tests.journeys.steps import LONG
from tests.running import Up

pytestmark = pytest.mark.journey
BERLIN = ZoneInfo("Europe/Berlin")
RETRY, SLIP = "Ask the bank once more", "Print the second try on the slip"


def make_policy(page: Page, house: Up) -> None:
    """Ask a release manager about everything, and the on-call people about their own services."""
    page.goto(f"{house.address}/policies/new/")
    page.get_by_label("Name", exact=True).fill("Each team’s pager")
    page.get_by_label("Owner").select_option(label="Web Platform")
    page.get_by_role("button", name="Another requirement").click()
    pager = page.get_by_role("group", name="Requirement 2")
    pager.get_by_label("Role").select_option(label="on-call")
    pager.get_by_label("How many").fill("1")
    pager.get_by_label("Asked about").select_option(label="services of their team: one seat for each team")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Each team’s pager")).to_be_visible()


def make_train(page: Page, house: Up) -> str:
    """Make a train of two teams that is sealed in two to three minutes; return its departure's path."""
    departs_at = datetime.now(BERLIN) + timedelta(minutes=63)
    page.goto(f"{house.address}/trains/new/")
    page.get_by_label("Name").fill("Double Header")
    page.get_by_label("Team").select_option(label="Web Platform")
    page.get_by_label("Environment").select_option(label="Production")
    page.get_by_label("Payments", exact=True).check()
    page.get_by_label("Storefront", exact=True).check()
    page.get_by_label("Time zone").select_option(value="Europe/Berlin")
    page.get_by_label("First departure").fill(f"{departs_at:%Y-%m-%dT%H:%M}")
    page.get_by_label("Schedule").fill("FREQ=DAILY;COUNT=1")
    page.get_by_label("How long").first.fill("60")
    page.get_by_label("Unit").first.select_option(label="minutes")
    page.get_by_label("Who says go").select_option(label="Each team’s pager")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Double Header")).to_be_visible()
    page.locator("#train-dates").get_by_role("link").first.click()
    page.wait_for_url("**/departures/*/")
    return page.url.removeprefix(house.address)


def submit(page: Page, house: Up, path: str, title: str, service: str, version: str) -> str:
    """Submit a change and return where it is shown."""
    page.goto(f"{house.address}/changes/new/?departure={path.split('/')[2]}")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Service", exact=True).select_option(label=service)
    page.get_by_label("Version").fill(version)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.locator("main")).to_contain_text("Aboard")
    return page.url


def requirement(page: Page, name: str) -> Locator:
    """Return what a decision says about one of those who are asked."""
    return page.locator(".requirement").filter(has=page.get_by_text(name, exact=True))


def test_one_change_off_and_only_its_people_asked_again(house: Up, look_around: NewPage) -> None:
    captain = look_around("Release manager")
    make_policy(captain, house)
    path = make_train(captain, house)

    submitter, other = look_around("Submitter"), look_around("noor.haddad@demo.example")
    submit(submitter, house, path, "Show the seal of the bank", "Storefront", "2026.49-1")
    submit(other, house, path, "Round to the cent", "Payments", "4.20.0")
    retry = submit(other, house, path, RETRY, "Payments", "4.21.0")
    slip = submit(other, house, path, SLIP, "Payments", "4.22.0")
    other.goto(f"{slip}needs/")
    other.get_by_label("It needs", exact=True).select_option(
        label=f"{RETRY} (Payments) · RT-{path.split('/')[2]}"
    )
    other.get_by_role("button", name="Add this need").click()
    expect(other.get_by_role("link", name=RETRY)).to_be_visible()

    shop, bank = look_around("On-call"), look_around("jonas.berg@demo.example")
    for page in (captain, shop, bank):
        page.goto(house.address + path)
    # Nobody reloads: the ballots come with the seal.
    captain.get_by_role("button", name="Say go").click(timeout=LONG)
    expect(requirement(captain, "Release manager")).to_contain_text("1 of 1 needed")
    shop.get_by_label("on-call of Storefront").check()
    shop.get_by_role("button", name="Say go").click()
    expect(requirement(bank, "On-call of Storefront")).to_contain_text("1 of 1 needed")
    expect(requirement(bank, "On-call of Payments")).to_contain_text("0 of 1 needed")

    # What falls with it is said before anything happens.
    captain.goto(retry)
    captain.get_by_role("link", name="Take it off…", exact=True).click()
    preview = captain.locator("#leave-consequences")
    expect(preview).to_contain_text("with it 1 more, named below")
    expect(preview).to_contain_text(SLIP)
    expect(preview).to_contain_text("2 stay aboard")
    captain.get_by_label("Reason").fill("the bank answers twice")
    captain.get_by_role("button", name="Take it off").click()
    expect(captain.locator("main")).to_contain_text("Sealed as revision 2")

    # Everything was the captain’s part, so they are asked again; the shop’s part is as it was.
    changed = captain.locator("[id$=-changed]")
    expect(changed).to_contain_text("Changed since your vote on revision 1")
    expect(changed).to_contain_text(RETRY)
    expect(requirement(captain, "Release manager")).to_contain_text("0 of 1 needed")
    expect(requirement(bank, "On-call of Storefront")).to_contain_text("Carried over from revision 1")
    expect(shop.locator("[id$=-ballot]")).to_contain_text("Your go is carried over from revision 1")

    expect(bank.locator("[id$=-ballot]")).to_contain_text("about revision 2")
    bank.get_by_label("on-call of Payments").check()
    bank.get_by_role("button", name="Say go").click()
    expect(requirement(bank, "On-call of Payments")).to_contain_text("1 of 1 needed")
    captain.get_by_role("button", name=re.compile("^Approve and depart at")).click()
    for page in (captain, shop, bank):
        expect(page.locator("main")).to_contain_text("Cleared")

    # It would leave in an hour, when other journeys have the shop.
    captain.goto(f"{house.address}{path}cancel/")
    captain.get_by_label("Reason").fill("the journey ends here")
    captain.get_by_role("button", name="Cancel", exact=True).click()
    expect(shop.locator("main")).to_contain_text("Cancelled")
