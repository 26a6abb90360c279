import json
from dataclasses import replace
from typing import Any

import pytest

from releasetrain.flags.rules import FlagState
from releasetrain.flags.snapshot import CACHE_BYTES, DATABASE, FILE, AnswerCache, House, build

STATE = FlagState("new-checkout", True, False, 50_000, "salt", 1, 7)
OFF = replace(STATE, key="a-first", percentage=0, revision=2)
ODD = replace(STATE, key="odd", bucket_version=9, revision=3)


def test_a_single_answer_carries_all_that_stock_providers_need() -> None:
    status, body = build("production", 7, [STATE], DATABASE).single("new-checkout", "user-1")
    answer = json.loads(body)
    assert status == 200
    assert answer["variant"] == ("on" if answer["value"] else "off")
    assert {**answer, "value": None, "variant": None} == {
        "key": "new-checkout",
        "value": None,
        "variant": None,
        "reason": "SPLIT",
        "metadata": {"environment": "production", "revision": 7, "source": "database"},
    }


def test_a_killed_flag_says_so_in_its_metadata() -> None:
    status, body = build("production", 7, [replace(STATE, killed=True)], DATABASE).single(
        "new-checkout", None
    )
    answer = json.loads(body)
    assert (status, answer["value"], answer["reason"]) == (200, False, "DISABLED")
    assert answer["metadata"]["killed"] is True


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("typo", 404, "FLAG_NOT_FOUND"),
        ("new-checkout", 400, "TARGETING_KEY_MISSING"),
        ("odd", 400, "GENERAL"),
    ],
)
def test_a_flag_that_cannot_be_answered_says_why(key: str, status: int, code: str) -> None:
    got, body = build("production", 7, [STATE, ODD], DATABASE).single(key, None)
    failure = json.loads(body)
    assert (got, failure["key"], failure["errorCode"]) == (status, key, code)
    assert failure["errorDetails"].endswith(".")


def test_bulk_answers_every_flag_and_a_bad_one_fails_alone() -> None:
    body: dict[str, Any] = json.loads(build("production", 7, [STATE, ODD, OFF], DATABASE).bulk("user-1"))
    assert [one["key"] for one in body["flags"]] == ["a-first", "new-checkout", "odd"]
    assert [one.get("reason") for one in body["flags"]] == ["STATIC", "SPLIT", None]
    assert body["flags"][2]["errorCode"] == "GENERAL"
    assert body["metadata"] == {"environment": "production", "revision": 7, "source": "database"}


def test_bulk_and_single_agree() -> None:
    snapshot = build("production", 7, [STATE, OFF], DATABASE)
    for user in (f"user-{number}" for number in range(50)):
        items = json.loads(snapshot.bulk(user))["flags"]
        assert [json.loads(snapshot.single(one["key"], user)[1]) for one in items] == items


def test_an_etag_tells_context_revision_environment_and_source_apart() -> None:
    snapshot = build("production", 7, [STATE], DATABASE)
    context = {"targetingKey": "ada", "plan": "pro"}
    etags = {
        snapshot.etag(context),
        snapshot.etag({**context, "plan": "free"}),
        replace(snapshot, revision=8).etag(context),
        build("staging", 7, [STATE], DATABASE).etag(context),
        build("production", 7, [STATE], FILE).etag(context),
    }
    assert len(etags) == 5
    assert snapshot.etag(dict(reversed(context.items()))) == snapshot.etag(context)
    assert snapshot.etag(context).startswith(b'"7-')


def test_an_etag_exists_for_text_that_is_not_valid_unicode() -> None:
    snapshot = build("production", 7, [STATE], DATABASE)
    assert snapshot.etag({"name": "\ud800"}) != snapshot.etag({"name": "\ud801"})


def test_a_changed_flag_makes_another_snapshot_and_leaves_the_old_one_alone() -> None:
    old = build("production", 7, [STATE, OFF], DATABASE)
    new = old.with_flag(replace(OFF, percentage=100_000, revision=8))
    assert (old.revision, new.revision) == (7, 8)
    assert json.loads(old.single("a-first", None)[1])["value"] is False
    assert json.loads(new.single("a-first", None)[1])["value"] is True
    assert new.flags["new-checkout"] is old.flags["new-checkout"]
    assert new.cache is not old.cache


def test_a_new_flag_takes_its_place_in_the_order() -> None:
    snapshot = build("production", 7, [STATE], DATABASE).with_flag(replace(OFF, revision=8))
    assert list(snapshot.flags) == ["a-first", "new-checkout"]


def test_a_rebuild_compiles_only_what_differs() -> None:
    old = build("production", 7, [STATE, OFF], DATABASE)
    changed = replace(OFF, percentage=10)
    new = build("production", 8, [STATE, changed], DATABASE, old)
    assert new.flags["new-checkout"] is old.flags["new-checkout"]
    assert new.flags["a-first"].state == changed


def test_what_comes_from_a_file_says_so() -> None:
    house = House(
        {"production": build("production", 7, [STATE, ODD], DATABASE)}, {"d": ("production",)}, DATABASE
    )
    again = House.from_json(json.loads(json.dumps(house.as_json())))
    assert again.tokens == house.tokens
    assert again.snapshots["production"].revision == 7
    body = json.loads(again.snapshots["production"].bulk("ada"))
    assert body["metadata"]["source"] == body["flags"][0]["metadata"]["source"] == "file"


def test_the_cache_stays_within_its_budget() -> None:
    cache = AnswerCache()
    body = b"x" * 100_000
    for number in range(200):
        cache.keep(b"%d" % number, b'"1"', body)
        assert cache.size <= CACHE_BYTES
        assert cache.entries[b"%d" % number] == (b'"1"', body)
    assert len(cache.entries) < 100


def test_the_cache_does_not_keep_long_requests() -> None:
    cache = AnswerCache()
    cache.keep(b"x" * 5_000, b'"1"', b"")
    assert cache.entries == {}
