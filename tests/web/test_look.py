"""In a real browser: readable for everybody, nothing blocked by the policy, and nothing typed is lost."""

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from releasetrain.bootstrap.chromium import find_chromium
from releasetrain.web.templatetags.times import remaining

pytestmark = [pytest.mark.journey, pytest.mark.urls("releasetrain.web.urls")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SWAP = "id => { const old = document.getElementById(id); old.outerHTML = old.outerHTML; }"


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
def guide(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Open the styleguide, and fail on whatever the console complains of."""
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/styleguide/")
    yield page
    page.close()
    assert complaints == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1360)])
def test_the_design_system_has_no_accessibility_fault(guide: Page, scheme: str, width: int) -> None:
    guide.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    guide.set_viewport_size({"width": width, "height": 900})
    found = Axe().run(guide, options=RULES)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [360, 900, 2560])
def test_no_page_is_wider_than_its_screen(guide: Page, width: int) -> None:
    guide.set_viewport_size({"width": width, "height": 900})
    assert guide.evaluate("document.documentElement.scrollWidth") <= width


def test_the_browser_counts_down_as_the_server_does(guide: Page) -> None:
    lengths = [0, 9, 59, 60, 3599, 3600, 86399, 86400, 200000]
    count = "async ms => (await import('/static/js/countdown.js')).remaining(ms)"
    counted = [guide.evaluate(count, seconds * 1000) for seconds in lengths]
    assert counted == [remaining(timedelta(seconds=seconds)) for seconds in lengths]


def test_the_chosen_colours_stay(guide: Page) -> None:
    guide.locator("main [data-theme-switch]").get_by_text("Dark").click()
    guide.reload()
    assert guide.locator("html").get_attribute("data-theme") == "dark"


def test_what_somebody_types_survives_live_news(guide: Page) -> None:
    reason = guide.locator("#vote-481-reason")
    reason.fill("not before the ledger")
    guide.evaluate(SWAP, "departure-481-ballot")
    assert reason.input_value() == "not before the ledger"
    assert guide.evaluate("document.activeElement.id") == "vote-481-reason"


def test_an_open_question_survives_live_news_and_closes_by_key(guide: Page) -> None:
    guide.locator("#departure-481-cancel").press("Space")
    dialog = guide.locator("#departure-481-cancel-dialog")
    guide.keyboard.type("storm")
    guide.evaluate(
        "id => { const old = document.getElementById(id);"
        " old.outerHTML = old.outerHTML.replaceAll(' open=\"\"', ''); }",
        "departure-481-next",
    )
    assert dialog.is_visible()
    assert guide.locator("#departure-481-cancel-reason").input_value() == "storm"
    guide.keyboard.press("Escape")
    expect(guide.locator("#departure-481-cancel")).to_be_focused()
    assert dialog.is_hidden()


def test_points_move_a_chart_and_outlive_its_element(guide: Page) -> None:
    value = guide.locator("#chart-errors [data-value=candidate]")
    guide.locator("#chart-errors").scroll_into_view_if_needed()
    guide.evaluate(
        "() => { const last = document.getElementById('chart-errors').points.at(-1)[0];"
        " const detail = { chart: 'errors', points: [[last + 2, 7.5, 0.2]] };"
        " document.dispatchEvent(new CustomEvent('chart:points', { detail })); }"
    )
    expect(value).to_have_text("7.50 %")
    guide.evaluate(SWAP, "rollout-5-guardrails")
    expect(value).to_have_text("7.50 %")


def test_without_script_a_question_can_still_be_asked(browser: Browser, live_server: LiveServer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/styleguide/")
    page.locator("#departure-481-cancel").click()
    assert page.locator("#departure-481-cancel-reason").is_visible()
    assert page.get_by_text("Connecting").count() == 0
    context.close()
