"""Instants are shown in the train's zone and the reader's, with that date's offset (RULES T8)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from releasetrain.web.templatetags import times

BEFORE = datetime(2026, 10, 24, 14, 0, tzinfo=UTC)
AFTER = datetime(2026, 10, 26, 15, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 14, 38, 7, tzinfo=UTC)


def test_t8_a_stamp_names_the_offset_of_its_own_date() -> None:
    assert times.local_stamp(BEFORE, "Europe/Berlin") == "Sat 24 Oct 2026, 16:00 Berlin (UTC+2)"
    assert times.local_stamp(AFTER, "Europe/Berlin") == "Mon 26 Oct 2026, 16:00 Berlin (UTC+1)"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "Mon 23 Nov 2026, 14:38 UTC"),
        ("America/St_Johns", "Mon 23 Nov 2026, 11:08 St Johns (UTC−3:30)"),
        ("Asia/Kathmandu", "Mon 23 Nov 2026, 20:23 Kathmandu (UTC+5:45)"),
        ("Pacific/Kiritimati", "Tue 24 Nov 2026, 04:38 Kiritimati (UTC+14)"),
    ],
)
def test_a_stamp_reads_well_in_odd_zones(zone: str, shown: str) -> None:
    assert times.local_stamp(NOW, zone) == shown


def test_without_a_zone_the_reader_s_own_is_used() -> None:
    with timezone.override(ZoneInfo("America/New_York")):
        assert times.local_time(NOW) == "09:38"
        assert "09:38:07" in str(times.reader_time(NOW))


def test_machines_read_utc() -> None:
    assert times.iso(NOW) == "2026-11-23T14:38:07.000Z"


def test_a_time_beside_the_train_s_is_left_to_the_browser() -> None:
    drawn = '<reader-time datetime="2026-11-23T14:38:07.000Z" data-beside="Europe/Berlin"></reader-time>'
    assert times.reader_time(NOW, beside="Europe/Berlin") == drawn


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (timedelta(seconds=-5), "00:00"),
        (timedelta(seconds=9.9), "00:09"),
        (timedelta(minutes=32, seconds=46), "32:46"),
        (timedelta(hours=1, minutes=22, seconds=46), "1 h 22:46"),
        (timedelta(days=2, hours=4, minutes=59), "2 d 04 h"),
    ],
)
def test_what_is_left_keeps_its_width(left: timedelta, shown: str) -> None:
    assert times.remaining(left) == shown


@pytest.mark.parametrize(
    ("left", "state", "shown"),
    [
        (timedelta(hours=2), "ahead", "2 h 00:00"),
        (timedelta(minutes=15), "near", "15:00"),
        (timedelta(0), "past", "departed"),
    ],
)
def test_a_countdown_says_whether_it_is_near_or_over(left: timedelta, state: str, shown: str) -> None:
    drawn = str(times.countdown(NOW + left, NOW, past="departed"))
    assert f'data-countdown="{state}"' in drawn
    assert drawn.endswith(f">{shown}</time>")


def test_nothing_is_drawn_where_there_is_no_instant() -> None:
    nothing = [times.when(None), times.reader_time(None), times.countdown(None), times.local_stamp(None)]
    assert nothing == ["", "", "", ""]


def test_words_cannot_break_out_of_a_countdown() -> None:
    assert "<b>" not in str(times.countdown(NOW, NOW, past="<b>over"))
