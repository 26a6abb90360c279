"""Before it is saved, a window shows when it would be open and what the clocks do (RULES W10, T2, T5, T7)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.calendars.actions import Where
from releasetrain.calendars.queries import Reach, reach_of
from releasetrain.calendars.rules.windows import DayMode, Effect
from releasetrain.lib.spans import Span
from tests import make
from tests.calendars.world import NOON, at, settings

pytestmark = pytest.mark.django_db
BLACK_FRIDAY: dict[str, Any] = {
    "starts_local": "2026-11-27",
    "ends_local": "2026-11-27",
    "is_all_day": True,
    "time_zone": "Europe/Berlin",
}


def reach(days: int = 400, **fields: Any) -> Reach:
    return reach_of(settings(**fields), NOON, days)


def test_w10_a_window_shows_its_times_and_its_length_in_words() -> None:
    found = reach(starts_local="2026-11-27T18:00", ends_local="2026-11-30T06:00", time_zone="Europe/Berlin")
    assert found.spans == [Span(at("2026-11-27T17:00"), at("2026-11-30T05:00"))]
    assert (found.length_words, found.union_words, found.union_seconds) == ("60 h", "60 h", 216_000)
    assert found.per_zone == ("Fri 27 Nov 2026 18:00 to Mon 30 Nov 2026 06:00 Europe/Berlin, 60 h",)
    assert (found.notes, found.warnings) == ((), ())


def test_t2_what_the_clocks_do_is_said_before_saving() -> None:
    found = reach(
        starts_local="2027-03-27T02:30",
        ends_local="2027-03-27T04:00",
        time_zone="Europe/Berlin",
        rule="FREQ=DAILY;COUNT=3",
    )
    assert found.notes[0] == "02:30 does not exist on Sun 28 Mar 2027 in Europe/Berlin; it opens at 03:30."
    assert len(found.stretches) == 3


def test_t7_the_day_of_one_zone_takes_24_hours() -> None:
    assert reach(**BLACK_FRIDAY).union_words == "24 h"


def test_t7_the_days_of_regions_have_a_line_each_and_their_union_in_hours() -> None:
    make.region("Asia", "Asia/Tokyo")
    make.region("America", "America/Los_Angeles")
    found = reach(**BLACK_FRIDAY, day_mode=DayMode.REGIONS)
    assert found.per_zone == (
        "Asia: Fri 27 Nov 2026 00:00 to Sat 28 Nov 2026 00:00 Asia/Tokyo, 24 h",
        "America: Fri 27 Nov 2026 00:00 to Sat 28 Nov 2026 00:00 America/Los_Angeles, 24 h",
    )
    assert (found.length_words, found.union_words) == ("24 h", "41 h")


def test_t7_the_union_counts_the_first_opening_only_and_no_gap_between_far_days() -> None:
    make.region("Asia", "Asia/Tokyo")
    make.region("America", "America/Los_Angeles")
    found = reach(**BLACK_FRIDAY, day_mode=DayMode.REGIONS, rule="FREQ=WEEKLY;COUNT=3")
    assert len(found.stretches) == 6
    assert found.union_words == "41 h"


def test_t7_a_day_everywhere_on_earth_takes_50_hours() -> None:
    found = reach(**BLACK_FRIDAY, day_mode=DayMode.ANYWHERE)
    assert found.union_words == "50 h"
    assert found.per_zone == ("Thu 26 Nov 2026 10:00 to Sat 28 Nov 2026 12:00 UTC, 50 h",)


def test_t7_environments_without_a_region_are_warned_of() -> None:
    europe = make.region()
    production, staging = make.environment(), make.environment("staging")
    production.region = europe
    production.save(update_fields=["region"])
    by_region: dict[str, Any] = {**BLACK_FRIDAY, "day_mode": DayMode.REGIONS}
    said = "Staging lies in no region and takes part in the day of each."
    assert said in reach(**by_region).warnings
    assert said in reach(**by_region, includes=(Where(environment=staging),)).warnings
    assert reach(**by_region, includes=(Where(environment=production),)).warnings == ()
    assert reach(**by_region, includes=(Where(region=europe),)).warnings == ()


def test_w10_twelve_hours_sharp_are_doubted() -> None:
    found = reach(starts_local="2026-11-27T09:00", ends_local="2026-11-27T21:00")
    assert found.warnings == ("It lasts exactly 12 h: check that no morning is an afternoon.",)


def test_w10_a_window_that_opens_at_once_says_so() -> None:
    found = reach(starts_local="2026-11-23T10:00", ends_local="2026-11-23T15:00")
    assert found.warnings == ("It opens at once: its start, Mon 23 Nov 2026 10:00 UTC, has passed.",)


def test_w10_a_window_that_allows_says_that_nothing_moves_outside_it() -> None:
    once = reach(effect=Effect.ALLOW, includes=(Where(service=make.service()),))
    assert once.warnings == (
        "From now on, Storefront moves only inside its times, until the last of them is over.",
    )
    assert reach(effect=Effect.ALLOW, rule="FREQ=WEEKLY").warnings == (
        "From now on, everything moves only inside its times.",
    )


def test_only_so_many_days_are_foreseen_and_the_first_time_however_far_it_is() -> None:
    assert len(reach(10, rule="FREQ=DAILY").stretches) == 10
    far: dict[str, Any] = {"starts_local": "2027-11-23T12:00", "ends_local": "2027-11-23T13:00"}
    assert len(reach(10, **far, rule="FREQ=YEARLY").stretches) == 1


def test_what_opens_too_often_to_be_known_far_ahead_says_so() -> None:
    found = reach(ends_local="2026-11-23T12:10", rule="FREQ=HOURLY")
    assert "only its times until" in found.warnings[0]


def test_a_rehearsal_asks_few_questions_however_often_the_window_opens() -> None:
    with CaptureQueriesContext(connection) as seen:
        reach(rule="FREQ=DAILY")
    assert len(seen) == 0
    make.region()
    with CaptureQueriesContext(connection) as seen:
        reach(**BLACK_FRIDAY, day_mode=DayMode.REGIONS, rule="FREQ=DAILY")
    assert len(seen) <= 3


def test_what_is_open_now_and_comes_again_counts_from_its_start() -> None:
    found = reach(starts_local="2026-11-16T10:00", ends_local="2026-11-16T15:00", rule="FREQ=WEEKLY")
    assert found.spans[0] == Span(NOON - timedelta(hours=2), NOON + timedelta(hours=3))
