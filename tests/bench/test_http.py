import asyncio

import pytest

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.http import connect, connections, once, request
from releasetrain.bench.serving import HOST, free_ports


async def serve(*answers: bytes) -> asyncio.Server:
    """Answer each request of a connection with the next of these, and close after the last."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    return await asyncio.start_server(handle, HOST, 0)


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


async def test_answers_are_read_whatever_way_their_length_is_told() -> None:
    counted = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Version: new\r\n\r\nhi"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n yo\r\n0\r\n\r\n"
    bare = b'HTTP/1.1 304 Not Modified\r\nETag: "7"\r\n\r\n'
    async with await serve(counted, chunked, bare) as server:
        port = port_of(server)
        ask = request("GET", "/", port)
        async with connections(port, 1) as (connection,):
            found = [await connection.ask(ask) for _ in range(3)]
    assert [(one.status, one.body) for one in found] == [(200, b"hi"), (200, b"hi yo"), (304, b"")]
    assert found[0].headers["x-version"] == "new"
    assert found[2].headers["etag"] == '"7"'
    assert all(one.done_at >= one.sent_at for one in found)


async def test_a_connection_closed_instead_of_an_answer_is_an_error() -> None:
    async with await serve() as server:
        connection = await connect(port_of(server))
        with pytest.raises(ConnectionError):
            await connection.ask(request("GET", "/", 1))
        connection.close()


async def test_nobody_listening_is_said_in_a_sentence() -> None:
    (port,) = free_ports(1)
    with pytest.raises(CannotMeasure, match="Nothing answers at"):
        await once(port, request("GET", "/", port))


def test_a_request_with_a_body_tells_its_length() -> None:
    raw = request("POST", "/x", 80, body=b"abc", headers={"X-Key": "k"})
    assert raw == b"POST /x HTTP/1.1\r\nHost: 127.0.0.1:80\r\nX-Key: k\r\nContent-Length: 3\r\n\r\nabc"
