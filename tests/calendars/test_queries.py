"""Any service in any environment can be asked whether it may move, and when that changes (W5, W6, W8)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.actions import Where
from releasetrain.calendars.queries import (
    capacity_at,
    openness_of,
    place,
    verdict_for,
    windows_at,
    windows_between,
    windows_within,
)
from releasetrain.calendars.rules.judging import Openness
from releasetrain.calendars.rules.windows import DayMode, Effect, Lane, Place
from releasetrain.lib.spans import Span
from tests import make
from tests.calendars.world import NOON, at, open_window

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFICE: dict[str, Any] = {
    "name": "Office hours",
    "effect": Effect.ALLOW,
    "starts_local": "2026-11-23T09:00",
    "ends_local": "2026-11-23T17:00",
    "time_zone": "Europe/Berlin",
    "rule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
}


def here() -> Place:
    return place(make.service(), make.environment())


def moves(at: datetime, **fields: Any) -> bool:
    return verdict_for(make.service(), make.environment(), at, **fields).is_allowed


def opened(at: datetime) -> Openness:
    return openness_of([here()], at)


def year_end() -> None:
    """Open the windows of case O10: a freeze of the house over the new year, and a team's office hours."""
    open_window(
        name="Year end",
        starts_local="2026-12-20",
        ends_local="2027-01-03",
        is_all_day=True,
        is_confirmed=True,
    )
    open_window(**OFFICE, includes=(Where(team=make.team()),))


def test_w5_real_case_o10_open_until_the_office_closes() -> None:
    year_end()
    found = opened(at("2026-12-18T15:30"))
    assert (found.is_open, found.next_close_at) == (True, at("2026-12-18T16:00"))
    [why] = found.why_closes
    assert (why.text, why.until) == (
        "This moves only inside “Office hours”: everybody shops.",
        at("2026-12-21T08:00"),
    )


def test_w5_real_case_o10_closed_until_the_office_opens_after_the_freeze() -> None:
    year_end()
    found = opened(at("2026-12-18T16:30"))
    assert (found.is_open, found.next_open_at) == (False, at("2027-01-04T08:00"))
    assert f"{found.next_open_at:%a}" == "Mon"


def test_w5_real_case_o10_the_freeze_of_the_house_beats_the_office_hours_of_a_team() -> None:
    year_end()
    found = opened(at("2026-12-21T09:00"))
    assert (found.is_open, [one.text for one in found.reasons]) == (
        False,
        ["“Year end” stops this: everybody shops."],
    )
    assert found.next_open_at == at("2027-01-04T08:00")


def test_real_case_o1_a_window_pinned_to_san_francisco_opens_an_hour_later_in_utc_in_winter() -> None:
    open_window(
        name="UTC late backport",
        effect=Effect.ALLOW,
        now=at("2026-03-01T00:00"),
        starts_local="2026-03-02T13:00",
        ends_local="2026-03-02T14:00",
        time_zone="America/Los_Angeles",
        rule="FREQ=WEEKLY;BYDAY=MO,TU,WE",
    )
    for day, hour in (("2026-03-02", 21), ("2026-03-09", 20), ("2026-10-26", 20), ("2026-11-02", 21)):
        start = at(f"{day}T{hour}:00")
        assert not moves(start - HOUR / 60)
        assert moves(start)
        assert moves(start + HOUR - HOUR / 60)
        assert not moves(start + HOUR), "T13"


def test_w6_a_window_of_the_future_blocks_nothing_now_and_what_falls_into_it() -> None:
    make.window(starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    assert moves(NOON)
    assert not moves(NOON + HOUR)


def test_w8_each_environment_has_its_own_next_change() -> None:
    staging = make.environment("staging")
    make.window(environment=staging)
    assert opened(NOON) == Openness(is_open=True)
    there = openness_of([place(make.service(), staging)], NOON)
    assert (there.is_open, there.next_open_at) == (False, NOON + HOUR)


def test_w5_windows_that_follow_each_other_close_as_one() -> None:
    make.window("First")
    make.window("Second", starts_at=NOON + HOUR, ends_at=NOON + 3 * HOUR)
    assert opened(NOON).next_open_at == NOON + 3 * HOUR


def test_w12_a_stopped_line_stops_every_lane() -> None:
    olu = make.user("Olu", Role.ON_CALL)
    actions.stop_the_line(reason="down", until=NOON + HOUR, by=olu, now=NOON)
    assert not any(moves(NOON, lane=lane) for lane in Lane)


def test_a_window_of_one_lane_leaves_the_others_open() -> None:
    make.window(lanes=["train"])
    assert [lane for lane in Lane if not moves(NOON, lane=lane)] == [Lane.TRAIN]


def test_a_window_that_allows_confines_nothing_once_its_last_time_is_over() -> None:
    tuesday = {"starts_local": "2026-11-24T09:00", "ends_local": "2026-11-24T17:00"}
    window = open_window(**{**OFFICE, **tuesday, "rule": ""})
    assert not moves(NOON), "it stands, and is shut"
    assert moves(at("2026-11-24T12:00"))
    assert window.ends_at == at("2026-11-24T16:00")
    assert moves(window.ends_at)
    assert opened(NOON).next_open_at == at("2026-11-24T08:00")


def test_a_window_that_allows_confines_however_far_its_next_time_lies() -> None:
    leap: dict[str, Any] = {"starts_local": "2024-02-29", "ends_local": "2024-02-29", "is_all_day": True}
    open_window(effect=Effect.ALLOW, rule="FREQ=YEARLY", is_confirmed=True, **leap)
    [reason] = verdict_for(make.service(), make.environment(), NOON).reasons
    assert reason.until == at("2028-02-29T00:00")
    assert opened(NOON).next_open_at == at("2028-02-29T00:00")


@pytest.mark.parametrize("verb", [actions.end_window, actions.delete_window])
def test_a_window_that_allows_confines_nothing_once_it_was_ended_or_deleted(verb: Any) -> None:
    window = open_window(**OFFICE)
    night = at("2026-11-23T20:00")
    assert not moves(night)
    verb(window, reason="enough", by=make.user("Ada", Role.RELEASE_MANAGER), now=night)
    assert moves(night)
    assert opened(night) == Openness(is_open=True)


def test_t7_a_window_that_allows_knows_the_next_day_of_each_region() -> None:
    asia, america = make.region("Asia", "Asia/Tokyo"), make.region("America", "America/Los_Angeles")
    days: dict[str, Any] = {"starts_local": "2026-11-24", "ends_local": "2026-11-24", "is_all_day": True}
    open_window(effect=Effect.ALLOW, day_mode=DayMode.REGIONS, rule="FREQ=WEEKLY", **days)
    for region, starts in ((asia, "2026-11-23T15:00"), (america, "2026-11-24T08:00")):
        where = make.environment(region.slug)
        where.region = region
        where.save(update_fields=["region"])
        [reason] = verdict_for(make.service(), where, NOON).reasons
        assert reason.until == at(starts)
        assert verdict_for(make.service(), where, at(starts)).is_allowed


def test_windows_within_several_spans_are_those_of_each() -> None:
    for day in (0, 2, 4):
        make.window(f"Day {day}", starts_at=NOON + DAY * day, ends_at=NOON + DAY * day + HOUR)
    spans = [Span(NOON, NOON + HOUR), Span(NOON + 4 * DAY, NOON + 5 * DAY)]
    assert {one.name for one in windows_within(spans)} == {"Day 0", "Day 4"}
    assert {one.name for one in windows_between(NOON, NOON + 5 * DAY)} == {"Day 0", "Day 2", "Day 4"}
    assert windows_within([]) == []


def test_within_several_spans_a_window_that_allows_knows_what_lies_between() -> None:
    open_window(**OFFICE)
    night = at("2026-11-24T20:00")
    [office] = windows_within([Span(night, night), Span(night + 5 * DAY, night + 5 * DAY)])
    assert office.next_start(here(), night) == at("2026-11-25T08:00")


def test_capacity_is_that_of_the_open_window_unless_another_lets_everything_move() -> None:
    shop: dict[str, Any] = {"effect": Effect.ALLOW, "includes": (Where(service=make.service()),)}
    small = open_window(name="Backport", capacity=6, **shop)
    [(freeze, span, capacity)] = capacity_at([here()], NOON, Lane.TRAIN)
    assert (freeze.id, span, capacity) == (small.pk, Span(NOON, NOON + HOUR), 6)
    assert capacity_at([here()], NOON + HOUR, Lane.TRAIN) == []
    other = place(make.service("Search"), make.environment())
    assert capacity_at([other], NOON, Lane.TRAIN) == []
    open_window(name="All day", ends_local="2026-11-23T20:00", **shop)
    assert capacity_at([here()], NOON, Lane.TRAIN) == []


def test_capacity_counts_each_time_on_its_own_where_times_touch() -> None:
    open_window(effect=Effect.ALLOW, capacity=2, rule="FREQ=HOURLY;COUNT=3")
    [(_, span, _)] = capacity_at([here()], NOON + HOUR, Lane.TRAIN)
    assert span == Span(NOON + HOUR, NOON + 2 * HOUR)


@pytest.mark.parametrize("count", [1, 3])
def test_each_question_takes_one_query_however_many_windows_there_are(count: int) -> None:
    shop, production = make.service(), make.environment()
    for number in range(count):
        make.window(f"W{number}", service=shop, excludes=[{"team": make.team("Payments")}])
        open_window(**{**OFFICE, "name": f"Office {number}"})
    where = [place(shop, production)]
    for ask in (
        lambda: verdict_for(shop, production, NOON),
        lambda: openness_of(where, NOON),
        lambda: windows_between(NOON, NOON + 30 * DAY),
        lambda: windows_within([Span(NOON, NOON), Span(NOON + DAY, NOON + DAY)]),
        lambda: capacity_at(where, NOON, Lane.TRAIN),
    ):
        with CaptureQueriesContext(connection) as seen:
            assert ask() is not None
        assert len(seen) == 1


def test_nothing_is_open_where_there_are_no_windows() -> None:
    assert windows_at(NOON) == []
    assert opened(NOON) == Openness(is_open=True)
