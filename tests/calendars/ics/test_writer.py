"""What we write is read back by another library, by Python's own zones, and by our own reader."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
import recurring_ical_events
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.calendars.ics.definitions import definition
from releasetrain.calendars.ics.reader import read
from releasetrain.calendars.ics.writer import Entry, write

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(at: datetime = NOW, zone: str = "Europe/Berlin", **fields: object) -> Entry:
    typed = {"uid": "one", "title": "Departure", "starts_at": at, "zone": zone, "changed_at": NOW}
    return Entry(**{**typed, **fields})  # type: ignore[arg-type]


def test_an_entry_says_all_that_it_knows() -> None:
    body = write(
        "Checkout",
        [
            entry(
                ends_at=NOW + HOUR,
                text="Two lines\nof text, with; signs",
                url="https://trains.example.org/departures/1/",
                category="Departure",
                sequence=3,
                is_cancelled=True,
            )
        ],
    )
    (event,) = icalendar.Calendar.from_ical(body).walk("VEVENT")
    assert event["SUMMARY"] == "Cancelled: Departure"
    assert event["STATUS"] == "CANCELLED"
    assert event["SEQUENCE"] == 3
    assert event["DESCRIPTION"] == "Two lines\nof text, with; signs"
    assert event["URL"] == "https://trains.example.org/departures/1/"
    assert event["DTSTART"].to_ical() == b"20261123T130000"
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert event["DTSTAMP"].to_ical() == b"20261123T120000Z"


def test_the_same_entries_give_the_same_text_in_any_order() -> None:
    one, two = entry(), entry(NOW + HOUR, uid="two", zone="Asia/Tokyo")
    assert write("Checkout", [one, two]) == write("Checkout", [two, one])


def test_no_entries_are_a_calendar_all_the_same() -> None:
    assert read(write("Empty", []), zone="UTC").fault == ""


def test_t3_the_second_of_two_equal_hours_is_written_in_utc() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    (event,) = icalendar.Calendar.from_ical(write("x", [entry(second)])).walk("VEVENT")
    assert event["DTSTART"].to_ical() == b"20261025T013000Z"
    (first,) = icalendar.Calendar.from_ical(write("x", [entry(second - HOUR)])).walk("VEVENT")
    assert first["DTSTART"].to_ical() == b"20261025T023000"


def defined(zone: str, first: int = 2025, last: int = 2028) -> str:
    calendar = icalendar.Calendar()
    calendar.add_component(definition(zone, first, last))
    return str(calendar.to_ical().decode())


@pytest.mark.parametrize("zone", sorted(available_timezones() - {"Factory", "localtime"}))
def test_t1_every_zone_is_defined_as_the_world_has_it(zone: str) -> None:
    """Renamed, so that our reader has to take the definition at its word."""
    text = defined(zone, 2026, 2027).replace(f"TZID:{zone}", "TZID:Ours")
    event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Ours:20260701T120000\r\nEND:VEVENT\r\nEND:VCALENDAR"
    (found,) = read(text.replace("END:VCALENDAR", event).encode(), zone="UTC").events
    real, at = ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC)
    while at.year < 2028:
        assert at.astimezone(found.zone).replace(tzinfo=None) == at.astimezone(real).replace(tzinfo=None)
        at += timedelta(hours=7)


def hours_around_turns(zone: ZoneInfo) -> Iterator[datetime]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    while at.year < 2027:
        if at.astimezone(zone).utcoffset() != (at + HOUR).astimezone(zone).utcoffset():
            yield from (at + number * HOUR / 2 for number in range(-6, 7))
        at += HOUR


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"])
def test_t1_the_hours_around_a_turn_are_right_to_another_library(zone: str) -> None:
    theirs = tzical_of(defined(zone))
    real = ZoneInfo(zone)
    checked = 0
    for at in hours_around_turns(real):
        wall = at.astimezone(real).replace(tzinfo=None)
        is_twice = wall.replace(tzinfo=real).utcoffset() != wall.replace(tzinfo=real, fold=1).utcoffset()
        if not is_twice:
            assert wall.replace(tzinfo=theirs).astimezone(UTC) == at
            checked += 1
    assert checked > 12


def tzical_of(text: str) -> tzinfo:
    found = tzical(StringIO(text)).get()
    assert found is not None
    return found


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001
            st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
            st.integers(0, 5000),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_t1_another_library_and_our_own_reader_read_the_same_instants(
    rows: list[tuple[datetime, str, int]],
) -> None:
    entries = [
        entry(
            at.replace(tzinfo=UTC, microsecond=0),
            zone,
            uid=f"{number}",
            ends_at=at.replace(tzinfo=UTC, microsecond=0) + timedelta(minutes=minutes + 1),
        )
        for number, (at, zone, minutes) in enumerate(rows)
    ]
    body = write("Checkout", entries)
    expected = sorted((one.starts_at, one.ends_at) for one in entries)
    first, last = datetime(2025, 12, 1, tzinfo=UTC), datetime(2028, 12, 31, tzinfo=UTC)
    theirs = recurring_ical_events.of(icalendar.Calendar.from_ical(body)).between(first, last)
    assert (
        sorted((one["DTSTART"].dt.astimezone(UTC), one["DTEND"].dt.astimezone(UTC)) for one in theirs)
        == expected
    )
    ours = read(body, zone="Asia/Tokyo")
    assert ours.remarks == ()
    assert sorted((t.start, t.end) for event in ours.events for t in event.times(first, last)) == expected
