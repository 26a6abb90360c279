"""What people do again and again in the journeys."""

import re

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.running import Up, until

LONG = 420_000


def demo_departure(page: Page, house: Up) -> str:
    """Return the path of the demonstration train's departure on the board."""
    page.goto(house.address)
    link = page.get_by_role("link", name="Checkout Express").first
    return str(link.get_attribute("href"))


def say_go(page: Page) -> None:
    page.get_by_role("button", name=re.compile(r"Say go|Approve")).click()


def answers(house: Up) -> dict[str, int]:
    """Return how many answers each version of the shop has given."""
    told = httpx.get(f"{house.shop}/versions", timeout=5).json()
    return {version: int(told[version]["answers"]) for version in ("new", "old")}


def has_stopped(house: Up) -> bool:
    """Tell whether nobody got the new version for as long as it takes to serve dozens of shoppers."""
    before = answers(house)
    until(lambda: answers(house)["old"] > before["old"] + 60, "the shop serves nobody")
    return answers(house)["new"] == before["new"]


def plan_another(house: Up, *, seconds: int) -> None:
    """Plan another departure; a test that runs first finds one that is still to be watched, and takes it."""
    answer = house.manage("demo", "depart-soon", "--seconds", str(seconds))
    assert answer.returncode == 0 or "Watch that one first" in answer.stderr, answer.stderr


def run_again(house: Up, page: Page) -> str:
    """Plan another departure and let the demonstration's people say go."""
    plan_another(house, seconds=20)
    page.goto(house.address)
    go = page.get_by_role("button", name="Say go for me")
    expect(go).to_be_visible(timeout=LONG)
    go.click()
    return demo_departure(page, house)


def follow_until(page: Page, house: Up, path: str, weight: int) -> None:
    expect(page.locator("main")).to_contain_text("Rolling", timeout=LONG)
    page.goto(f"{house.address}{path}live/")
    track = track_of(page)
    expect(track).to_have_attribute("data-weight", str(weight), timeout=LONG)


def track_of(page: Page) -> Locator:
    return page.locator("[id^=rollout-][id$=-track]")
