"""Redis and the database may go and come back: nobody is dropped, and everybody is current afterwards."""

import logging
import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from pytest_django import Settings
from redis import Redis

from releasetrain.embedded import throwaway_folder
from releasetrain.embedded.places import settle
from releasetrain.embedded.valkey import Valkey
from releasetrain.events.queries import clock_and_position, last_position
from releasetrain.live import survey as surveys
from releasetrain.live.ears import NoTraceOfAnOutage
from releasetrain.live.publish import Publisher
from tests import make
from tests.live.pages import Stream, ticket
from tests.live.test_hub import happen, topic

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def valkey(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    """Run a Valkey of this test's own, through which publisher and layer talk."""
    with throwaway_folder() as folder:
        server = Valkey(settle(folder / "data"))
        start(server)
        publisher = Publisher(server.url)
        monkeypatch.setattr("releasetrain.events.actions.subscribers", [publisher])
        layer = settings.CHANNEL_LAYERS["default"]
        hosts = {"hosts": [{"address": server.url, "socket_timeout": 15}]}
        settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": hosts}}
        yield server
        publisher.close()
        server.stop()


def start(server: Valkey) -> None:
    server.launch()
    server.wait(lambda: None)


def until_listening(server: Valkey, group: str) -> None:
    """Wait until the hub is subscribed to a topic's group."""
    with Redis.from_url(server.url) as client:
        while dict(client.pubsub_numsub(f"asgi__group__{group}"))[f"asgi__group__{group}".encode()] != 1:
            time.sleep(0.02)


def test_redis_restarted_under_watchers_drops_nobody_and_all_are_current(
    valkey: Valkey, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = make.departure()
    pages = [stream.page(ticket(topic(departure)), last_position()) for _ in range(5)]
    stream.settle(*pages)
    until_listening(valkey, topic(departure))
    positions = [happen(departure)]
    valkey.stop()
    positions.append(happen(departure))
    for page in pages:
        page.until_heard(positions[-1])
    start(valkey)
    until_listening(valkey, topic(departure))
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 3600)
    positions.append(happen(departure))
    positions.append(happen(departure))
    for page in pages:
        page.until_heard(positions[-1])
        assert (page.heard, page.code) == (positions, None)


def test_pages_open_while_redis_is_away_are_served_and_hear_at_once_when_it_is_back(
    valkey: Valkey, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = make.departure()
    valkey.stop()
    page = stream.page(ticket(topic(departure)), last_position())
    page.until_heard(happen(departure))
    start(valkey)
    until_listening(valkey, topic(departure))
    page.until_heard(happen(departure))
    assert page.code is None


def test_the_database_away_for_a_moment_closes_nobody_and_loses_nothing(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 0.02)
    departure = make.departure()
    page = stream.page(ticket(topic(departure)), last_position())
    stream.settle(page)
    read, refused = clock_and_position, []

    def away() -> None:
        refused.append(1)
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(surveys, "clock_and_position", away)
    missed = happen(departure)
    while len(refused) < 3:
        time.sleep(0.01)
    late = stream.page(ticket(topic(departure)), -1)
    monkeypatch.setattr(surveys, "clock_and_position", read)
    page.until_heard(missed)
    late.until(lambda: late.news)
    assert (page.heard, page.code) == ([missed], None)
    said = [record.message for record in caplog.records if record.name == "releasetrain.live.hub"]
    assert len(said) == 2 and "away" in said[0] and "back" in said[1]


def test_an_outage_of_redis_leaves_no_trace_but_other_faults_do() -> None:
    def filtered(fault: Exception) -> logging.LogRecord:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "Unexpected", (), (type(fault), fault, None))
        assert NoTraceOfAnOutage().filter(record)
        return record

    assert filtered(ConnectionRefusedError("no")).exc_info is None
    assert filtered(ValueError("a bug")).exc_info is not None
