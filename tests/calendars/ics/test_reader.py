"""Calendars of other people are read event by event; what cannot be read is said, and nothing is guessed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.calendars.ics import lines, reader
from releasetrain.calendars.ics.reader import Read, read

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
CUSTOM = """BEGIN:VTIMEZONE
TZID:Ours
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:{summer}
TZOFFSETTO:{winter}
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:{winter}
TZOFFSETTO:{summer}
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""
BERLIN = CUSTOM.format(winter="+0100", summer="+0200")


def event(*properties: str, uid: str = "one", title: str = "Freeze") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{title}", *properties, "END:VEVENT"])


def calendar(*parts: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *parts, "END:VCALENDAR", ""]).encode()


def spans(found: Read) -> list[tuple[str, str]]:
    times = [time for one in found.events for time in one.times(*YEAR)]
    return sorted((f"{time.start:%m-%d %H:%M}", f"{time.end:%m-%d %H:%M}") for time in times)


def sentences(found: Read) -> list[str]:
    return [one.sentence for one in found.remarks]


def test_t1_a_weekly_time_stays_on_the_wall_of_its_zone() -> None:
    weekly = event(
        "DTSTART;TZID=America/New_York:20260226T170000",
        "DTEND;TZID=America/New_York:20260226T180000",
        "RRULE:FREQ=WEEKLY;COUNT=3",
    )
    assert spans(read(calendar(weekly), zone="UTC")) == [
        ("02-26 22:00", "02-26 23:00"),
        ("03-05 22:00", "03-05 23:00"),
        ("03-12 21:00", "03-12 22:00"),
    ]


def test_t5_both_ends_stay_on_the_wall_across_a_change_of_clocks() -> None:
    weekend = event(
        "DTSTART;TZID=Europe/Berlin:20260320T180000",
        "DTEND;TZID=Europe/Berlin:20260323T060000",
        "RRULE:FREQ=WEEKLY;COUNT=2",
    )
    (first, second) = read(calendar(weekend), zone="UTC").events[0].times(*YEAR)
    assert first.end - first.start == timedelta(hours=60)
    assert second.end - second.start == timedelta(hours=59)


def test_t5_a_length_by_the_stopwatch_stays_that_length() -> None:
    weekend = event("DTSTART;TZID=Europe/Berlin:20260327T180000", "DURATION:PT60H")
    (time,) = read(calendar(weekend), zone="UTC").events[0].times(*YEAR)
    assert time.end - time.start == timedelta(hours=60)


def test_t2_t3_gaps_and_doubled_hours_take_the_widest_reading() -> None:
    gap = event("DTSTART;TZID=Europe/Berlin:20260329T023000", "DTEND;TZID=Europe/Berlin:20260329T040000")
    twice = event(
        "DTSTART;TZID=Europe/Berlin:20261025T023000", "DTEND;TZID=Europe/Berlin:20261025T024500", uid="two"
    )
    assert spans(read(calendar(gap, twice), zone="UTC")) == [
        ("03-29 01:30", "03-29 02:00"),
        ("10-25 00:30", "10-25 01:45"),
    ]


def test_t4_a_whole_day_starts_at_its_first_valid_instant() -> None:
    day = event("DTSTART;VALUE=DATE:20260424")
    (time,) = read(calendar(day), zone="Africa/Cairo").events[0].times(*YEAR)
    assert time.start == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert time.end - time.start == timedelta(hours=23)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("/mozilla.org/20070129_1/America/New_York", "America/New_York"),
        ("/freeassociation.sourceforge.net/Tzfile/America/Argentina/Salta", "America/Argentina/Salta"),
        ("europe/berlin", "Europe/Berlin"),
    ],
)
def test_t1_other_names_of_zones_are_read_and_said(name: str, zone: str) -> None:
    found = read(calendar(event(f"DTSTART;TZID={name}:20260601T120000")), zone="UTC")
    assert found.events[0].zone.key == zone
    assert sentences(found) == [f"The time zone “{name}” was read as {zone}."]
    assert not found.lost


def test_t1_a_zone_that_nobody_knows_is_reported_and_not_guessed() -> None:
    good = event("DTSTART:20260601T120000Z", uid="good")
    found = read(calendar(event("DTSTART;TZID=Europe/Germany:20260601T120000"), good), zone="UTC")
    assert [one.uid for one in found.events] == ["good"]
    assert found.problems == [
        ("Freeze", "Nobody knows the time zone “Europe/Germany”, and the calendar does not define it.")
    ]
    assert found.lost == {"one"}


def test_t1_offsets_of_the_calendar_itself_are_used_where_they_are_sound() -> None:
    winter, summer = (event(f"DTSTART;TZID=Ours:2026{day}T120000", uid=day) for day in ("0115", "0715"))
    found = read(calendar(winter, summer, BERLIN), zone="UTC")
    assert spans(found) == [("01-15 11:00", "01-15 11:00"), ("07-15 10:00", "07-15 10:00")]
    assert sentences(found) == [
        "2 events: No zone is called “Ours”; the offsets that the calendar defines for it were used."
    ]


def test_t1_one_calendar_does_not_lend_its_zones_to_the_next() -> None:
    noon = event("DTSTART;TZID=Ours:20260115T120000")
    tokyo = CUSTOM.format(winter="+0900", summer="+1000")
    assert spans(read(calendar(BERLIN, noon), zone="UTC")) == [("01-15 11:00", "01-15 11:00")]
    assert spans(read(calendar(tokyo, noon), zone="UTC")) == [("01-15 03:00", "01-15 03:00")]
    assert read(calendar(noon), zone="UTC").lost == {"one"}


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("TZOFFSETTO:+0100", "TZOFFSETTO:+5744", "none on Earth"),
        ("TZOFFSETTO:+0100", "", "lacks TZOFFSETTO"),
        ("TZOFFSETFROM:+0100", "TZOFFSETFROM:+0300", "contradict each other"),
        ("RRULE:FREQ=YEARLY", "RRULE:FREQ=DAILY", "do not turn once a year"),
        ("DTSTART:16010101T020000", "DTSTART;VALUE=DATE:20200101", "is not the wall time of a turn"),
        ("TZID:Ours", "TZID:Ours\nTZID:Theirs", "more than one way"),
    ],
)
def test_t1_a_definition_that_is_not_sound_is_not_used(before: str, after: str, says: str) -> None:
    zone = BERLIN.replace(before, after, 1)
    found = read(calendar(zone, event("DTSTART;TZID=Ours:20260115T120000")), zone="UTC")
    assert found.events == ()
    assert says in found.remarks[0].sentence


def test_t1_a_definition_says_nothing_about_the_time_before_it() -> None:
    zone = BERLIN.replace("16010101T03", "20201025T03").replace("16010101T02", "20200329T02")
    found = read(calendar(zone, event("DTSTART;TZID=Ours:20190115T120000")), zone="UTC")
    assert "only from 2020-03-29 on" in found.remarks[0].sentence


def test_t1_a_known_zone_that_is_defined_otherwise_is_said() -> None:
    zone = BERLIN.replace("Ours", "America/New_York")
    found = read(calendar(zone, event("DTSTART;TZID=America/New_York:20260115T120000")), zone="UTC")
    assert spans(found) == [("01-15 17:00", "01-15 17:00")]
    assert "with other offsets; those of America/New_York were used." in found.remarks[0].sentence


def test_t1_times_without_a_zone_take_that_of_the_feed_and_it_is_said() -> None:
    body = calendar("X-WR-TIMEZONE:Asia/Tokyo", event("DTSTART:20260115T120000"))
    found = read(body, zone="Europe/Berlin")
    assert spans(found) == [("01-15 11:00", "01-15 11:00")]
    (sentence,) = sentences(found)
    assert sentence.startswith("Times without a zone were read as Europe/Berlin. ")
    assert sentence.endswith(" says that its zone is Asia/Tokyo.")


def test_an_own_zone_agrees_with_the_same_zone_of_the_world() -> None:
    found = read(calendar(BERLIN, event("DTSTART;TZID=Ours:20260115T120000")), zone="UTC")
    own, berlin = found.events[0].zone, ZoneInfo("Europe/Berlin")
    at = datetime(1997, 1, 1, tzinfo=UTC)
    while at.year < 2037:
        ours, theirs = at.astimezone(own), at.astimezone(berlin)
        assert (ours.replace(tzinfo=None), ours.fold) == (theirs.replace(tzinfo=None), theirs.fold)
        assert ours.astimezone(UTC) == at
        for fold in (0, 1):
            wall = theirs.replace(tzinfo=None, fold=fold)
            assert wall.replace(tzinfo=own).utcoffset() == wall.replace(tzinfo=berlin).utcoffset()
        at += timedelta(hours=3, minutes=7)


def test_an_event_that_is_broken_spoils_no_other() -> None:
    broken = [
        event("DTSTART:yesterday", uid="a"),
        event("DTSTART:20260230T120000Z", uid="b"),
        event("SUMMARY:no start", uid="c"),
        event("DTSTART:20260101T120000Z", "DTEND:20260101T110000Z", uid="d"),
        event("DTSTART:20260101T120000Z", "DURATION:-PT1H", uid="e"),
        event("DTSTART:20260101T120000Z", "DTEND;VALUE=DATE:20260102", uid="f"),
        event("DTSTART:20260101T120000Z", "RRULE:FREQ=SOMETIMES", uid="g"),
        event("DTSTART:20260101T120000Z", "RRULE:FREQ=SECONDLY", uid="h"),
        event("DTSTART:20260101T120000Z", "RRULE:FREQ=MINUTELY", uid="i"),
        event("DTSTART:20260101T120000Z", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", uid="j"),
        event("DTSTART;;VALUE=DATE:20260101", uid="k"),
        event("DTSTART:99990101T120000Z", uid="l"),
    ]
    found = read(calendar(*broken, event("DTSTART:20260101T120000Z", uid="good")), zone="UTC")
    assert [one.uid for one in found.events] == ["good"]
    assert found.lost == set("abcdefghijkl")
    assert all(sentence.endswith(".") for sentence in sentences(found))


def test_what_nobody_has_thought_of_costs_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(text: str) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(reader, "_whole", stumble)
    found = read(calendar(event("DTSTART:20260101T120000Z")), zone="UTC")
    assert found.problems == [("Freeze", "The event cannot be read.")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no line BEGIN:VCALENDAR"),
        (b"<html>Sign in</html>", "no line BEGIN:VCALENDAR"),
        (calendar(event("DTSTART:20260101T120000Z"))[:-20], "breaks off"),
        (b"BEGIN:VCALENDAR\n" * 2, "breaks off before the next one"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:X\n" * 10, "nested"),
        (b"x" * (lines.MOST_BYTES + 1), "larger than 2 MB"),
        (calendar(*[event("DTSTART:20260101")] * (reader.MOST_EVENTS + 1)), "at most 5000"),
    ],
)
def test_w11_what_is_no_whole_calendar_is_refused_whole(body: bytes, says: str) -> None:
    found = read(body, zone="UTC")
    assert says in found.fault
    assert found.events == ()


def test_a_zone_of_the_feed_that_nobody_knows_is_a_fault() -> None:
    assert "is not a time zone" in read(calendar(), zone="Mars/Olympus").fault


def test_dates_that_cannot_be_read_are_said_and_the_event_stands() -> None:
    dates = event(
        "DTSTART:20260101T120000Z", "RDATE:20260301T120000Z,soon", "EXDATE:never", "EXRULE:FREQ=DAILY"
    )
    found = read(calendar(dates), zone="UTC")
    assert spans(found) == [("01-01 12:00", "01-01 12:00")]
    assert [sentence.rpartition(". ")[2] or sentence for sentence in sentences(found)] == [
        "The event was taken without that date.",
        "Nothing was taken out for it.",
        "It takes times out by a rule (EXRULE), which nobody follows any more; they stand.",
    ]


def test_one_time_may_be_moved_called_off_or_changed_with_all_that_follow() -> None:
    weekly = event("DTSTART:20260105T100000Z", "DTEND:20260105T110000Z", "RRULE:FREQ=WEEKLY;COUNT=5")
    moved = event("RECURRENCE-ID:20260112T100000Z", "DTSTART:20260113T090000Z", "DTEND:20260113T091500Z")
    off = event("RECURRENCE-ID:20260119T100000Z", "DTSTART:20260119T100000Z", "STATUS:CANCELLED")
    later = event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260126T100000Z",
        "DTSTART:20260126T120000Z",
        "DTEND:20260126T123000Z",
    )
    assert spans(read(calendar(weekly, moved, off, later), zone="UTC")) == [
        ("01-05 10:00", "01-05 11:00"),
        ("01-13 09:00", "01-13 09:15"),
        ("01-26 12:00", "01-26 12:30"),
        ("02-02 12:00", "02-02 12:30"),
    ]


def test_everything_after_a_time_may_be_called_off() -> None:
    weekly = event("DTSTART:20260105T100000Z", "DTEND:20260105T110000Z", "RRULE:FREQ=WEEKLY;COUNT=5")
    off = event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260119T100000Z", "DTSTART:20260119T100000Z", "STATUS:CANCELLED"
    )
    assert len(spans(read(calendar(weekly, off), zone="UTC"))) == 2


def test_a_changed_time_is_not_taken_without_its_event() -> None:
    broken = event("DTSTART:20260105T100000Z", "RRULE:FREQ=SOMETIMES")
    moved = event("RECURRENCE-ID:20260112T100000Z", "DTSTART:20260113T090000Z")
    found = read(calendar(broken, moved), zone="UTC")
    assert found.events == ()
    assert found.lost == {"one"}


def test_an_older_change_of_a_time_that_is_gone_does_not_come_back() -> None:
    master = event(
        "DTSTART:20260105T100000Z", "RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE:20260112T100000Z", "SEQUENCE:2"
    )
    old = event("RECURRENCE-ID:20260112T100000Z", "DTSTART:20260113T090000Z", "SEQUENCE:1")
    assert spans(read(calendar(master, old), zone="UTC")) == [("01-05 10:00", "01-05 10:00")]


def test_the_latest_revision_counts_and_two_of_the_same_both_stand() -> None:
    old, new = (event(f"DTSTART:2026010{day}T100000Z", f"SEQUENCE:{day}") for day in (1, 2))
    other = event("DTSTART:20260103T100000Z", "SEQUENCE:2", title="Other")
    found = read(calendar(old, new, other), zone="UTC")
    assert [(one.uid, one.title) for one in found.events] == [("one", "Freeze"), ("one#1", "Other")]


def test_cancelled_events_are_named() -> None:
    found = read(calendar(event("DTSTART:20260101T120000Z", "STATUS:CANCELLED")), zone="UTC")
    assert not found.events
    assert found.cancelled == {"one"}
    withdrawn = read(calendar("METHOD:CANCEL", event("DTSTART:20260101T120000Z")), zone="UTC")
    assert not withdrawn.events
    assert withdrawn.cancelled == {"one"}


def test_people_are_read_without_those_who_decline() -> None:
    found = read(
        calendar(
            event(
                "DTSTART:20260101T120000Z",
                "ORGANIZER;CN=Ada:MAILTO:Ada@Example.org",
                "ATTENDEE;PARTSTAT=DECLINED:mailto:eve@example.org",
                'ATTENDEE;CN="Grace, H.":mailto:grace@example.org',
            )
        ),
        zone="UTC",
    )
    assert found.events[0].people == ("grace@example.org", "Grace, H.")
    assert found.events[0].organizer == ("ada@example.org", "Ada")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_texts_come_in_many_encodings(encoding: str) -> None:
    body = calendar(event("DTSTART:20260101", title="Fête")).decode().encode(encoding)
    assert read(body, zone="UTC").events[0].title == "Fête"


def test_an_event_without_a_uid_keeps_the_one_it_is_given() -> None:
    body = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nEND:VEVENT\nEND:VCALENDAR"
    (first,), (second,) = read(body, zone="UTC").events, read(body, zone="UTC").events
    assert first.uid == second.uid
    assert first.uid.startswith("no-uid-")


def test_w11_the_words_about_a_calendar_are_bounded_but_not_what_is_lost() -> None:
    broken = [event("DTSTART:soon", uid=f"{number}") for number in range(500)]
    found = read(calendar(*broken), zone="UTC")
    assert len(found.lost) == 500
    assert len([one for one in found.remarks if one.sentence]) == reader.MOST_REMARKS + 1


def test_an_event_that_repeats_for_ever_is_walked_in_bounds() -> None:
    hourly = event("DTSTART:19700101T000000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY")
    (one,) = read(calendar(hourly), zone="UTC").events
    assert len(one.times(*YEAR, most=100)) == 100


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]
RULES = st.builds(
    "FREQ={};INTERVAL={}{}".format,
    st.sampled_from(
        [
            "DAILY",
            "WEEKLY",
            "WEEKLY;BYDAY=MO,TH",
            "MONTHLY",
            "MONTHLY;BYDAY=-1FR",
            "MONTHLY;BYMONTHDAY=31",
            "YEARLY",
        ]
    ),
    st.integers(1, 4),
    st.sampled_from(["", ";COUNT=7", ";UNTIL=20270601T120000Z"]),
)


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
        lambda at: at.replace(minute=0, second=0, microsecond=0, hour=4 + at.hour % 16)
    ),
    hours=st.integers(1, 3),
    rule=RULES,
    without=st.integers(0, 3),
)
def test_t1_every_rule_gives_what_another_library_reads(
    zone: str, start: datetime, hours: int, rule: str, without: int
) -> None:
    """Away from the hours at which clocks change, where the other reads ends its own way."""
    named = "" if zone == "UTC" else f";TZID={zone}"
    mark = "Z" if zone == "UTC" else ""
    out = start + timedelta(days=7 * without)
    body = calendar(
        event(
            f"DTSTART{named}:{start:%Y%m%dT%H%M%S}{mark}",
            f"DTEND{named}:{start + timedelta(hours=hours):%Y%m%dT%H%M%S}{mark}",
            f"RRULE:{rule}",
            f"EXDATE{named}:{out:%Y%m%dT%H%M%S}{mark}",
        )
    )
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
    (one,) = read(body, zone="UTC").events
    theirs = recurring_ical_events.of(icalendar.Calendar.from_ical(body)).between(first, last)
    assert [(time.start, time.end) for time in one.times(first, last)] == sorted(
        (other["DTSTART"].dt.astimezone(UTC), other["DTEND"].dt.astimezone(UTC)) for other in theirs
    )


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=200))
def test_w11_no_bytes_raise(inside: bytes, line: bytes) -> None:
    body = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:" + line + b"\n" + inside + b"\nEND:VEVENT\nEND:VCALENDAR"
    for one in (inside, body):
        for found in read(one, zone="UTC").events:
            found.times(*YEAR)


def test_whole_days_compare_as_days() -> None:
    body = calendar(
        event("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260102")
    )
    days = [time.wall.date() for time in read(body, zone="Asia/Tokyo").events[0].times(*YEAR)]
    assert days == [date(2026, 1, 1), date(2026, 1, 3)]
