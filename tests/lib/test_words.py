"""A schedule reads as people say it."""

import pytest

from releasetrain.lib.schedule import read
from releasetrain.lib.words import listed


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=WEEKLY", "every Tuesday at 14:00 Europe/Berlin"),
        ("FREQ=WEEKLY;BYDAY=TH,TU", "every Tuesday and Thursday at 14:00 Europe/Berlin"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE", "every second week on Wednesday at 14:00 Europe/Berlin"),
        ("FREQ=WEEKLY;INTERVAL=3", "every 3 weeks on Tuesday at 14:00 Europe/Berlin"),
        ("FREQ=DAILY", "every day at 14:00 Europe/Berlin"),
        ("FREQ=DAILY;INTERVAL=2", "every 2 days at 14:00 Europe/Berlin"),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "every working day at 14:00 Europe/Berlin"),
        ("FREQ=DAILY;BYHOUR=15,9", "every day at 09:00 and 15:00 Europe/Berlin"),
        ("FREQ=MONTHLY", "on day 24 of every month at 14:00 Europe/Berlin"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15", "on day 1 and day 15 of every month at 14:00 Europe/Berlin"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "on the last day of every month at 14:00 Europe/Berlin"),
        ("FREQ=MONTHLY;BYDAY=1TU", "on the first Tuesday of every month at 14:00 Europe/Berlin"),
        ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2", "on the second Tuesday of every month at 14:00 Europe/Berlin"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "on the last working day of every month at 14:00 Europe/Berlin",
        ),
        ("FREQ=YEARLY", "every year on 24 November at 14:00 Europe/Berlin"),
        (
            "FREQ=YEARLY;BYMONTH=3,9;BYDAY=1MO",
            "every year on the first Monday of March and September at 14:00 Europe/Berlin",
        ),
        ("FREQ=HOURLY;INTERVAL=6", "every 6 hours from 2026-11-24 14:00 Europe/Berlin"),
        ("FREQ=MINUTELY;INTERVAL=20", "every 20 minutes from 2026-11-24 14:00 Europe/Berlin"),
        ("FREQ=WEEKLY;COUNT=3", "every Tuesday at 14:00 Europe/Berlin, 3 times"),
        ("FREQ=WEEKLY;COUNT=1", "every Tuesday at 14:00 Europe/Berlin, once"),
        ("FREQ=WEEKLY;UNTIL=20271231", "every Tuesday at 14:00 Europe/Berlin, until 2027-12-31"),
    ],
)
def test_a_rule_is_said_in_words(rule: str, words: str) -> None:
    assert read(rule, "2026-11-24T14:00", "Europe/Berlin").in_words() == words


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=YEARLY;BYYEARDAY=100",
        "FREQ=YEARLY;BYDAY=TU",
        "FREQ=DAILY;BYMONTH=3",
        "FREQ=DAILY;INTERVAL=2;BYDAY=TU",
        "FREQ=WEEKLY;BYMONTH=3",
        "FREQ=MONTHLY;BYMONTH=3",
        "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=1,3",
        "FREQ=MONTHLY;BYDAY=17TU",
        "FREQ=HOURLY;BYHOUR=9,10",
        "FREQ=DAILY;BYHOUR=1,2,3,4,5",
    ],
)
def test_what_has_no_short_words_is_shown_as_it_is_written(rule: str) -> None:
    words = read(rule, "2026-11-24T14:00", "Europe/Berlin").in_words()
    assert words == f"by the rule {rule} from 2026-11-24 14:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("RDATE:20261124", "on Tue 24 Nov 2026 at 14:00 Europe/Berlin"),
        (
            "RDATE:20261124,20261126T090000",
            "on Tue 24 Nov 2026 at 14:00 and Thu 26 Nov 2026 at 09:00 Europe/Berlin",
        ),
        (
            "RDATE:20261124,20261125,20261126,20261127,20261130",
            "on 5 dates from Tue 24 Nov 2026 to Mon 30 Nov 2026 at 14:00 Europe/Berlin",
        ),
        (
            "FREQ=WEEKLY\nRDATE:20261126\nEXDATE:20261222",
            "every Tuesday at 14:00 Europe/Berlin, also on Thu 26 Nov 2026 at 14:00, not on Tue 22 Dec 2026",
        ),
        (
            "FREQ=WEEKLY\nEXDATE:20261229,20261222T140000",
            "every Tuesday at 14:00 Europe/Berlin, not on Tue 22 Dec 2026 at 14:00 and Tue 29 Dec 2026",
        ),
        (
            "FREQ=WEEKLY\nEXDATE:20261201,20261208,20261215,20261222,20261229",
            "every Tuesday at 14:00 Europe/Berlin, not on 5 dates",
        ),
        (
            "RRULE:FREQ=WEEKLY\nRRULE:FREQ=DAILY;BYHOUR=9",
            "every Tuesday at 14:00, every day at 09:00 Europe/Berlin",
        ),
    ],
)
def test_several_lines_are_said_in_words(lines: str, words: str) -> None:
    assert read(lines, "2026-11-24T14:00", "Europe/Berlin").in_words() == words


def test_words_are_joined_as_people_do() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
