"""In a real browser: pages about time and people are readable for everybody, with script and without."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from releasetrain.accounts.actions import save_shift
from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.notifications.models import Notice
from releasetrain.trains.actions import hold
from releasetrain.trains.models import Change, Departure
from tests import make
from tests.trains import world
from tests.web.test_look import RULES, browser

__all__ = ["browser"]

LONG = 20_000

pytestmark = [pytest.mark.journey, pytest.mark.urls("releasetrain.web.urls")]


@pytest.fixture
def manager(live_server: LiveServer) -> User:
    """Fill the house, and return somebody who may do everything in it."""
    person = make.user("Rosa", Role.RELEASE_MANAGER, Role.ON_CALL, time_zone="America/New_York")
    train = make.train(
        captain=person,
        check_in_lead=timedelta(hours=6),
        cut_offs=[
            {"category": "", "kind": "lead", "seconds": 3600},
            {"category": "database", "kind": "workdays", "days": 1, "time": "17:00"},
        ],
        milestones=[{"name": "Texts in", "kind": "week", "weeks": 1, "weekday": "TH"}],
    )
    departure = make.departure(
        train,
        cut_offs={"": (make.NOW + timedelta(hours=1)).isoformat(), "database": make.NOW.isoformat()},
        milestones=[{"name": "Texts in", "at": make.NOW.isoformat()}],
    )
    world.aboard(departure, author=person)
    opens = departure.departs_at + timedelta(minutes=25)
    make.window("Weekend", reason="nobody is in", starts_at=opens, ends_at=opens + timedelta(hours=60))
    make.departure(train, state="skipped", departs_at=make.NOW + timedelta(days=7))
    train.variants.create(
        name="Holiday week", rule="FREQ=WEEKLY", first_departs_at_local="2026-11-25T10:00:00"
    )
    save_shift(
        team=make.team(), time_zone="UTC", starts_local="2026-11-23T08:00", ends_local="2026-11-23T20:00",
        rule="FREQ=DAILY", people=[person], by=person, now=make.NOW,
    )  # fmt: skip
    boss = make.user("Boss", Role.RELEASE_MANAGER)
    hold(
        make.departure(make.train("Night Mail", captain=person)),
        reason="The cache is cold",
        by=boss,
        now=make.NOW,
    )
    return person


def context_of(browser: Browser, server: LiveServer, person: User, **options: Any) -> BrowserContext:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    context = browser.new_context(base_url=server.url, reduced_motion="reduce", **options)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server.url}])
    return context


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, manager: User) -> Iterator[Page]:
    """Open a page with script, and fail on whatever the console complains of."""
    context = context_of(browser, live_server, manager)
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def plain(browser: Browser, live_server: LiveServer, manager: User) -> Iterator[Page]:
    """Open a page without script."""
    context = context_of(browser, live_server, manager, java_script_enabled=False)
    yield context.new_page()
    context.close()


def first() -> Departure:
    return Departure.objects.get(changes__isnull=False)


def paths() -> list[str]:
    pk, slug = first().pk, first().train.slug
    return [
        f"/departures/{pk}/",
        *(
            f"/departures/{pk}/{verb}/"
            for verb in ("postpone", "hold", "move", "hand-over", "override", "cancel")
        ),
        f"/trains/{slug}/",
        f"/trains/{slug}/edit/",
        f"/trains/{slug}/variants/new/",
        f"/trains/{slug}/weeks/2026-11-30/",
        f"/changes/{Change.objects.get().pk}/",
        "/teams/",
        "/teams/storefront/on-call/",
        "/teams/storefront/on-call/new/",
        "/notices/",
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1360)])
def test_no_page_has_an_accessibility_fault_or_is_wider_than_its_screen(
    page: Page, scheme: str, width: int
) -> None:
    assert Notice.objects.exists()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    for path in paths():
        answer = page.goto(path)
        assert answer is not None and answer.ok, path
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{path}\n{found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_deadline_shows_the_fields_of_its_kind_and_keeps_the_others(page: Page) -> None:
    page.goto(f"/trains/{first().train.slug}/edit/")
    row = page.locator("#cut_offs-0")
    expect(row.get_by_label("How long")).to_be_visible()
    expect(row.get_by_label("Weekday")).to_be_hidden()
    row.get_by_label("When").select_option("week")
    expect(row.get_by_label("Weekday")).to_be_visible()
    expect(row.get_by_label("How long")).to_be_hidden()
    row.get_by_label("When").select_option("lead")
    expect(row.get_by_label("How long")).to_have_value("1")


def test_words_follow_what_one_types_at_once(page: Page) -> None:
    page.goto(f"/trains/{first().train.slug}/edit/")
    page.get_by_label("Schedule").fill("FREQ=DAILY")
    page.get_by_label("Schedule").blur()
    expect(page.locator("#train-words")).to_contain_text("Every day at 14:00", timeout=LONG)


def test_a_row_more_keeps_what_was_typed_with_script(page: Page) -> None:
    page.goto(f"/trains/{first().train.slug}/edit/")
    page.get_by_label("Name", exact=True).first.fill("Slow train")
    page.get_by_role("button", name="Another milestone").click()
    expect(page.locator("#milestones-1")).to_be_visible()
    expect(page.get_by_label("Name", exact=True).first).to_have_value("Slow train")
    page.get_by_role("button", name="Leave out Milestone 2").click()
    expect(page.locator("#milestones-1")).to_have_count(0)


def test_a_row_more_keeps_what_was_typed_without_script(plain: Page) -> None:
    plain.goto(f"/trains/{first().train.slug}/edit/")
    plain.get_by_label("Name", exact=True).first.fill("Slow train")
    plain.get_by_role("button", name="Another captain").click()
    assert plain.locator("#captains .seat").count() == 1
    assert plain.get_by_label("Name", exact=True).first.input_value() == "Slow train"
    plain.get_by_role("button", name="Preview what moves").last.click()
    assert plain.locator("#train-preview").is_visible()


def test_postponing_in_its_panel_says_what_it_does_while_one_types(page: Page) -> None:
    departure = first()
    page.goto(f"/departures/{departure.pk}/")
    page.get_by_role("link", name="Postpone", exact=True).click()
    panel = page.locator(f"#departure-{departure.pk}-steer")
    panel.get_by_label("It departs").fill("2026-11-27T10:00")
    panel.get_by_label("Reason").click()
    expect(panel).to_contain_text("It goes from Mon 23 Nov, 15:00 to Fri 27 Nov, 10:00 Berlin", timeout=LONG)
    panel.get_by_role("link", name="Leave it").click()
    expect(panel.get_by_role("link", name="Postpone")).to_be_visible()
    assert page.url.endswith(f"/departures/{departure.pk}/")


def test_postponing_works_without_script(plain: Page) -> None:
    departure = first()
    plain.goto(f"/departures/{departure.pk}/")
    plain.get_by_role("link", name="Postpone", exact=True).click()
    plain.get_by_label("It departs").fill("2026-11-27T10:00")
    plain.get_by_label("Reason").fill("later")
    plain.get_by_role("button", name="Show what it does").click()
    assert "It goes from Mon 23 Nov, 15:00 to Fri 27 Nov, 10:00" in plain.locator("main").inner_text()
    assert plain.get_by_label("Reason").input_value() == "later"
    plain.get_by_role("button", name="Postpone").click()
    assert "Fri 27 Nov" in plain.locator("main").inner_text()
