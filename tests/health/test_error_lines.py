import threading
import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connections

from releasetrain.catalog.models import Target
from releasetrain.health import error_lines
from releasetrain.health.error_lines import OVERFLOW, Batch, TakenLines, by_the_hour, take_error_lines
from releasetrain.health.models import ErrorCount, ErrorLine
from releasetrain.health.rules.reports import MOST_ERRORS, Complaint
from releasetrain.health.rules.severity import Severity
from releasetrain.lib.errors import Invalid
from tests import make

SECOND = timedelta(seconds=1)


def line(message: str, count: int = 1, *, arm: str = "candidate", seconds: int = 5) -> Complaint:
    return Complaint(arm, message, count, make.NOW - seconds * SECOND)


def send(target: Target, *errors: Complaint, key: uuid.UUID | None = None) -> TakenLines:
    return take_error_lines(target=target, batch=Batch(key or uuid.uuid4(), errors), now=make.NOW)


def samples(**fields: object) -> dict[str, int]:
    return dict(ErrorLine.objects.filter(**fields).values_list("sample", "count"))


@pytest.mark.django_db
def test_a_batch_counts_once_however_often_it_is_sent() -> None:
    target, key = make.target(), uuid.uuid4()
    said = (line("KeyError: 'a'", 3), line("KeyError: 'b'"), line("Timeout"))
    assert send(target, *said, key=key) == TakenLines(2, is_repeated=False)
    assert send(target, *said, key=key) == TakenLines(0, is_repeated=True)
    assert send(make.target("Search"), *said, key=key) == TakenLines(2, is_repeated=False)
    assert samples(target=target) == {"KeyError: 'a'": 4, "Timeout": 1}


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_sent_twice_at_once_counts_once() -> None:
    target, key = make.target(), uuid.uuid4()
    taken: list[TakenLines] = []

    def push() -> None:
        try:
            taken.append(send(target, line("Timeout"), key=key))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.is_repeated for one in taken) == [False, True, True, True]
    assert samples() == {"Timeout": 1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("errors", "field", "words"),
    [
        ([line("x")] * (MOST_ERRORS + 1), "errors", "at most 50"),
        ([line("x", arm="new")], "errors.0", "no arm"),
        ([line("x"), line("x", seconds=-90)], "errors.1", "within the last"),
    ],
)
def test_a_batch_that_cannot_be_true_is_refused_in_a_sentence(
    errors: Sequence[Complaint], field: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words) as refusal:
        send(make.target(), *errors)
    assert refusal.value.field == field
    assert not ErrorLine.objects.exists()


@pytest.mark.django_db
def test_a_secret_never_reaches_the_database() -> None:
    send(make.target(), line("login failed password=hunter2 for ada@example.org"))
    assert list(ErrorLine.objects.values_list("sample", flat=True)) == [
        "login failed password=*** for ***@***"
    ]


@pytest.mark.django_db
def test_the_worst_severity_of_a_kind_stays() -> None:
    target = make.target()
    send(target, Complaint("candidate", "disk full", 1, make.NOW, Severity.WARNING))
    assert ErrorLine.objects.get().severity == Severity.WARNING
    send(target, Complaint("candidate", "disk full", 1, make.NOW, Severity.CRITICAL))
    send(target, Complaint("candidate", "disk full", 1, make.NOW, Severity.WARNING))
    assert ErrorLine.objects.get().severity == Severity.CRITICAL


@pytest.mark.django_db
def test_a_flood_of_kinds_ends_in_one_line_of_its_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_lines, "MOST_KINDS", 3)
    target = make.target()
    send(target, *(line(word) for word in ["alpha", "beta", "gamma", "delta", "epsilon"]))
    assert samples() == {"alpha": 1, "beta": 1, "gamma": 1, OVERFLOW: 2}
    send(target, line("alpha"), line("zeta"), line("zeta", arm="baseline"))
    assert samples(arm="candidate") == {"alpha": 2, "beta": 1, "gamma": 1, OVERFLOW: 3}
    assert samples(arm="baseline") == {"zeta": 1}


@pytest.mark.django_db
def test_a_worse_kind_takes_the_place_of_the_mildest_when_all_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(error_lines, "MOST_KINDS", 2)
    target = make.target()
    send(target, line("[warning] cache is slow"), line("ValueError"))
    send(target, line("panic: nil map"))
    assert samples() == {"ValueError": 1, "panic: nil map": 1}


@pytest.mark.django_db
def test_a_kind_that_rests_makes_room_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_lines, "MOST_KINDS", 2)
    target = make.target()
    send(target, line("long ago", seconds=2 * 3600), line("lately"))
    send(target, line("new one"), line("another one"))
    assert samples() == {"lately": 1, "new one": 1, OVERFLOW: 1}


@pytest.mark.django_db
def test_minutes_older_than_a_day_are_added_up_by_the_hour() -> None:
    send(make.target(), line("Timeout"))
    kept, old = ErrorLine.objects.get(), make.NOW - timedelta(days=2)
    for minute in (0, 1, 59, 60):
        kept.counts.create(minute_at=old + timedelta(minutes=minute), count=10)
    assert by_the_hour(make.NOW, 100) == 2
    assert list(ErrorCount.objects.order_by("minute_at").values_list("count", flat=True)) == [30, 10, 1]
    assert by_the_hour(make.NOW, 100) == 0
