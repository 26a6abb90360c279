"""Reports that are taken in beside Django; what cannot be taken comes to Django as it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from releasetrain.accounts.actions import issue_token, revoke_token
from releasetrain.accounts.models import ApiToken
from releasetrain.api import intake
from releasetrain.api.bounds import Application, Receive, Scope, Send, answer
from releasetrain.api.schemas import ReportIn
from releasetrain.health.models import ErrorLine, Reading
from releasetrain.lib import clock
from tests import make

HANDED_ON = 418
TEN = timedelta(seconds=10)


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell what came in Django's place: how long the body was."""
    if scope["type"] == "http":
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        await answer(send, HANDED_ON, b"%d" % sum(len(one.get("body", b"")) for one in messages))


async def nothing() -> dict[str, Any]:
    return {}


async def nowhere(message: object) -> None:
    return None


@pytest.fixture
async def application(transactional_db: None) -> AsyncIterator[Application]:
    built = intake.beside(pages)
    yield built
    await built({"type": "lifespan"}, nothing, nowhere)
    await sync_to_async(connections.close_all)()


def world(*scopes: str) -> str:
    make.target()
    return issue_token(name="shop", scopes=list(scopes or ["metrics:storefront"]), by=None, now=make.NOW)[1]


def report(**changes: Any) -> dict[str, Any]:
    now = clock.now()
    return {
        "service": "storefront",
        "environment": "production",
        "starts_at": (now - TEN).isoformat(),
        "ends_at": now.isoformat(),
        "readings": [
            {"arm": arm, "metric": "errors", "units": 120, "bad": 1} for arm in ("candidate", "baseline")
        ],
        **changes,
    }


async def push(
    application: Application, body: Any, token: str, *, path: str = intake.PATH, header: str = "Authorization"
) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://test") as http:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await http.post(path, content=raw, headers={header: f"Bearer {token}"})


async def test_a_report_is_answered_once_it_is_committed_and_a_repeat_counts_once(
    application: Application,
) -> None:
    token, said = await sync_to_async(world)(), await sync_to_async(report)()
    first = await push(application, said, token)
    assert (first.status_code, first.json()) == (200, {"readings": 2, "repeated": 0, "error_lines": 0})
    assert await Reading.objects.acount() == 2
    again = await push(application, said, token)
    assert again.json() == {"readings": 0, "repeated": 2, "error_lines": 0}


async def test_error_lines_are_counted_with_their_report_and_only_with_a_new_one(
    application: Application,
) -> None:
    token, said = await sync_to_async(world)(), await sync_to_async(report)()
    said["errors"] = [{"arm": "candidate", "message": "KeyError: 'tax'", "count": 3, "at": said["ends_at"]}]
    for counted in (1, 0):
        assert (await push(application, said, token)).json()["error_lines"] == counted
    assert (await ErrorLine.objects.aget()).count == 3


async def test_many_at_once_are_each_counted_in_whatever_company_they_come(application: Application) -> None:
    token = await sync_to_async(world)()
    said = [await sync_to_async(report)(source=f"web-{number % 20}") for number in range(30)]
    for number in range(20, 30):
        said[number] = said[number - 20]
    said[7]["readings"][0]["bad"] = 1000
    answers = await asyncio.gather(*(push(application, one, token) for one in said))
    handed_on = [place for place, one in enumerate(answers) if one.status_code == HANDED_ON]
    assert {7, 27} <= set(handed_on) <= {7, *range(20, 30)}
    taken = [one.json() for one in answers if one.status_code == 200]
    assert sum(one["readings"] for one in taken) == 2 * 19 == await Reading.objects.acount()


BAD: dict[str, dict[str, Any]] = {
    "unknown service": {"service": "search"},
    "unknown environment": {"environment": "moon"},
    "too old": {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-01T00:00:10Z"},
    "outside the calendar": {"starts_at": "0001-01-01T00:00:00+14:00"},
    "more bad ones than units": {
        "readings": [{"arm": "candidate", "metric": "errors", "units": 1, "bad": 2}]
    },
    "not a number": {"readings": [{"arm": "candidate", "metric": "errors", "units": True, "bad": 0}]},
    "nothing": {"readings": []},
    "a field that is missing": {"service": None},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
async def test_what_cannot_be_taken_is_handed_on_whole(
    application: Application, changes: dict[str, Any]
) -> None:
    token = await sync_to_async(world)("metrics:storefront", "metrics:search")
    said = json.dumps({**await sync_to_async(report)(), **changes}).encode()
    refused = await push(application, said, token)
    assert (refused.status_code, refused.text) == (HANDED_ON, str(len(said)))
    assert not await Reading.objects.aexists()


async def test_only_who_may_report_is_taken_in(application: Application) -> None:
    token, said = await sync_to_async(world)(), await sync_to_async(report)()
    other = (await sync_to_async(issue_token)(name="o", scopes=["read"], by=None, now=make.NOW))[1]
    for wrong in ("", "wrong", other):
        assert (await push(application, said, wrong)).status_code == HANDED_ON
    assert (await push(application, said, token, header="X-API-Key")).status_code == HANDED_ON
    assert (await push(application, said, token)).status_code == 200
    known = await ApiToken.objects.aget(name="shop")
    await sync_to_async(revoke_token)(known, by=None, now=make.NOW)
    assert (await push(application, await sync_to_async(report)(), token)).status_code == HANDED_ON


async def test_everything_else_is_left_alone(application: Application) -> None:
    token, said = await sync_to_async(world)(), await sync_to_async(report)()
    for path in ("/api/v1/errors", "/api/v1/metrics?x=1", "/"):
        assert (await push(application, said, token, path=path)).status_code == HANDED_ON
    for body in (b"", b"{", b"\xff", json.dumps(said).encode() + b" " * intake.MOST_BYTES):
        assert (await push(application, body, token)).text == str(len(body))


async def test_a_fault_hands_on_what_was_under_way_and_nothing_after_it(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, said = await sync_to_async(world)(), await sync_to_async(report)()
    with monkeypatch.context() as broken:
        broken.setattr(intake, "flaw_of", lambda *_: 1 / 0)
        assert (await push(application, said, token)).status_code == HANDED_ON
    assert (await push(application, said, token)).status_code == 200


MESSY = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**70), st.floats(), st.text(max_size=5), st.just("candidate")
)


@given(
    st.fixed_dictionaries(
        {
            "service": st.one_of(st.just("storefront"), MESSY),
            "environment": st.just("production"),
            "source": st.one_of(st.just("web"), MESSY),
            "starts_at": st.one_of(st.just("2026-11-24T10:00:00Z"), MESSY),
            "ends_at": st.one_of(st.just("2026-11-24T10:00:10+01:00"), MESSY),
            "readings": st.lists(
                st.fixed_dictionaries(
                    {
                        "arm": st.sampled_from(["candidate", "x"]),
                        "metric": MESSY,
                        "units": MESSY,
                        "bad": MESSY,
                    }
                ),
                max_size=2,
            ),
        }
    )
)
def test_nothing_is_read_here_that_the_endpoint_would_not_read_the_same_way(said: dict[str, Any]) -> None:
    raw = json.dumps(said).encode()
    try:
        read = ReportIn.model_validate_json(raw)
    except ValidationError:
        return
    assert read == ReportIn.model_validate(json.loads(raw))
