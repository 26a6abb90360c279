"""One train from end to end, as people live it: real browser, database, broker, beat, sockets and shop."""

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewPage
from tests.journeys.steps import (
    LONG,
    answers,
    demo_departure,
    follow_until,
    has_stopped,
    plan_another,
    run_again,
    say_go,
)
from tests.running import Up

pytestmark = pytest.mark.journey


def test_from_submission_to_everybody(house: Up, look_around: NewPage) -> None:
    plan_another(house, seconds=90)
    submitter = look_around("Submitter")
    path = demo_departure(submitter, house)
    submitter.goto(f"{house.address}/changes/new/?departure={path.split('/')[2]}")
    submitter.get_by_label("Title").fill("Round the total to cents")
    submitter.get_by_label("Service", exact=True).select_option(label="Storefront")
    submitter.get_by_label("Version").fill("2026.48-journey")
    submitter.get_by_role("button", name="Submit").click()
    expect(submitter.get_by_role("heading", name="Round the total to cents")).to_be_visible()
    expect(submitter.locator("main")).to_contain_text("Aboard")

    watcher = look_around("Stakeholder")
    watcher.goto(house.address + path)
    expect(watcher.locator("#live-status")).to_have_attribute("data-state", "live")
    expect(watcher.locator("main")).to_contain_text("Round the total to cents")

    manager = look_around("Release manager")
    manager.goto(house.address + path)
    expect(manager.get_by_role("button", name="Say go")).to_be_visible(timeout=LONG)
    say_go(manager)
    expect(manager.locator("main")).to_contain_text("1 of 1 needed")

    on_call = look_around("On-call")
    on_call.goto(house.address + path)
    expect(on_call.get_by_role("button", name="Approve and depart")).to_be_visible()
    say_go(on_call)

    # The watcher reloads nothing from here on: whatever changes came over the socket.
    expect(watcher.locator("main")).to_contain_text("Rolling", timeout=LONG)
    live = look_around("Stakeholder")
    live.goto(f"{house.address}{path}live/")
    track = live.locator("[id^=rollout-][id$=-track]")
    expect(track).to_have_attribute("data-state", "succeeded", timeout=LONG)
    expect(watcher.locator("main")).to_contain_text("Arrived")
    assert answers(house)["new"] > 0
    for weight in (1, 5, 10, 25, 50, 100):
        expect(watcher.locator("main")).to_contain_text(f"sending {weight} % of users")


def test_a_broken_version_comes_back_by_itself(house: Up, look_around: NewPage) -> None:
    page = look_around("Release manager")
    path = run_again(house, page)
    follow_until(page, house, path, 5)
    page.get_by_role("button", name="Break the new version").click()
    track = page.locator("[id^=rollout-][id$=-track]")
    expect(track).to_have_attribute("data-state", "rolled_back", timeout=LONG)
    assert has_stopped(house)
    expect(page.locator("main")).to_contain_text("Error rate")


def test_one_press_brings_everybody_back(house: Up, look_around: NewPage) -> None:
    manager = look_around("Release manager")
    path = run_again(house, manager)
    phone = look_around("On-call", viewport={"width": 390, "height": 844}, has_touch=True)
    phone.goto(house.address + path)
    follow_until(phone, house, path, 1)
    phone.get_by_role("button", name="Roll back to 0 %").click()
    track = phone.locator("[id^=rollout-][id$=-track]")
    expect(track).to_have_attribute("data-state", "rolled_back", timeout=LONG)
    assert has_stopped(house)


def test_a_killed_worker_and_beat_delay_and_skip_nothing(house: Up, look_around: NewPage) -> None:
    page = look_around("Release manager")
    path = run_again(house, page)
    follow_until(page, house, path, 1)
    house.kill("worker")
    house.kill("beat")
    track = page.locator("[id^=rollout-][id$=-track]")
    expect(track).to_have_attribute("data-weight", "10", timeout=LONG)
    page.goto(house.address + path)
    feed = page.locator("[id$=-feed]").inner_text()
    assert [weight for weight in (1, 5, 10) if f"sending {weight} % of users" not in feed] == []
    page.get_by_role("button", name="Roll everything back").click()
    expect(page.locator("main")).to_contain_text("It came back", timeout=LONG)
