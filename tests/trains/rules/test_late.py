"""A late pass costs votes and time; who may grant it is stricter the later it is."""

from datetime import UTC, datetime, timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.calendars.rules.windows import Place
from releasetrain.trains.rules.decision import Ballot, Seat, tally
from releasetrain.trains.rules.forecast import Run, steps_of
from releasetrain.trains.rules.late import (
    PassState,
    Phase,
    Price,
    limit_of,
    phase_of,
    price,
    why_not_ask,
    why_not_limit,
)
from releasetrain.trains.rules.passes import Pass, why_not_decide, why_not_extend, why_not_grant, why_not_use
from releasetrain.trains.rules.states import Choice, DepartureState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LADDER = [{"weight": weight, "bake_seconds": 600} for weight in (10, 50, 100)]
MANAGERS = Seat(Role.RELEASE_MANAGER, 2, {1: "Rob", 2: "Kim"})
ON_CALL = Seat(Role.ON_CALL, 1, {3: "Olu"})


def go(user: int, name: str, role: Role, digest: str = "old", choice: Choice = Choice.GO) -> Ballot:
    return Ballot(user, name, role, choice, digest, NOW, reason="" if choice is Choice.GO else "no")


GOES = (go(1, "Rob", Role.RELEASE_MANAGER), go(2, "Kim", Role.RELEASE_MANAGER), go(3, "Olu", Role.ON_CALL))


def run(service: int, name: str, *needs: int) -> Run:
    return Run(service, name, Place(1, service, 1, None), steps_of(LADDER), frozenset(needs))


def priced(ballots: tuple[Ballot, ...] = GOES, authors: tuple[int, ...] = (), **fields: object) -> Price:
    def count(digest: str, by: frozenset[int]) -> object:
        return tally(
            (MANAGERS, ON_CALL), ballots, digest=digest, authors=by, no_approval_needed=False, now=NOW
        )

    shop = run(1, "Shop")
    defaults = {
        "before": count("old", frozenset()),
        "after": count("new", frozenset(authors)),
        "runs": (shop,),
        "with_it": (shop,),
    }
    return price(ballots=ballots, authors=authors, **{**defaults, **fields})  # type: ignore[arg-type]


def test_i1_the_price_counts_every_go_that_would_no_longer_count_by_role() -> None:
    found = priced()
    assert found.votes == 3
    assert [(one.role, one.people) for one in found.reopened] == [
        (Role.ON_CALL, ("Olu",)),
        (Role.RELEASE_MANAGER, ("Rob", "Kim")),
    ]
    assert found.sentences() == [
        "3 votes are asked for again: on-call (Olu) and release manager (Rob and Kim)."
    ]


def test_i1_a_go_that_does_not_count_now_costs_nothing() -> None:
    ballots = (*GOES[:1], go(2, "Kim", Role.RELEASE_MANAGER, "older still"))
    assert priced(ballots).votes == 1


def test_i1_no_gos_and_abstentions_are_not_part_of_the_price() -> None:
    ballots = (
        go(1, "Rob", Role.RELEASE_MANAGER, choice=Choice.NO_GO),
        go(2, "Kim", Role.RELEASE_MANAGER, choice=Choice.ABSTAIN),
    )
    assert priced(ballots).is_free


def test_i1_the_author_s_own_go_is_named_as_lost_for_good() -> None:
    found = priced(authors=(2,))
    assert found.barred == ("Kim",)
    assert "The go of Kim cannot count again: it is their own change." in found.sentences()


def test_i1_a_service_that_is_aboard_already_adds_no_time() -> None:
    found = priced()
    assert (found.bake, found.later, found.services) == (timedelta(0), timedelta(0), ())


def test_i1_a_new_service_adds_its_bake_and_no_delay_where_it_runs_beside_the_rest() -> None:
    found = priced(with_it=(run(1, "Shop"), run(2, "Search")), teams=["Finders"])
    assert (found.services, found.teams) == (("Search",), ("Finders",))
    assert found.bake == timedelta(minutes=30)
    assert found.later == timedelta(0)
    assert "Nothing arrives later: it rolls out beside the rest." in found.sentences()


def test_i1_a_new_service_that_something_waits_for_makes_everything_later() -> None:
    found = priced(with_it=(run(1, "Shop", 2), run(2, "Search")))
    assert found.later == run(2, "Search").lasts
    assert found.brief() == "re-opens 3 votes, adds 30 min 9 s"


def test_i1_before_the_seal_there_are_no_votes_to_pay_with() -> None:
    found = priced(before=None, after=None)
    assert found.is_free
    assert found.sentences() == ["It costs nothing: nobody has said go yet."]


def test_a_price_survives_being_kept_and_is_told_from_every_other() -> None:
    found = priced(with_it=(run(1, "Shop", 2), run(2, "Search")), teams=["Finders"], authors=(2,))
    assert Price.from_json(found.to_json()) == found
    assert Price.from_json(found.to_json()).seal == found.seal
    assert priced().seal != found.seal


@pytest.mark.parametrize(
    ("state", "now", "phase"),
    [
        (DepartureState.BOARDING, NOW - HOUR, Phase.OPEN),
        (DepartureState.BOARDING, NOW, Phase.UNSEALED),
        (DepartureState.DECIDING, NOW, Phase.DECIDING),
        (DepartureState.CLEARED, NOW, Phase.CLEARED),
        (DepartureState.ROLLING, NOW, Phase.GONE),
        (DepartureState.CANCELLED, NOW - HOUR, Phase.GONE),
    ],
)
def test_i1_the_phase_follows_from_the_state_and_the_cut_off(
    state: DepartureState, now: datetime, phase: Phase
) -> None:
    assert phase_of(state, cut_off_at=NOW, now=now) is phase


def ask(phase: Phase, state: DepartureState, fixes: str = "") -> str:
    why = why_not_ask(phase, state=state, fixes=fixes, cut_off_at=NOW, zone="UTC")
    return why.code if why else ""


def test_i1_the_later_it_is_the_stricter_is_the_rule() -> None:
    assert ask(Phase.UNSEALED, DepartureState.BOARDING) == ""
    assert ask(Phase.DECIDING, DepartureState.DECIDING) == ""
    assert ask(Phase.CLEARED, DepartureState.CLEARED) == "only_fixes"
    assert ask(Phase.CLEARED, DepartureState.CLEARED, fixes="INC-7") == ""
    assert ask(Phase.GONE, DepartureState.ROLLING, fixes="INC-7") == "gone"
    assert ask(Phase.OPEN, DepartureState.BOARDING) == "open"
    assert [phase.grants for phase in (Phase.UNSEALED, Phase.DECIDING, Phase.CLEARED)] == [1, 1, 2]


def one(state: PassState = PassState.ASKED, **fields: object) -> Pass:
    defaults = {"asked_by": 5, "authors": frozenset({6})}
    return Pass(state, **{**defaults, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(("person", "code"), [(5, "second_person"), (6, "second_person"), (7, "")])
def test_i1_neither_the_asker_nor_the_author_decides(person: int, code: str) -> None:
    why = why_not_decide(one(), Phase.DECIDING, person=person, zone="UTC", now=NOW)
    assert (why.code if why else "") == code


def test_i1_a_cleared_departure_needs_a_fix_and_two_people() -> None:
    def why(of: Pass, person: int) -> str:
        found = why_not_grant(of, Phase.CLEARED, person=person, zone="UTC", now=NOW)
        return found.code if found else ""

    assert why(one(), 7) == "only_fixes"
    assert why(one(fixes="INC-7"), 7) == ""
    assert why(one(fixes="INC-7", granted_by=7), 7) == "second_person"
    assert why(one(fixes="INC-7", granted_by=7), 8) == ""


@pytest.mark.parametrize("state", [PassState.USED, PassState.REFUSED, PassState.WITHDRAWN, PassState.LAPSED])
def test_i6_nothing_can_be_done_about_a_pass_that_is_over(state: PassState) -> None:
    for rule in (why_not_decide, why_not_grant):
        why = rule(one(state), Phase.DECIDING, person=7, zone="UTC", now=NOW)
        assert why is not None
        assert why.code == state.value
    extension = why_not_extend(one(state), Phase.DECIDING, zone="UTC", now=NOW)
    assert extension is not None


def test_i6_a_granted_pass_is_good_until_its_limit_and_not_at_it() -> None:
    granted = one(PassState.GRANTED, use_by=NOW)
    assert granted.is_good_at(NOW - timedelta(microseconds=1))
    assert not granted.is_good_at(NOW)
    assert not one(PassState.ASKED, use_by=NOW + HOUR).is_good_at(NOW)


def test_i6_a_pass_is_extended_once_and_only_while_it_is_good() -> None:
    def why(of: Pass) -> str:
        found = why_not_extend(of, Phase.DECIDING, zone="UTC", now=NOW)
        return found.code if found else ""

    assert why(one(PassState.GRANTED, use_by=NOW + HOUR)) == ""
    assert why(one(PassState.GRANTED, use_by=NOW + HOUR, is_extended=True)) == "extended"
    assert why(one(PassState.GRANTED, use_by=NOW)) == "lapsed"
    assert why(one()) == "not_granted"


def test_i6_a_limit_is_a_day_or_the_departure() -> None:
    assert limit_of(departs_at=NOW + HOUR, now=NOW) == NOW + HOUR
    assert limit_of(departs_at=NOW + 48 * HOUR, now=NOW) == NOW + 24 * HOUR
    assert limit_of(departs_at=NOW - HOUR, now=NOW) == NOW + 24 * HOUR


@pytest.mark.parametrize(
    ("use_by", "after", "is_allowed"),
    [
        (NOW, None, False),
        (NOW + HOUR, None, True),
        (NOW + 2 * HOUR, None, True),
        (NOW + 2 * HOUR + timedelta(seconds=1), None, False),
        (NOW + HOUR, NOW + HOUR, False),
        (NOW + 2 * HOUR, NOW + HOUR, True),
    ],
)
def test_i6_a_limit_lies_ahead_and_not_after_the_departure(
    use_by: datetime, after: datetime | None, is_allowed: bool
) -> None:
    why = why_not_limit(use_by, departs_at=NOW + 2 * HOUR, after=after, zone="UTC", now=NOW)
    assert (why is None) is is_allowed


@pytest.mark.parametrize(
    ("phase", "grants", "fixes", "says"),
    [
        (Phase.DECIDING, 1, "", ""),
        (Phase.CLEARED, 2, "the tax", ""),
        (Phase.CLEARED, 1, "the tax", "a second person who runs it has to grant"),
        (Phase.CLEARED, 1, "", "ask again for what it fixes"),
    ],
)
def test_i1_a_pass_is_good_only_while_as_many_have_granted_it_as_it_takes_now(
    phase: Phase, grants: int, fixes: str, says: str
) -> None:
    granted = one(PassState.GRANTED, grants=grants, fixes=fixes, granted_by=7)
    why = why_not_use(granted, phase, zone="UTC", now=NOW)
    assert says in why.text if why else says == ""
    decides = why_not_decide(granted, phase, person=None, zone="UTC", now=NOW)
    assert (decides is None) is (why is not None)
