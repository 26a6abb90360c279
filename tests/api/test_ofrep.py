"""The protocol, answer by answer, over the ASGI application without a server."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releasetrain.api.bounds import Application, Message, Receive, Scope, Send
from releasetrain.api.ofrep import alone, beside
from releasetrain.flags.rules import FlagState
from releasetrain.flags.serving import Serving
from releasetrain.flags.snapshot import DATABASE, House, build
from releasetrain.lib.hashing import token_digest

BULK = "/ofrep/v1/evaluate/flags"
SPLIT = FlagState("new-checkout", True, False, 50_000, "salt", 1, 7)
ON = FlagState("banner", True, False, 100_000, "salt", 1, 3)
TOKEN = {"authorization": "Bearer rt_production"}
TOKENS = {
    "rt_production": ("production",),
    "rt_none": (),
    "rt_both": ("production", "staging"),
    "rt_gone": ("nowhere",),
}


def no_database() -> psycopg.Connection[Any]:
    raise psycopg.OperationalError("connection refused")


def source() -> Serving:
    """Make a serving that holds two flags and can reach no database."""
    made = Serving(Path("/nonexistent/snapshot.json"), no_database)
    tokens = {token_digest(secret): slugs for secret, slugs in TOKENS.items()}
    snapshots = {slug: build(slug, 7, [SPLIT, ON], DATABASE) for slug in ("production", "staging")}
    made.house = House(snapshots, tokens, DATABASE)
    return made


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


def client(headers: dict[str, str], application: Application | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application or beside(pages, source(), limit=0))
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


@pytest.fixture
async def shop() -> AsyncIterator[httpx.AsyncClient]:
    async with client(TOKEN) as made:
        yield made


async def test_one_flag_is_evaluated(shop: httpx.AsyncClient) -> None:
    answer = await shop.post(f"{BULK}/new-checkout", json={"context": {"targetingKey": "user-1"}})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["reason"] == "SPLIT"


async def test_a_token_may_come_as_an_api_key() -> None:
    async with client({"X-API-Key": "rt_production"}) as shop:
        assert (await shop.post(f"{BULK}/banner", json={})).json()["value"] is True


@pytest.mark.parametrize("body", [b"", b"{}", b'{"other": 1}'])
async def test_a_body_without_a_context_is_accepted(shop: httpx.AsyncClient, body: bytes) -> None:
    answer = await shop.post(f"{BULK}/banner", content=body)
    assert (answer.status_code, answer.json()["value"]) == (200, True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b"[]", "PARSE_ERROR"),
        (b"null", "PARSE_ERROR"),
        (b"\xff\xfe", "PARSE_ERROR"),
        (b'{"context": {"age": NaN}}', "PARSE_ERROR"),
        (b'{"context": {"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}}", "PARSE_ERROR"),
        (b'{"context": {"n": ' + b"9" * 10_000 + b"}}", "PARSE_ERROR"),
        (b'{"context": null}', "INVALID_CONTEXT"),
        (b'{"context": []}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "\\ud800"}}', "INVALID_CONTEXT"),
    ],
)
@pytest.mark.parametrize("path", [BULK, f"{BULK}/new-checkout"])
async def test_what_cannot_be_read_is_refused_in_the_protocols_words(
    shop: httpx.AsyncClient, path: str, body: bytes, code: str
) -> None:
    answer = await shop.post(path, content=body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)
    assert answer.json()["errorDetails"].endswith(".")
    assert answer.json().get("key") == (None if path == BULK else "new-checkout")


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("typo", 404, "FLAG_NOT_FOUND"),
        ("a%2Fb", 404, "FLAG_NOT_FOUND"),
        ("%F0%9F%9A%86", 404, "FLAG_NOT_FOUND"),
        ("new-checkout", 400, "TARGETING_KEY_MISSING"),
    ],
)
async def test_a_flag_that_gives_no_answer_says_why(
    shop: httpx.AsyncClient, key: str, status: int, code: str
) -> None:
    answer = await shop.post(f"{BULK}/{key}", json={"context": {}})
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Basic YTpi"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"authorization": "Bearer rt_none"}, 403),
        ({"authorization": "Bearer rt_both"}, 403),
        ({"authorization": "Bearer rt_gone"}, 403),
    ],
)
async def test_a_token_that_does_not_fit_is_refused_in_a_sentence(
    headers: dict[str, str], status: int
) -> None:
    async with client(headers) as stranger:
        answer = await stranger.post(f"{BULK}/banner", json={})
    assert answer.status_code == status
    assert answer.json()["errorDetails"].endswith(".")
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_flags_are_evaluated_by_post_only(shop: httpx.AsyncClient, method: str) -> None:
    answer = await shop.request(method, BULK)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/ofrep/", "/ofrep/v1/", "/ofrep/v2/evaluate/flags", f"{BULK}/"])
async def test_another_address_of_the_protocol_is_not_found(shop: httpx.AsyncClient, path: str) -> None:
    answer = await shop.post(path, json={})
    assert answer.status_code == 404
    assert path in answer.json()["errorDetails"]


async def test_a_context_that_is_too_large_is_refused(shop: httpx.AsyncClient) -> None:
    answer = await shop.post(BULK, content=b"x" * (64 * 1024 + 1))
    assert answer.status_code == 413
    assert "64 KiB" in answer.json()["errorDetails"]


async def test_a_stream_that_is_too_large_is_not_read_to_its_end(shop: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 10_000

    answer = await shop.post(BULK, content=endless())
    assert answer.status_code == 413
    assert sent < 10


async def test_a_token_that_asks_too_often_is_told_to_wait_and_another_one_is_not() -> None:
    application = beside(pages, source(), limit=3)
    statuses = []
    async with client(TOKEN, application) as shop:
        for _ in range(60):  # whenever a second ends in between, the next one brings it
            answer = await shop.post(f"{BULK}/banner", json={})
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                break
    assert statuses[:3] == [200, 200, 200]
    assert (statuses[-1], answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["errorCode"] == "GENERAL"
    async with client({"x-api-key": "rt_none"}, application) as other:
        assert (await other.post(f"{BULK}/banner", json={})).status_code == 403


async def test_all_flags_come_at_once_and_a_repeat_costs_nothing(shop: httpx.AsyncClient) -> None:
    body = {"context": {"targetingKey": "user-1", "plan": "pro"}}
    first = await shop.post(BULK, json=body)
    assert [one["key"] for one in first.json()["flags"]] == ["banner", "new-checkout"]
    repeated = await shop.post(BULK, json=body, headers={"if-none-match": first.headers["etag"]})
    assert (repeated.status_code, repeated.content) == (304, b"")
    assert repeated.headers["etag"] == first.headers["etag"]
    reordered = {"context": {"plan": "pro", "targetingKey": "user-1"}}
    among = f'"0-x", W/{first.headers["etag"]}'
    assert (await shop.post(BULK, json=reordered, headers={"if-none-match": among})).status_code == 304
    assert (await shop.post(BULK, json=reordered)).json() == first.json()


async def test_another_context_is_never_told_that_nothing_changed(shop: httpx.AsyncClient) -> None:
    first = await shop.post(BULK, json={"context": {"targetingKey": "user-1"}})
    other = await shop.post(
        BULK,
        json={"context": {"targetingKey": "user-1", "country": "DE"}},
        headers={"if-none-match": first.headers["etag"]},
    )
    assert other.status_code == 200


async def test_a_context_whose_first_request_was_a_304_gets_its_flags_afterwards() -> None:
    followed = source()
    context = {"targetingKey": "user-1"}
    etag = followed.house.snapshots["production"].etag(context).decode()
    async with client(TOKEN, beside(pages, followed, limit=0)) as shop:
        assert (
            await shop.post(BULK, json={"context": context}, headers={"if-none-match": etag})
        ).status_code == 304
        answer = await shop.post(BULK, json={"context": context})
    assert [one["key"] for one in answer.json()["flags"]] == ["banner", "new-checkout"]
    assert answer.json()["flags"][1]["reason"] == "SPLIT"


async def test_a_new_revision_ends_what_was_cached() -> None:
    followed = source()
    body = {"context": {"targetingKey": "user-1"}}
    async with client(TOKEN, beside(pages, followed, limit=0)) as shop:
        before = await shop.post(BULK, json=body)
        killed = FlagState("banner", True, True, 100_000, "salt", 1, 8)
        followed.house = followed.house.with_snapshot(
            followed.house.snapshots["production"].with_flag(killed)
        )
        after = await shop.post(BULK, json=body, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.json()["flags"][0]["value"] is False
    assert after.headers["etag"].startswith('"8-')


async def test_before_anything_is_loaded_it_says_so(tmp_path: Path) -> None:
    empty = Serving(tmp_path / "snapshot.json", no_database)
    async with client(TOKEN, beside(pages, empty, limit=0)) as shop:
        answer = await shop.post(BULK, json={})
    empty.stop()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "not been loaded" in answer.json()["errorDetails"]


async def test_a_bug_in_evaluation_is_logged_and_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    followed = source()
    object.__setattr__(followed.house.snapshots["production"], "flags", None)
    async with client(TOKEN, beside(pages, followed, limit=0)) as shop:
        answer = await shop.post(f"{BULK}/banner", json={})
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "GENERAL")
    assert [record.message for record in caplog.records] == ["An evaluation failed."]


async def test_everything_else_is_the_pages_business(shop: httpx.AsyncClient) -> None:
    for path in ("/", "/ofrepx", "/api/v1/docs"):
        assert (await shop.get(path)).text == "a page"


async def test_the_process_of_its_own_serves_nothing_else() -> None:
    async with client({}, alone()) as shop:
        answer = await shop.get("/")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_it_works_below_a_mounted_path() -> None:
    transport = httpx.ASGITransport(beside(pages, source(), limit=0), root_path="/trains")
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=TOKEN) as shop:
        assert (await shop.post(f"/trains{BULK}/banner", json={})).json()["value"] is True


async def test_the_listener_starts_and_stops_with_the_server(tmp_path: Path) -> None:
    followed = Serving(tmp_path / "snapshot.json", no_database)
    said: list[str] = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        return {"type": next(messages)}

    async def send(message: Message) -> None:
        said.append(message["type"])
        if message["type"] == "lifespan.startup.complete":
            assert followed._thread is not None
            assert followed._thread.is_alive()

    await beside(pages, followed, limit=0)({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert followed._thread is not None
    assert not followed._thread.is_alive()


async def test_a_socket_is_turned_away() -> None:
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    await beside(pages, source(), limit=0)({"type": "websocket", "path": "/"}, receive, send)
    assert [one["type"] for one in said] == ["websocket.close"]


async def test_a_client_that_hangs_up_is_not_answered() -> None:
    said: list[Message] = []
    first: Message = {"type": "http.request", "body": b"{", "more_body": True}
    messages = iter([first, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": BULK,
        "headers": [(b"authorization", b"Bearer rt_production")],
    }
    await beside(pages, source(), limit=0)(scope, receive, send)
    assert said == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([BULK, f"{BULK}/new-checkout", f"{BULK}/banner"]),
    st.binary(max_size=60)
    | json_values.map(lambda one: json.dumps(one).encode())
    | json_values.map(lambda one: json.dumps({"context": one}).encode())
    | st.dictionaries(st.just("targetingKey") | st.text(), json_values, max_size=4).map(
        lambda one: json.dumps({"context": one}).encode()
    ),
)
async def test_no_body_whatsoever_brings_a_fault(path: str, body: bytes) -> None:
    async with client(TOKEN) as shop:
        answer = await shop.post(path, content=body)
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert {"errorCode", "errorDetails"} <= set(answer.json())
