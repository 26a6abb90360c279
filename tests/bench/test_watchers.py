"""The watchers read frames as RFC 6455 writes them, and count honestly who waited how long."""

import re

import pytest
from websockets.frames import Frame, Opcode

from releasetrain.bench.watchers import (
    Book,
    EventFrames,
    Frames,
    client_frame,
    greeting,
    summary,
    text_frame,
)


def as_server(opcode: Opcode, payload: bytes) -> bytes:
    return Frame(opcode, payload).serialize(mask=False)


@pytest.mark.parametrize("size", [0, 5, 125, 126, 1500, 65_535, 65_536, 100_000])
def test_frames_of_every_length_are_read(size: int) -> None:
    assert Frames().feed(as_server(Opcode.TEXT, b"x" * size)) == [(1, b"x" * size)]


def test_frames_split_anywhere_are_put_together() -> None:
    stream = as_server(Opcode.TEXT, b"a" * 300) + as_server(Opcode.PING, b"") + as_server(Opcode.TEXT, b"b")
    for cut in range(len(stream)):
        frames = Frames()
        assert frames.feed(stream[:cut]) + frames.feed(stream[cut:]) == [(1, b"a" * 300), (9, b""), (1, b"b")]


@pytest.mark.parametrize("size", [3, 130, 4000])
def test_what_watchers_send_is_a_masked_frame(size: int) -> None:
    written = text_frame(b"t" * size)
    assert written[1] & 0x80
    header = {3: 2, 130: 4, 4000: 4}[size]
    assert written[header : header + 4] == bytes(4)
    assert written[header + 4 :] == b"t" * size


def test_a_control_frame_is_short() -> None:
    assert client_frame(10, b"hi") == b"\x8a\x82\0\0\0\0hi"
    with pytest.raises(ValueError, match="125"):
        client_frame(10, b"x" * 126)


def test_server_sent_events_are_read_across_chunks() -> None:
    frames = EventFrames()
    assert frames.feed(b'3\r\n:\n\n\r\n10\r\ndata: {"pos') == []
    assert [op for op, _ in frames.feed(b'ition":7}\n\n\r\n')] == [1]


def test_a_greeting_for_events_carries_its_words_in_the_body() -> None:
    order = {"host": "h", "port": 1, "path": "/live/events", "origin": "http://h", "hello": "{}"}
    events, socket = greeting({**order, "transport": "events"}), greeting({**order, "transport": "socket"})
    assert events.request.endswith(b"Content-Length: 2\r\n\r\n{}")
    assert events.first == b""
    assert b"Upgrade: websocket" in socket.request
    assert socket.first.endswith(b"{}")


def book(*arrivals: tuple[int, int, float]) -> Book:
    made = Book(re.compile(rb'"position":(\d+)'))
    for watcher, event, at in arrivals:
        made.note(watcher, b'{"position":%d}' % event, at)
    return made


def test_everybody_who_heard_in_time_has_waited_since_the_commit() -> None:
    found = summary(book((0, 1, 10.5), (1, 1, 10.25)), {1: 10.0}, watchers=2)
    assert (found["p50"], found["max"], found["lost"], found["merged"]) == (250, 500, 0, 0)


def test_a_later_event_instead_is_merged_and_waited_for() -> None:
    found = summary(book((0, 2, 11.5)), {1: 10.0, 2: 11.0}, watchers=1)
    assert (found["p50"], found["max"], found["merged"], found["lost"]) == (500, 1500, 1, 0)


def test_who_heard_nothing_has_lost_every_event() -> None:
    found = summary(book((0, 1, 10.1)), {1: 10.0, 2: 11.0}, watchers=2)
    assert (found["lost"], found["frames"]) == (3, 1)


def test_the_same_event_twice_counts_once() -> None:
    found = summary(book((0, 1, 10.1), (0, 1, 14.0)), {1: 10.0}, watchers=1)
    assert found["max"] == pytest.approx(100)
    assert found["frames"] == 2


def test_a_frame_without_a_mark_is_a_delivery_but_no_event() -> None:
    made = book()
    made.note(0, b'{"type":"pulse"}', 1.0)
    assert (made.frames, list(made.events)) == (1, [])
