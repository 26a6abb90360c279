"""A go counts once, from the right person, about this manifest (RULES D3 to D16)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.accounts.rules import Role
from releasetrain.trains.rules.decision import (
    Ballot,
    Seat,
    Tally,
    go_words,
    people_words,
    tally,
    why_not_quorum,
    why_waiting,
)
from releasetrain.trains.rules.states import Choice

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
RM, ON_CALL = Role.RELEASE_MANAGER, Role.ON_CALL
PEOPLE = {1: "Ada", 2: "Ben", 3: "Cem"}


def ballot(
    user: int, choice: Choice = Choice.GO, role: Role = RM, digest: str = "new", reason: str = ""
) -> Ballot:
    return Ballot(user, PEOPLE.get(user, f"P{user}"), role, choice, digest, NOW, reason)


def count(
    ballots: Sequence[Ballot],
    seats: Sequence[Seat] = (Seat(RM, 1, PEOPLE),),
    authors: Sequence[int] = (),
    *,
    no_approval_needed: bool = False,
) -> Tally:
    return tally(
        seats, ballots, digest="new", authors=frozenset(authors), no_approval_needed=no_approval_needed
    )


def test_a_quorum_of_gos_is_a_go() -> None:
    seats = [Seat(RM, 2, PEOPLE)]
    assert not count([ballot(1)], seats).is_go
    assert count([ballot(1), ballot(2)], seats).is_go


def test_d1_a_go_to_an_older_manifest_does_not_count_and_says_so() -> None:
    found = count([ballot(1, digest="old")])
    assert not found.is_go
    assert found.not_counted[0].why == "Ada said go to an older manifest."


def test_d3_a_go_from_somebody_who_lost_the_role_does_not_count_and_says_so() -> None:
    found = count([ballot(9)])
    assert not found.is_go
    assert found.not_counted[0].why == "P9 does not hold the role release manager here any more."


def test_d5_the_authors_go_is_not_counted_and_said_so() -> None:
    found = count([ballot(1)], authors=[1])
    assert not found.is_go
    assert found.not_counted[0].why == "Ada wrote or submitted a change aboard, so this go is not counted."


def test_d5_d8_the_authors_no_go_blocks_all_the_same() -> None:
    found = count([ballot(2), ballot(1, Choice.NO_GO, reason="it leaks")], authors=[1])
    assert not found.is_go
    assert [one.name for one in found.no_gos] == ["Ada"]


def test_d6_one_person_fills_one_seat_only() -> None:
    seats = [Seat(RM, 1, {1: "Ada"}), Seat(ON_CALL, 1, {1: "Ada", 2: "Ben"})]
    found = count([ballot(1)], seats)
    assert not found.is_go
    assert found.missing == {2: "Ben"}


def test_d8_a_no_go_blocks_whatever_the_others_say_and_whatever_the_revision() -> None:
    found = count([ballot(1), ballot(2), ballot(3, Choice.NO_GO, digest="old", reason="too risky")])
    assert not found.is_go
    [reason] = why_waiting(found, policy="p", owner="o")
    assert (reason.text, reason.who) == ("Cem says no-go: too risky", "Cem")


def test_d11_nothing_asked_is_green_only_on_purpose() -> None:
    assert not count([], []).is_go
    assert count([], [], no_approval_needed=True).is_go
    [reason] = why_waiting(count([], []), policy="Loose", owner="Platform")
    assert "Loose asks nobody" in reason.text
    assert reason.who == "Platform"


def test_an_abstention_neither_counts_nor_blocks() -> None:
    found = count([ballot(1, Choice.ABSTAIN), ballot(2)])
    assert found.is_go
    assert found.not_counted == ()


def test_d16_who_is_missing_is_named() -> None:
    found = count([ballot(1)], [Seat(RM, 2, PEOPLE)], authors=[3])
    assert found.missing == {2: "Ben"}
    [reason] = why_waiting(found, policy="", owner="")
    assert reason.text == "Needs a go from 1 more release manager: Ben."


def test_d16_a_quorum_that_nobody_is_left_for_says_so() -> None:
    [reason] = why_waiting(count([], [Seat(RM, 2, {1: "Ada"})]), policy="", owner="")
    assert reason.text == "Needs a go from 2 release managers, but who may still give one is Ada."
    assert reason.who == "an administrator"


def test_people_are_counted_as_they_are_called() -> None:
    assert people_words(1, RM) == "1 release manager"
    assert people_words(2, RM, more=True) == "2 more release managers"
    assert (people_words(1, ON_CALL), people_words(3, ON_CALL)) == ("1 on-call person", "3 on-call people")


def test_d4_a_quorum_larger_than_its_role_is_refused() -> None:
    assert why_not_quorum(RM, 2, 2, "Shop") is None
    assert why_not_quorum(RM, 2, 1, "Shop") == (
        "The quorum asks for 2 × release manager, but only 1 holds that role in Shop."
    )
    assert why_not_quorum(RM, 1, 0, "Shop") == (
        "The quorum asks for 1 × release manager, but nobody holds that role in Shop."
    )
    assert why_not_quorum(RM, 0, 5, "Shop") is not None


def test_d10_the_last_votes_button_says_what_it_does() -> None:
    at = NOW + timedelta(hours=1)
    assert go_words(clears=True, departs_at=at, zone="Europe/Berlin", is_held=False, now=NOW) == (
        "Approve and depart at 15:00"
    )
    assert (
        go_words(clears=True, departs_at=NOW, zone="UTC", is_held=False, now=NOW) == "Approve and depart now"
    )
    assert go_words(clears=True, departs_at=at, zone="UTC", is_held=True, now=NOW) == (
        "Approve; departs once released"
    )
    assert go_words(clears=False, departs_at=at, zone="UTC", is_held=False, now=NOW) == "Say go"


votes = st.lists(
    st.builds(
        ballot,
        st.integers(1, 5),
        st.sampled_from(Choice),
        st.sampled_from([RM, ON_CALL]),
        st.sampled_from(["new", "old"]),
        st.just("because"),
    ),
    max_size=8,
    unique_by=lambda one: one.user,
)


@given(votes, st.integers(1, 3), st.integers(0, 2), st.frozensets(st.integers(1, 5)))
def test_a_go_needs_distinct_counted_people_in_every_seat(
    ballots: list[Ballot], managers: int, on_calls: int, authors: frozenset[int]
) -> None:
    holders = {RM: {1: "a", 2: "b", 3: "c"}, ON_CALL: {3: "c", 4: "d", 5: "e"}}
    asked = {RM: managers, **({ON_CALL: on_calls} if on_calls else {})}
    seats = [Seat(role, quorum, holders[role]) for role, quorum in asked.items()]
    found = count(ballots, seats, sorted(authors))
    good = {
        role: {
            one.user
            for one in ballots
            if (one.choice, one.digest, one.role) == (Choice.GO, "new", role)
            and one.user in holders[role]
            and one.user not in authors
        }
        for role in asked
    }
    vetoes = [
        one
        for one in ballots
        if (one.choice is Choice.NO_GO or (one.choice is Choice.NEEDS_WORK and one.digest == "new"))
        and one.role in asked
        and one.user in holders[one.role]
    ]
    assert found.is_go == (not vetoes and all(len(good[role]) >= quorum for role, quorum in asked.items()))
    assert bool(why_waiting(found, policy="", owner="")) == (not found.is_go)
    assert not set(found.missing or {}) & (authors | set().union(*good.values()))
