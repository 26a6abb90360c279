"""What is special about a change forces some trains and forbids others (real case O5)."""

import pytest

from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.vehicles import DERIVED, TYPED, Trait, traits_of, why_not_ride

T = Trait
SPECIAL = ("schema", "platform", "cookie", "read_only", "long")


def ride(
    answers: dict[str, object],
    *typed: str,
    refuses: tuple[str, ...] = (),
    takes_only: tuple[str, ...] = (),
) -> Reason | None:
    traits = traits_of(answers, typed)
    return why_not_ride(
        traits, refuses=refuses, takes_only=takes_only, train="Night train", team="Storefront"
    )


def test_traits_follow_from_the_answers_and_cannot_be_ticked_away() -> None:
    assert traits_of({"schema": "contract", "undo": "never", "minutes": 61}, []) == {
        T.SCHEMA,
        T.CONTRACT,
        T.ONE_WAY,
        T.LONG,
    }
    assert traits_of({"schema": "expand"}, ["long", "nonsense", "cookie"]) == {T.SCHEMA, T.COOKIE}
    assert {*TYPED} | DERIVED == set(Trait)


@pytest.mark.parametrize(
    ("answers", "typed"),
    [({"schema": "expand"}, ()), ({"minutes": 61}, ()), ({}, ("platform",)), ({}, ("read_only",))],
)
def test_case_o5_what_needs_a_window_of_its_own_rides_nothing_else(
    answers: dict[str, object], typed: tuple[str, ...]
) -> None:
    refused = ride(answers, *typed, refuses=SPECIAL)
    assert refused
    assert refused.code == "vehicle"
    assert "choose a departure that is meant for it" in refused.text
    assert ride(answers, *typed, takes_only=SPECIAL) is None


def test_case_o5_sixty_minutes_exactly_need_no_window_of_their_own() -> None:
    assert ride({"minutes": 60}, refuses=SPECIAL) is None


def test_case_o5_what_is_nothing_special_does_not_ride_what_is_kept_for_special_things() -> None:
    refused = ride({}, takes_only=("security", "incident"))
    assert refused
    assert refused.text == (
        "Night train carries only what mends a security hole or ends an incident; choose another train."
    )
    assert refused.who == "a release manager of Storefront"
