"""Equal content has one digest; services stand in the order in which they must move (RULES I9)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.graph import Circle, in_order
from releasetrain.trains.rules.manifest import Aboard, write

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)


def aboard(change: int, service: int = 1, version: str = "v1", minutes: int = 0) -> Aboard:
    return Aboard(
        change=change,
        title=f"Change {change}",
        version=version,
        author="Ada",
        service=service,
        service_slug=f"s{service}",
        service_name=f"Service {service}",
        boarded_at=NOW + timedelta(minutes=minutes),
    )


def test_the_same_changes_have_the_same_digest_in_whatever_order_they_are_read() -> None:
    one, two = aboard(1), aboard(2, service=2, minutes=5)
    assert write(7, 1, [one, two], []) == write(7, 1, [two, one], [])


@pytest.mark.parametrize(
    "other",
    [{"version": "v2"}, {"title": "Another"}, {"rollback_plan": "none"}, {"bundle": "b"}, {"flag_key": "f"}],
)
def test_whatever_a_voter_reads_changes_the_digest(other: dict[str, Any]) -> None:
    one = aboard(1)
    assert write(7, 1, [one], []).digest != write(7, 1, [replace(one, **other)], []).digest


def test_the_revision_and_the_departure_change_the_digest() -> None:
    digests = {
        write(departure, revision, [aboard(1)], []).digest for departure in (7, 8) for revision in (1, 2)
    }
    assert len(digests) == 4


def test_a_service_goes_out_at_the_version_that_boarded_last() -> None:
    sealed = write(7, 1, [aboard(1, version="v2", minutes=9), aboard(2, version="v1", minutes=3)], [])
    assert sealed.content["services"][0]["version"] == "v2"
    assert [one["version"] for one in sealed.content["services"][0]["changes"]] == ["v1", "v2"]


def test_a_service_moves_after_what_it_needs() -> None:
    sealed = write(7, 1, [aboard(1, 1), aboard(2, 2), aboard(3, 3)], [(1, 2), (2, 3), (1, 99)])
    assert [one["id"] for one in sealed.content["services"]] == [3, 2, 1]
    assert [one["needs"] for one in sealed.content["services"]] == [[], ["Service 3"], ["Service 2"]]


def test_i9_a_circle_is_refused_and_printed() -> None:
    with pytest.raises(Circle, match=r"Service 1 → Service 2 → Service 3 → Service 1\."):
        write(7, 1, [aboard(1, 1), aboard(2, 2), aboard(3, 3)], [(1, 2), (2, 3), (3, 1)])


def test_i9_a_circle_among_services_that_are_not_aboard_stops_nobody() -> None:
    assert write(7, 1, [aboard(1, 1)], [(2, 3), (3, 2)]).content["services"]


edges = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20)


@given(edges)
def test_i9_an_order_respects_every_need_or_a_true_circle_is_printed(needs: list[tuple[int, int]]) -> None:
    names = {number: f"n{number}" for number in range(9)}
    try:
        order = in_order(names, needs)
    except Circle as circle:
        path = [int(name[1:]) for name in circle.names]
        assert path[0] == path[-1]
        assert all(step in needs for step in pairwise(path))
    else:
        assert sorted(order) == sorted(names)
        assert all(order.index(needed) < order.index(one) for one, needed in needs)
