"""What GitHub says of the checks of a commit is evidence about the version that goes out."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from releasetrain.trains import actions
from releasetrain.trains.models import Evidence
from tests import make

pytestmark = pytest.mark.django_db
SHARED = Path(__file__).parents[3] / "shared" / "data" / "webhooks" / "github"
SHA = "a" * 40


def ingest(event: str, payload: dict[str, Any], delivery: str = "one") -> actions.Ingested:
    return actions.ingest_webhook(
        host="github", event=event, delivery_id=delivery, payload=payload, now=make.NOW
    )


def repository(name: str = "octo/shop") -> dict[str, Any]:
    service = make.service("Shop")
    service.repository = "octo/shop"
    service.save(update_fields=["repository"])
    return {"full_name": name}


def check_run(**said: Any) -> dict[str, Any]:
    run = {
        "head_sha": SHA,
        "name": "build",
        "status": "completed",
        "conclusion": "success",
        "completed_at": (make.NOW - timedelta(minutes=1)).isoformat(),
        "html_url": "https://github.com/octo/shop/runs/1",
    }
    return {"action": "completed", "check_run": {**run, **said}, "repository": repository()}


def status(**said: Any) -> dict[str, Any]:
    return {"sha": SHA, "state": "failure", "context": "ci/e2e", "repository": repository(), **said}


def kept() -> list[tuple[str, str, str]]:
    return list(Evidence.objects.order_by("name").values_list("version", "name", "state"))


def test_a_check_run_and_a_status_are_kept_for_their_commit() -> None:
    assert ingest("check_run", check_run()).outcome == "“build” is green for Shop aaaaaaaaaaaa."
    ingest("status", status(), "two")
    assert kept() == [(SHA, "build", "green"), (SHA, "ci/e2e", "red")]
    assert Evidence.objects.get(name="build").reported_by == "GitHub"


def test_a_run_that_is_not_over_is_pending_and_a_message_that_comes_late_changes_nothing() -> None:
    started = {"status": "queued", "conclusion": None, "completed_at": None}
    ingest("check_run", check_run(conclusion="failure"))
    earlier = (make.NOW - timedelta(hours=1)).isoformat()
    ingest("check_run", check_run(**started, started_at=earlier), "two")
    assert kept() == [(SHA, "build", "red")]
    ingest("check_run", check_run(**started, started_at=make.NOW.isoformat()), "three")
    assert kept() == [(SHA, "build", "pending")]


@pytest.mark.parametrize(
    "flaw",
    [{"head_sha": "no commit"}, {"name": None}, {"name": "\0"}, {"conclusion": "sunny"}, {"head_sha": [1]}],
)
def test_what_says_nothing_that_can_be_kept_is_acknowledged(flaw: dict[str, Any]) -> None:
    assert "says nothing of a commit" in ingest("check_run", check_run(**flaw)).outcome
    assert kept() == []


def test_times_and_addresses_that_make_no_sense_are_left_out() -> None:
    ingest("status", status(updated_at="yesterday", target_url="javascript:x"))
    assert Evidence.objects.values_list("at", "url").get() == (make.NOW, "")
    ahead = (make.NOW + timedelta(days=3)).isoformat()
    ingest("status", status(state="success", updated_at=ahead), "two")
    assert Evidence.objects.values_list("at", "state").get() == (make.NOW, "green")


def test_a_check_of_an_unknown_repository_is_acknowledged() -> None:
    message = {**check_run(), "repository": {"full_name": "octo/else"}}
    assert "No service belongs to the repository octo/else" in ingest("check_run", message).outcome


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not beside this checkout")
def test_real_messages_about_checks_are_read() -> None:
    service = make.service("Shop")
    service.repository = "Codertocat/Hello-World"
    service.save(update_fields=["repository"])
    for event in ("check_run", "status"):
        for number, path in enumerate(sorted((SHARED / event).glob("*.json"))):
            ingest(event, json.loads(path.read_text()), f"{event}-{number}")
    assert {(name, state) for _, name, state in kept()} >= {("default", "green")}
