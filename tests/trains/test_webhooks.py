"""What a code host says becomes changes, once, whatever it sends."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.lib.errors import Invalid, Refused
from releasetrain.trains import actions
from releasetrain.trains.actions import Ingested
from releasetrain.trains.actions.refusals import UnknownRepository
from releasetrain.trains.models import Change, WebhookDelivery, Withdrawal
from releasetrain.trains.webhooks import github
from releasetrain.trains.webhooks.reading import PullRequest
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
SHARED = Path(__file__).parents[3] / "shared" / "data" / "webhooks" / "github"
OURS = Path(__file__).parents[2] / "releasetrain" / "demo" / "payloads"


def known_repository(name: str = "octo/shop") -> None:
    service = make.service()
    service.repository = name
    service.save(update_fields=["repository"])


def ingest(payload: Any = None, event: str = "pull_request", delivery: str = "", **fields: Any) -> Ingested:
    payload = world.pull_request() if payload is None else payload
    delivery = delivery or f"d{WebhookDelivery.objects.count()}"
    return actions.ingest_webhook(
        host="github", event=event, delivery_id=delivery, payload=payload, now=make.NOW, **fields
    )


def test_an_opened_pull_request_is_a_change_of_the_repositorys_service() -> None:
    known_repository("Octo/Shop")
    result = ingest()
    change = Change.objects.get()
    assert (result.is_new, result.change) == (True, change)
    assert (change.title, change.version, change.author_label) == (
        "Show prices with tax",
        "a" * 40,
        "octocat",
    )
    assert (change.external_id, change.state, change.service) == (
        "github:octo/shop#7",
        "submitted",
        make.service(),
    )


def test_the_same_delivery_counts_once() -> None:
    known_repository()
    ingest(delivery="one")
    again = ingest(world.pull_request(title="Changed since"), delivery="one")
    assert again.is_duplicate
    assert Change.objects.get().title == "Show prices with tax"


def test_new_commits_before_the_seal_go_aboard() -> None:
    known_repository()
    change = ingest().change
    assert change
    actions.board(change, make.departure(), by=world.submitter(), now=make.NOW)
    ingest(world.pull_request("synchronize", "b" * 40))
    change.refresh_from_db()
    assert (change.version, change.has_drifted) == ("b" * 40, False)


def test_i5_new_commits_after_the_seal_are_drift_and_the_pinned_version_stays_aboard() -> None:
    known_repository()
    change = ingest().change
    assert change
    departure = make.departure()
    actions.board(change, departure, by=world.submitter(), now=make.NOW)
    world.sealed(departure)
    result = ingest(world.pull_request("synchronize", "b" * 40, title="Other"))
    change.refresh_from_db()
    assert (change.version, change.latest_version, change.has_drifted) == ("a" * 40, "b" * 40, True)
    assert change.title == "Show prices with tax"
    assert "stays aboard" in result.outcome
    assert world.kinds()[-1] == "change.drifted"


def test_a_merge_pins_the_commit_that_it_made() -> None:
    known_repository()
    ingest()
    ingest(
        world.pull_request("closed", merged=True, merge_commit_sha="c" * 40, merged_at="2026-11-23T11:00:00Z")
    )
    change = Change.objects.get()
    assert (change.version, change.state, change.merged_at) == (
        "c" * 40,
        "submitted",
        make.NOW - timedelta(hours=1),
    )


def test_a_pull_request_closed_without_a_merge_is_withdrawn_before_the_cut_off() -> None:
    known_repository()
    change = ingest().change
    assert change
    departure = make.departure()
    actions.board(change, departure, by=world.submitter(), now=make.NOW)
    ingest(world.pull_request("closed"))
    change.refresh_from_db()
    assert (change.state, change.departure) == ("withdrawn", None)


def test_i3_a_pull_request_closed_after_the_seal_stays_aboard_and_asks_to_get_off() -> None:
    known_repository()
    change = ingest().change
    assert change
    departure = world.sealed(make.departure(cut_off_at=make.NOW))
    Change.objects.filter(pk=change.pk).update(departure=departure, state="aboard")
    assert "is asked to be taken off" in ingest(world.pull_request("closed")).outcome
    request = Withdrawal.objects.get()
    assert (request.change, request.reason) == (change, "It was closed without a merge")
    again = ingest(world.pull_request("closed", number=7, title="again"))
    assert "stays aboard although it was closed" in again.outcome


def test_a_draft_is_not_offered_and_comes_when_it_is_ready() -> None:
    known_repository()
    ingest(world.pull_request(draft=True))
    assert not Change.objects.exists()
    ingest(world.pull_request("ready_for_review"))
    ingest(world.pull_request("converted_to_draft", draft=True))
    assert Change.objects.get().state == "withdrawn"
    ingest(world.pull_request("labeled"))
    assert Change.objects.get().state == "withdrawn", "a label brings nothing back"
    ingest(world.pull_request("ready_for_review", "b" * 40))
    assert (Change.objects.get().state, Change.objects.get().version) == ("submitted", "b" * 40)


def test_a_message_that_changes_nothing_is_no_news() -> None:
    known_repository()
    ingest()
    before = world.kinds()
    assert "nothing that we keep has changed" in ingest(world.pull_request("labeled")).outcome
    assert world.kinds() == before


def test_what_somebody_typed_here_is_not_overwritten() -> None:
    known_repository()
    actions.submit_change(
        title="Mine", service=make.service(), version="v1", by=world.submitter(), now=make.NOW,
        url="https://github.com/octo/shop/pull/7",
    )  # fmt: skip
    ingest(world.pull_request("synchronize", "b" * 40))
    change = Change.objects.get()
    assert (change.title, change.version) == ("Mine", "b" * 40)


def test_an_unknown_repository_is_refused_by_name_and_may_come_again() -> None:
    with pytest.raises(UnknownRepository, match="No service belongs to the repository octo/shop"):
        ingest(delivery="one")
    known_repository()
    assert ingest(delivery="one").is_new


def test_an_unknown_repository_may_become_a_service() -> None:
    make.service("Shop")
    result = ingest(new_services_of=make.team())
    assert result.change
    assert (result.change.service.name, result.change.service.slug) == ("shop", "octo-shop")
    assert ingest(world.pull_request(number=8), new_services_of=make.team()).change
    assert Change.objects.values("service").distinct().count() == 1


def test_other_events_are_acknowledged_and_nothing_more() -> None:
    assert "said hello" in ingest({"zen": "Keep it logically awesome."}, "ping").outcome
    assert "are not used" in ingest({}, "workflow_run").outcome
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_a_sentence(body: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        ingest(body)
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    "pull",
    [
        {"title": None},
        {"title": " \0 "},
        {"number": "7"},
        {"number": True},
        {"number": -1},
        {"number": 10**30},
        {"head": None},
        {"head": {"sha": "not a commit"}},
        {"head": {"sha": 7}},
    ],
)
def test_a_pull_request_that_is_none_is_refused_in_a_sentence(pull: dict[str, Any]) -> None:
    known_repository()
    with pytest.raises(Invalid):
        ingest(world.pull_request(**pull))


@pytest.mark.parametrize("name", ["", "no-slash", "a/b/c", "../../etc", "a b/c", "x" * 300])
def test_a_repository_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        ingest({**world.pull_request(), "repository": {"full_name": name}})


@pytest.mark.parametrize(
    "envelope",
    [{"host": "example"}, {"event": ""}, {"event": "e" * 101}, {"delivery_id": "\0"}, {"delivery_id": ""}],
)
def test_an_envelope_that_cannot_be_kept_is_refused(envelope: dict[str, str]) -> None:
    fields: dict[str, Any] = {"host": "github", "event": "ping", "delivery_id": "1", **envelope}
    with pytest.raises(Invalid):
        actions.ingest_webhook(payload={}, now=make.NOW, **fields)


def test_hostile_texts_are_made_harmless() -> None:
    known_repository()
    ingest(
        world.pull_request(title="a\0b\ud800c" + "x" * 900, html_url="javascript:alert(1)", user=None, body=7)
    )
    change = Change.objects.get()
    assert change.title.startswith("abcx")
    assert (len(change.title), change.url, change.author_label, change.description) == (300, "", "ghost", "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["action", "pull_request", "repository", "sender"]), json_values),
    st.dictionaries(st.sampled_from([*world.pull_request()["pull_request"], "base"]), json_values),
)
@settings(deadline=None)
def test_whatever_stands_in_a_message_is_read_or_refused(top: dict[str, Any], pull: dict[str, Any]) -> None:
    base = world.pull_request(**pull)
    for payload in ({**base, **top}, base):
        try:
            found = github.parse("pull_request", payload)
        except Invalid as refusal:
            assert refusal.message.endswith(".")
        else:
            assert isinstance(found, PullRequest)
            json.dumps(found.title)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/Octo/Shop/pull/12", "github:octo/shop#12"),
        ("https://github.com/octo/shop/pull/12/files", "github:octo/shop#12"),
        ("https://github.com/octo/shop/issues/12", None),
        ("https://example.org/octo/shop/pull/12", None),
        ("https://github.com.evil.example/octo/shop/pull/12", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_pull_requests_address_names_it(url: str, found: str | None) -> None:
    assert github.external_id_of(url) == found


def replay(folder: Path) -> dict[str, str]:
    """Take in every file of a folder; return what became of each."""
    outcomes: dict[str, str] = {}
    for path in sorted(folder.rglob("*.json")):
        payload = json.loads(path.read_bytes())
        event = github.guess_event(payload)
        try:
            outcomes[str(path.relative_to(folder))] = ingest(
                payload, event, delivery=str(path.name)[:60] + str(len(outcomes)), new_services_of=make.team()
            ).outcome
        except Refused as refusal:
            outcomes[str(path.relative_to(folder))] = f"refused: {refusal.message}"
    return outcomes


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not beside this checkout")
def test_every_real_payload_is_taken_in_or_ignored_for_a_reason() -> None:
    outcomes = replay(SHARED)
    assert len(outcomes) == 48
    assert [name for name, outcome in outcomes.items() if outcome.startswith("refused")] == []
    used = {name for name, outcome in outcomes.items() if outcome.startswith("github:")}
    assert used == {name for name in outcomes if name.startswith("pull_request/")}
    assert Change.objects.get().title == "Update the README with new information."


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not beside this checkout")
def test_the_kind_of_every_real_payload_is_told_from_its_content() -> None:
    guessed = {
        path.relative_to(SHARED).parts[0]: github.guess_event(json.loads(path.read_bytes()))
        for path in SHARED.rglob("*.json")
    }
    # These carry no field of their own.
    unlike = {
        "create": "unknown",
        "status": "unknown",
        "issue_comment": "unknown",
        "deployment_review": "workflow_run",
    }
    assert {folder: event for folder, event in guessed.items() if folder != event} == unlike


def test_the_payloads_kept_with_the_demonstration_are_changes() -> None:
    outcomes = replay(OURS)
    assert outcomes
    assert all(outcome.startswith("github:") for outcome in outcomes.values())
    assert Change.objects.get().version == "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
