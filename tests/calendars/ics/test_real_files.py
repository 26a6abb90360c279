"""Every real calendar is read: none raises, no zone is silently wrong, each difference is explained.

EXPECTED.jsonl holds what icalendar and recurring-ical-events make of the same files. That is a second opinion
and not the truth: wherever ours differs, the tables below say why.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from releasetrain.calendars.ics.events import Time
from releasetrain.calendars.ics.lines import Line, Unreadable, components
from releasetrain.calendars.ics.reader import Read, read, uid_of
from releasetrain.lib.schedule import known_zones

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "ics"
if not FOLDER.exists():
    pytest.skip("The real calendars are not beside this checkout.", allow_module_level=True)
EXPECTED: list[dict[str, Any]] = [
    json.loads(line) for line in (FOLDER / "EXPECTED.jsonl").read_text().splitlines()
]
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.ics"))

BARE = (
    "It is an event without a calendar around it; the other takes it, a calendar that is cut off is refused."
)
CUT_OFF = "Its last line is not END:VCALENDAR; the other does not mind, we keep the last good one (W11)."
SAME_DAY = "A whole day that ends on itself: the other makes it empty, to us it is that day."
UNDEFINED = "Its zone is defined nowhere; the other lets it float, we report the event."
UNSOUND = "Its zone’s own definition is not sound; the other uses some of it, we report the event."
OWN_OFFSETS = "Its zone is the calendar’s own; the other lets it float, we use the offsets that it defines."
FLOATING = "Times without a zone: the other takes X-WR-TIMEZONE, we the zone of the feed, and say so."
A_DAY_WITH_ZONE = "A whole day that names a zone: the same day, which the other writes as instants."
BACKWARDS = "It ends before it starts: the other turns it round, we report the event."
MIXED = "One end is a day and the other a time: the other mends it, we report the event."
CANCELLED = "It is cancelled: the other lists it, to us it does not take place."
BAD_RULE = "Its rule is none: the other leaves out what it does not know, we report the event."
FIRST_COUNTS = "The rule ends before the event starts; its first time counts all the same (RFC 5545)."
UNTIL_WALL = (
    "UNTIL without a zone or a time: the other takes UTC and midnight, we the event’s wall, inclusive."
)
TWICE = "The same event stands in two calendars of one file: the other reads the first calendar only."

# file: (why ours differs, how many occurrences we find in the span that was looked at)
DIFFERS: dict[str, tuple[str, int]] = {
    "allenporter-ical/calendar_labs_same_day_dtend.ics": (SAME_DAY, 1),
    "allenporter-ical/office_365_invalid_timezone.ics": (UNDEFINED, 0),
    "allenporter-ical/rrule-exdate-mismatch.ics": (SAME_DAY, 115),
    "icalendar/event_with_recurrence.ics": (BARE, 0),
    "icalendar/event_with_recurrence_exdates_on_different_lines.ics": (BARE, 0),
    "icalendar/issue_112_missing_tzinfo_on_exdate.ics": (BARE, 0),
    "icalendar/issue_218_bad_tzid.ics": (UNSOUND, 0),
    "icalendar/issue_70_rrule_causes_attribute_error.ics": (BARE, 0),
    "icalendar/issue_722_missing_VTIMEZONE_custom.ics": (UNDEFINED, 0),
    "icalendar/multiple_calendar_components.ics": (TWICE, 2),
    "icalendar/timezone_same_start_and_offset.ics": (CUT_OFF, 0),
    "node-ical/Office-2012-owa.ics": (UNDEFINED, 0),
    "node-ical/badRRULE.ics": (BAD_RULE, 519),
    "node-ical/bad_ms_tz.ics": (OWN_OFFSETS, 34),
    "node-ical/daily-count-exdate-recurrence-id.ics": (BACKWARDS, 8),
    "node-ical/germany_at_end_of_day_repeating.ics": (UNDEFINED, 0),
    "node-ical/mixed-timezone-handling.ics": (FLOATING, 5),
    "node-ical/multi-era-vtimezone.ics": (UNSOUND, 0),
    "node-ical/music-school-weekly-until.ics": (UNDEFINED, 0),
    "node-ical/non-utc-until-ny.ics": (UNTIL_WALL, 15),
    "node-ical/sabredav-school-holidays.ics": (A_DAY_WITH_ZONE, 1),
    "node-ical/tentative-apple-calendar.ics": (CANCELLED, 3),
    "node-ical/test_with_int_tzid.ics": (OWN_OFFSETS, 2),
    "node-ical/tv-show-episode.ics": (FLOATING, 27),
    "node-ical/windows-quoted-tz-rrule.ics": (UNDEFINED, 0),
    "node-ical/yearly-recurring-unicode.ics": (A_DAY_WITH_ZONE, 2),
    "recurring-ical-events/Germany_Holidays.ics": (SAME_DAY, 19),
    "recurring-ical-events/end_before_start_event.ics": (BACKWARDS, 0),
    "recurring-ical-events/issue_117_until_before_dtstart.ics": (FIRST_COUNTS, 1),
    "recurring-ical-events/issue_128_only_first_event.ics": (BAD_RULE, 0),
    "recurring-ical-events/issue_132_swapped_start_and_end.ics": (BACKWARDS, 0),
    "recurring-ical-events/issue_18_cancel_status.ics": (CANCELLED, 2),
    "recurring-ical-events/issue_201_mixed_datetime_and_date.ics": (MIXED, 0),
    "recurring-ical-events/issue_201_test_matrix.ics": (MIXED, 11),
    "recurring-ical-events/issue_75_range_parameter.ics": (UNTIL_WALL, 194),
    "recurring-ical-events/issue_86_x_wr_timezone_without_time_zone_in_dt.ics": (FLOATING, 1),
}

NO_CALENDAR = "There is no calendar in it."
NO_EVENT = "It is a calendar without events."
BROKEN_LINE = "A line outside the events is broken; the events are not."
BROKEN_DATE = "A further date in it is broken; the event is taken without that date."
BROKEN_EVENT = "An event in it is broken; the others, if any, are taken."
BROKEN_ZONE = "A zone in it is broken that no event needs."

# Where the other raises: (why ours does not, events taken, events lost or lacking something)
RAISES: dict[str, tuple[str, int, int]] = {
    "allenporter-ical/empty.ics": (NO_CALENDAR, 0, 0),
    "ical.js/RDATE_test.ics": (BROKEN_ZONE, 0, 0),
    "ical.js/RDATE_utc_test.ics": (BROKEN_ZONE, 0, 0),
    "ical.js/google_birthday.ics": (BROKEN_DATE, 4, 1),
    "icalendar/america_new_york_forward_reference.ics": (BROKEN_EVENT, 0, 1),
    "icalendar/big_bad_calendar.ics": (CUT_OFF, 0, 0),
    "icalendar/broken_dtstart.ics": (BROKEN_EVENT, 0, 1),
    "icalendar/fuzz_testcase_invalid_month.ics": (NO_CALENDAR, 0, 0),
    "icalendar/invalid_duration.ics": (BROKEN_EVENT, 0, 1),
    "icalendar/issue_104_broken_calendar.ics": (BROKEN_LINE, 1, 0),
    "icalendar/issue_1081_invalid_rrule_freq.ics": (BAD_RULE, 0, 1),
    "icalendar/issue_1081_invalid_start_and_end.ics": (BROKEN_EVENT, 0, 1),
    "icalendar/issue_165_missing_event.ics": (BAD_RULE, 0, 1),
    "icalendar/issue_464_invalid_rdate.ics": (BARE, 0, 0),
    "icalendar/issue_722_missing_timezones.ics": (BROKEN_EVENT, 1, 2),
    "icalendar/multiple_timezones.ics": (BROKEN_DATE, 3, 3),
    "icalendar/parsing_error.ics": (BROKEN_DATE, 2, 0),
    "icalendar/parsing_error_in_UTC_offset.ics": (BROKEN_ZONE, 0, 0),
    "icalendar/pr_480_summary_with_colon.ics": (CUT_OFF, 0, 0),
    "icalendar/rfc_7529.ics": (BAD_RULE, 0, 4),
    "icalendar/small_bad_calendar.ics": (CUT_OFF, 0, 0),
    "node-ical/bad_custom_ms_tz.ics": (BROKEN_EVENT, 1, 2),
    "node-ical/bad_custom_ms_tz2.ics": (BROKEN_EVENT, 1, 2),
    "node-ical/ms_timezones.ics": (BROKEN_EVENT, 3, 1),
    "node-ical/multi-event-basic.ics": (BROKEN_EVENT, 7, 2),
    "node-ical/test_date_duration.ics": (BROKEN_EVENT, 0, 1),
    "node-ical/test_with_multiple_tzids_in_vtimezone.ics": (BROKEN_ZONE, 1, 0),
    "recurring-ical-events/bad_rrule_missing_until_event.ics": (BAD_RULE, 0, 1),
}


@cache
def ours(file: str, zone: str = "UTC") -> Read:
    return read((FOLDER / file).read_bytes(), zone=zone)


def shown(time: Time) -> tuple[str, str, str]:
    """Write an occurrence as EXPECTED.jsonl does; titles are cut there."""
    title = time.event.title.strip()[:40]
    if time.event.is_all_day:
        return f"{time.start:%Y-%m-%d} date", f"{time.end:%Y-%m-%d} date", title
    return f"{time.start:%Y-%m-%dT%H:%M:%SZ}", f"{time.end:%Y-%m-%dT%H:%M:%SZ}", title


def theirs(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Read their first occurrences; times that float are read in UTC, the feed's zone here."""
    return sorted(
        (start.replace(" floating", "Z"), end.replace(" floating", "Z"), title.strip()[:40])
        for start, end, title in row["first"]
    )


def within(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return our occurrences that touch the days that they looked at."""
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in row["window"])
    day = timedelta(days=1)
    times = [
        time
        for event in ours(row["file"]).events
        for time in event.times(first - day, last + day)
        if row["window"][0] <= f"{time.wall:%Y-%m-%d}" < row["window"][1]
        or (f"{time.wall:%Y-%m-%d}" < row["window"][0] < f"{time.end:%Y-%m-%d}")
    ]
    return sorted(map(shown, times))


def test_every_file_has_its_row() -> None:
    assert sorted(row["file"] for row in EXPECTED) == FILES
    assert len(FILES) == 240


@pytest.mark.parametrize("row", [row for row in EXPECTED if "window" in row], ids=lambda row: row["file"])
def test_occurrences_are_theirs_or_the_difference_is_explained(row: dict[str, Any]) -> None:
    found, expected = within(row), theirs(row)
    same = len(found) == row["occurrences"] and found[: len(expected)] == expected
    if row["file"] in DIFFERS:
        assert not same, "This difference is gone; take it out of the table."
        assert len(found) == DIFFERS[row["file"]][1]
    else:
        assert same


@pytest.mark.parametrize("row", [row for row in EXPECTED if not row["ok"]], ids=lambda row: row["file"])
def test_what_raises_elsewhere_is_read_event_by_event(row: dict[str, Any]) -> None:
    why, taken, lost = RAISES[row["file"]]
    found = ours(row["file"])
    assert (len(found.events), len(found.lost)) == (taken, lost)
    assert bool(found.fault) == (why in {NO_CALENDAR, CUT_OFF, BARE})


def test_no_other_file_raised_elsewhere() -> None:
    assert RAISES.keys() == {row["file"] for row in EXPECTED if not row["ok"]}
    assert DIFFERS.keys() <= {row["file"] for row in EXPECTED if "window" in row}


def starts(file: str) -> Iterator[tuple[str, Line]]:
    """Yield each event's uid, with the line that says when it starts, of what can be read at all."""
    with suppress(Unreadable):
        for calendar in components((FOLDER / file).read_bytes()):
            for part in calendar.parts:
                with suppress(Unreadable):
                    line = part.first("DTSTART") if part.name == "VEVENT" else None
                    if line is not None:
                        yield uid_of(part), line


@pytest.mark.parametrize("file", FILES)
def test_t1_no_zone_is_silently_another(file: str) -> None:
    """Each zone that a file names is the one that its event runs on, or there is a sentence about it."""
    found = ours(file, "Pacific/Apia")
    said = " ".join(one.sentence for one in found.remarks)
    zones: dict[str, set[str]] = defaultdict(set)
    for event in found.events:
        changed = [one.event for one in event.overrides if one.event is not None]
        zones[event.uid.partition("#")[0]] |= {one.zone.key for one in (event, *changed)}
    for uid, line in starts(file):
        if uid in found.lost | found.cancelled or "T" not in line.value:
            continue
        name = line.params.get("TZID", "").strip()
        if line.value.endswith("Z"):
            assert "UTC" in zones[uid]
        elif name in known_zones():
            assert name in zones[uid]
        elif name:
            assert f"“{name[:80]}" in said
        else:
            assert "Pacific/Apia" in zones[uid]
            assert "Times without a zone were read as Pacific/Apia." in said


@pytest.mark.parametrize("file", FILES)
def test_w11_no_file_raises_in_any_zone(file: str) -> None:
    for zone in ("Pacific/Apia", "America/New_York"):
        found = ours(file, zone)
        for event in found.events:
            event.times(datetime(2011, 12, 1, tzinfo=UTC), datetime(2012, 12, 1, tzinfo=UTC))
