"""What somebody accepts covers what is foreseen, and nothing worse."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releasetrain.calendars.rules.windows import Freeze, Place, Stops
from releasetrain.trains.rules.accepting import agreement, is_accepted, where_words, why_will_hold
from releasetrain.trains.rules.forecast import Course, Hold, Run, Step

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHOP = Run(10, "Shop", Place(1, 10, 5), (Step(100, HOUR),))
FREEZE = Freeze(id=1, name="Weekend", level=Stops.HARD, reason="nobody is in", times=())
HELD = Hold(SHOP, 25, NOON, NOON + 60 * HOUR, (FREEZE,))


def course(*holds: Hold) -> Course:
    return Course(NOON, None, holds=holds)


ACCEPTED = agreement(course(HELD))


def test_w4_what_is_accepted_is_written_down() -> None:
    accepted = agreement(course(HELD))
    assert accepted == {
        "weight": 25,
        "service": "Shop",
        "services": [10],
        "until": (NOON + 60 * HOUR).isoformat(),
        "comes_back": False,
    }
    with pytest.raises(ValueError, match="nothing"):
        agreement(course())


@pytest.mark.parametrize(
    "change",
    [
        {"weight": 26},
        {"end": NOON + 61 * HOUR},
        {"end": None},
        {"comes_back": True, "end": None},
        {"run": replace(SHOP, service=11)},
    ],
)
def test_w4_anything_worse_is_not_covered(change: dict[str, Any]) -> None:
    assert not is_accepted(ACCEPTED, course(replace(HELD, **change)))


@pytest.mark.parametrize("change", [{}, {"weight": 10}, {"end": NOON + HOUR}, {"start": NOON - HOUR}])
def test_w4_the_same_and_anything_milder_is_covered(change: dict[str, Any]) -> None:
    assert is_accepted(ACCEPTED, course(replace(HELD, **change)))


def test_w4_where_nothing_is_held_nothing_has_to_be_accepted() -> None:
    assert is_accepted({}, course())
    assert not is_accepted({}, course(HELD))


def test_w4_whoever_accepted_a_hold_without_end_has_accepted_any() -> None:
    assert is_accepted(agreement(course(replace(HELD, end=None))), course(HELD))


def test_w4_several_holds_are_accepted_together() -> None:
    other = replace(HELD, run=replace(SHOP, service=11, name="Search"), weight=50, end=NOON + HOUR)
    both = agreement(course(HELD, other))
    assert (both["weight"], both["service"], both["services"]) == (50, "Shop", [10, 11])
    assert is_accepted(both, course(HELD, other))
    assert not is_accepted(ACCEPTED, course(HELD, other))


def test_w4_it_is_said_in_words() -> None:
    assert where_words(HELD, "UTC") == (
        "Shop would be held at 25 % from Fri 27 Nov 2026 12:00 UTC until Mon 30 Nov 2026 00:00 UTC"
    )
    assert where_words(replace(HELD, end=None), "UTC").endswith("and nobody knows until when")
    assert "rolled back from 25 %" in where_words(replace(HELD, comes_back=True), "UTC")


def test_w4_the_last_safe_departure_and_the_next_are_named() -> None:
    why = why_will_hold(
        HELD, zone="UTC", last_safe_at=NOON, next_at=NOON + 60 * HOUR, who="the captain Cap", now=NOON
    )
    assert why.text.endswith(
        "The last safe departure is Fri 27 Nov 2026 12:00 UTC. "
        "The next safe one is Mon 30 Nov 2026 00:00 UTC. Accepted, it leaves all the same."
    )
    assert (why.until, why.who) == (NOON + 60 * HOUR, "the captain Cap")
    unknown = why_will_hold(HELD, zone="UTC", last_safe_at=None, next_at=None, who="", now=NOON)
    assert unknown.text.endswith("“Weekend” stops this: nobody is in. Accepted, it leaves all the same.")
