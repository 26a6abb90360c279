import uuid
from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.actions import issue_token
from releasetrain.health.models import ErrorLine
from releasetrain.lib import clock
from tests import make

pytestmark = pytest.mark.django_db


def client(*scopes: str) -> Client:
    _, secret = issue_token(name="machine", scopes=list(scopes), by=None, now=make.NOW)
    return Client(headers={"Authorization": f"Bearer {secret}"}, enforce_csrf_checks=True)


def batch(**changes: Any) -> dict[str, Any]:
    line = {"message": "KeyError: 'tax' token=abc", "count": 3, "at": clock.now().isoformat()}
    return {
        "service": "storefront",
        "environment": "production",
        "version": "v2",
        "batch": str(uuid.uuid4()),
        "errors": [line],
        **changes,
    }


def push(machine: Client, body: Any) -> tuple[int, dict[str, Any]]:
    answer = machine.post("/api/v1/errors", body, content_type="application/json")
    return answer.status_code, answer.json()


def test_a_batch_of_lines_counts_once_and_masked() -> None:
    make.target(stable_version="v1")
    machine, said = client("metrics:storefront"), batch()
    assert push(machine, said) == (200, {"arm": "candidate", "error_lines": 1, "is_repeated": False})
    assert push(machine, said) == (200, {"arm": "candidate", "error_lines": 0, "is_repeated": True})
    kept = ErrorLine.objects.get()
    assert (kept.sample, kept.count, kept.severity) == ("KeyError: 'tax' token=***", 3, 20)


@pytest.mark.parametrize(
    ("state", "stable", "version", "arm"),
    [
        (None, "", "v1", "baseline"),  # nothing was ever rolled out
        (None, "v1", "v1", "baseline"),
        (None, "v1", "v2", "candidate"),  # its processes speak before users come
        ("baking", "v1", "v1", "baseline"),
        ("baking", "v1", "v2", "candidate"),
        ("rolling_back", "v1", "v2", "candidate"),
        ("soaking", "v1", "v1", "baseline"),
        ("rolled_back", "v1", "v2", "candidate"),
        ("succeeded", "v2", "v2", "baseline"),
        ("succeeded", "v2", "v1", "candidate"),
    ],
)
def test_the_house_knows_the_arm_of_a_version(state: str | None, stable: str, version: str, arm: str) -> None:
    target = make.target(stable_version=stable)
    if state:
        make.rollout(on=target, state=state, from_version="v1", to_version="v2")
    assert push(client("metrics:storefront"), batch(version=version))[1]["arm"] == arm


def test_a_batch_without_lines_is_a_sign_of_life() -> None:
    target = make.target(stable_version="v1")
    taken = {"arm": "candidate", "error_lines": 0, "is_repeated": False}
    assert push(client("metrics:storefront"), batch(errors=[])) == (200, taken)
    assert target.error_batches.count() == 1


def test_whoever_knows_the_arm_may_name_that_instead() -> None:
    make.target(stable_version="v1")
    severe = {**batch()["errors"][0], "severity": "critical"}
    said = batch(version=None, arm="baseline", errors=[severe])
    assert push(client("metrics:storefront"), said)[1]["arm"] == "baseline"
    assert ErrorLine.objects.get().severity == 30


@pytest.mark.parametrize(
    ("changes", "status", "field", "words"),
    [
        ({"version": None}, 422, "version", "Name the version"),
        ({"arm": "candidate"}, 422, "version", "not both"),
        ({"batch": "1"}, 422, "batch", "valid UUID"),
        ({"environment": "mars"}, 404, None, "no service “storefront”"),
        ({"service": "search"}, 403, None, "metrics:search"),
        ({"errors": [{"message": " ", "at": "2026-11-23T12:00:00Z"}]}, 422, "errors.0", "says something"),
        ({"errors": [{"message": "x", "at": "2001-01-01T00:00:00Z"}]}, 422, "errors.0", "within the last"),
        (
            {"errors": [{"message": "x", "severity": "bad", "at": "2026-11-23T12:00:00Z"}]},
            422,
            "errors.0.severity",
            "warning",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(
    changes: dict[str, Any], status: int, field: str | None, words: str
) -> None:
    make.target()
    code, problem = push(client("metrics:storefront"), batch(**changes))
    assert (code, problem.get("field") or None) == (status, field)
    assert words in problem["message"]
    assert not ErrorLine.objects.exists()
