from datetime import datetime, timedelta

import pytest

from releasetrain.catalog.models import Target
from releasetrain.health.actions import take_readings
from releasetrain.health.error_groups import ErrorGroup, error_groups
from releasetrain.health.models import ErrorLine
from releasetrain.health.rules.reports import Complaint, Counted, Report
from releasetrain.health.rules.rises import Standing
from releasetrain.health.rules.severity import Severity
from releasetrain.lib.spans import Span
from tests import make

pytestmark = pytest.mark.django_db

TEN = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)


def complain(target: Target, arm: str, message: str, count: int, minutes: int) -> datetime:
    """Report a line of the minute before, beside no requests; returns when it came."""
    at = make.NOW + minutes * MINUTE
    error = Complaint(arm, message, count, at - timedelta(seconds=1))
    units = Counted(arm, "errors", 0, 0)
    said = Report(f"{arm} {message} {minutes}"[:100], Span(at - TEN, at), [units], [error])
    take_readings(target=target, report=said, now=at)
    return at - timedelta(seconds=1)


def requests(target: Target, candidate: int, baseline: int) -> None:
    units = [Counted("candidate", "errors", candidate, 0), Counted("baseline", "errors", baseline, 0)]
    end = make.NOW + MINUTE
    take_readings(target=target, report=Report("web-1", Span(end - TEN, end), units, ()), now=end)


def told(groups: list[ErrorGroup]) -> list[tuple[str, Standing, int, int]]:
    return [(one.sample, one.standing, one.candidate, one.baseline) for one in groups]


def test_new_lines_come_before_risen_ones_and_those_before_the_usual_ones() -> None:
    target = make.target()
    requests(target, 100, 10_000)
    complain(target, "baseline", "payments timed out", 300, 1)
    complain(target, "candidate", "payments timed out", 3, 1)  # 3 % in both
    complain(target, "baseline", "basket locked", 10, 1)
    complain(target, "candidate", "basket locked", 5, 1)  # 0.1 % and 5 %
    first = complain(target, "candidate", "KeyError: 'tax'", 4, 1)
    complain(target, "candidate", "from another release", 9, -60)
    found = error_groups(target, make.NOW)
    assert told(found.groups) == [
        ("KeyError: 'tax'", Standing.NEW, 4, 0),
        ("basket locked", Standing.RISEN, 5, 10),
        ("payments timed out", Standing.KNOWN, 3, 300),
    ]
    assert found.groups[0].first_at == first
    assert (found.total, found.candidate_units, found.baseline_units, found.has_baseline) == (
        3,
        100,
        10_000,
        True,
    )


def test_the_worse_of_two_new_lines_comes_first_however_rare() -> None:
    target = make.target()
    complain(target, "candidate", "slow upstream", 90, 1)
    complain(target, "candidate", "FATAL: out of memory", 1, 1)
    groups = error_groups(target, make.NOW).groups
    assert [(one.sample, one.severity) for one in groups] == [
        ("FATAL: out of memory", Severity.CRITICAL),
        ("slow upstream", Severity.ERROR),
    ]


def test_what_an_earlier_candidate_brought_is_new_again_and_says_that_it_is_old() -> None:
    target = make.target()
    complain(target, "candidate", "KeyError: 'tax'", 50, -600)
    complain(target, "candidate", "KeyError: 'tax'", 2, 3)
    (group,) = error_groups(target, make.NOW).groups
    assert (group.standing, group.candidate, group.is_old) == (Standing.NEW, 2, True)
    assert make.NOW < group.first_at < make.NOW + 3 * MINUTE


def test_a_line_of_the_baseline_alone_is_shown_as_known() -> None:
    target = make.target()
    complain(target, "baseline", "basket locked", 7, 1)
    assert told(error_groups(target, make.NOW).groups) == [("basket locked", Standing.KNOWN, 0, 7)]


def test_what_came_after_the_end_is_left_out() -> None:
    target = make.target()
    complain(target, "candidate", "early", 1, 1)
    complain(target, "candidate", "early", 5, 30)
    complain(target, "candidate", "late", 1, 30)
    groups = error_groups(target, make.NOW, until=make.NOW + 10 * MINUTE).groups
    assert told(groups) == [("early", Standing.NEW, 1, 0)]


@pytest.mark.parametrize("kinds", [1, 40])
def test_groups_take_as_many_queries_for_many_kinds_as_for_one(
    kinds: int, django_assert_num_queries: object
) -> None:
    target = make.target()
    for number in range(kinds):
        ErrorLine.objects.create(
            target=target, arm="candidate", fingerprint=str(number), sample="x", count=1,
            first_at=make.NOW, last_at=make.NOW,
        ).counts.create(minute_at=make.NOW, count=number + 1)  # fmt: skip
    with django_assert_num_queries(6):  # type: ignore[operator]
        found = error_groups(target, make.NOW, limit=5)
    assert (found.total, len(found.groups)) == (kinds, min(kinds, 5))
    assert found.groups[0].candidate == kinds
