"""What happened is written once, in order, and told after the commit."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from releasetrain.events import actions
from releasetrain.events.actions import record
from releasetrain.events.models import Event, EventLink
from releasetrain.events.queries import after, last_position, sentence
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def listening() -> Iterator[list[Event]]:
    """Subscribe for the length of a block."""
    heard: list[Event] = []
    actions.subscribe(heard.append)
    try:
        yield heard
    finally:
        actions.subscribers.remove(heard.append)


def joined(name: str) -> Event:
    person = make.user(name)
    return record(kind="accounts.person.joined", subject=person, actor=None, now=make.NOW)


def test_events_are_numbered_in_commit_order_without_a_gap() -> None:
    first, second = joined("Ada"), joined("Grace")
    assert list(EventLink.objects.values_list("position", "event_id")) == [(1, first.pk), (2, second.pk)]
    assert last_position() == 2


def test_a_rolled_back_event_takes_no_number() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        joined("Ada")
        raise ZeroDivisionError
    joined("Grace")
    assert list(EventLink.objects.values_list("position", flat=True)) == [1]


def test_subscribers_hear_only_what_was_committed() -> None:
    with listening() as heard:
        with transaction.atomic():
            event = joined("Ada")
            assert heard == []
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            joined("Grace")
            raise ZeroDivisionError
    assert heard == [event]


def test_a_failing_subscriber_undoes_nothing() -> None:
    def deaf(event: Event) -> None:
        raise RuntimeError("deaf")

    actions.subscribe(deaf)
    try:
        joined("Ada")
    finally:
        actions.subscribers.remove(deaf)
    assert Event.objects.count() == 1


def test_there_are_exactly_two_subscribers() -> None:
    modules = sorted(subscriber.__module__ for subscriber in actions.subscribers)
    assert [module.split(".")[1] for module in modules] == ["live", "notifications"]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        record(kind="accounts.person.vanished", subject=make.user(), actor=None, now=make.NOW)


@pytest.mark.parametrize("table", ["events_event", "events_eventlink"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
def test_the_database_refuses_to_change_the_log(table: str, statement: str) -> None:
    joined("Ada")
    column = "kind" if table == "events_event" else "hash"
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement.format(table, column, "'other'"))


def test_everything_after_a_position_is_found_by_topic() -> None:
    departure = make.departure()
    joined("Ada")
    event = record(kind="accounts.person.joined", subject=departure, actor=None, now=make.NOW)
    assert [one.pk for one in after(1, [f"departure:{departure.pk}"])] == [event.pk]
    assert [one.pk for one in after(2, ["board"])] == []


def test_an_event_reads_as_a_sentence() -> None:
    assert sentence(joined("Ada")) == "Release Train added Ada"
