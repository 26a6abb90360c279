import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connections

from releasetrain.catalog.models import Target
from releasetrain.health import actions, tasks
from releasetrain.health.access import target_for
from releasetrain.health.actions import Delivery, Taken, forget_old, take_readings, take_reports
from releasetrain.health.models import ErrorCount, ErrorLine, Reading
from releasetrain.health.queries import readings_after
from releasetrain.health.rules.reports import Complaint, Counted, Report
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotFound
from releasetrain.lib.spans import Span
from tests import make

TEN = timedelta(seconds=10)
BOTH = (Counted("candidate", "errors", 120, 2), Counted("baseline", "errors", 9_000, 31))


def report(
    ends_at: datetime = make.NOW,
    *readings: Counted,
    errors: Sequence[Complaint] = (),
    source: str = "web-1",
) -> Report:
    return Report(source, Span(ends_at - TEN, ends_at), readings or BOTH, errors)


def line(message: str = "KeyError: 'a'", arm: str = "candidate", count: int = 1) -> Complaint:
    return Complaint(arm, message, count, make.NOW - timedelta(seconds=5))


@pytest.mark.django_db
def test_a_report_is_counted_once_however_often_it_comes() -> None:
    target, said = make.target(), report(errors=[line(count=3)])
    assert take_readings(target=target, report=said, now=make.NOW) == Taken(2, 0, 1)
    assert take_readings(target=target, report=said, now=make.NOW) == Taken(0, 2, 0)
    assert list(Reading.objects.order_by("arm").values_list("arm", "units", "bad")) == [
        ("baseline", 9_000, 31),
        ("candidate", 120, 2),
    ]
    assert ErrorLine.objects.get().count == ErrorCount.objects.get().count == 3


@pytest.mark.django_db
def test_what_is_new_in_a_repeated_report_is_counted() -> None:
    target = make.target()
    take_readings(target=target, report=report(make.NOW, BOTH[0]), now=make.NOW)
    assert take_readings(target=target, report=report(), now=make.NOW) == Taken(1, 1, 0)


@pytest.mark.django_db
def test_two_processes_of_a_service_may_report_the_same_span() -> None:
    target = make.target()
    for source in ("web-1", "web-2"):
        taken = take_readings(target=target, report=report(source=source), now=make.NOW)
        assert taken.readings == 2


@pytest.mark.django_db
def test_a_report_that_cannot_be_true_changes_nothing() -> None:
    with pytest.raises(Invalid, match="cannot be bad") as refusal:
        take_readings(
            target=make.target(), report=report(make.NOW, Counted("candidate", "errors", 1, 2)), now=make.NOW
        )
    assert refusal.value.field == "readings.0"
    assert not Reading.objects.exists()


@pytest.mark.django_db
def test_error_lines_are_grouped_by_kind_and_arm_and_masked() -> None:
    target = make.target()
    errors = [
        line("KeyError: 'a' password=hunter2"),
        line("KeyError: 'b' password=other", count=4),
        line("KeyError: 'c' password=third", arm="baseline"),
        line("Timeout after 3 s"),
    ]
    taken = take_readings(target=target, report=report(errors=errors), now=make.NOW)
    assert taken.error_lines == 3
    lines = ErrorLine.objects.order_by("arm", "-count").values_list("arm", "sample", "count")
    assert list(lines) == [
        ("baseline", "KeyError: 'c' password=***", 1),
        ("candidate", "KeyError: 'a' password=***", 5),
        ("candidate", "Timeout after 3 s", 1),
    ]


@pytest.mark.django_db
def test_a_line_that_comes_again_is_added_up_by_the_minute() -> None:
    target = make.target()
    for minutes in (0, 0, 3):
        at = make.NOW + timedelta(minutes=minutes)
        errors = [Complaint("candidate", "Timeout", 2, at - timedelta(seconds=1))]
        ends_at = at if Reading.objects.count() == 0 else at - TEN
        take_readings(target=target, report=report(ends_at, errors=errors), now=at)
    kept = ErrorLine.objects.get()
    assert (kept.count, kept.last_at) == (6, make.NOW + timedelta(minutes=3, seconds=-1))
    assert kept.first_at == make.NOW - timedelta(seconds=1)
    assert list(kept.counts.order_by("minute_at").values_list("count", flat=True)) == [4, 2]


@pytest.mark.django_db
def test_a_target_is_found_by_its_slugs_or_refused_in_a_sentence() -> None:
    target = make.target()
    assert target_for("storefront", "production") == target
    with pytest.raises(NotFound, match="no service “typo”"):
        target_for("typo", "production")


@pytest.mark.django_db
def test_what_is_too_old_is_forgotten_in_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "BATCH", 2)
    target = make.target()
    for days in (20, 19, 18, 13):
        at = make.NOW - timedelta(days=days)
        errors = [Complaint("candidate", f"day {'abcd'[days % 4]}{'x' * days}", 1, at)]
        take_readings(target=target, report=report(at, BOTH[0], errors=errors), now=at)
    gone = forget_old(make.NOW)
    assert (gone.readings, gone.error_counts, gone.error_lines) == (3, 3, 3)
    assert Reading.objects.count() == ErrorLine.objects.count() == ErrorCount.objects.count() == 1
    assert forget_old(make.NOW).readings == 0


@pytest.mark.django_db
def test_one_turn_of_forgetting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "BATCH", 1)
    monkeypatch.setattr(actions, "MOST_BATCHES", 2)
    target, old = make.target(), make.NOW - timedelta(days=30)
    for number in range(3):
        take_readings(target=target, report=report(old - number * TEN, BOTH[0]), now=old)
    assert forget_old(make.NOW).readings == 2
    assert forget_old(make.NOW).readings == 1


@pytest.mark.django_db
def test_beat_forgets_by_the_clock_of_the_database() -> None:
    target, now = make.target(), clock.now()
    old = now - timedelta(days=15)
    take_readings(target=target, report=report(old), now=old)
    take_readings(target=target, report=report(now), now=now)
    tasks.forget_old(later_argument=1)
    assert Reading.objects.count() == 2


@pytest.mark.django_db
def test_reports_of_many_targets_are_taken_at_once_and_each_is_told_what_was_new() -> None:
    one, other = make.target(), make.target("Search")
    take_readings(target=one, report=report(make.NOW, BOTH[0]), now=make.NOW)
    deliveries = [
        Delivery(other.pk, report(errors=[line(count=2)])),
        Delivery(one.pk, report(errors=[line()])),
        Delivery(one.pk, report(source="web-2")),
    ]
    assert take_reports(deliveries, make.NOW) == [Taken(2, 0, 1), Taken(1, 1, 1), Taken(2, 0, 0)]
    assert take_reports([], make.NOW) == []
    assert take_reports(deliveries, make.NOW) == [Taken(0, 2, 0)] * 3
    assert set(ErrorLine.objects.values_list("target", "count")) == {(one.pk, 1), (other.pk, 2)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("errors", [(), (line(), line("Timeout"))], ids=["one statement", "with lines"])
def test_parallel_reports_are_each_counted_once_and_none_slips_past_a_watermark(
    errors: Sequence[Complaint],
) -> None:
    target, other = make.target(), make.target("Search")
    stop = threading.Event()
    faults: list[BaseException] = []
    seen: list[int] = []

    def send(source: str, target: Target) -> None:
        try:
            for number in range(25):
                said = report(make.NOW - number * TEN, source=source, errors=errors)
                both = [Delivery(target.pk, said), Delivery(other.pk, said)]
                take_reports(both if source in {"web-0", "web-1"} else both[::-1], make.NOW)
                take_readings(target=target, report=said, now=make.NOW)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            faults.append(error)
        finally:
            connections.close_all()

    def consume() -> None:
        watermark = 0
        try:
            while True:
                is_last = stop.is_set()
                rows, watermark = readings_after(target, ["errors"], watermark, limit=7)
                seen.extend(one.id for one in rows)
                if is_last and not rows:
                    return
        finally:
            connections.close_all()

    consumer = threading.Thread(target=consume)
    senders = [threading.Thread(target=send, args=[f"web-{n}", target]) for n in range(4)]
    for thread in (consumer, *senders):
        thread.start()
    for thread in senders:
        thread.join()
    stop.set()
    consumer.join()
    assert faults == []
    assert len(seen) == 4 * 25 * 2
    assert seen == sorted(target.readings.values_list("pk", flat=True))
    assert set(ErrorLine.objects.values_list("count", flat=True)) == ({100} if errors else set())
