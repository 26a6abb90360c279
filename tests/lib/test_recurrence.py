"""A rule that nothing can run on is refused in a sentence, in bounded work."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.lib.recurrence import BadRule, Recurrence, Recurrences, probe, read, read_lines

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2026, 11, 24, 14)  # noqa: DTZ001 - a wall time


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "when something repeats"),
        ("every tuesday", "one line of parts"),
        ("TUESDAY", "is not a part of a rule"),
        ("FREQ=WEEKLY\nBYDAY=TU", "one line of parts"),
        ("FREQ=WEEKLY;FREQ=DAILY", "stands in the rule twice"),
        ("FREQ=SOMETIMES", "is not one of"),
        ("BYDAY=TU", "lacks FREQ"),
        ("FREQ=SECONDLY", "every few seconds"),
        ("FREQ=WEEKLY;BYEASTER=1", "is not a part of an RFC 5545 rule"),
        ("FREQ=WEEKLY;INTERVAL=0", "whole numbers from 1"),
        ("FREQ=WEEKLY;INTERVAL=2,3", "takes one number"),
        ("FREQ=WEEKLY;INTERVAL=-1", "whole numbers from 1"),
        ("FREQ=WEEKLY;BYDAY=XX", "is not a weekday"),
        ("FREQ=WEEKLY;BYDAY=1TU", "goes with FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYDAY=54TU", "is not a weekday"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "whole numbers from 1 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "whole numbers from 1 to 31"),
        ("FREQ=DAILY;BYHOUR=24", "whole numbers from 0 to 23"),
        ("FREQ=DAILY;BYHOUR=²", "one line of parts"),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20270101", "not by both"),
        ("FREQ=WEEKLY;UNTIL=20270230", "is not a date"),
        ("FREQ=WEEKLY;UNTIL=99991231", "outside the years"),
        ("FREQ=WEEKLY;UNTIL=soon", "is not a date"),
        ("FREQ=MONTHLY;BYWEEKNO=3", "FREQ=YEARLY only"),
        ("FREQ=DAILY;BYYEARDAY=3", "does not go with"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "does not go with"),
        ("FREQ=MINUTELY;INTERVAL=30;BYSETPOS=2", "needs another BY"),
        ("FREQ=WEEKLY;WKST=XX", "is not a weekday"),
        ("FREQ=WEEKLY;BYDAY=" + "TU," * 200 + "TU", "longer than"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_in_a_sentence(rule: str, says: str) -> None:
    with pytest.raises(BadRule, match=says):
        read(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY",
        "RRULE:FREQ=WEEKLY;BYDAY=TU",
        "freq=weekly;byday=tu,th;",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=HOURLY;INTERVAL=6",
        "FREQ=MINUTELY;INTERVAL=15",
        "FREQ=WEEKLY;UNTIL=20270101T000000Z",
    ],
)
def test_a_sound_rule_is_read_and_runs(rule: str) -> None:
    assert probe(Recurrences((read(rule),)), FIRST, BERLIN)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;INTERVAL=30;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=WEEKLY;UNTIL=20000101",
    ],
)
def test_a_rule_that_never_comes_true_is_refused(rule: str) -> None:
    with pytest.raises(BadRule, match="never comes true"):
        probe(Recurrences((read(rule),)), FIRST, BERLIN)


def test_a_rule_that_dateutil_refuses_is_refused_in_a_sentence() -> None:
    with pytest.raises(BadRule, match="cannot be followed"):
        probe(read_lines("FREQ=HOURLY;INTERVAL=24;BYHOUR=5"), FIRST, BERLIN)


LINES = """
RRULE:FREQ=WEEKLY;BYDAY=TU
rdate;value=date:20261126,20261203
RDATE:20261127T090000
EXDATE:20261222T140000
EXDATE;VALUE=DATE:20261229
"""


def test_a_schedule_may_have_several_lines() -> None:
    lines = read_lines(LINES)
    assert [str(rule) for rule in lines.rules] == ["FREQ=WEEKLY;BYDAY=TU"]
    assert [f"{one:%d %H:%M}" for one in lines.single_times(FIRST)] == ["26 14:00", "27 09:00", "03 14:00"]
    assert lines.leaves_out(datetime(2026, 12, 22, 14))  # noqa: DTZ001 - a wall time
    assert not lines.leaves_out(datetime(2026, 12, 22, 15))  # noqa: DTZ001 - a wall time
    assert lines.leaves_out(datetime(2026, 12, 29, 3))  # noqa: DTZ001 - a wall time


def test_what_was_read_is_written_as_it_is_read() -> None:
    lines = read_lines(LINES)
    assert read_lines(str(lines)) == lines
    assert str(read_lines("RRULE:FREQ=WEEKLY")) == "FREQ=WEEKLY"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("", "when something repeats"),
        ("EXDATE:20261224", "Only EXDATE is given"),
        ("FREQ=WEEKLY\nDTSTART:20261124T140000", "DTSTART is no line of a schedule"),
        ("RDATE:20261124T140000Z", "leave the Z"),
        ("RDATE;TZID=Europe/Berlin:20261124T140000", "leave “TZID=EUROPE/BERLIN” out"),
        ("RDATE:2026-11-24", "is not a date such as"),
        ("RDATE:20261131", "is not a date such as"),
        ("RDATE:99991231", "is not a date such as"),
        ("RDATE:20261124T1400", "is not a date such as"),
        ("RDATE:" + ",".join(["20261124"] * 301), "at most 300 single dates"),
        ("RDATE:20261124," * 500, "longer than 4000"),
    ],
)
def test_lines_that_cannot_be_used_are_refused_in_a_sentence(lines: str, says: str) -> None:
    with pytest.raises(BadRule, match=says):
        read_lines(lines)


def test_a_schedule_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(BadRule, match="EXDATE leaves nothing"):
        probe(read_lines("RDATE:20261124\nEXDATE:20261124T140000"), FIRST, BERLIN)


@given(
    st.text(max_size=60)
    | st.from_regex(r"(FREQ|BYDAY|COUNT|UNTIL|BYHOUR)=[A-Z0-9,;=+-]{0,30}", fullmatch=True)
)
@settings(deadline=None)
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    try:
        rule = read(text)
    except BadRule as refusal:
        assert str(refusal).endswith(".")
    else:
        assert read(str(rule)) == rule


@given(
    st.sampled_from(["FREQ=WEEKLY", "FREQ=DAILY", "FREQ=HOURLY", "FREQ=MINUTELY;INTERVAL=20"]),
    st.integers(1, 40),
    st.integers(0, 90),
)
@settings(deadline=None, max_examples=40)
def test_counting_from_later_on_changes_no_time(base: str, interval: int, days: int) -> None:
    rule = read(base if "MINUTELY" in base else f"{base};INTERVAL={interval}")
    since = FIRST + timedelta(days=days)
    until = since + timedelta(days=max(20, interval * 8))
    slow = [wall for wall in _until(rule, until, None) if wall >= since]
    fast = [wall for wall in _until(rule, until, since) if wall >= since]
    assert fast == slow


def _until(rule: Recurrence, until: datetime, since: datetime | None) -> list[datetime]:
    found = []
    for wall in rule.wall_times(FIRST, BERLIN, since=since):
        if wall > until:
            break
        found.append(wall)
    return found
