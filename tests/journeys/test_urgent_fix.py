"""A hotfix at night: the glass is broken, the train stands aside, and goes on once somebody gives their word.

It comes last: while its fix is live, every other version of the shop has to contain it.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewPage
from tests.journeys.steps import LONG, follow_until, run_again, track_of
from tests.running import Up

pytestmark = pytest.mark.journey
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
FIX = "2026.48-hotfix"


def test_a_hotfix_with_broken_glass_and_the_train_that_makes_way(house: Up, look_around: NewPage) -> None:
    manager = look_around("Release manager")
    path = run_again(house, manager)
    manager.goto(house.address + path)
    follow_until(manager, house, path, 5)
    track, main = track_of(manager), manager.locator("main")

    phone = look_around("On-call", **PHONE)
    phone.goto(f"{house.address}/hotfixes/")
    phone.get_by_role("link", name="Start a hotfix").tap()
    phone.get_by_label("Where").select_option(label="Storefront in Production")
    phone.get_by_label("Version").fill(FIX)
    phone.get_by_label("What it mends").fill("Let people pay again")
    phone.get_by_label("Why it cannot wait").fill("checkout answers with errors")
    phone.get_by_label("Break the glass").fill("everybody sleeps")
    phone.get_by_role("button", name="Start the hotfix").tap()
    # Whoever starts it has no vote in it; the page names who has.
    expect(phone.locator("main")).to_contain_text("Jonas Berg")
    hotfix = phone.url.removeprefix(house.address)

    other = look_around("jonas.berg@demo.example", **PHONE)
    other.goto(house.address + hotfix)
    other.get_by_role("button", name="Approve and depart").tap()

    # The train makes way, and says for whom; nobody reloads its page.
    expect(track).to_have_attribute("data-state", "held", timeout=LONG)
    expect(main).to_contain_text("a hotfix, has Storefront in Production", timeout=LONG)
    phone.goto(f"{house.address}{hotfix}live/")
    expect(track_of(phone)).to_have_attribute("data-state", "succeeded", timeout=LONG)

    # It may not undo the fix: it stays held until somebody says that its version contains it.
    expect(main).to_contain_text("Who can do that", timeout=LONG)
    manager.goto(f"{house.address}{path}contains/")
    manager.get_by_label("How you know").fill("the fix was merged into its branch this morning")
    manager.get_by_role("button", name=re.compile("Attest that it contains")).click()
    manager.goto(f"{house.address}/hotfixes/locks/")
    manager.get_by_role("link", name=re.compile("Storefront")).first.click()
    manager.get_by_label("How you know").fill("the old side was deployed with the fix")
    manager.get_by_role("button", name="Settle it to 0 %").click()
    manager.goto(f"{house.address}{path}live/")
    expect(track).to_have_attribute("data-weight", "5", timeout=LONG)

    # What the broken glass owes is listed.
    manager.goto(f"{house.address}/hotfixes/")
    expect(main).to_contain_text("Owed by")

    phone.goto(f"{house.address}{path}live/")
    phone.get_by_role("button", name="Roll back to 0 %").tap()
    expect(track_of(phone)).to_have_attribute("data-state", "rolled_back", timeout=LONG)
