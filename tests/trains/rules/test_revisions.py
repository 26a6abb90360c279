"""The difference between two revisions says what changed, for which services and teams, in sentences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.manifest import Aboard, write
from releasetrain.trains.rules.revisions import differences

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)


def aboard(change: int, service: int = 1, **fields: Any) -> Aboard:
    defaults: dict[str, Any] = {
        "title": f"Change {change}",
        "version": "v1",
        "author": "Ada",
        "service_slug": f"s{service}",
        "service_name": f"Service {service}",
        "team": f"Team {service}",
        "team_id": 10 + service,
    }
    boarded_at = NOW + timedelta(minutes=change)
    return Aboard(change=change, service=service, boarded_at=boarded_at, **{**defaults, **fields})


def content(
    *changes: Aboard, revision: int = 1, needs: list[tuple[int, int]] | None = None
) -> dict[str, Any]:
    return write(7, revision, changes, needs or []).content


def test_a_revision_with_the_same_things_aboard_is_no_different() -> None:
    found = differences(content(aboard(1)), content(aboard(1), revision=2))
    assert found.is_empty
    assert found.sentences() == ["Nothing is different."]


def test_d1_only_the_services_and_teams_whose_part_changed_are_named() -> None:
    found = differences(content(aboard(1, 1), aboard(2, 2)), content(aboard(1, 1), aboard(3, 2), revision=2))
    assert (set(found.services), set(found.teams), set(found.changes)) == ({2}, {12}, {2, 3})
    assert found.sentences() == [
        "New: “Change 3” of Service 2 at v1.",
        "Gone: “Change 2” of Service 2.",
    ]


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"version": "v2"}, "“Change 1” of Service 1: its version v1 → v2."),
        ({"bundle": "Prices"}, "“Change 1” of Service 1: its bundle nothing → Prices."),
        ({"flag_key": "tax"}, "“Change 1” of Service 1: its flag nothing → tax."),
        ({"rollback_plan": "drop it"}, "“Change 1” of Service 1: how to undo it is another one."),
        ({"needs": (2,)}, "“Change 1” of Service 1: what it needs nothing → “Change 2”."),
    ],
)
def test_whatever_a_voter_reads_is_a_difference(other: dict[str, Any], sentence: str) -> None:
    found = differences(
        content(aboard(1), aboard(2, 2)), content(replace(aboard(1), **other), aboard(2, 2), revision=2)
    )
    assert sentence in found.sentences()
    assert 1 in found.services
    assert 11 in found.teams


def test_another_order_is_said_and_touches_who_waits_now() -> None:
    both = (aboard(1, 1), aboard(2, 2))
    found = differences(content(*both), content(*both, revision=2, needs=[(1, 2)]))
    assert found.order == ("Service 2", "Service 1")
    assert found.services == {1}


def test_i15_a_service_that_another_team_owns_now_touches_that_team() -> None:
    found = differences(content(aboard(1)), content(aboard(1, team="Team 9", team_id=19), revision=2))
    assert found.teams == {19}


def test_a_manifest_sealed_before_teams_were_written_down_is_read_and_may_concern_anybody() -> None:
    old = {
        "departure": 7,
        "revision": 1,
        "services": [
            {
                "id": 1,
                "service": "s1",
                "name": "Service 1",
                "version": "v1",
                "needs": [],
                "changes": [{"id": 1, "title": "Change 1", "version": "v1", "author": "Ada"}],
            }
        ],
    }
    found = differences(old, {**old, "revision": 2, "services": []})
    assert (found.removed[0].title, set(found.teams), set(found.services)) == ("Change 1", {None}, {1})
    assert differences(old, old).is_empty


changes = st.dictionaries(
    st.integers(1, 6), st.tuples(st.integers(1, 3), st.sampled_from(["v1", "v2"])), max_size=6
)


@given(changes, changes)
def test_nothing_is_different_exactly_where_the_content_is_the_same(
    old: dict[int, tuple[int, str]], new: dict[int, tuple[int, str]]
) -> None:
    one, other = (
        content(*(aboard(pk, service, version=version) for pk, (service, version) in rows.items()))
        for rows in (old, new)
    )
    found = differences(one, other)
    assert found.is_empty == (one == other)
    touched = {old[pk][0] for pk in old if old[pk] != new.get(pk)} | {
        new[pk][0] for pk in new if new[pk] != old.get(pk)
    }
    assert found.services == touched
