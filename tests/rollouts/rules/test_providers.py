"""Many rollouts that lose one provider together are one incident; one that is blind alone is not."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.rollouts.rules.providers import Eyes, provider_incidents
from tests.make import NOW


def eyes(*ages: int, providers: frozenset[str] = frozenset({"source:1"}), first: int = 0) -> list[Eyes]:
    return [Eyes(first + number, providers, NOW - timedelta(seconds=age)) for number, age in enumerate(ages)]


def incidents(*groups: list[Eyes], since: datetime | None = None) -> dict[str, list[int]]:
    open_since = {"source:1": since} if since else {}
    return provider_incidents([one for group in groups for one in group], open_since, NOW)


@pytest.mark.parametrize(
    ("ages", "is_one"),
    [
        ((61,), False),
        ((61, 5), False),
        ((59, 58, 57), False),
        ((61, 58, 50), True),
        ((61, 31, 31), True),
        ((61, 29, 29), False),
        ((61, 61), True),
        ((61, 61, *[5] * 8), True),
        ((61, 61, *[5] * 9), False),
        ((61, 61, 61, *[5] * 500), True),
        ((3600, 1800, 61), False),
        ((3600, 61, 61, 61), True),
    ],
)
def test_an_incident_takes_enough_that_lost_sight_within_two_minutes(
    ages: tuple[int, ...], *, is_one: bool
) -> None:
    assert bool(incidents(eyes(*ages))) is is_one


def test_the_first_to_be_blind_finds_the_others_on_their_way_so_that_nobody_is_told_twice() -> None:
    assert incidents(eyes(61, 52, 43)) == {"source:1": [0, 1, 2]}


def test_each_provider_is_counted_for_itself() -> None:
    others = eyes(61, 61, providers=frozenset({"push"}), first=10)
    assert incidents(eyes(61, 5, 5, 5, 5, 5), others) == {"push": [10, 11]}
    both = eyes(61, 61, providers=frozenset({"push", "source:1"}))
    assert set(incidents(both)) == {"push", "source:1"}


def test_it_lasts_longer_than_any_limit_while_two_see_nothing() -> None:
    """Half an hour of blindness brings one rollout back; an incident of the provider brings back none."""
    assert incidents(eyes(3600, 3600, 3590), since=NOW - timedelta(seconds=3540))


def test_it_ends_when_all_but_one_see_again() -> None:
    since = NOW - timedelta(seconds=3540)
    assert incidents(eyes(3600, 5, 5), since=since) == {}
    assert incidents(eyes(5, 5, 5), since=since) == {}
    assert incidents(since=since) == {}


def test_one_that_was_blind_long_before_does_not_keep_it_open() -> None:
    assert incidents(eyes(9000, 600, 5), since=NOW - timedelta(seconds=540)) == {}


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=30))
def test_nobody_is_in_an_incident_who_still_sees(ages: list[int]) -> None:
    found = incidents(eyes(*ages))
    for blind in found.values():
        assert all(ages[number] > 30 for number in blind)
        assert max(ages[number] for number in blind) > 60
        assert max(ages[n] for n in blind) - min(ages[n] for n in blind) <= 120
