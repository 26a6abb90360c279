"""In a real browser: pages of intake, decision, readiness and hotfixes are readable, full and empty."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.rollouts.actions import lock_target
from releasetrain.trains import actions
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.readiness import CheckKind
from releasetrain.trains.rules.states import Choice
from tests import make
from tests.trains import world
from tests.trains.test_blockers import block
from tests.trains.test_bundles import need
from tests.trains.test_readiness import asking
from tests.web.test_look import RULES, browser
from tests.web.test_times_look import context_of

__all__ = ["browser"]

pytestmark = [pytest.mark.journey, pytest.mark.urls("releasetrain.web.urls")]

MINUTE = timedelta(minutes=1)
SCREENS = [("light", 390), ("dark", 1360)]


@pytest.fixture
def manager(live_server: LiveServer) -> User:
    """Return somebody who may do everything."""
    return make.user("Rosa", Role.RELEASE_MANAGER, Role.ON_CALL, Role.SUBMITTER)


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


def empty() -> list[str]:
    """Make a departure that nobody is aboard of, and name its pages."""
    departure = make.departure()
    own = ("", "bundles/", "ledger/", "stand-by/", "settings/", "readiness/", "block/")
    return [
        *(f"/departures/{departure.pk}/{name}" for name in own),
        "/changes/",
        "/changes/?q=nothing-of-this-name",
        "/changes/new/",
        "/lost-property/",
        "/policies/new/",
        "/delegations/",
        "/hotfixes/",
        "/hotfixes/new/",
        "/hotfixes/locks/",
        "/calendar/feeds/",
        "/calendar/feeds/new/",
    ]


def full(person: User) -> list[str]:
    """Make a sealed departure with a bundle, a vote, checks, a blocker and a late pass; name its pages."""
    departure = asking(CheckKind.CI, manual=("Support knows",))
    tax = world.aboard(departure, title="Book tax lines into the ledger of every country that has one")
    need(world.aboard(departure, title="Show prices with tax"), tax)
    departure = world.sealed(departure)
    actions.sample_readiness(departure, now=make.NOW)
    vote = world.vote(departure, world.manager(), Choice.NO_GO, reason="Not before the ledger").vote
    blocker = block(departure)
    change = make.change("Round totals half to even", author=person)
    after = departure.cut_off_at + MINUTE
    late = actions.ask_pass(change, departure, reason="Invoices are a cent off", by=person, now=after)
    lock = lock_target(
        make.target(),
        reason="A disk is changed",
        until=make.NOW + timedelta(hours=4),
        by=person,
        now=make.NOW,
    )
    return [
        *_of_departure(departure),
        f"/departures/{departure.pk}/votes/{vote.pk}/overrule/",
        f"/departures/{departure.pk}/blockers/{blocker.pk}/",
        f"/departures/{departure.pk}/late/{late.pk}/",
        "/changes/?whose=all",
        f"/changes/{tax.pk}/",
        f"/changes/{tax.pk}/needs/",
        f"/changes/{tax.pk}/ask-to-leave/",
        f"/changes/{change.pk}/",
        "/policies/",
        f"/policies/{departure.train.policy_id}/",
        f"/policies/{departure.train.policy_id}/edit/",
        f"/hotfixes/locks/{lock.target_id}/",
    ]


def _of_departure(departure: Departure) -> list[str]:
    names = ("", "bundles/", "ledger/", "revisions/", "changelog/", "notes/", "readiness/")
    return [f"/departures/{departure.pk}/{name}" for name in names]


def look(page: Page, scheme: str, width: int, paths: list[str]) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    faults = []
    for path in paths:
        answer = page.goto(path)
        assert answer is not None and answer.ok, path
        found = Axe().run(page, options=RULES)
        if found.violations_count:
            faults.append(f"{path}\n{found.generate_report()}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{path} is wider than {width} px")
    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_no_page_with_something_on_it_has_a_fault(page: Page, manager: User, scheme: str, width: int) -> None:
    look(page, scheme, width, full(manager))


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_no_page_with_nothing_on_it_has_a_fault(page: Page, scheme: str, width: int) -> None:
    look(page, scheme, width, empty())
