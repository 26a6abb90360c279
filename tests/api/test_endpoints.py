import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from releasetrain.accounts.actions import issue_token, revoke_token
from releasetrain.api import endpoints
from releasetrain.events.models import Event
from releasetrain.health.models import ErrorLine, Reading
from releasetrain.lib import clock
from releasetrain.rollouts.models import Hold, Rollout, Transition
from releasetrain.trains.models import Change, Evidence, Manifest, WebhookDelivery
from tests import make

pytestmark = pytest.mark.django_db


def client(*scopes: str) -> Client:
    """Make a machine with a token of these scopes; its requests are checked like any browser's."""
    _, secret = issue_token(name="machine", scopes=list(scopes), by=None, now=make.NOW)
    return Client(headers={"Authorization": f"Bearer {secret}"}, enforce_csrf_checks=True)


def report(**changes: Any) -> dict[str, Any]:
    now = clock.now()
    return {
        "service": "storefront",
        "environment": "production",
        "source": "web-1",
        "starts_at": (now - timedelta(seconds=10)).isoformat(),
        "ends_at": now.isoformat(),
        "readings": [
            {"arm": "candidate", "metric": "errors", "units": 120, "bad": 1},
            {"arm": "baseline", "metric": "errors", "units": 9000, "bad": 31},
        ],
        "errors": [{"arm": "candidate", "message": "KeyError: 'tax'", "count": 3, "at": now.isoformat()}],
        **changes,
    }


def push(machine: Client, body: Any) -> tuple[int, dict[str, Any]]:
    answer = machine.post("/api/v1/metrics", body, content_type="application/json")
    return answer.status_code, answer.json()


def test_a_service_reports_and_a_repeat_counts_once() -> None:
    make.target()
    machine, said = client("metrics:storefront"), report()
    assert push(machine, said) == (200, {"readings": 2, "repeated": 0, "error_lines": 1})
    assert push(machine, said) == (200, {"readings": 0, "repeated": 2, "error_lines": 0})
    assert Reading.objects.count() == 2
    assert ErrorLine.objects.get().count == 3


def test_a_whole_number_may_be_written_with_a_point() -> None:
    make.target()
    counted = {"arm": "candidate", "metric": "errors", "units": 120.0, "bad": 1}
    assert push(client("metrics:storefront"), report(readings=[counted]))[0] == 200
    assert Reading.objects.get().units == 120


def test_a_report_costs_few_queries() -> None:
    make.target()
    machine, said = client("metrics:storefront"), report()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert push(machine, said)[0] == 200
    assert len(captured) <= 9, [one["sql"][:80] for one in captured]


def test_a_token_reports_for_its_own_service_only() -> None:
    make.target()
    status, problem = push(client("metrics:search", "read"), report())
    assert (status, problem["error"]) == (403, "not_allowed")
    assert "metrics:storefront" in problem["message"]
    assert not Reading.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_a_stranger_is_told_to_bring_a_token(headers: dict[str, str]) -> None:
    answer = Client(headers=headers).post("/api/v1/metrics", {}, content_type="application/json")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["message"].endswith(".")


def test_a_revoked_token_opens_nothing() -> None:
    token, secret = issue_token(name="old", scopes=["read"], by=None, now=make.NOW)
    revoke_token(token, by=make.user(), now=make.NOW)
    answer = Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/departures")
    assert (answer.status_code, answer.json()["error"]) == (401, "bad_token")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"environment": "mars"}, "", "no service “storefront” in an environment “mars”"),
        ({"environment": "a\x00"}, "environment", "pattern"),
        ({"ends_at": "2026-01-01T00:00:00"}, "ends_at", "timezone"),
        ({"ends_at": "0001-01-01T00:00:00+14:00"}, "ends_at", "outside the calendar"),
        ({"starts_at": "9999-12-31T23:59:59-14:00"}, "starts_at", "outside the calendar"),
        ({"starts_at": 1e300}, "starts_at", "datetime"),
        ({"readings": []}, "readings", "1 to 500"),
        ({"readings": "x"}, "readings", "valid list"),
        ({"readings": [{"arm": "canary"}]}, "readings.0.arm", "candidate"),
        (
            {"readings": [{"arm": "candidate", "metric": "errors", "units": 1, "bad": 2}]},
            "readings.0",
            "Of 1 units 2 cannot be bad",
        ),
        (
            {"readings": [{"arm": "candidate", "metric": "errors", "units": 1.5, "bad": True}]},
            "readings.0.units",
            "valid integer",
        ),
        (
            {"readings": [{"arm": "candidate", "metric": "errors", "units": 10**30, "bad": 0}]},
            "readings.0",
            "units",
        ),
        (
            {"readings": [{"arm": "candidate", "metric": "errors", "units": 10, "bad": "7"}]},
            "readings.0.bad",
            "valid integer",
        ),
        ({"source": "x" * 200}, "source", "at most 100"),
        ({"service": None}, "service", "valid string"),
    ],
)
def test_a_report_that_cannot_be_is_refused_at_its_place(
    changes: dict[str, Any], field: str, words: str
) -> None:
    make.target()
    status, problem = push(client("metrics:storefront"), report(**changes))
    assert status in {404, 422}
    assert problem.get("field", "") == field
    assert words in problem["message"]
    assert not Reading.objects.exists()


def test_many_flaws_are_told_briefly() -> None:
    status, problem = push(client("metrics:storefront"), {"readings": [{}] * 400})
    assert status == 422
    assert len(problem["message"]) < 500
    assert "more)" in problem["message"]


@pytest.mark.parametrize("body", ["{", "", "[1", "nan", "\xff", "[" * 100_000, "9" * 10_000])
def test_a_body_that_cannot_be_read_is_refused(body: str) -> None:
    status, problem = push(client("metrics:storefront"), body.encode("latin-1"))
    assert status in {400, 422}
    assert problem["message"].endswith(".")


def test_a_body_that_is_too_large_is_refused() -> None:
    status, problem = push(client("metrics:storefront"), b" " * (2 * 1024 * 1024 + 1))
    assert (status, problem["error"]) == (413, "too_large")


def test_departures_are_listed_last_to_leave_first_and_in_parts() -> None:
    train = make.train()
    first, second, third = (
        make.departure(train, departs_at=make.NOW + timedelta(days=day)) for day in (1, 2, 3)
    )
    make.change(departure=second, state="aboard")
    machine = client("read")
    page = machine.get("/api/v1/departures", {"limit": 2}).json()
    assert [one["id"] for one in page["items"]] == [third.pk, second.pk]
    assert [one["changes"] for one in page["items"]] == [0, 1]
    assert (page["total"], page["next"]) == (3, 2)
    rest = machine.get("/api/v1/departures", {"limit": 2, "offset": 2}).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([first.pk], None)


def test_departures_are_found_by_state_and_train() -> None:
    express, local = make.train(), make.train("Local")
    wanted = make.departure(express, state="cleared")
    make.departure(express), make.departure(local, state="cleared")
    found = client("read").get("/api/v1/departures", {"state": "cleared", "train": express.slug}).json()
    assert [one["id"] for one in found["items"]] == [wanted.pk]
    assert found["items"][0]["train"]["slug"] == express.slug


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_costs_the_same_queries_whatever_its_length(count: int) -> None:
    train = make.train()
    for day in range(count):
        make.departure(train, departs_at=make.NOW + timedelta(days=day + 1))
    machine = client("read")
    with CaptureQueriesContext(connection) as captured:
        assert len(machine.get("/api/v1/departures").json()["items"]) == count
    assert len(captured) == 3


def test_a_departure_is_shown_with_what_is_aboard() -> None:
    departure = make.departure(held_at=make.NOW, held_reason="Fire drill")
    change = make.change(departure=departure, state="aboard")
    Manifest.objects.create(departure=departure, revision=1, digest="a" * 64, content={}, sealed_at=make.NOW)
    Manifest.objects.create(departure=departure, revision=2, digest="b" * 64, content={}, sealed_at=make.NOW)
    shown = client("read").get(f"/api/v1/departures/{departure.pk}").json()
    assert (shown["code"], shown["held_reason"]) == (departure.code, "Fire drill")
    assert [one["id"] for one in shown["aboard"]] == [change.pk]
    assert shown["aboard"][0]["service"] == "storefront"
    assert shown["manifest"] == {"digest": "b" * 64, "revision": 2, "sealed_at": "2026-11-23T12:00:00Z"}


def test_a_departures_rollouts_are_shown_with_open_holds_and_steps() -> None:
    departure = make.departure(state="rolling")
    rollout = Rollout.objects.create(
        departure=departure,
        target=make.target(),
        to_version="v2",
        ladder=make.LADDER,
        state="baking",
        stage_index=1,
        desired_weight=5,
        observed_weight=5,
        state_entered_at=make.NOW,
        created_at=make.NOW,
    )
    Hold.objects.create(rollout=rollout, kind="operator", reason="Lunch", opened_at=make.NOW)
    Hold.objects.create(rollout=rollout, kind="drift", reason="Gone", opened_at=make.NOW, cleared_at=make.NOW)
    Transition.objects.create(
        rollout=rollout,
        seq=1,
        from_state="queued",
        to_state="preflight",
        stage_index=0,
        weight=0,
        fence=1,
        at=make.NOW,
    )
    [shown] = client("read").get(f"/api/v1/departures/{departure.pk}/rollouts").json()
    assert (shown["service"], shown["state"], shown["desired_weight"]) == ("storefront", "baking", 5)
    assert shown["stages"] == [1, 5, 10, 25, 50, 100]
    assert [one["reason"] for one in shown["holds"]] == ["Lunch"]
    assert [one["to_state"] for one in shown["transitions"]] == ["preflight"]


def test_a_change_says_when_everybody_has_it() -> None:
    now = clock.now()
    departure = make.departure(
        departs_at=now + timedelta(hours=2), cut_off_at=now + timedelta(hours=1), planned_at=now
    )
    change = make.change(departure=departure, state="aboard", boarded_at=now)
    answer = client("read").get(f"/api/v1/changes/{change.pk}/arrival")
    found = answer.json()
    assert answer.status_code == 200
    assert (found["change"], found["state"], found["departure"]) == (change.pk, "aboard", departure.pk)
    assert found["p50_at"] < found["p90_at"]
    assert found["blocked"] is None
    assert [one["label"] for one in found["parts"]][:3] == ["Cut-off", "Decision", "Departure"]
    assert found["parts"][0]["at"].startswith(f"{departure.cut_off_at:%Y-%m-%dT%H:%M:%S}")
    assert found["sentence"].startswith("As likely as not, everybody has it by ")


def test_a_change_that_is_blocked_says_by_whom() -> None:
    change = make.change()
    found = client("read").get(f"/api/v1/changes/{change.pk}/arrival").json()
    assert (found["p50_at"], found["departure"]) == (None, None)
    assert found["blocked"]["code"] == "no_departure"
    assert found["blocked"]["who"]


def test_the_arrival_of_a_change_that_does_not_exist_is_not_found() -> None:
    answer = client("read").get("/api/v1/changes/999999/arrival")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert client("ofrep:production").get("/api/v1/changes/1/arrival").status_code == 403


@pytest.mark.parametrize("path", ["", "/rollouts"])
def test_a_departure_that_does_not_exist_is_not_found(path: str) -> None:
    answer = client("read").get(f"/api/v1/departures/4711{path}")
    assert (answer.status_code, answer.json()["message"]) == (404, "There is no departure 4711.")


@pytest.mark.parametrize("path", ["", "/1", "/1/rollouts"])
def test_reading_needs_its_scope(path: str) -> None:
    answer = client("metrics:storefront").get(f"/api/v1/departures{path}")
    assert answer.status_code == 403
    assert "scope read" in answer.json()["message"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "offset=-1", "offset=99999999999999999999", "state=x", "train=%00", "limit=a"],
)
def test_a_filter_out_of_bounds_is_refused(query: str) -> None:
    answer = client("read").get(f"/api/v1/departures?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == query.split("=")[0]


@pytest.mark.parametrize("pk", ["0", "-1", "abc", str(2**63), "1e3"])
def test_an_odd_number_of_a_departure_is_refused(pk: str) -> None:
    assert client("read").get(f"/api/v1/departures/{pk}").status_code == 422


PULL = {
    "action": "opened",
    "repository": {"full_name": "acme/storefront"},
    "pull_request": {
        "number": 7,
        "title": "Show prices with tax",
        "html_url": "https://github.com/acme/storefront/pull/7",
        "user": {"login": "ada"},
        "head": {"sha": "a" * 40},
        "draft": False,
    },
}


def deliver(body: bytes, *, secret: str = "hook", **headers: str) -> Any:
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    sent = {
        "X-Hub-Signature-256": signature,
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": "d-1",
        **headers,
    }
    return Client(enforce_csrf_checks=True).post(
        "/api/v1/webhooks/github", body, content_type="application/json", headers=sent
    )


@pytest.fixture
def hook(settings: Settings) -> None:
    settings.GITHUB_WEBHOOK_SECRET = "hook"
    service = make.service()
    service.repository = "acme/storefront"
    service.save(update_fields=["repository"])


@pytest.mark.usefixtures("hook")
def test_a_signed_message_becomes_a_change_once() -> None:
    body = json.dumps(PULL).encode()
    first, again = deliver(body), deliver(body)
    change = Change.objects.get()
    assert change.title == "Show prices with tax"
    assert (first.status_code, first.json()["change"], first.json()["is_new"]) == (200, change.pk, True)
    assert (again.status_code, again.json()["is_duplicate"]) == (200, True)


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha256=é"},
        {"X-Hub-Signature-256": "sha1=0"},
    ],
)
def test_a_message_that_was_not_signed_by_the_secret_changes_nothing(headers: dict[str, str]) -> None:
    answer = deliver(json.dumps(PULL).encode(), **headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "bad_signature")
    assert not Change.objects.exists()
    assert not WebhookDelivery.objects.exists()


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[]", {}),
        (b'{"action": "opened"}', {}),
        (b"\xff", {}),
        (b"{}", {"X-GitHub-Event": ""}),
        (b"{}", {"X-GitHub-Delivery": "x" * 200}),
        (json.dumps({**PULL, "repository": {"full_name": "acme/unknown"}}).encode(), {}),
    ],
)
def test_a_signed_message_that_cannot_be_used_is_refused_in_a_sentence(
    body: bytes, headers: dict[str, str]
) -> None:
    answer = deliver(body, **headers)
    assert 400 <= answer.status_code < 500
    assert answer.json()["message"]
    assert not Change.objects.exists()


@pytest.mark.usefixtures("hook")
def test_a_form_is_refused_with_what_to_set() -> None:
    body = b"payload=%7B%7D"
    signature = "sha256=" + hmac.new(b"hook", body, hashlib.sha256).hexdigest()
    answer = Client().post(
        "/api/v1/webhooks/github",
        body,
        content_type="application/x-www-form-urlencoded",
        headers={"X-Hub-Signature-256": signature},
    )
    assert answer.status_code == 415
    assert "application/json" in answer.json()["message"]


def test_without_a_secret_no_message_is_taken_in(settings: Settings) -> None:
    settings.GITHUB_WEBHOOK_SECRET = ""
    answer = deliver(json.dumps(PULL).encode())
    assert (answer.status_code, answer.json()["error"]) == (403, "no_secret")
    assert "RELEASETRAIN_GITHUB_WEBHOOK_SECRET" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/api/", 404),
        ("get", "/api/v2/departures", 404),
        ("post", "/api/v1/nothing", 404),
        ("delete", "/api/v1/departures", 405),
        ("get", "/api/v1/metrics", 405),
    ],
)
def test_a_wrong_address_or_method_is_refused_in_json(method: str, path: str, status: int) -> None:
    answer = getattr(Client(), method)(path)
    assert answer.status_code == status
    assert answer.json()["message"].endswith(".")
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_bug_is_logged_once_and_answered_in_json(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("releasetrain.api.endpoints.departures_with_train", lambda: 1 / 0)
    answer = client("read").get("/api/v1/departures")
    assert (answer.status_code, answer.json()["error"]) == (500, "bug")
    ours = [one for one in caplog.records if one.name.startswith("releasetrain")]
    assert [one.exc_info is not None for one in ours] == [True]


def test_the_documentation_loads_nothing_from_elsewhere_and_holds_no_code() -> None:
    page = Client().get("/api/v1/docs")
    html = page.content.decode()
    assert page.status_code == 200
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "https://" not in html
    assert "//cdn" not in html
    assert html.count("<script") == html.count("<script src=") + 1  # settings, as data
    assert '<script type="application/json"' in html


def test_every_scope_and_path_is_described() -> None:
    described = Client().get("/api/v1/openapi.json").json()
    assert set(described["paths"]) == {
        "/api/v1/metrics",
        "/api/v1/errors",
        "/api/v1/evidence",
        "/api/v1/webhooks/{host}",
        "/api/v1/callbacks/{token}",
        "/api/v1/departures",
        "/api/v1/departures/{departure_id}",
        "/api/v1/departures/{departure_id}/rollouts",
        "/api/v1/changes/{change_id}/arrival",
    }
    for scope in ("metrics:<service>", "read", "ofrep:<environment>"):
        assert f"`{scope}`" in described["info"]["description"]


def test_a_report_leaves_no_event_for_there_are_too_many() -> None:
    make.target()
    machine = client("metrics:storefront")
    before = Event.objects.count()
    assert push(machine, report())[0] == 200
    assert Event.objects.count() == before


def evidence(**changes: Any) -> dict[str, Any]:
    return {"service": "storefront", "version": "v1", "check": "build", "state": "green", **changes}


def tell(machine: Client, body: Any) -> tuple[int, dict[str, Any]]:
    answer = machine.post("/api/v1/evidence", body, content_type="application/json")
    return answer.status_code, answer.json()


def test_ci_reports_and_the_newest_word_counts() -> None:
    make.service()
    machine, now = client("evidence:storefront"), clock.now()
    red = evidence(state="red", at=(now - timedelta(minutes=1)).isoformat())
    assert tell(machine, evidence()) == (200, {"state": "green", "is_new": True, "is_overtaken": False})
    assert tell(machine, red) == (200, {"state": "green", "is_new": False, "is_overtaken": True})
    assert tell(machine, evidence(state="red"))[1]["state"] == "red"
    assert Evidence.objects.get().reported_by == "machine"


def test_evidence_needs_its_scope_a_service_and_words_that_can_be_kept() -> None:
    make.service()
    assert tell(client("evidence:search"), evidence())[0] == 403
    assert tell(client("evidence:search"), evidence(service="search"))[0] == 404
    machine = client("evidence:storefront")
    for flaw, field in (
        ({"version": ""}, "version"),
        ({"check": "a\0"}, "name"),
        ({"version": "\ud800"}, "version"),
        ({"url": "javascript:x"}, "url"),
        ({"state": "sunny"}, "state"),
        ({"at": "2999-01-01T00:00:00Z"}, "at"),
    ):
        status, problem = tell(machine, evidence(**flaw))
        assert (status, problem["field"]) == (422, field)
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("fault", [OperationalError("the server closed the connection"), InterfaceError()])
def test_while_the_database_is_away_a_report_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def away(*_: object) -> None:
        raise fault

    make.target()
    monkeypatch.setattr(endpoints, "target_for", away)
    machine = client("metrics:storefront")
    answer = machine.post("/api/v1/metrics", report(), content_type="application/json")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "Send this again" in answer.json()["message"]
