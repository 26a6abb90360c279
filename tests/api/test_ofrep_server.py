"""A stock OpenFeature application against a real server, a real database and nothing of ours in between."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from django.core.asgi import get_asgi_application
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from releasetrain.accounts.actions import issue_token
from releasetrain.api.ofrep import beside
from releasetrain.flags import actions
from releasetrain.flags.queries import state_of
from releasetrain.flags.rules import is_in
from releasetrain.flags.serving import Serving
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Run the application as it is served: uvicorn, its lifespan, Django beside it."""
    application = beside(get_asgi_application(), Serving(tmp_path / "flags" / "snapshot.json"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(application, log_level="error", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=[[listening]], daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def token(transactional_db: None) -> str:
    make.environment()
    return issue_token(name="shop", scopes=["ofrep:production"], by=None, now=make.NOW)[1]


@pytest.fixture
def shop(token: str, address: str) -> Iterator[OpenFeatureClient]:
    provider = OFREPProvider(address, headers_factory=lambda: {"Authorization": f"Bearer {token}"})
    api.set_provider(provider)
    yield api.get_client()
    api.clear_providers()
    provider.session.close()


def test_the_stock_provider_gets_the_answer_that_the_rules_give(shop: OpenFeatureClient) -> None:
    flag = make.flag_environment(percentage=0)
    actions.set_percentage(flag, 50_000, fence=1, key="k", reason="", actor=None, now=make.NOW)
    flag.refresh_from_db()
    wait_for(shop, "new-checkout", variant=None)
    state = state_of(flag, 1)
    for user in (f"user-{number}" for number in range(20)):
        details = shop.get_boolean_details("new-checkout", False, EvaluationContext(user, {"plan": "pro"}))
        assert details.error_code is None
        assert details.value is is_in(state, user)
        assert (details.variant, details.reason) == ("on" if details.value else "off", Reason.SPLIT)
        assert details.flag_metadata["revision"] == 1


def test_a_kill_reaches_the_application_whose_code_default_is_true(shop: OpenFeatureClient) -> None:
    flag = make.flag_environment(percentage=0)
    actions.set_percentage(flag, 100_000, fence=1, key="k", reason="", actor=None, now=make.NOW)
    wait_for(shop, "new-checkout", variant="on")
    actions.kill(flag, reason="errors", actor=None, now=make.NOW)
    wait_for(shop, "new-checkout", variant="off")
    details = shop.get_boolean_details("new-checkout", True, EvaluationContext("ada"))
    assert (details.value, details.reason) == (False, Reason.DISABLED)
    assert details.flag_metadata["killed"] is True


def test_errors_arrive_as_openfeature_knows_them(shop: OpenFeatureClient) -> None:
    flag = make.flag_environment(percentage=0)
    actions.set_percentage(flag, 50_000, fence=1, key="k", reason="", actor=None, now=make.NOW)
    wait_for(shop, "new-checkout", variant=None)
    missing = shop.get_boolean_details("new-checkout", True)
    assert (missing.value, missing.error_code) == (True, ErrorCode.TARGETING_KEY_MISSING)
    assert "targetingKey" in (missing.error_message or "")
    unknown = shop.get_boolean_details("typo", True, EvaluationContext("ada"))
    assert (unknown.value, unknown.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    wrong_type = shop.get_string_details("new-checkout", "x", EvaluationContext("ada"))
    assert (wrong_type.value, wrong_type.error_code) == ("x", ErrorCode.TYPE_MISMATCH)


def test_a_stranger_gets_the_code_default(shop: OpenFeatureClient, address: str) -> None:
    provider = OFREPProvider(address, headers_factory=lambda: {"Authorization": "Bearer wrong"})
    api.set_provider(provider)
    details = api.get_client().get_boolean_details("new-checkout", True, EvaluationContext("ada"))
    provider.session.close()
    assert (details.value, details.error_message) == (True, "unauthorized")


def test_bulk_over_the_wire_answers_304_to_its_own_etag(token: str, address: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    body = {"context": {"targetingKey": "ada"}}
    with httpx.Client(base_url=address, headers=headers) as http:
        first = http.post("/ofrep/v1/evaluate/flags", json=body)
        again = http.post(
            "/ofrep/v1/evaluate/flags", json=body, headers={"if-none-match": first.headers["etag"]}
        )
        large = http.post("/ofrep/v1/evaluate/flags", content=b"x" * 10_000_000)
    assert (first.status_code, again.status_code, large.status_code) == (200, 304, 413)


def wait_for(shop: OpenFeatureClient, key: str, variant: str | None) -> None:
    """Wait until the server has heard: a variant, or any answer that is a split."""
    deadline = time.monotonic() + 30
    while True:
        details = shop.get_boolean_details(key, False, EvaluationContext("ada"))
        if details.variant == variant or (variant is None and details.reason == Reason.SPLIT):
            return
        assert time.monotonic() < deadline, details
        time.sleep(0.01)
