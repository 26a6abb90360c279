"""Seats, parts, places and time: what a decision asks of the database (RULES D1, D3, D7, D8, D14, D16)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.notifications.models import Notice
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import NotDue, VoteRefused
from releasetrain.trains.actions.sealing import seal_again
from releasetrain.trains.models import Delegation, Departure, Policy, Vote
from releasetrain.trains.queries.deciding import due_to_decide
from releasetrain.trains.rules.states import Choice, Part
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
RM, ON_CALL = Role.RELEASE_MANAGER, Role.ON_CALL


@pytest.fixture(autouse=True)
def _two_teams() -> Iterator[None]:
    make.target()
    make.target("Ledger")
    yield


def ledger() -> Service:
    service = make.service("Ledger")
    service.team = make.team("Payments")
    service.save(update_fields=["team"])
    return service


def asking(**fields: Any) -> Policy:
    """Make a policy with one requirement, of release managers unless a role is given."""
    policy = make.policy()
    Policy.objects.filter(pk=policy.pk).update(no_approval_needed=False)
    policy.requirements.create(role=fields.pop("role", RM), **fields)
    policy.refresh_from_db()
    return policy


def on(policy: Policy, **fields: Any) -> Departure:
    train = make.train(policy=policy)
    train.services.add(ledger())
    return make.departure(train, plan=queries.plan_of(train).to_json(), **fields)


def two_parts(**fields: Any) -> tuple[Departure, User, User]:
    """Seal a departure with a service of two teams, each of which is asked about its own part."""
    departure = on(asking(role=ON_CALL, part=Part.OWN, **fields))
    world.aboard(departure)
    world.aboard(departure, service=ledger(), title="Round half up")
    olu = make.user("Olu", ON_CALL, team=make.team())
    pia = make.user("Pia", ON_CALL, team=make.team("Payments"))
    return actions.seal(departure, now=departure.cut_off_at), olu, pia


def revise(departure: Departure, service: Service, now: datetime | None = None) -> Departure:
    """Seal a new revision in which a service goes out at another version."""
    world.aboard(departure, service=service, title="One more")
    departure.refresh_from_db()
    seal_again(departure, now or departure.cut_off_at + HOUR)
    departure.refresh_from_db()
    return departure


def standing(departure: Departure, at: datetime | None = None) -> queries.Standing:
    return queries.standing_of(departure, at or departure.cut_off_at)


def lines(departure: Departure, at: datetime | None = None) -> dict[str, bool]:
    count = standing(departure, at).tally
    assert count
    return {line.words: line.is_met for line in count.lines}


def test_d1_each_team_aboard_has_a_seat_about_its_own_services() -> None:
    departure, _, _ = two_parts()
    assert [(seat.words, sorted(seat.people.values())) for seat in standing(departure).seats] == [
        ("on-call of Storefront", ["Olu"]),
        ("on-call of Ledger", ["Pia"]),
    ]


def test_d1_only_the_team_whose_part_changed_is_asked_again() -> None:
    departure, olu, pia = two_parts()
    world.vote(departure, olu)
    assert world.vote(departure, pia).cleared
    departure = revise(departure, ledger())
    assert departure.state == "deciding"
    assert lines(departure) == {"on-call of Storefront": True, "on-call of Ledger": False}
    count = standing(departure).tally
    assert count
    assert count.lines[0].carried == {olu.pk}
    assert standing(departure).missing == ["Pia"]
    assert world.vote(departure, pia).cleared


def test_d1_a_revision_that_changes_nothing_asks_nobody_again() -> None:
    departure = world.cleared()
    seal_again(departure, departure.cut_off_at + HOUR)
    departure.refresh_from_db()
    assert (departure.state, departure.manifests.count()) == ("cleared", 2)


def test_d1_a_whole_seat_is_asked_again_whatever_changed() -> None:
    departure = world.cleared(on(make.policy(release_manager=1)))
    assert revise(departure, ledger()).state == "deciding"


def test_d16_since_when_is_the_revision_that_changed_that_part() -> None:
    departure, *_ = two_parts()
    revise(departure, ledger())
    asked = {seat.words: seat.asked_at for seat in standing(departure).seats}
    assert asked["on-call of Storefront"] == departure.cut_off_at
    assert asked["on-call of Ledger"] == departure.cut_off_at + HOUR


def test_a_named_team_of_which_nothing_is_aboard_is_not_asked() -> None:
    policy = asking(role=RM)
    policy.requirements.create(role=ON_CALL, slot="Payments", team=make.team("Payments"), part=Part.OWN)
    departure = world.sealed(on(policy))
    assert [one.label for one in standing(departure).no_seats] == ["Payments"]
    assert world.vote(departure, world.manager()).cleared


def test_d11_a_policy_of_which_nothing_applies_is_no_go() -> None:
    departure = world.sealed(on(asking(role=ON_CALL, team=make.team("Payments"), part=Part.OWN)))
    assert "asks nobody" in standing(departure).verdict.sentence()


def slots(team: Team) -> Policy:
    policy = asking(role=RM, slot="Team X", team=make.team())
    policy.requirements.create(role=RM, slot="Release Engineering", team=team)
    return policy


def test_d6_case_o8_one_person_signs_only_one_of_two_slots_and_the_last_one_clears_once() -> None:
    engineering = make.team("Engineering")
    departure = world.sealed(on(slots(engineering)))
    both = make.user("U", RM, team=make.team())
    both.memberships.create(role=RM, team=engineering)
    second = make.user("V", RM, team=engineering)
    names = {seat.words: seat.name for seat in standing(departure).seats}
    assert not world.vote(departure, both, seat=names["Team X"]).cleared
    with pytest.raises(VoteRefused, match="said go as Team X already") as refused:
        world.vote(departure, both, seat=names["Release Engineering"])
    assert (refused.value.status, refused.value.code) == (409, "voted")
    assert world.vote(departure, second, seat=names["Release Engineering"]).cleared
    assert not world.vote(departure, second, seat=names["Release Engineering"]).cleared
    assert world.kinds(departure).count("departure.cleared") == 1


def test_a_slot_of_a_team_is_for_its_own_people_alone() -> None:
    departure = world.sealed(on(slots(make.team("Engineering"))))
    world.manager()
    assert [dict(seat.people) for seat in standing(departure).seats] == [{}, {}]


def test_d8_a_no_go_about_one_change_is_over_with_it() -> None:
    departure = on(make.policy(release_manager=1))
    wrong = world.aboard(departure, title="Wrong rounding", service=ledger())
    world.aboard(departure)
    departure = actions.seal(departure, now=departure.cut_off_at)
    world.vote(departure, world.manager("Kim"), Choice.NO_GO, reason="wrong", about=[wrong.pk])
    wrong.version = "v-mended"
    wrong.save(update_fields=["version"])
    seal_again(departure, departure.cut_off_at + HOUR)
    assert world.vote(departure, world.manager()).cleared


def test_d8_an_objection_names_only_what_is_aboard() -> None:
    departure = world.sealed()
    with pytest.raises(Invalid, match="is not aboard") as refused:
        world.vote(departure, world.manager(), Choice.NO_GO, reason="wrong", about=[999_999])
    assert refused.value.field == "about"


@pytest.mark.parametrize("choice", [Choice.NO_GO, Choice.NEEDS_WORK, Choice.NOT_APPLICABLE])
def test_d8_every_objection_and_every_not_applicable_needs_a_reason(choice: Choice) -> None:
    departure = world.sealed(on(asking(allows_not_applicable=True)))
    with pytest.raises(Invalid, match="needs a reason"):
        world.vote(departure, world.manager(), choice, reason="  ")


def test_not_applicable_is_taken_only_where_the_policy_says_so() -> None:
    plain = world.sealed(on(asking()))
    with pytest.raises(Invalid, match="does not take") as refused:
        world.vote(plain, world.manager(), Choice.NOT_APPLICABLE, reason="not ours")
    assert refused.value.field == "choice"
    asked = world.sealed(on(asking(allows_not_applicable=True)))
    assert world.vote(asked, world.manager(), Choice.NOT_APPLICABLE, reason="not ours").cleared


@pytest.mark.parametrize(("points", "cleared"), [(3, True), (4, False)])
def test_d5_an_author_certifies_what_is_of_low_risk(points: int, cleared: bool) -> None:
    departure = on(asking(self_certify_up_to=3))
    author = make.user("Ann", RM)
    world.aboard(departure, author=author, risk_points=points)
    departure = actions.seal(departure, now=departure.cut_off_at)
    assert world.vote(departure, author).cleared is cleared


def look(departure: Departure, at: datetime) -> Departure:
    """Look again where that is due, as the tick does."""
    for row in due_to_decide(at):
        actions.look_again(row, now=at)
    departure.refresh_from_db()
    return departure


def test_silence_means_yes_at_its_time_and_clears_by_itself() -> None:
    world.manager()
    departure = world.sealed(on(asking(silence_after=HOUR / 2)))
    due = departure.cut_off_at + HOUR / 2
    assert departure.decide_at == due
    assert look(departure, due - timedelta(microseconds=1)).state == "deciding"
    assert look(departure, due).state == "cleared"
    said = Event.objects.get(kind="trains.departure.cleared").data["why"]
    assert said == "silence means yes for release manager"


def test_silence_after_a_no_go_means_nothing() -> None:
    departure = world.sealed(on(asking(silence_after=HOUR / 2)))
    world.vote(departure, world.manager(), Choice.NO_GO, reason="wait")
    assert look(departure, departure.departs_at).state == "deciding"


def test_silence_begins_anew_only_for_the_part_that_changed() -> None:
    departure, *_ = two_parts(silence_after=HOUR / 2)
    departure = look(departure, departure.cut_off_at + HOUR / 2)
    assert departure.state == "cleared"
    departure = revise(departure, ledger(), departure.cut_off_at + HOUR / 2)
    at = departure.cut_off_at + HOUR / 2
    assert lines(departure, at) == {"on-call of Storefront": True, "on-call of Ledger": False}


def lasting(hours: float, departs_after: float = 24) -> Departure:
    policy = asking()
    Policy.objects.filter(pk=policy.pk).update(votes_last=HOUR * hours)
    policy.refresh_from_db()
    departure = on(policy)
    departure.departs_at = departure.cut_off_at + HOUR * departs_after
    departure.save(update_fields=["departs_at"])
    return departure


def test_d7_a_voter_is_reminded_at_50_75_and_100_percent_then_asked_again() -> None:
    departure = world.cleared(lasting(4))
    start = departure.cut_off_at
    assert departure.decide_at == start + HOUR * 2
    told = []
    for quarter in range(1, 20):
        look(departure, start + HOUR * quarter / 4)
        told = list(
            Event.objects.filter(kind__in=["trains.vote.aged", "trains.vote.expired"])
            .order_by("pk")
            .values_list("at", "data__share")
        )
    assert told == [(start + HOUR * 2, 50), (start + HOUR * 3, 75), (start + HOUR * 4, 100)]
    departure.refresh_from_db()
    assert departure.state == "deciding"
    assert standing(departure, start + HOUR * 4).missing == ["Rob"]


def test_d7_a_go_that_lasts_until_departure_is_never_asked_for_again() -> None:
    departure = world.cleared(lasting(4, departs_after=3))
    assert departure.decide_at is None


def test_d7_an_expired_go_does_not_let_a_departure_leave() -> None:
    departure = world.cleared(lasting(4, departs_after=24))
    late = actions.depart(departure, now=departure.departs_at)
    assert late.state == "deciding"


def due_by(**spec: Any) -> Policy:
    policy = asking()
    Policy.objects.filter(pk=policy.pk).update(decide_by=spec)
    policy.refresh_from_db()
    return policy


def test_d16_a_missed_deadline_is_put_to_the_role_that_the_policy_names_once() -> None:
    departure = world.sealed(on(due_by(kind="lead", seconds=1800)))
    rob = world.manager()
    boss = make.user("Bo", RM, team=make.team())
    due = departure.departs_at - HOUR / 2
    assert departure.decide_by_at == departure.decide_at == due
    assert look(departure, due - timedelta(microseconds=1)).escalated_at is None
    assert look(departure, due).escalated_at == due
    look(departure, due + HOUR / 4)
    event = Event.objects.get(kind="trains.decision.overdue")
    assert event.data["missing"] == "waiting for Bo and Rob"
    assert set(event.data["people_ids"]) == {rob.pk, boss.pk}


def test_d16_working_days_count_back_over_a_weekend() -> None:
    departure = on(due_by(kind="workdays", days=1, time="12:00"))
    departure.departs_at = datetime.fromisoformat("2026-11-30T13:00:00+00:00")
    departure.save(update_fields=["departs_at"])
    departure = world.sealed(departure)
    assert departure.decide_by_at == datetime.fromisoformat("2026-11-27T11:00:00+00:00")


def test_d16_the_deadline_moves_with_the_departure() -> None:
    departure = world.sealed(on(due_by(kind="lead", seconds=1800)))
    later = departure.departs_at + HOUR * 5
    actions.postpone(departure, to=later, reason="wait", by=world.manager(), now=departure.cut_off_at)
    assert look(departure, departure.cut_off_at).decide_by_at == later - HOUR / 2


def test_d16_a_decision_in_time_is_put_to_nobody() -> None:
    departure = world.cleared(on(due_by(kind="lead", seconds=1800)))
    assert departure.decide_at is None
    assert look(departure, departure.departs_at).escalated_at is None


def test_nothing_is_looked_at_again_once_it_has_left() -> None:
    with pytest.raises(NotDue):
        actions.look_again(world.rolling(), now=make.NOW)


def stand_in(giver: User, taker: User, **fields: Any) -> Delegation:
    known = {"starts_at": make.NOW, "ends_at": make.NOW + HOUR * 24, "given_at": make.NOW, "reason": "away"}
    return Delegation.objects.create(giver=giver, taker=taker, **{**known, **fields})


def test_d14_somebody_votes_in_the_place_of_whoever_delegated_to_them() -> None:
    departure = world.sealed()
    taker = make.user("Tom")
    stand_in(world.manager(), taker)
    assert world.vote(departure, taker).cleared
    given = Vote.objects.get()
    assert (given.user, given.for_user, given.for_label) == (taker, world.manager(), "Rob")


@pytest.mark.parametrize(
    "fields",
    [
        {"starts_at": make.NOW + HOUR * 5, "ends_at": make.NOW + HOUR * 6},
        {"starts_at": make.NOW - HOUR, "ends_at": make.NOW + HOUR},
        {"ended_at": make.NOW},
        {"role": ON_CALL},
    ],
)
def test_d14_out_of_its_time_or_for_another_role_it_counts_for_nothing(fields: dict[str, Any]) -> None:
    departure = world.sealed()
    taker = make.user("Tom")
    stand_in(world.manager(), taker, **fields)
    with pytest.raises(NotAllowed):
        world.vote(departure, taker)


def test_d14_it_is_one_hop_only() -> None:
    departure = world.sealed()
    tom, una = make.user("Tom"), make.user("Una")
    stand_in(world.manager(), tom)
    stand_in(tom, una)
    with pytest.raises(NotAllowed):
        world.vote(departure, una)


def test_d14_never_to_the_author_nor_in_an_authors_place() -> None:
    departure = make.departure()
    author = make.user("Ann", RM)
    world.aboard(departure, author=author)
    departure = world.sealed(departure)
    tom = make.user("Tom")
    stand_in(author, tom)
    stand_in(world.manager(), author)
    assert "Ann wrote or submitted a change aboard" in world.vote(departure, tom).not_counted
    both = world.vote(departure, author, in_place_of=world.manager().pk)
    assert not both.cleared
    assert "Ann wrote or submitted" in both.not_counted


def test_d14_who_votes_in_person_takes_back_what_was_said_in_their_place() -> None:
    departure = world.sealed(make.departure(make.train(policy=make.policy(release_manager=2))))
    taker = make.user("Tom")
    stand_in(world.manager(), taker)
    world.vote(departure, taker)
    world.vote(departure, world.manager(), Choice.NO_GO, reason="I looked myself")
    assert [one.user_label for one in Vote.objects.filter(replaced_at=None)] == ["Rob"]


def test_d14_nobody_fills_a_place_that_is_filled() -> None:
    departure = world.sealed(make.departure(make.train(policy=make.policy(release_manager=2))))
    tom, una = make.user("Tom"), make.user("Una")
    stand_in(world.manager(), tom)
    stand_in(world.manager(), una)
    world.vote(departure, tom)
    with pytest.raises(VoteRefused, match="Tom for Rob has voted already"):
        world.vote(departure, una)


def test_d3_the_place_is_lost_with_the_role_of_whoever_gave_it() -> None:
    departure = world.sealed()
    taker = make.user("Tom")
    stand_in(world.manager(), taker)
    world.vote(departure, taker)
    world.manager().memberships.all().delete()
    left = actions.depart(Departure.objects.get(pk=departure.pk), now=departure.departs_at)
    assert left.state == "deciding"


def test_d7_the_voter_reads_of_it(django_capture_on_commit_callbacks: Any) -> None:
    departure = world.cleared(lasting(4))
    with django_capture_on_commit_callbacks(execute=True):
        look(departure, departure.cut_off_at + HOUR * 2)
    assert [one.user for one in Notice.objects.filter(event__kind="trains.vote.aged")] == [world.manager()]


def test_seats_parts_and_stand_ins_cost_no_query_more() -> None:
    departure, olu, pia = two_parts()
    stand_in(olu, make.user("Tom"))
    world.vote(departure, pia)
    with CaptureQueriesContext(connection) as captured:
        standing(departure)
    assert len(captured) <= 8
