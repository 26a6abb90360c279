"""The storefront counts each answer once in its total and once in a span."""

from datetime import UTC, datetime, timedelta

from releasetrain.demo.shop import Version
from releasetrain.demo.tally import MOST_LINES, OBJECTIVE_SECONDS, Report, Tally

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def note(tally: Tally, version: Version = Version.OLD, user: str = "shopper-1", **facts: object) -> None:
    given = {"seconds": 0.01, "has_failed": False, "is_order": True, "at": NOW, **facts}
    tally.note(version, user, **given)  # type: ignore[arg-type] # each fact keeps its own type


def close(tally: Tally, now: datetime) -> Report:
    report = tally.close_span(now)
    assert report is not None
    return report


def test_a_report_counts_units_and_bad_units_of_each_metric() -> None:
    tally = Tally(NOW)
    note(tally)
    note(tally, seconds=OBJECTIVE_SECONDS * 2)
    note(tally, has_failed=True, is_order=False)
    note(tally, is_order=False)

    report = close(tally, NOW + SECOND)

    assert report.counts[Version.OLD].metrics() == {"errors": (4, 1), "latency": (4, 1), "orders": (4, 2)}


def test_a_version_without_answers_is_reported_as_zeros() -> None:
    report = close(Tally(NOW), NOW + SECOND)

    assert report.counts[Version.NEW].metrics() == {"errors": (0, 0), "latency": (0, 0), "orders": (0, 0)}


def test_spans_follow_each_other_without_gap_and_count_nothing_twice() -> None:
    tally = Tally(NOW)
    note(tally)
    first = close(tally, NOW + SECOND)
    note(tally)
    note(tally)
    second = close(tally, NOW + 2 * SECOND)

    assert (first.ends_at, first.counts[Version.OLD].answers) == (second.starts_at, 1)
    assert second.counts[Version.OLD].answers == 2
    assert tally.total[Version.OLD].answers == 3


def test_a_clock_that_stands_still_or_goes_back_closes_no_span() -> None:
    tally = Tally(NOW)
    note(tally)

    assert tally.close_span(NOW) is None
    assert tally.close_span(NOW - SECOND) is None
    assert close(tally, NOW + SECOND).counts[Version.OLD].answers == 1


def test_error_lines_are_counted_per_version_and_span() -> None:
    tally = Tally(NOW)

    assert tally.note_line(Version.NEW, "KeyError") is True
    assert tally.note_line(Version.NEW, "KeyError") is False
    assert close(tally, NOW + SECOND).lines == {(Version.NEW, "KeyError"): 2}
    assert close(tally, NOW + 2 * SECOND).lines == {}


def test_a_storm_of_different_error_lines_stays_bounded() -> None:
    tally = Tally(NOW)
    for number in range(MOST_LINES + 10):
        tally.note_line(Version.NEW, f"line {number}")

    assert len(close(tally, NOW + SECOND).lines) == MOST_LINES


def test_recent_answers_forget_what_is_older_than_ten_spans() -> None:
    tally = Tally(NOW)
    note(tally, Version.NEW)
    for second in range(1, 11):
        tally.close_span(NOW + second * SECOND)
    assert tally.recent() == {Version.OLD: 0, Version.NEW: 1}

    tally.close_span(NOW + 11 * SECOND)

    assert tally.recent() == {Version.OLD: 0, Version.NEW: 0}


def test_the_facts_tell_when_the_new_version_answered_last() -> None:
    tally = Tally(NOW)
    note(tally, Version.NEW, "shopper-9", at=NOW + SECOND)

    facts = tally.to_json()

    assert facts["new"]["last_answer_at"] == "2026-11-23T12:00:01+00:00"
    assert facts["old"]["last_answer_at"] is None
    assert list(tally.new_shoppers) == ["shopper-9"]
