from datetime import datetime, timedelta
from typing import Any

import pytest

from releasetrain.catalog.models import Target
from releasetrain.health.actions import take_readings
from releasetrain.health.models import Arm
from releasetrain.health.queries import (
    EPOCH,
    Asked,
    Counts,
    Point,
    by_span,
    counts_since,
    freshness,
    last_watermark,
    readings_after,
    readings_after_each,
    series,
)
from releasetrain.health.rules.reports import Complaint, Counted, Report
from releasetrain.lib.spans import Span
from tests import make

pytestmark = pytest.mark.django_db

TEN = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)


def say(
    target: Target,
    ends_at: datetime,
    *readings: Counted,
    source: str = "web-1",
    errors: tuple[Complaint, ...] = (),
    now: datetime | None = None,
) -> None:
    said = Report(source, Span(ends_at - TEN, ends_at), readings, errors)
    take_readings(target=target, report=said, now=now or ends_at)


def candidate(units: int, bad: int = 0, metric: str = "errors") -> Counted:
    return Counted("candidate", metric, units, bad)


def baseline(units: int, bad: int = 0, metric: str = "errors") -> Counted:
    return Counted("baseline", metric, units, bad)


def test_counts_add_up_the_spans_within_and_no_others() -> None:
    target = make.target()
    for number in range(4):
        say(target, make.NOW + number * TEN, candidate(10**number, 1), baseline(5))
    say(target, make.NOW + TEN, candidate(7), source="web-2")
    say(target, make.NOW + TEN, candidate(9, metric="latency"), source="web-3")
    assert counts_since(target, "errors", make.NOW, make.NOW + 2 * TEN) == {
        Arm.CANDIDATE: Counts(10 + 100 + 7, 2),
        Arm.BASELINE: Counts(10, 0),
    }


def test_counts_of_nothing_are_zero() -> None:
    assert counts_since(make.target(), "errors", make.NOW, make.NOW + MINUTE) == {
        Arm.CANDIDATE: Counts(),
        Arm.BASELINE: Counts(),
    }


def test_each_reading_comes_once_to_whoever_keeps_the_watermark() -> None:
    target, other = make.target(), make.target("Search")
    assert (last_watermark(target), readings_after(target, ["errors"], 0)) == (0, ([], 0))
    say(target, make.NOW, candidate(1), baseline(2), candidate(3, metric="latency"))
    say(other, make.NOW, candidate(99))
    rows, mark = readings_after(target, ["errors"], 0)
    assert [(one.arm, one.counts.units) for one in rows] == [(Arm.CANDIDATE, 1), (Arm.BASELINE, 2)]
    assert readings_after(target, ["errors"], mark) == ([], mark)
    say(target, make.NOW - 5 * MINUTE, candidate(4), now=make.NOW)  # late, but new
    rows, later = readings_after(target, ["errors", "latency"], mark)
    assert [one.counts.units for one in rows if one.metric == "errors"] == [4]
    assert later == last_watermark(target)


def test_spans_that_began_before_a_stage_are_left_out_and_not_seen_again() -> None:
    target = make.target()
    say(target, make.NOW, candidate(1))
    say(target, make.NOW + TEN, candidate(2))
    rows, mark = readings_after(target, ["errors"], 0, since=make.NOW)
    assert [one.counts.units for one in rows] == [2]
    say(target, make.NOW + 2 * TEN, candidate(3))
    assert [one.counts.units for one in readings_after(target, ["errors"], mark)[0]] == [3]


def test_many_targets_are_answered_in_one_question(django_assert_num_queries: Any) -> None:
    target, other, silent = make.target(), make.target("Search"), make.target("Cart")
    for number in range(4):
        say(target, make.NOW + number * TEN, candidate(number))
        say(other, make.NOW + number * TEN, candidate(10 + number), baseline(7, metric="latency"))
    _, seen, *_ = readings_after(target, ["errors"], 0)[0]
    asked = [
        Asked(target.pk, ["errors"], seen.id, EPOCH),
        Asked(other.pk, ["errors"], 0, make.NOW + 2 * TEN),
        Asked(silent.pk, ["errors"], 5, EPOCH),
    ]
    with django_assert_num_queries(1):
        found = readings_after_each(asked)
    units = {pk: [one.counts.units for one in rows] for pk, (rows, _) in found.items()}
    assert units == {target.pk: [2, 3], other.pk: [13], silent.pk: []}
    assert all(mark == rows[-1].id for rows, mark in (found[target.pk], found[other.pk]))
    assert found[silent.pk] == ([], 5)
    assert readings_after_each([]) == {}


def test_a_long_backlog_comes_in_portions() -> None:
    target = make.target()
    for number in range(5):
        say(target, make.NOW + number * TEN, candidate(number))
    units, mark = [], 0
    while True:
        rows, mark = readings_after(target, ["errors"], mark, limit=2)
        if not rows:
            break
        units.append([one.counts.units for one in rows])
    assert units == [[0, 1], [2, 3], [4]]


def test_the_sources_of_one_span_are_one_point_and_a_silent_arm_is_none() -> None:
    target = make.target()
    say(target, make.NOW, candidate(1, 1), source="web-1")
    say(target, make.NOW, candidate(2, 1), source="web-2")
    say(target, make.NOW - TEN, baseline(5), now=make.NOW)
    rows, _ = readings_after(target, ["errors"], 0)
    assert by_span(rows) == {
        "errors": [
            Point(make.NOW - 2 * TEN, make.NOW - TEN, None, Counts(5, 0)),
            Point(make.NOW - TEN, make.NOW, Counts(3, 2), None),
        ]
    }


def test_freshness_is_how_far_the_reports_reach() -> None:
    target = make.target()
    assert freshness(target) is None
    say(target, make.NOW, candidate(1), baseline(1))
    say(target, make.NOW - MINUTE, candidate(1), now=make.NOW + MINUTE)  # late news are no fresh news
    assert freshness(target) == make.NOW
    assert freshness(target, "latency") is None
    say(target, make.NOW + TEN, baseline(1))
    assert freshness(target, "errors", Arm.CANDIDATE) == make.NOW
    assert freshness(target, "errors", Arm.BASELINE) == make.NOW + TEN


def test_a_clock_ahead_does_not_make_data_fresher_than_their_arrival() -> None:
    target = make.target()
    say(target, make.NOW + timedelta(seconds=30), candidate(1), now=make.NOW)
    assert freshness(target) == make.NOW


def test_a_series_has_both_arms_in_buckets_oldest_first() -> None:
    target = make.target()
    for number in range(4):
        say(target, make.NOW + number * TEN, candidate(10, number), baseline(90))
    say(target, make.NOW, candidate(5), source="web-2")
    assert series(target, "errors", make.NOW - TEN, until=make.NOW + 2 * TEN, seconds=20) == [
        Point(make.NOW - 2 * TEN, make.NOW, Counts(15, 0), Counts(90, 0)),
        Point(make.NOW, make.NOW + 2 * TEN, Counts(20, 3), Counts(180, 0)),
    ]
    assert len(series(target, "errors", make.NOW - TEN)) == 4
