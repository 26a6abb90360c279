"""The stream as it is served: by uvicorn, over real sockets."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from releasetrain.events.queries import last_position
from releasetrain.live.hub import the_hub
from tests import make
from tests.live.pages import ORIGIN, PATIENCE, ticket
from tests.live.serving import served
from tests.live.test_hub import happen, topic

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def watch(port: int, words: str, position: int) -> Iterator[ClientConnection]:
    """Open a page's socket and greet."""
    address = f"ws://127.0.0.1:{port}/live/socket"
    with connect(address, origin=Origin(ORIGIN), compression=None) as socket:
        socket.send(json.dumps({"ticket": words, "position": position}))
        yield socket


def read(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(PATIENCE))


def test_sockets_and_event_streams_are_served_side_by_side() -> None:
    departure = make.departure()
    words, position = ticket(topic(departure)), last_position()
    with served() as port, watch(port, words, position) as socket:
        assert read(socket)["type"] == "pulse"
        greeting = json.dumps({"ticket": words, "position": position})
        asked = httpx.stream(
            "POST", f"http://127.0.0.1:{port}/live/events", content=greeting, headers={"origin": ORIGIN}
        )
        with asked as answer:
            lines = (line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: "))
            assert json.loads(next(lines))["type"] == "pulse"
            happened = happen(departure)
            by_socket, by_events = read(socket), json.loads(next(lines))
        assert by_socket == by_events
        assert [event["position"] for event in by_socket["events"]] == [happened]


def test_a_socket_whose_buffer_is_full_delays_nobody_and_catches_up() -> None:
    departure = make.departure()
    words = ticket(topic(departure))
    with served() as port, ExitStack() as open_pages:
        slow, quick = (open_pages.enter_context(watch(port, words, last_position())) for _ in range(2))
        assert [read(slow)["type"], read(quick)["type"]] == ["pulse", "pulse"]
        protocol = protocol_of(slow)
        protocol.loop.call_soon_threadsafe(protocol.pause_writing)
        positions = []
        for _ in range(3):
            positions.append(happen(departure))
            assert read(quick)["position"] == positions[-1]
        with pytest.raises(TimeoutError):
            slow.recv(0.1)
        protocol.loop.call_soon_threadsafe(protocol.resume_writing)
        heard: list[int] = []
        while heard[-1:] != positions[-1:]:
            heard += [event["position"] for event in read(slow)["events"]]
        assert heard == positions


def protocol_of(page: ClientConnection) -> Any:
    """Find the server's end of a page's socket."""
    watchers = [one for room in the_hub().watchers.values() for one in room]
    ends = [one.transport.base_send.__self__ for one in watchers]  # type: ignore[attr-defined]
    return next(end for end in ends if end.client == page.local_address)


def test_a_page_of_another_house_is_refused_before_the_handshake() -> None:
    with (
        served() as port,
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://127.0.0.1:{port}/live/socket", origin=Origin("https://evil.example")),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_a_server_that_stops_sends_its_pages_away_to_come_back_elsewhere() -> None:
    departure = make.departure()
    with ExitStack() as outlives:
        with served() as port:
            socket = outlives.enter_context(watch(port, ticket(topic(departure)), last_position()))
            assert read(socket)["type"] == "pulse"
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def test_a_process_that_comes_after_another_serves_what_was_missed_between() -> None:
    departure = make.departure()
    with served() as port, watch(port, ticket(topic(departure)), last_position()) as socket:
        seen = read(socket)["position"]
    missed = [happen(departure), happen(departure)]
    with served() as port, watch(port, ticket(topic(departure)), seen) as socket:
        news = read(socket)
        assert news["position"] == missed[-1]
        assert f"departure-{departure.pk}-summary" in {one["id"] for one in news["fragments"]}


def test_the_health_page_answers_in_plain_text() -> None:
    with served() as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz")
    assert (answer.status_code, answer.text) == (200, "stream")
