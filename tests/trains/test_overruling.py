"""Two people overrule an objection; somebody votes in another one’s place for a time (RULES D5, D8, D14)."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SYSTEM
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import VoteRefused
from releasetrain.trains.models import Departure, Vote
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.rules.states import Choice
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def stopped() -> tuple[Departure, Vote]:
    """Seal a departure that Rob has said go to and Nia no-go."""
    departure = world.sealed()
    world.vote(departure, world.manager())
    no = world.vote(departure, world.manager("Nia"), Choice.NO_GO, reason="it leaks").vote
    return departure, no


def ask(vote: Vote, by: str = "Kim", reason: str = "measured twice") -> Vote:
    return actions.ask_to_overrule(vote, reason=reason, by=world.manager(by), now=make.NOW)


def state(departure: Departure) -> str:
    departure.refresh_from_db()
    return departure.state


def test_d8_two_people_overrule_a_no_go_and_it_stays_on_record() -> None:
    departure, no = stopped()
    assert state(departure) == "deciding"
    ask(no)
    assert state(departure) == "deciding"
    actions.agree_to_overrule(no, by=world.manager("Lee"), now=make.NOW)
    assert state(departure) == "cleared"
    assert world.kinds(departure)[-3:] == ["vote.overruling_asked", "vote.overruled", "departure.cleared"]
    no.refresh_from_db()
    assert (no.replaced_at, no.overruled_by_label) == (None, "Lee")
    tally = queries.standing_of(departure, make.NOW).tally
    assert tally
    assert [one.why for one in tally.not_counted] == ["Nia was overruled by Kim and Lee: measured twice."]


@pytest.mark.parametrize("who", ["Kim", "Nia"])
def test_d8_the_second_person_is_neither_who_asked_nor_who_objected(who: str) -> None:
    _, no = stopped()
    ask(no)
    with pytest.raises(VoteRefused, match=r"somebody else must agree|your own vote"):
        actions.agree_to_overrule(no, by=world.manager(who), now=make.NOW)


def test_d8_no_author_overrules_an_objection_to_their_own_change() -> None:
    author = make.user("Ann", Role.RELEASE_MANAGER)
    departure = make.departure()
    world.aboard(departure, author=author)
    departure = world.sealed(departure)
    no = world.vote(departure, world.manager("Nia"), Choice.NO_GO, reason="it leaks").vote
    with pytest.raises(VoteRefused, match="wrote or submitted"):
        actions.ask_to_overrule(no, reason="fine", by=author, now=make.NOW)
    ask(no)
    with pytest.raises(VoteRefused, match="wrote or submitted"):
        actions.agree_to_overrule(no, by=author, now=make.NOW)


def test_d5_whoever_asked_does_not_vote_any_more() -> None:
    departure, no = stopped()
    ask(no, "Rob")
    actions.agree_to_overrule(no, by=world.manager("Lee"), now=make.NOW)
    assert state(departure) == "deciding"
    assert "Rob" not in queries.standing_of(departure, make.NOW).missing


def test_d8_only_an_objection_that_stands_is_overruled_and_with_a_reason() -> None:
    departure, no = stopped()
    go = Vote.objects.get(user=world.manager())
    with pytest.raises(VoteRefused, match="stops nothing"):
        ask(go)
    with pytest.raises(Invalid, match="Say why") as refused:
        ask(no, reason=" ")
    assert refused.value.field == "reason"
    with pytest.raises(VoteRefused, match="Nobody has asked"):
        actions.agree_to_overrule(no, by=world.manager("Lee"), now=make.NOW)
    world.vote(departure, world.manager("Nia"))
    with pytest.raises(VoteRefused, match="was replaced"):
        ask(no)


def test_d8_d15_neither_a_machine_nor_somebody_else_overrules() -> None:
    _, no = stopped()
    assert verdict(Action.OVERRULE, no, SYSTEM, make.NOW).reasons[0].code == "not_a_person"
    with pytest.raises(NotAllowed):
        actions.ask_to_overrule(no, reason="fine", by=world.submitter(), now=make.NOW)


def test_d8_a_new_no_go_is_no_overruled_one() -> None:
    departure, no = stopped()
    ask(no)
    actions.agree_to_overrule(no, by=world.manager("Lee"), now=make.NOW)
    world.vote(departure, world.manager("Nia"), Choice.NO_GO, reason="it still leaks")
    assert state(departure) == "deciding"


def test_d14_a_delegation_has_its_time_its_reason_and_its_end() -> None:
    departure = world.sealed()
    tom = make.user("Tom")
    given = actions.delegate(
        taker=tom,
        starts_at=make.NOW,
        ends_at=make.NOW + HOUR * 5,
        reason="on a plane",
        by=world.manager(),
        now=make.NOW,
    )
    assert world.vote(departure, tom).cleared
    actions.end_delegation(given, by=world.manager(), now=make.NOW)
    with pytest.raises(NotAllowed):
        world.vote(departure, tom, Choice.NO_GO, reason="late")
    with pytest.raises(VoteRefused, match="has ended"):
        actions.end_delegation(given, by=tom, now=make.NOW)


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [(0, -1, "ends_at"), (-5, -2, "ends_at"), (0, 24 * 61, "ends_at")],
)
def test_d14_a_delegation_is_time_boxed(starts: int, ends: int, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        actions.delegate(
            taker=make.user("Tom"),
            starts_at=make.NOW + HOUR * starts,
            ends_at=make.NOW + HOUR * ends,
            reason="away",
            by=world.manager(),
            now=make.NOW,
        )
    assert refused.value.field == field


def test_d14_nobody_gives_what_they_do_not_hold_or_to_themselves() -> None:
    box: dict[str, Any] = {"starts_at": make.NOW, "ends_at": make.NOW + HOUR, "now": make.NOW}
    with pytest.raises(NotAllowed, match="do not hold the role on-call"):
        actions.delegate(taker=make.user("Tom"), reason="away", by=world.manager(), role=Role.ON_CALL, **box)
    with pytest.raises(Invalid, match="own place"):
        actions.delegate(taker=world.manager(), reason="away", by=world.manager(), **box)
    with pytest.raises(Invalid, match="Say why"):
        actions.delegate(taker=world.manager("Kim"), reason="", by=world.manager(), **box)
    with pytest.raises(NotAllowed, match="Only people"):
        actions.delegate(taker=world.manager("Kim"), reason="away", by=SYSTEM, **box)
