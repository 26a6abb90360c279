"""A commit tells Redis once, in the layer's own words, and never waits for a Redis that is away."""

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from redis import Redis

from releasetrain.events.actions import record, subscribers
from releasetrain.events.models import Event
from releasetrain.live import publish as module
from releasetrain.live.publish import Publisher, group_channel, publish
from tests import make
from tests.live.pages import Stream

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Be a Redis that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address(server: socket.socket) -> str:
    return f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def committed(**data: object) -> Event:
    return record(
        kind="trains.departure.boarding_opened", subject=make.departure(), actor=None, now=make.NOW, **data
    )


def test_the_publisher_hears_of_every_event() -> None:
    assert publish in subscribers


def test_a_member_of_the_layers_group_receives_what_was_published(stream: Stream) -> None:
    departure = make.departure()
    layer: Any = get_channel_layer()

    async def join() -> str:
        channel: str = await layer.new_channel()
        await layer.group_add(f"departure:{departure.pk}", channel)
        return channel

    channel = stream.call(join())
    event = record(kind="trains.departure.arrived", subject=departure, actor=None, now=make.NOW, secret="no")
    assert stream.call(layer.receive(channel)) == {
        "type": "live.news",
        "event": event.pk,
        "position": event.link.position,
        "kind": "trains.departure.arrived",
        "topics": ["board", f"departure:{departure.pk}", f"train:{departure.train_id}"],
    }
    stream.call(layer.flush())


def test_the_name_of_a_group_is_the_layers_own(stream: Stream) -> None:
    layer: Any = get_channel_layer()

    async def named() -> str:
        return str(layer._get_layer()._get_group_channel_name("departure:12"))

    assert group_channel("departure:12") == stream.call(named())


def test_nothing_is_published_before_the_commit_or_after_a_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Event] = []
    monkeypatch.setattr(Publisher, "__call__", lambda self, event: heard.append(event))
    with transaction.atomic():
        event = committed()
        assert heard == []
    assert heard == [event]
    with pytest.raises(RuntimeError), transaction.atomic():
        committed()
        raise RuntimeError
    assert heard == [event]


def test_a_redis_that_is_away_costs_one_line_and_one_attempt_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = address(gone)
    away, event = Publisher(url), committed()
    attempts = count_attempts(monkeypatch)
    caplog.clear()
    for _ in range(5):
        away(event)
    assert (len(attempts), len(caplog.records)) == (1, 1)
    now[0] += 1.5
    away(event)
    away(event)
    assert (len(attempts), len(caplog.records)) == (2, 1)
    away.close()


def test_a_redis_that_does_not_answer_is_waited_for_once(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung, event = Publisher(address(listener)), committed()
    attempts = count_attempts(monkeypatch)
    hung(event)
    hung(event)
    assert len(attempts) == 1
    listener.setblocking(False)
    listener.accept()[0].close()
    with pytest.raises(BlockingIOError):
        listener.accept()  # a timeout is not tried again
    hung.close()


def test_it_goes_on_as_soon_as_redis_is_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    publisher, event = Publisher(settings.REDIS_URL), committed()
    publisher._rest(ConnectionError("gone"))
    publisher._rests_until = 0.0
    publisher(event)
    assert "Redis is back" in caplog.text
    attempts = count_attempts(monkeypatch)
    publisher(event)
    publisher(event)
    assert len(attempts) == 2
    publisher.close()


def test_a_connection_that_died_with_a_restart_is_replaced_at_once(caplog: pytest.LogCaptureFixture) -> None:
    publisher, event = Publisher(settings.REDIS_URL), committed()
    publisher(event)
    for connection in publisher._redis.connection_pool._available_connections:
        connection._sock.shutdown(socket.SHUT_RDWR)
    caplog.clear()
    publisher(event)
    assert caplog.records == []
    publisher.close()


def test_an_event_that_belongs_to_no_topic_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = count_attempts(monkeypatch)
    publisher = Publisher(settings.REDIS_URL)
    publisher(record(kind="accounts.person.joined", subject=make.user(), actor=None, now=make.NOW))
    assert attempts == []
    publisher.close()


def count_attempts(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Count how often anything is sent to Redis from now on."""
    attempts: list[None] = []
    send = Redis.pipeline

    def counted(self: object, *arguments: object, **options: object) -> object:
        attempts.append(None)
        return send(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Redis, "pipeline", counted)
    return attempts
