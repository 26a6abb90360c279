import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from pytest_django.fixtures import Settings

from releasetrain.health import tasks
from releasetrain.health.actions import forget_old, take_readings
from releasetrain.health.days import days_kept, drop_days, make_days
from releasetrain.health.models import Reading
from releasetrain.health.queries import last_watermark, readings_after
from releasetrain.health.rules.reports import Counted, Report
from releasetrain.lib.spans import Span
from tests import make

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEN = timedelta(seconds=10)
DAY = timedelta(days=1)


def take(at: datetime, *, now: datetime | None = None) -> None:
    said = Report("web", Span(at - TEN, at), [Counted("candidate", "errors", 10, 1)], [])
    take_readings(target=make.target(), report=said, now=now or at)
    # A table that waits for its keys to be checked cannot be changed.
    connection.check_constraints()


def place_of(reading: Reading) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM health_reading WHERE id = %s", [reading.pk])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_days_are_made_ahead_and_once() -> None:
    made = make_days(NOON)
    assert made == days_kept() == [date(2026, 11, 24), date(2026, 11, 25)]
    assert make_days(NOON) == []
    assert make_days(NOON + DAY) == [date(2026, 11, 26)]


@pytest.mark.django_db
def test_a_reading_lies_in_the_day_in_which_its_span_began() -> None:
    make_days(NOON)
    for at in (NOON, NOON + DAY, NOON.replace(hour=0) + DAY + TEN / 2, NOON - DAY):
        take(at)
    places = [place_of(one) for one in Reading.objects.order_by("pk")]
    assert places == [
        "health_reading_20261124",
        "health_reading_20261125",
        "health_reading_20261124",
        "health_reading_rest",
    ]


@pytest.mark.django_db
def test_a_day_of_which_the_rest_has_readings_stays_there_and_stops_no_other() -> None:
    take(NOON)
    assert make_days(NOON) == [date(2026, 11, 25)]
    take(NOON + TEN)
    assert {place_of(one) for one in Reading.objects.all()} == {"health_reading_rest"}


@pytest.mark.django_db
def test_days_that_are_old_are_dropped_whole_and_the_rest_is_deleted(settings: Settings) -> None:
    settings.READINGS_DAYS = 2
    take(NOON - 2 * DAY)
    for number in range(3):
        make_days(NOON + (number - 1) * DAY)
        take(NOON + number * DAY)
    gone = forget_old(NOON + 3 * DAY)
    assert (gone.days, gone.readings) == ([date(2026, 11, 23), date(2026, 11, 24)], 1)
    assert [one.starts_at + TEN for one in Reading.objects.order_by("pk")] == [NOON + DAY, NOON + 2 * DAY]


@pytest.mark.django_db
def test_a_day_is_kept_until_all_of_it_is_old() -> None:
    make_days(NOON)
    assert drop_days(datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC)) == []
    assert drop_days(datetime(2026, 11, 25, tzinfo=UTC)) == [date(2026, 11, 24)]


@pytest.mark.django_db
def test_a_watermark_holds_across_days_and_through_a_drop() -> None:
    make_days(NOON)
    make_days(NOON + 2 * DAY)
    target = make.target()
    take(NOON + DAY)
    seen = last_watermark(target)
    take(NOON + 2 * DAY)
    take(NOON + DAY + TEN, now=NOON + 2 * DAY)
    drop_days(NOON + DAY)
    rows, newest = readings_after(target, ["errors"], seen)
    assert [one.ends_at for one in rows] == [NOON + 2 * DAY, NOON + DAY + TEN]
    assert newest == rows[-1].id == last_watermark(target)


@pytest.mark.django_db
def test_a_repeat_counts_once_in_whatever_day_it_lies() -> None:
    make_days(NOON)
    for at in (NOON, NOON + DAY, NOON - DAY) * 2:
        take(at)
    assert Reading.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_whoever_reads_for_long_keeps_a_day_from_being_dropped_and_nobody_from_reporting() -> None:
    make_days(NOON)
    is_reading, may_end = threading.Event(), threading.Event()

    def read_for_long() -> None:
        with transaction.atomic():
            Reading.objects.exists()
            is_reading.set()
            may_end.wait(60)
        connections.close_all()

    reader = threading.Thread(target=read_for_long)
    reader.start()
    try:
        is_reading.wait(60)
        assert drop_days(NOON + DAY) == []
        take(NOON)
    finally:
        may_end.set()
        reader.join()
        drop_days(NOON + 9 * DAY)
    assert days_kept() == []


@pytest.mark.django_db
def test_beat_makes_the_days_and_no_model_differs_from_the_table() -> None:
    tasks.forget_old(later_argument=1)
    assert len(days_kept()) == 2
    call_command("makemigrations", "health", check=True, verbosity=0)
