"""In a real browser: the calendar's pages are readable for everybody, and work without script."""

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.bootstrap.chromium import find_chromium
from releasetrain.calendars.models import Holidays, Window
from tests import make

pytestmark = [pytest.mark.journey, pytest.mark.urls("releasetrain.web.urls")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = [
    "/calendar/?on=2026-11-23",
    "/calendar/?view=week&on=2026-11-23",
    "/calendar/?view=agenda&on=2026-11-23",
    "/calendar/windows/new/",
    "/calendar/stop/",
    "/calendar/open/",
    "/calendar/overrides/",
    "/calendar/feeds/",
    "/calendar/feeds/new/",
    "/calendar/holidays/",
    "/calendar/subscribe/",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium(os.environ)
    if path is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def manager(live_server: LiveServer) -> User:
    """Fill the house, and return somebody who may do everything in it."""
    person = make.user("Rosa", Role.RELEASE_MANAGER, Role.ON_CALL, time_zone="Europe/Berlin")
    Holidays.objects.create(name="United States", country="US")
    night = make.train("Night Mail", time_zone="Asia/Singapore")
    for train in (make.train(), night):
        make.departure(train, milestones=[{"name": "Candidate", "at": make.NOW.isoformat()}])
    make.target()
    for level in ("hard", "soft", "notice"):
        make.window(level.capitalize(), level=level, ends_at=make.NOW + timedelta(days=2))
    make.window("Office hours", effect="allow", service=make.service("Search"))
    make.window("Storefront", stops_the_line=True, service=make.service(), created_by=person)
    return person


def signed_in(browser: Browser, server: LiveServer, person: User, **options: object) -> BrowserContext:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    context = browser.new_context(base_url=server.url, **options)  # type: ignore[arg-type]
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server.url}])
    return context


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, manager: User) -> Iterator[Page]:
    context = signed_in(browser, live_server, manager, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1360)])
def test_no_page_has_an_accessibility_fault(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    window = Window.objects.get(name="Hard")
    for path in [*PAGES, f"/calendar/windows/{window.pk}/"]:
        page.goto(path)
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{path}\n{found.generate_report()}"


@pytest.mark.parametrize("width", [360, 900, 2560])
def test_no_page_is_wider_than_its_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def fill(page: Page) -> None:
    page.goto("/calendar/windows/new/")
    page.get_by_label("Name").fill("Weekend freeze")
    page.get_by_label("Reason").fill("Nobody is in.")
    page.get_by_label("Starts").fill("2026-11-27T18:00")
    page.get_by_label("Ends").fill("2026-11-30T06:00")


def test_w10_a_rehearsal_comes_without_a_full_reload_and_is_read_first(page: Page) -> None:
    fill(page)
    page.evaluate("window.stayed = true")
    page.locator("#rehearse").click()
    expect(page.locator("#window-rehearsal-title")).to_be_focused()
    assert page.evaluate("window.stayed")
    assert page.locator("form.window-form").count() == 1
    assert page.get_by_label("Reason").input_value() == "Nobody is in."


def test_w10_without_script_the_same_form_rehearses_and_saves(
    browser: Browser, live_server: LiveServer, manager: User
) -> None:
    context = signed_in(browser, live_server, manager, java_script_enabled=False)
    page = context.new_page()
    fill(page)
    page.get_by_role("button", name="Another part").click()
    assert page.get_by_label("Team").count() == 2
    page.locator("#rehearse").click()
    assert page.get_by_role("heading", name="Rehearsal").is_visible()
    page.get_by_role("button", name="Save").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Weekend freeze"
    context.close()


def test_only_the_fields_that_a_choice_asks_for_are_seen(page: Page) -> None:
    page.goto("/calendar/windows/new/")
    assert page.get_by_label("Starts").is_visible()
    page.get_by_label("Whole days").check()
    assert page.get_by_label("First day").is_visible()
    assert not page.get_by_label("Starts").is_visible()
    page.get_by_label("The day everywhere on Earth").check()
    assert not page.get_by_label("Time zone").is_visible()


def test_one_walks_through_the_calendar_by_keyboard_and_stays_where_one_was(page: Page) -> None:
    page.goto("/calendar/?on=2026-11-23")
    page.locator("#calendar-later").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#calendar-title")).to_have_text("December 2026")
    expect(page.locator("#calendar-later")).to_be_focused()
    assert "on=2026-12-01" in page.url
