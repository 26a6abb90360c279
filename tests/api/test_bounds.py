from collections.abc import AsyncIterator

import httpx

from releasetrain.api.bounds import Receive, Scope, Send, bounded


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Do what Django does: read a whole body, and give up when the sender is gone."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(bounded(read_all, 1000)), base_url="http://test")


async def test_a_body_within_the_bound_arrives_whole() -> None:
    async with client() as http:
        assert (await http.post("/", content=b"x" * 1000)).text == "1000"
        assert (await http.get("/")).text == "0"


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    async with client() as http:
        answer = await http.post("/", content=b"x" * 1001)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_body_without_end_is_ended() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 400

    async with client() as http:
        answer = await http.post("/", content=endless())
    assert answer.status_code == 413
    assert sent < 10
