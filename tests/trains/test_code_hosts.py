"""Every code host's messages become changes: read whole, named for good, and refused in a sentence."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.lib.errors import Invalid
from releasetrain.trains import actions
from releasetrain.trains.models import Change
from releasetrain.trains.queries.changes import known_pull_request
from releasetrain.trains.webhooks.hosts import HOSTS, external_id_of
from releasetrain.trains.webhooks.reading import Ignored, PullRequest
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
SHARED = Path(__file__).parents[3] / "shared" / "data" / "webhooks"
SHA, MERGE = "a" * 40, "b" * 40
OTHERS = [name for name in HOSTS if name != "github"]


def gitlab(action: str = "open", state: str = "opened", **pull: Any) -> tuple[str, dict[str, Any]]:
    attributes = {
        "iid": 7,
        "title": "Prices",
        "url": "https://git.example.org/octo/sub/shop/-/merge_requests/7",
        "description": "As the law says.",
        "action": action,
        "state": state,
        "author_id": 5,
        "last_commit": {"id": SHA, "author": {"name": "Ada Lovelace"}},
        **pull,
    }
    project = {"path_with_namespace": "octo/sub/shop", "web_url": "https://git.example.org/octo/sub/shop"}
    return "Merge Request Hook", {
        "object_kind": "merge_request",
        "user": {"id": 5, "username": "ada"},
        "project": project,
        "object_attributes": attributes,
    }


def gitea(action: str = "opened", **pull: Any) -> tuple[str, dict[str, Any]]:
    fields = {
        "number": 7,
        "title": "Prices",
        "html_url": "https://git.example.org/octo/shop/pulls/7",
        "user": {"login": "ada"},
        "head": {"sha": SHA},
        **pull,
    }
    payload = {"action": action, "pull_request": fields, "repository": {"full_name": "octo/shop"}}
    return "pull_request", payload


def bitbucket(action: str = "created", **pull: Any) -> tuple[str, dict[str, Any]]:
    fields = {
        "id": 7,
        "title": "Prices",
        "state": "OPEN",
        "author": {"nickname": "ada"},
        "source": {"commit": {"hash": SHA[:12]}},
        **pull,
    }
    return f"pullrequest:{action}", {"pullrequest": fields, "repository": {"full_name": "octo/shop"}}


def server(action: str = "opened", state: str = "OPEN", **pull: Any) -> tuple[str, dict[str, Any]]:
    where = "https://git.example.org/projects/OCTO/repos/shop/pull-requests/7"
    fields = {
        "id": 7,
        "title": "Prices",
        "state": state,
        "author": {"user": {"name": "ada"}},
        "fromRef": {"latestCommit": SHA},
        "toRef": {"repository": {"slug": "shop", "project": {"key": "OCTO"}}},
        "links": {"self": [{"href": where}]},
        **pull,
    }
    return f"pr:{action}", {"eventKey": f"pr:{action}", "pullRequest": fields}


MERGED = {
    "gitlab": gitlab("merge", "merged", merge_commit_sha=MERGE),
    "gitea": gitea("closed", merged=True, merge_commit_sha=MERGE),
    "gogs": gitea("closed", has_merged=True, merged_commit_id=MERGE),
    "bitbucket": bitbucket("fulfilled", state="MERGED", merge_commit={"hash": MERGE}),
    "bitbucket-server": server("merged", "MERGED", properties={"mergeCommit": {"id": MERGE}}),
}
OPENED = {
    "gitlab": gitlab(),
    "gitea": gitea(),
    "gogs": gitea(),
    "bitbucket": bitbucket(),
    "bitbucket-server": server(),
}
GONE = {
    "gitlab": gitlab("close", "closed"),
    "gitea": gitea("closed"),
    "gogs": gitea("closed"),
    "bitbucket": bitbucket("rejected", state="DECLINED"),
    "bitbucket-server": server("declined", "DECLINED"),
}
DRAFTS = {
    "gitlab": gitlab("update", draft=True),
    "gitea": gitea("edited", title="WIP: Prices"),
    "gogs": gitea("edited", title="WIP: Prices"),
    "bitbucket": bitbucket("updated", draft=True),
    "bitbucket-server": server("modified", draft=True),
}


def read(host: str, message: tuple[str, dict[str, Any]]) -> PullRequest:
    found = HOSTS[host].parse(*message)
    assert isinstance(found, PullRequest)
    return found


def ingest(host: str, message: tuple[str, dict[str, Any]], delivery: str) -> actions.Ingested:
    return actions.ingest_webhook(
        host=host,
        event=message[0],
        delivery_id=delivery,
        payload=message[1],
        now=make.NOW,
        new_services_of=make.team(),
    )


@pytest.mark.parametrize("host", OTHERS)
def test_an_opened_pull_request_is_a_change_with_its_author_and_its_commit(host: str) -> None:
    change = ingest(host, OPENED[host], "1").change
    assert change
    assert (change.title, change.author_label, change.state) == ("Prices", "ada", "submitted")
    assert change.version == (SHA[:12] if host == "bitbucket" else SHA)
    assert change.ready_at == make.NOW


@pytest.mark.parametrize("host", OTHERS)
def test_its_address_leads_back_to_it(host: str) -> None:
    change = ingest(host, OPENED[host], "1").change
    assert change
    assert external_id_of(change.url) == change.external_id
    assert known_pull_request(f"{change.url}/") == change


@pytest.mark.parametrize("host", OTHERS)
def test_a_merge_goes_out_as_the_merge_and_the_same_message_counts_once(host: str) -> None:
    ingest(host, OPENED[host], "1")
    assert not ingest(host, MERGED[host], "2").is_duplicate
    assert ingest(host, MERGED[host], "2").is_duplicate
    assert Change.objects.get().version == MERGE


@pytest.mark.parametrize("host", OTHERS)
def test_i2_one_that_is_closed_without_a_merge_is_withdrawn(host: str) -> None:
    ingest(host, OPENED[host], "1")
    outcome = ingest(host, GONE[host], "2").outcome
    assert outcome.endswith("was withdrawn: it was closed without a merge.")
    assert Change.objects.get().state == "withdrawn"


@pytest.mark.parametrize("host", OTHERS)
def test_i2_one_that_is_a_draft_again_is_withdrawn(host: str) -> None:
    ingest(host, OPENED[host], "1")
    ingest(host, DRAFTS[host], "2")
    assert Change.objects.get().state == "withdrawn"


def test_one_that_is_opened_again_is_offered_again() -> None:
    again = {"gitlab": gitlab("reopen"), "gitea": gitea("reopened")}
    for host, message in again.items():
        ingest(host, OPENED[host], f"{host}1")
        ingest(host, GONE[host], f"{host}2")
        change = ingest(host, message, f"{host}3").change
        assert change
        assert change.state == "submitted"


def test_a_draft_of_gitlab_that_is_ready_now_is_offered_again() -> None:
    event, ready = gitlab("update")
    ready["changes"] = {"draft": {"previous": True, "current": False}}
    assert read("gitlab", (event, ready)).is_offered
    assert not read("gitlab", gitlab("update")).is_offered


def test_gitlab_names_the_author_and_not_whoever_pressed_the_button() -> None:
    event, payload = gitlab("update")
    payload["user"] = {"id": 9, "username": "bob"}
    assert read("gitlab", (event, payload)).author == "Ada Lovelace"


def test_gogs_names_no_commit_before_the_merge_so_its_reference_stands_for_it() -> None:
    event, payload = gitea()
    del payload["pull_request"]["head"]
    assert read("gogs", (event, payload)).version == "refs/pull/7/head"


def test_two_machines_with_one_repository_name_are_two_changes() -> None:
    ingest("gitea", gitea(), "1")
    ingest("gitea", gitea(html_url="https://other.example.org/octo/shop/pulls/7"), "2")
    assert Change.objects.count() == 2


def test_case_o7_what_lands_as_it_was_pinned_has_landed_and_not_drifted() -> None:
    change = ingest("github", ("pull_request", world.pull_request()), "1").change
    assert change
    make.target(change.service.name)
    departure = make.departure()
    departure.train.services.add(change.service)
    actions.board(change, departure, by=world.submitter(), now=make.NOW)
    actions.seal(departure, now=departure.cut_off_at)
    merged = world.pull_request(
        "closed", merged=True, merge_commit_sha=MERGE, merged_at="2026-11-23T13:40:00Z"
    )
    ingest("github", ("pull_request", merged), "2")
    change.refresh_from_db()
    assert (change.has_drifted, change.version) == (False, SHA)
    assert change.merged_at
    assert change.ready_at
    assert change.merged_at > departure.cut_off_at > change.ready_at


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://gitlab.com/a/b/c/-/merge_requests/3/diffs", "gitlab.com:a/b/c#3"),
        ("https://gitlab.com/a/b/merge_requests/3", "gitlab.com:a/b#3"),
        ("https://codeberg.org/a/b/pulls/3", "codeberg.org:a/b#3"),
        ("https://bitbucket.org/a/b/pull-requests/3", "bitbucket.org:a/b#3"),
        ("https://git.example.org/users/ada/repos/b/pull-requests/3", "git.example.org:~ada/b#3"),
        ("https://git.example.org/bb/projects/A/repos/b/pull-requests/3", "git.example.org:a/b#3"),
        ("https://evil.example.org/a/b/pull-requests/3", None),
        ("ftp://codeberg.org/a/b/pulls/3", None),
        ("https://codeberg.org/a/b/pulls/x", None),
        ("https://codeberg.org/a b/c/pulls/1", None),
    ],
)
def test_a_pull_requests_address_names_it_with_its_machine(url: str, found: str | None) -> None:
    assert external_id_of(url) == found


@pytest.mark.parametrize("host", HOSTS)
def test_only_who_knows_the_secret_signs(host: str) -> None:
    one = HOSTS[host]
    body = b'{"a": 1}'
    mac = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    good = "secret" if one.signed_by is None else one.signed_by + mac
    assert one.is_signed("secret", body, good)
    for bad in ("", "é", good[:-1], good + "0", mac.upper()):
        assert not one.is_signed("secret", body, bad)
    assert one.signed_by is None or not one.is_signed("secret", b'{"a": 2}', good)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(payload: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of every field of a message."""
    if not isinstance(payload, dict):
        return [at]
    return [*([at] if at else []), *(path for key in payload for path in paths(payload[key], (*at, key)))]


@given(st.sampled_from(OTHERS), st.data())
@settings(deadline=None)
def test_whatever_stands_in_a_message_is_read_or_refused(host: str, data: st.DataObject) -> None:
    event, good = data.draw(st.sampled_from([OPENED[host], MERGED[host], GONE[host]]))
    payload = json.loads(json.dumps(good))
    *way, last = data.draw(st.sampled_from(paths(payload)))
    inner = payload
    for key in way:
        inner = inner[key]
    inner[last] = data.draw(values)
    try:
        found = HOSTS[host].parse(event, payload)
    except Invalid as refusal:
        assert refusal.message.endswith(".")
    else:
        assert isinstance(found, PullRequest | Ignored)
        assert isinstance(found, Ignored) or len(found.external_id) <= 300


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not beside this checkout")
@pytest.mark.parametrize(
    ("host", "files", "pulls"),
    [("gitlab", 10, 2), ("gitea", 5, 2), ("gogs", 3, 1), ("bitbucket", 8, 5), ("bitbucket-server", 5, 4)],
)
def test_every_real_payload_of_the_other_hosts_is_taken_in_or_ignored(
    host: str, files: int, pulls: int
) -> None:
    found = sorted((SHARED / host).glob("*.json"))
    outcomes = []
    for number, path in enumerate(found):
        payload = json.loads(path.read_bytes())
        outcomes.append(ingest(host, (HOSTS[host].guess_event(payload), payload), str(number)).outcome)
    assert len(outcomes) == files
    assert sum("are not used" not in outcome for outcome in outcomes) == pulls
