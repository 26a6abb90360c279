"""A part of a manifest is the same as long as what a voter read of it is (RULES D1)."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.parts import asked_since, changed_since, part_digest, since_of, versions_of

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def change(pk: int, version: str = "v1", **fields: Any) -> dict[str, Any]:
    facts = {
        "title": f"Change {pk}",
        "author": "Ada",
        "url": "",
        "bundle": "",
        "flag": "",
        "rollback_plan": "",
    }
    return {"id": pk, "version": version, **facts, **fields}


def service(pk: int, *changes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    own = {"id": pk, "service": f"s{pk}", "name": f"Service {pk}", "team": "T", "team_id": pk, "needs": []}
    return {**own, "version": changes[-1]["version"], "changes": list(changes), **fields}


def content(*services: dict[str, Any], revision: int = 1) -> dict[str, Any]:
    return {"departure": 7, "revision": revision, "services": list(services)}


def test_d1_a_part_that_is_sealed_again_as_it_was_is_the_same_part() -> None:
    before = content(service(1, change(10)), service(2, change(20)))
    after = content(service(1, change(10, title="Better title")), service(2, change(20)), revision=2)
    assert part_digest(before) == part_digest(after)
    assert part_digest(before, {1}) == part_digest(after, {1})


def test_d1_only_the_part_that_changed_is_another_one() -> None:
    before = content(service(1, change(10)), service(2, change(20)))
    after = content(service(1, change(10)), service(2, change(20), change(21, "v2")), revision=2)
    assert part_digest(before, {1}) == part_digest(after, {1})
    assert part_digest(before, {2}) != part_digest(after, {2})
    assert part_digest(before) != part_digest(after)
    assert changed_since(before, after, {1}) == []
    assert changed_since(before, after, {2}) == ["New: “Change 21” of Service 2 at v2."]


def test_d1_another_way_back_is_another_part() -> None:
    before, after = content(service(1, change(10))), content(service(1, change(10, rollback_plan="Restore.")))
    assert part_digest(before, {1}) != part_digest(after, {1})


def test_d16_it_is_known_since_when_each_service_is_aboard_as_it_is() -> None:
    first = content(service(1, change(10)), service(2, change(20)))
    since = since_of(first, NOW)
    second = content(service(1, change(10)), service(2, change(20, "v2")), revision=2)
    later = since_of(second, LATER, first, since)
    assert asked_since(later, {1}, LATER) == NOW
    assert asked_since(later, {2}, LATER) == LATER
    assert asked_since(later, {1, 2}, LATER) == asked_since(later, None, LATER) == LATER
    assert since_of(second, LATER + timedelta(hours=1), second, later) == later


def test_a_manifest_that_does_not_say_is_as_old_as_its_seal() -> None:
    assert asked_since({}, None, LATER) == asked_since({}, {1}, LATER) == LATER


numbers = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.sampled_from(["v1", "v2"])), min_size=1, max_size=6
)


def built(rows: list[tuple[int, int, str]]) -> dict[str, Any]:
    by_service: dict[int, dict[int, str]] = {}
    for one, number, version in rows:
        by_service.setdefault(one, {})[10 * one + number] = version
    return content(
        *(
            service(one, *(change(pk, version) for pk, version in sorted(own.items())))
            for one, own in sorted(by_service.items())
        )
    )


@given(numbers, numbers, st.frozensets(st.integers(1, 3), min_size=1))
def test_d1_a_part_changes_exactly_where_its_diff_says_something(
    one: list[tuple[int, int, str]], other: list[tuple[int, int, str]], part: frozenset[int]
) -> None:
    before, after = built(one), built(other)
    is_same = part_digest(before, part) == part_digest(after, part)
    assert is_same == (changed_since(before, after, part) == [])
    outside = {name for pk, name in versions_of(before).items() if pk // 10 not in part}
    untouched = deepcopy(after)
    untouched["services"] = [s for s in after["services"] if s["id"] in part]
    assert part_digest(untouched, part) == part_digest(after, part)
    assert outside <= {"v1", "v2"}


@given(st.lists(numbers, min_size=2, max_size=5))
def test_d16_since_never_lies_before_the_last_revision_that_changed_a_service(
    histories: list[list[tuple[int, int, str]]],
) -> None:
    revisions = [built(rows) for rows in histories]
    since: dict[str, str] = {}
    last: dict[str, Any] | None = None
    changed_at: dict[int, datetime] = {}
    for number, revision in enumerate(revisions):
        at = NOW + timedelta(hours=number)
        since = since_of(revision, at, last, since)
        for one in (1, 2, 3):
            if last is None or part_digest(last, {one}) != part_digest(revision, {one}):
                changed_at[one] = at
        last = revision
        for one in (s["id"] for s in revision["services"]):
            assert asked_since(since, {one}, at) == changed_at[one]
