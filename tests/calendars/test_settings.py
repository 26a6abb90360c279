"""A window typed wrong is refused in a sentence that helps; what is doubtful is asked about (RULES W10)."""

from dataclasses import replace
from typing import Any

import pytest

from releasetrain.calendars.actions import Where, WindowSettings
from releasetrain.calendars.models import Holidays
from releasetrain.calendars.queries import examine, window_problems
from releasetrain.calendars.queries.settings import plan_of
from releasetrain.calendars.rules.windows import DayMode, Effect
from releasetrain.lib.recurrence import BadRule
from tests import make
from tests.calendars.world import NOON, open_window, settings

pytestmark = pytest.mark.django_db


def problems(*, is_confirmed: bool = False, **fields: Any) -> dict[str, str]:
    return window_problems(settings(**fields), NOON, is_confirmed=is_confirmed)


def test_a_window_that_is_typed_well_has_no_problem() -> None:
    assert problems() == {}


@pytest.mark.parametrize(
    ("starts", "ends", "meant"),
    [
        ("2026-11-27T09:00", "2026-11-27T05:00", "Fri 27 Nov 2026 17:00"),
        ("2026-11-27T22:00", "2026-11-27T06:00", "Sat 28 Nov 2026 06:00"),
        ("2026-12-20T00:00", "2026-01-03T00:00", "Sun 3 Jan 2027 00:00"),
    ],
    ids=["half of the day", "day", "year"],
)
def test_w10_an_end_before_its_start_is_refused_with_what_was_meant(
    starts: str, ends: str, meant: str
) -> None:
    found = problems(starts_local=starts, ends_local=ends, is_confirmed=True)
    assert list(found) == ["ends_local"]
    assert found["ends_local"].startswith("The window ends before it starts: ")
    assert found["ends_local"].endswith(f" Did you mean {meant}?")


def test_w10_an_end_before_its_start_is_said_in_full() -> None:
    assert problems(starts_local="2026-11-27T09:00", ends_local="2026-11-20T09:00") == {
        "ends_local": "The window ends before it starts: Fri 20 Nov 2026 09:00 is before "
        "Fri 27 Nov 2026 09:00."
    }


def test_w10_an_end_at_its_start_is_refused() -> None:
    assert problems(starts_local="2026-11-27T09:00", ends_local="2026-11-27T09:00") == {
        "ends_local": "The window ends at the moment it starts, Fri 27 Nov 2026 09:00."
    }


def test_w10_a_last_day_before_the_first_is_refused_and_one_day_is_enough() -> None:
    days: dict[str, Any] = {"starts_local": "2026-12-20", "is_all_day": True, "is_confirmed": True}
    assert problems(ends_local="2026-12-20", **days) == {}
    assert problems(ends_local="2026-12-19", **days) == {
        "ends_local": "The last day is before the first: Sat 19 Dec 2026 is before Sun 20 Dec 2026."
    }


def test_w10_a_window_that_is_over_is_refused() -> None:
    assert problems(starts_local="2026-11-23T10:00", ends_local="2026-11-23T12:00") == {
        "ends_local": "The window has ended already, on Mon 23 Nov 2026 12:00 UTC."
    }
    assert problems(starts_local="2026-11-23T10:00", ends_local="2026-11-23T12:01") == {}


def test_w10_a_long_window_says_its_length_and_must_be_confirmed() -> None:
    long: dict[str, Any] = {"starts_local": "2026-11-27T18:00", "ends_local": "2026-12-12T06:00"}
    assert problems(**long) == {
        "ends_local": "The window lasts 14 d 12 h, from Fri 27 Nov 2026 18:00 to Sat 12 Dec 2026 06:00. "
        "Confirm that this is meant."
    }
    assert problems(**long, is_confirmed=True) == {}
    assert problems(starts_local="2026-11-27T18:00", ends_local="2026-12-11T18:00") == {}


def test_w10_a_slip_in_the_year_of_the_end_is_guessed() -> None:
    said = problems(starts_local="2026-12-20T00:00", ends_local="2028-01-03T00:00")["ends_local"]
    assert said == (
        "The window lasts 379 d, from Sun 20 Dec 2026 00:00 to Mon 3 Jan 2028 00:00. "
        "Did you mean Sun 3 Jan 2027 00:00? Confirm that this is meant."
    )


def test_w10_a_window_that_first_opens_in_more_than_a_year_must_be_confirmed() -> None:
    far: dict[str, Any] = {"starts_local": "2028-11-27T18:00", "ends_local": "2028-11-27T19:00"}
    assert problems(**far) == {
        "starts_local": "The window first opens in 735 days, on Mon 27 Nov 2028 18:00. "
        "Confirm that this is meant."
    }
    assert problems(**far, is_confirmed=True) == {}


def test_w10_an_unknown_zone_is_refused_with_a_likely_one() -> None:
    assert problems(time_zone="Europe/Berln") == {
        "time_zone": "“Europe/Berln” is not a time zone. Did you mean Europe/Berlin?"
    }


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rule", "never comes true"),
        ({"rule": "FREQ=DAILY;UNTIL=20261101"}, "rule", "never comes true"),
        ({"rule": "FREQ=DAILY;COUNT=1", "starts_local": "2026-11-01T12:00"}, "rule", "can never open"),
        ({"rule": "EVERY DAY"}, "rule", "A rule is one line of parts"),
        ({"starts_local": "soon"}, "starts_local", "is not a local time"),
        ({"capacity": 6}, "capacity", "Only a window inside which things move"),
        ({"capacity": 0, "effect": Effect.ALLOW}, "capacity", "room for at least one change"),
        ({"name": "x" * 121}, "name", "at most 120 characters"),
    ],
)
def test_w10_what_can_never_be_right_is_refused_whatever_is_confirmed(
    fields: dict[str, Any], field: str, says: str
) -> None:
    if fields.get("starts_local", "").endswith("T12:00"):
        fields["ends_local"] = "2026-11-01T13:00"
    found = problems(**fields, is_confirmed=True)
    assert list(found) == [field]
    assert says in found[field]


def test_w10_a_window_within_the_gap_of_the_clocks_can_never_open() -> None:
    gap: dict[str, Any] = {"starts_local": "2027-03-28T02:00", "ends_local": "2027-03-28T03:00"}
    assert problems(**gap, time_zone="Europe/Berlin") == {
        "ends_local": "The window can never open: "
        "Sun 28 Mar 2027 02:00 to 03:00 does not exist in Europe/Berlin."
    }


def test_w10_a_window_that_leaves_out_all_that_it_covers_can_never_stop_anything() -> None:
    shop, staging = Where(service=make.service()), Where(environment=make.environment("staging"))
    team = Where(team=make.team())
    never = {"excludes": "The window can never stop anything: it leaves out all that it covers."}
    assert problems(includes=(shop,), excludes=(team,)) == never
    assert problems(includes=(shop,), excludes=(staging,)) == {}
    assert problems(includes=(shop, staging), excludes=(team,)) == {}
    assert problems(excludes=(team,)) == {}


def test_w10_a_window_that_never_shuts_must_be_confirmed() -> None:
    always: dict[str, Any] = {"is_all_day": True, "rule": "FREQ=DAILY"}
    days: dict[str, Any] = {"starts_local": "2026-11-24", "ends_local": "2026-11-24"}
    assert problems(**always, **days) == {
        "rule": "Its times leave no gap between them, so nothing could ever move again. "
        "Confirm that this is meant."
    }
    assert problems(**always, **days, effect=Effect.ALLOW) == {}


def test_t7_the_days_of_regions_need_regions() -> None:
    days: dict[str, Any] = {
        "starts_local": "2026-11-24",
        "ends_local": "2026-11-24",
        "is_all_day": True,
        "day_mode": DayMode.REGIONS,
    }
    assert "There are no regions yet" in problems(**days)["day_mode"]
    make.region()
    assert problems(**days) == {}


def test_a_window_comes_again_in_one_way_only() -> None:
    berlin = Holidays.objects.create(name="Berlin", country="DE", subdivision="BE")
    days: dict[str, Any] = {"starts_local": "2026-11-24", "ends_local": "2026-11-24", "is_all_day": True}
    assert problems(holidays=berlin, **days) == {}
    assert problems(holidays=berlin, rule="FREQ=DAILY", **days) == {
        "rule": "A window comes again by a rule or on holidays, not both."
    }


def test_w10_each_field_that_is_wrong_is_named_at_once() -> None:
    assert list(problems(name="", reason="", time_zone="X", starts_local="soon")) == [
        "name",
        "reason",
        "time_zone",
        "starts_local",
    ]


def test_what_was_doubtful_before_is_not_asked_again_and_what_is_newly_so_is() -> None:
    window = open_window()
    long = replace(WindowSettings.of(window), ends_local="2026-12-20T12:00")
    assert list(window_problems(long, NOON, is_confirmed=False, window=window)) == ["ends_local"]
    assert examine(long, NOON).problems == {}
    assert list(examine(long, NOON).doubts) == ["ends_local"]
    window.ends_local = "2026-12-20T12:00:00"
    window.save(update_fields=["ends_local"])
    assert window_problems(long, NOON, is_confirmed=False, window=window) == {}


def test_settings_are_read_back_as_they_were_saved() -> None:
    wanted = settings(
        includes=(Where(service=make.service(), environment=make.environment()),),
        excludes=(Where(team=make.team("Payments")),),
        rule="FREQ=WEEKLY",
        time_zone="Europe/Berlin",
    )
    window = open_window(includes=wanted.includes, excludes=wanted.excludes, rule="FREQ=WEEKLY")
    again = WindowSettings.of(window)
    assert again.differing(wanted) == ["time_zone"]
    assert again.where == "Storefront in Production, without Payments"


def test_a_zone_that_nobody_knows_any_more_is_an_error_and_never_guessed() -> None:
    with pytest.raises(BadRule):
        plan_of(settings(time_zone="Europe/Atlantis"), NOON)
