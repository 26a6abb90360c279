"""In a real browser: pages follow by themselves, fall back, come back, and keep what people do in them."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as house_settings
from django.test import Client
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.bootstrap.chromium import find_chromium
from releasetrain.trains.models import Departure
from tests import make
from tests.live.serving import served
from tests.live.test_hub import happen

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
Open = Callable[..., Page]
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium(os.environ)
    if path is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """Serve the stream beside the pages."""
    with served() as port:
        settings.STREAM_URL = f"http://127.0.0.1:{port}"
        settings.STREAM_SOCKET_URL = f"ws://127.0.0.1:{port}"
        allow(settings, settings.STREAM_URL, settings.STREAM_SOCKET_URL)
        yield port


def allow(settings: Settings, *addresses: str) -> None:
    """Let the policy of pages name the stream's address, as the house's own settings do."""
    policy: dict[str, Any] = dict(house_settings.CONTENT_SECURITY_POLICY["DIRECTIVES"])
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**policy, "connect-src": ["'self'", *addresses]}}


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer, port: int) -> Iterator[Open]:
    """Open pages of a person who has signed in; what the console complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_as(person: User, path: str) -> Page:
        client = Client()
        client.force_login(person)
        context = browser.new_context()
        contexts.append(context)
        name = house_settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None,
        )
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert complaints == []


def is_live(page: Page) -> None:
    expect(page.locator("#live-status")).to_have_attribute("data-state", "live")


def state_of(page: Page, departure: Departure) -> Any:
    return page.locator(f"#departure-{departure.pk}-row .chip")


def decide(departure: Departure, state: str = "deciding") -> None:
    Departure.objects.filter(pk=departure.pk).update(state=state)
    happen(departure, "trains.departure.sealed", aboard=1, revision=1)


def test_the_board_follows_without_a_reload_and_says_so_aloud(open_page: Open) -> None:
    departure = make.departure()
    page = open_page(make.user("Ana", Role.VIEWER), "/")
    is_live(page)
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    page.evaluate("window.isTheSame = true")
    decide(departure)
    expect(state_of(page, departure)).to_contain_text("Go / no-go")
    expect(page.locator("#announcer")).to_contain_text("is sealed")
    assert page.evaluate("window.isTheSame")


def test_a_filtered_board_follows_within_its_filter(open_page: Open) -> None:
    mine, theirs = make.departure(), make.departure(make.train("Ledger Mail", team=make.team("Ledger")))
    page = open_page(make.user("Ana", Role.VIEWER), f"/?team={make.team('Ledger').pk}")
    is_live(page)
    decide(theirs)
    expect(state_of(page, theirs)).to_contain_text("Go / no-go")
    Departure.objects.filter(pk=theirs.pk).update(state="rolling")
    happen(theirs, "trains.departure.departed", services="Storefront")
    expect(page.get_by_role("rowheader", name="Under way")).to_be_visible()
    expect(page.locator(f"#departure-{mine.pk}-row")).to_have_count(0)


def test_the_calendar_draws_a_window_that_somebody_opens(open_page: Open) -> None:
    page = open_page(make.user("Ana", Role.VIEWER), "/calendar/?view=agenda&on=2026-11-23")
    is_live(page)
    page.evaluate("window.isTheSame = true")
    happen(make.window("Audit freeze"), "calendars.window.opened")
    expect(page.locator("#calendar-panel")).to_contain_text("Audit freeze")
    assert page.evaluate("window.isTheSame")


def test_a_dropped_socket_is_opened_again_and_brings_what_was_missed(open_page: Open, port: int) -> None:
    departure = make.departure()
    page = open_page(make.user("Ana", Role.VIEWER), "/")
    is_live(page)
    page.context.set_offline(True)
    page.evaluate("() => window.dispatchEvent(new Event('pagehide'))")
    decide(departure)
    page.context.set_offline(False)
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    expect(state_of(page, departure)).to_contain_text("Go / no-go")
    is_live(page)


def test_without_any_stream_the_page_asks_every_five_seconds_and_says_so(
    open_page: Open, settings: Settings, port: int
) -> None:
    settings.STREAM_SOCKET_URL = "ws://127.0.0.1:9"
    allow(settings, "ws://127.0.0.1:9", "http://127.0.0.1:9")
    departure = make.departure()
    page = open_page(make.user("Ana", Role.VIEWER), "/")
    status = page.locator("#live-status")
    expect(status).to_have_attribute("data-state", "polling")
    expect(status).to_contain_text("Every 5 s · last news")
    decide(departure)
    expect(state_of(page, departure)).to_contain_text("Go / no-go")


def test_where_sockets_do_not_get_through_events_do(open_page: Open, browser: Browser) -> None:
    departure = make.departure()
    person = make.user("Ana", Role.VIEWER)
    page = open_page(person, "/help/")
    page.context.route_web_socket("**/live/socket", lambda socket: socket.close())
    page.goto(page.url.replace("/help/", "/"))
    is_live(page)
    decide(departure)
    expect(state_of(page, departure)).to_contain_text("Go / no-go")


def test_a_hidden_page_catches_up_when_it_is_seen(open_page: Open) -> None:
    departure = make.departure()
    page = open_page(make.user("Ana", Role.VIEWER), "/")
    is_live(page)
    hide = "is => { Object.defineProperty(document, 'hidden', { get: () => is, configurable: true });"
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", True)
    decide(departure)
    expect(page.locator("#announcer")).to_contain_text("is sealed")
    expect(state_of(page, departure)).to_contain_text("Boarding")
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", False)
    expect(state_of(page, departure)).to_contain_text("Go / no-go")


def test_who_may_no_longer_see_it_is_told_and_sees_no_more(open_page: Open) -> None:
    departure, person = make.departure(), make.user("Ana", Role.VIEWER)
    page = open_page(person, "/")
    is_live(page)
    person.memberships.all().delete()
    happen(person, "accounts.role.granted", role="nothing", team="the whole house")
    decide(departure)
    expect(page.locator("#live-status")).to_have_attribute("data-state", "offline")
    expect(page.locator("#live-status")).to_contain_text("no longer yours to see")
    expect(state_of(page, departure)).to_contain_text("Boarding")


def test_an_element_waits_while_somebody_types_in_it_and_is_current_afterwards(open_page: Open) -> None:
    page = open_page(make.user("Ana", Role.VIEWER), "/help/")
    put(page, BOX.format("old"))
    page.locator("#box summary").click()
    page.locator("#a").fill("typed")
    page.evaluate(LAY, BOX.format("first"))
    expect(page.locator("#box p")).to_have_text("old")
    page.locator("#out").focus()
    expect(page.locator("#box p")).to_have_text("first")
    assert page.locator("#a").input_value() == "typed"
    assert page.locator("#d").evaluate("one => one.open")
    page.locator("#b").focus()
    page.evaluate(LAY, BOX.format("second"))
    expect(page.locator("#box p")).to_have_text("second")
    assert page.evaluate("document.activeElement.id") == "b"


def test_a_press_is_not_lost_to_what_is_laid_under_it(open_page: Open) -> None:
    page = open_page(make.user("Ana", Role.VIEWER), "/help/")
    box = "<section id=box><p>{}</p><button type=button id=go>Go</button></section>"
    put(page, box.format("old"))
    page.evaluate("document.addEventListener('click', ({ target }) => { window.clicked = target.id; })")
    page.locator("#go").hover()
    page.mouse.down()
    page.evaluate(LAY, box.format("new"))
    expect(page.locator("#box p")).to_have_text("old")
    page.mouse.up()
    expect(page.locator("#box p")).to_have_text("new")
    assert page.evaluate("window.clicked") == "go"


def test_a_refused_form_stays_with_its_sentence_and_its_words(open_page: Open) -> None:
    page = open_page(make.user("Ana", Role.VIEWER), "/help/")
    put(page, "<section id=box><form data-refused><p>Why not.</p><input value=words></form></section>")
    page.evaluate(LAY, "<section id=box><form><p>Ask.</p><input></form></section>")
    page.locator("#out").focus()
    page.evaluate(LAY, "<section id=box><form><p>Ask again.</p><input></form></section>")
    expect(page.locator("#box p")).to_have_text("Why not.")
    assert page.locator("#box input").input_value() == "words"


def test_what_is_chosen_while_an_element_asks_for_itself_is_kept(open_page: Open) -> None:
    page, asked = open_page(make.user("Ana", Role.VIEWER), "/help/"), list[Route]()
    own = (
        '<section id=box hx-get="/slow/" hx-trigger=refetch hx-swap=outerHTML data-refetch-on=other><p>{}</p>'
        "<input type=radio name=seat id=one value=1 checked><input type=radio name=seat id=two value=2>"
        "</section>"
    )
    page.route("**/slow/", lambda route: asked.append(route))
    put(page, own.format("old"))
    page.evaluate("() => window.htmx.process(document.getElementById('box'))")
    page.evaluate(LAY.replace("'box'", "'other'"), "<p id=other></p>")
    while not asked:
        page.wait_for_timeout(50)
    page.locator("#two").check()
    page.locator("#out").focus()
    asked[0].fulfill(content_type="text/html", body=own.format("new"))
    expect(page.locator("#box p")).to_have_text("new")
    expect(page.locator("#two")).to_be_checked()


LAY = "html => import('/static/js/fragments.js').then(({ lay }) => lay(new Map([['box', html]])))"
BOX = (
    "<section id=box><p>{}</p><details id=d><summary>more</summary>m</details>"
    "<input id=a><input id=b></section>"
)


def put(page: Page, box: str) -> None:
    """Put an element onto the page, and a button beside it, with what lays fragments."""
    page.evaluate(
        "html => import('/static/js/fragments.js').then(() =>"
        " document.querySelector('main').insertAdjacentHTML('beforeend', html))",
        f"{box}<button id=out>out</button>",
    )
