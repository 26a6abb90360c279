"""What a single vote is worth, case by case and over random histories (RULES D1, D5 to D8, D14)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.accounts.rules import Role
from releasetrain.trains.rules.ballots import FILLS, Ballot, Seat
from releasetrain.trains.rules.decision import Tally, tally, why_waiting
from releasetrain.trains.rules.lasting import SHARES, Given, next_look
from releasetrain.trains.rules.states import Choice

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
RM = Role.RELEASE_MANAGER
ADA, BEN, CEM = 1, 2, 3
PEOPLE = {ADA: "Ada", BEN: "Ben", CEM: "Cem"}
DAY = timedelta(days=1)


def seat(**fields: Any) -> Seat:
    return Seat(RM, fields.pop("quorum", 1), fields.pop("people", PEOPLE), **{"part_digest": "p2", **fields})


def ballot(user: int = ADA, choice: Choice = Choice.GO, **fields: Any) -> Ballot:
    known = {"digest": "new", "part_digest": "p2", "at": NOW, "reason": "because", "revision": 2, "pk": user}
    return Ballot(user, PEOPLE.get(user, f"P{user}"), RM, choice, **{**known, **fields})


def count(*ballots: Ballot, seats: tuple[Seat, ...] = (), **fields: Any) -> Tally:
    known: dict[str, Any] = {"digest": "new", "authors": frozenset(), "no_approval_needed": False, "now": NOW}
    return tally(seats or (seat(),), ballots, **{**known, **fields})


def whys(found: Tally) -> list[str]:
    return [one.why for one in found.not_counted]


def test_d1_a_go_to_an_older_revision_is_carried_over_where_its_part_is_as_it_was() -> None:
    found = count(ballot(digest="old", revision=1))
    assert found.is_go
    assert found.lines[0].carried == {ADA}


def test_d1_a_go_whose_part_changed_is_asked_for_again() -> None:
    found = count(ballot(digest="old", part_digest="p1", revision=1))
    assert not found.is_go
    assert whys(found) == ["Ada said go to an older manifest."]
    assert found.missing == PEOPLE


def test_d1_only_the_seat_whose_part_changed_opens_again() -> None:
    seats = (seat(key="a", people={ADA: "Ada"}), seat(key="b", people={BEN: "Ben"}, part_digest="q2"))
    found = count(
        ballot(ADA, seat="a", digest="old"),
        ballot(BEN, seat="b", digest="old", part_digest="q1"),
        seats=seats,
    )
    assert [line.is_met for line in found.lines] == [True, False]
    assert found.missing == {BEN: "Ben"}


def test_d1_votes_from_before_parts_were_known_are_bound_to_the_whole() -> None:
    assert count(ballot(part_digest="")).is_go
    assert not count(ballot(part_digest="", digest="old"), seats=(seat(part_digest=""),)).is_go


def test_d5_who_asked_to_overrule_somebody_does_not_vote() -> None:
    stopped = ballot(BEN, Choice.NO_GO, overrule_asked_by=ADA, overruled="Ada and Cem: it is safe")
    found = count(ballot(ADA), stopped)
    assert not found.is_go
    assert whys(found) == [
        "Ada asked for an override, so this go is not counted.",
        "Ben was overruled by Ada and Cem: it is safe.",
    ]


def test_d5_authors_certify_themselves_where_the_risk_is_low() -> None:
    assert not count(ballot(), authors=frozenset({ADA})).is_go
    low = (seat(self_certifies=True),)
    assert count(ballot(), seats=low, authors=frozenset({ADA})).is_go
    assert count(seats=low, authors=frozenset({ADA})).missing == PEOPLE


def test_d8_a_no_go_is_over_once_everything_that_it_names_has_changed_or_gone() -> None:
    stopped = ballot(BEN, Choice.NO_GO, about={10: "v1", 11: "v1"})
    assert not count(ballot(ADA), stopped, aboard={10: "v2", 11: "v1"}).is_go
    found = count(ballot(ADA), stopped, aboard={10: "v2"})
    assert found.is_go
    assert whys(found) == ["What Ben objected to has changed or gone since revision 2."]


def test_d8_a_no_go_about_nothing_in_particular_stands_whatever_the_revision() -> None:
    found = count(ballot(ADA), ballot(BEN, Choice.NO_GO, digest="old", part_digest="p1"), aboard={10: "v2"})
    assert [one.name for one in found.no_gos] == ["Ben"]


def test_d8_needs_work_blocks_until_its_part_changes() -> None:
    found = count(ballot(ADA), ballot(BEN, Choice.NEEDS_WORK))
    assert [reason.text for reason in why_waiting(found, policy="", owner="")] == [
        "Ben says needs work: because"
    ]
    changed = ballot(BEN, Choice.NEEDS_WORK, digest="old", part_digest="p1")
    assert count(ballot(ADA), changed).is_go
    elsewhere = ballot(BEN, Choice.NEEDS_WORK, digest="old")
    assert not count(ballot(ADA), elsewhere).is_go


def test_a_seat_that_takes_it_is_filled_by_not_applicable() -> None:
    said = ballot(ADA, Choice.NOT_APPLICABLE)
    assert count(said, seats=(seat(allows_not_applicable=True),)).is_go
    assert whys(count(said)) == ["Ada said not applicable, which the seat release manager does not take."]


def test_a_seat_with_a_veto_only_is_not_waited_for_and_heard() -> None:
    seats = (seat(key="a"), seat(key="b", only_veto=True))
    assert count(ballot(ADA, seat="a"), seats=seats).is_go
    assert not count(ballot(ADA, seat="a"), ballot(BEN, Choice.NO_GO, seat="b"), seats=seats).is_go


def test_d11_vetoes_alone_are_no_approval() -> None:
    found = count(seats=(seat(only_veto=True),))
    assert not found.is_go
    assert why_waiting(found, policy="Loose", owner="Shop")[0].code == "nothing_asked"


def test_d16_who_abstained_is_missed_only_where_the_others_are_too_few() -> None:
    assert count(ballot(ADA, Choice.ABSTAIN)).missing == {BEN: "Ben", CEM: "Cem"}
    assert count(ballot(ADA, Choice.ABSTAIN), seats=(seat(quorum=3),)).missing == PEOPLE


def test_silence_means_yes_from_its_time_on_and_to_nobody_before() -> None:
    quiet = (seat(silent_yes_at=NOW),)
    assert count(seats=quiet).is_go
    assert not count(seats=quiet, now=NOW - timedelta(microseconds=1)).is_go
    assert not count(ballot(BEN, Choice.NO_GO), seats=quiet).is_go


def test_d11_silence_of_nobody_is_no_yes() -> None:
    assert not count(seats=(seat(silent_yes_at=NOW, people={}),)).is_go
    assert not count(seats=(seat(silent_yes_at=NOW, people={ADA: "Ada"}),), authors=frozenset({ADA})).is_go


def test_d7_a_go_expires_and_says_after_how_long() -> None:
    old = ballot(at=NOW - DAY)
    assert count(old, lasts=DAY + timedelta(seconds=1)).is_go
    found = count(old, lasts=DAY)
    assert not found.is_go
    assert whys(found) == ["Ada said go 1 d ago or more; that is how long it lasts."]


def test_d7_a_voter_is_told_at_50_75_and_100_percent_once_each() -> None:
    given, departs = Given(NOW, timedelta(hours=4)), NOW + DAY
    assert given.due(NOW + timedelta(minutes=119), departs) is None
    assert given.next_at(NOW, departs) == NOW + timedelta(hours=2)
    assert given.due(NOW + timedelta(hours=2), departs) == 50
    assert Given(NOW, timedelta(hours=4), 50).due(NOW + timedelta(hours=2), departs) is None
    assert Given(NOW, timedelta(hours=4), 50).due(NOW + timedelta(hours=3), departs) == 75
    assert Given(NOW, timedelta(hours=4), 75).due(NOW + timedelta(hours=4), departs) == 100
    assert Given(NOW, timedelta(hours=4), 100).next_at(NOW + timedelta(hours=4), departs) is None


def test_d7_a_go_that_lasts_until_departure_needs_no_word() -> None:
    given = Given(NOW, timedelta(hours=4))
    assert given.due(NOW + timedelta(hours=3), NOW + timedelta(hours=3, minutes=30)) is None
    assert given.next_at(NOW, NOW + timedelta(hours=3)) is None


def test_d14_a_vote_in_somebodys_place_fills_that_place_and_says_so() -> None:
    stand_in = ballot(9, for_user=ADA, for_name="Ada")
    found = count(stand_in, seats=(seat(quorum=2),))
    assert found.lines[0].said_go == ("P9 for Ada",)
    assert found.missing == {BEN: "Ben", CEM: "Cem"}


def test_d14_nobody_says_go_in_an_authors_place_and_no_author_in_anybodys() -> None:
    for_ada = ballot(9, for_user=ADA, for_name="Ada")
    assert not count(for_ada, authors=frozenset({ADA})).is_go
    assert not count(for_ada, authors=frozenset({9})).is_go
    assert not count(for_ada, seats=(seat(self_certifies=True),), authors=frozenset({9})).is_go


def test_d14_whose_place_it_is_must_still_hold_the_role_and_who_voted_still_be_there() -> None:
    assert not count(ballot(9, for_user=8, for_name="Gus")).is_go
    assert whys(count(ballot(9, for_user=ADA, for_name="Ada", is_there=False))) == [
        "P9 is not here any more."
    ]


ages = st.integers(0, 72).map(lambda hours: NOW - timedelta(hours=hours))
ballots = st.builds(
    lambda user, choice, place, place_digest, at, about, for_user, over: ballot(
        user,
        choice,
        seat=place,
        digest="new" if place_digest == "p2" else "old",
        part_digest=place_digest,
        at=at,
        about={10: about} if about else {},
        for_user=for_user,
        for_name=PEOPLE.get(for_user, "") if for_user else "",
        overruled="two" if over else "",
        overrule_asked_by=CEM if over else None,
    ),
    st.integers(1, 6),
    st.sampled_from(Choice),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["p1", "p2"]),
    ages,
    st.sampled_from(["", "v1", "v2"]),
    st.sampled_from([None, ADA, BEN]),
    st.booleans(),
)
votes = st.lists(ballots, max_size=7, unique_by=lambda one: one.user)
MEMBERS = {"a": {1: "a", 2: "b", 3: "c", 4: "d"}, "b": {3: "c", 4: "d", 5: "e", 6: "f"}}


@given(votes, st.frozensets(st.integers(1, 6)), st.integers(1, 3), st.booleans(), st.integers(1, 80))
def test_d1_to_d14_a_go_needs_distinct_current_uninvolved_people_in_every_seat(
    given_votes: list[Ballot], authors: frozenset[int], quorum: int, self_certifies: bool, lasts: int
) -> None:
    seats = tuple(
        seat(
            key=name, quorum=quorum, people=people, self_certifies=self_certifies, allows_not_applicable=True
        )
        for name, people in MEMBERS.items()
    )
    span = timedelta(hours=lasts)
    found = count(*given_votes, seats=seats, authors=authors, lasts=span, aboard={10: "v2"})
    askers = {CEM} if any(one.overruled for one in given_votes) else set()

    def is_good(one: Ballot) -> bool:
        place = one.for_user or one.user
        own = self_certifies and one.for_user is None
        return (
            one.choice in FILLS
            and place in MEMBERS[one.seat]
            and one.part_digest == "p2"
            and one.at + span > NOW
            and one.for_user not in authors
            and (own or one.user not in authors)
            and not askers & {one.user, place}
        )

    def blocks(one: Ballot) -> bool:
        if (one.for_user or one.user) not in MEMBERS[one.seat] or one.overruled or one.about.get(10) == "v1":
            return False
        if one.choice is Choice.NEEDS_WORK:
            return bool(one.about) or one.part_digest == "p2"
        return one.choice is Choice.NO_GO

    good = {
        name: {one.for_user or one.user for one in given_votes if one.seat == name and is_good(one)}
        for name in MEMBERS
    }
    assert found.is_go == (
        not any(map(blocks, given_votes)) and all(len(people) >= quorum for people in good.values())
    )
    assert bool(why_waiting(found, policy="", owner="")) == (not found.is_go)
    silent = {one.pk for one in given_votes if one.choice is Choice.ABSTAIN}
    counted = {one.pk for one in given_votes if is_good(one) or blocks(one)}
    assert {one.ballot.pk for one in found.not_counted} == {one.pk for one in given_votes} - silent - counted
    assert not set(found.missing or {}) & set().union(*good.values(), askers)


@given(st.integers(1, 1000), st.integers(0, 2000), st.integers(0, 2000))
def test_d7_every_share_is_told_once_and_in_order(lasts: int, departs: int, step: int) -> None:
    departs_at, span = NOW + timedelta(minutes=departs), timedelta(minutes=lasts)
    told = 0
    heard: list[int] = []
    at: datetime | None = NOW
    while at is not None and len(heard) < 10:
        given = Given(NOW, span, told)
        if share := given.due(at, departs_at):
            told = share
            heard.append(share)
        at = next_look(
            now=at, departs_at=departs_at, given=[Given(NOW, span, told)], silent_yes=[], decide_by_at=None
        )
    assert heard == (list(SHARES) if lasts <= departs else [])
    late = Given(NOW, span, 0).due(NOW + span + timedelta(minutes=step), departs_at)
    assert late == 100
