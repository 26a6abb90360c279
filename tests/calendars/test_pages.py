"""Calendars show each time that a window is open over what was chosen, in two queries."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.models import Feed, Window
from releasetrain.calendars.queries import occurrences_between, past_windows, standing_windows
from releasetrain.calendars.queries.settings import plan_of
from releasetrain.calendars.rules.windows import DayMode
from releasetrain.catalog.models import Service
from tests import make
from tests.calendars.world import NOON, open_window, settings

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def names(**chosen: Any) -> list[str]:
    return [one.name for one in occurrences_between(NOON - WEEK, NOON + WEEK, **chosen)]


def test_each_time_is_shown_with_what_a_person_wants_to_know() -> None:
    make.window(service=make.service(), excludes=[{"environment": make.environment("staging")}])
    [shown] = occurrences_between(NOON, NOON + HOUR)
    assert (shown.name, shown.reason, shown.where) == ("Freeze", "audit", "Storefront, without Staging")
    assert (shown.span.start, shown.span.end, shown.region) == (NOON, NOON + HOUR, "")
    assert (shown.is_stale, shown.stops_the_line, shown.is_all_day) == (False, False, False)


def test_t13_what_ends_at_the_start_or_starts_at_the_end_is_not_shown() -> None:
    make.window()
    assert occurrences_between(NOON + HOUR, NOON + WEEK) == []
    assert occurrences_between(NOON - WEEK, NOON) == []


def test_what_is_chosen_narrows_the_calendar() -> None:
    shop, search = make.service("Shop"), make.service("Search")
    Service.objects.filter(pk=search.pk).update(team=make.team("Finders"))
    search.refresh_from_db()
    production, staging = make.environment(), make.environment("staging")
    make.window("All")
    make.window("Shop", service=shop)
    make.window("Team", team=make.team())
    make.window("Staging", environment=staging)
    make.window("But production", excludes=[{"environment": production}])
    assert names() == ["All", "Shop", "Team", "Staging", "But production"]
    assert names(service=shop) == ["All", "Shop", "Team", "Staging", "But production"]
    assert names(service=search) == ["All", "Staging", "But production"]
    assert names(service=shop, environment=production) == ["All", "Shop", "Team"]
    assert names(team=make.team("Finders")) == ["All", "Staging", "But production"]
    assert names(team=make.team()) == ["All", "Shop", "Team", "Staging", "But production"]


def test_t7_a_region_is_named_where_each_has_a_day_of_its_own() -> None:
    asia, europe = make.region("Asia", "Asia/Tokyo"), make.region()
    production = make.environment()
    production.region = asia
    production.save(update_fields=["region"])
    whole: dict[str, Any] = {"starts_local": "2026-11-24", "ends_local": "2026-11-24", "is_all_day": True}
    open_window(day_mode=DayMode.REGIONS, **whole)
    shown = occurrences_between(NOON, NOON + WEEK)
    assert [(one.region, one.is_all_day) for one in shown] == [(asia.name, True), (europe.name, True)]
    assert [one.region for one in occurrences_between(NOON, NOON + WEEK, environment=production)] == ["Asia"]


def test_w11_what_comes_from_a_calendar_that_cannot_be_read_is_marked() -> None:
    feed = Feed.objects.create(name="Shop holidays", brings="windows", zone="UTC", problem="404")
    actions.put_window(feed, "1", settings(), plan=plan_of(settings(), NOON), now=NOON)
    assert [one.is_stale for one in occurrences_between(NOON, NOON + HOUR)] == [True]


def test_a_deleted_window_is_not_shown() -> None:
    rob = make.user("Rob", Role.RELEASE_MANAGER)
    actions.delete_window(make.window(), reason="no", by=rob, now=NOON + HOUR / 2)
    assert names() == []


def test_windows_that_stand_and_those_that_are_past_are_told_apart() -> None:
    rob = make.user("Rob", Role.RELEASE_MANAGER)
    standing = open_window(name="Standing")
    for name, verb in (("Ended", actions.end_window), ("Deleted", actions.delete_window)):
        verb(open_window(name=name), reason="no", by=rob, now=NOON)
    make.window("Over", starts_at=NOON - HOUR, ends_at=NOON)
    weekly: Window = open_window(name="Weekly", rule="FREQ=WEEKLY")
    assert set(standing_windows(NOON)) == {standing, weekly}
    assert {one.name for one in past_windows(NOON)} == {"Ended", "Deleted", "Over"}


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_does_not_grow_with_windows(count: int) -> None:
    shop, production = make.service(), make.environment()
    for number in range(count):
        make.window(f"W{number}", service=shop)
    with CaptureQueriesContext(connection) as seen:
        assert len(names(service=shop, environment=production)) == count
    assert len(seen) == 2
