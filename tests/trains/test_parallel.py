"""Exactly once, with twenty at the same moment and a real PostgreSQL (RULES D9, T10)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.lib.errors import Refused
from releasetrain.trains import actions, queries
from releasetrain.trains.actions import TrainSettings
from releasetrain.trains.models import Change, Departure, Need, Vote
from releasetrain.trains.queries.policies import PolicySettings
from releasetrain.trains.rules.graph import in_order
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Choice
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 20


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run every call in a thread and connection of its own, all from the same moment on.

    :return: what each returned, or the refusal that it raised
    """
    line = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        line.wait(timeout=30)
        try:
            return call()
        except Refused as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def refusals(results: list[object]) -> list[Refused]:
    return [one for one in results if isinstance(one, Refused)]


def happened(kind: str) -> int:
    return Event.objects.filter(kind=kind).count()


def test_d9_twenty_last_votes_clear_once() -> None:
    departure = world.sealed()
    digest = world.digest(departure)
    people = [make.user(f"Voter {number}", Role.RELEASE_MANAGER) for number in range(MANY)]
    results = at_once(
        *(
            lambda one=one: actions.vote(
                departure, choice=Choice.GO, digest=digest, by=one, now=departure.cut_off_at
            )
            for one in people
        )
    )
    assert refusals(results) == []
    assert sum(isinstance(one, actions.Voted) and one.cleared for one in results) == 1
    assert happened("trains.departure.cleared") == 1
    assert Vote.objects.count() == MANY


def test_d9_twenty_clicks_of_one_person_are_one_vote() -> None:
    departure = world.sealed()
    digest, one = world.digest(departure), world.manager()
    results = at_once(
        *[lambda: actions.vote(departure, choice=Choice.GO, digest=digest, by=one, now=departure.cut_off_at)]
        * MANY
    )
    assert refusals(results) == []
    assert Vote.objects.count() == happened("trains.vote.cast") == happened("trains.departure.cleared") == 1


def test_d2_twenty_last_votes_adopt_a_weaker_policy_once() -> None:
    people = [make.user(f"Voter {number}", Role.RELEASE_MANAGER) for number in range(MANY)]
    policy = make.policy(release_manager=2)
    settings = replace(PolicySettings.of(policy), asks=(Ask(Role.RELEASE_MANAGER, 1),))
    proposal = actions.propose_policy(
        policy, settings, reason="slow", by=make.user("Pat", Role.RELEASE_MANAGER), now=make.NOW
    )
    results = at_once(
        *(
            lambda one=one: actions.vote_on_policy(proposal, choice=Choice.GO, by=one, now=make.NOW)
            for one in people
        )
    )
    assert happened("trains.policy.saved") == happened("trains.policy.proposal_ended") == 1
    assert len(refusals(results)) == MANY - 2
    policy.refresh_from_db()
    assert policy.revision == 2


def test_d8_twenty_second_people_overrule_an_objection_once() -> None:
    departure = world.cleared()
    no = world.vote(departure, world.manager("Nia"), Choice.NO_GO, reason="it leaks").vote
    actions.ask_to_overrule(no, reason="measured", by=world.manager("Kim"), now=make.NOW)
    people = [make.user(f"Second {number}", Role.RELEASE_MANAGER) for number in range(MANY)]
    results = at_once(
        *(lambda one=one: actions.agree_to_overrule(no, by=one, now=make.NOW) for one in people)
    )
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.vote.overruled") == 1
    assert happened("trains.departure.cleared") == 2


def test_d7_twenty_looks_remind_pass_on_and_reopen_once() -> None:
    policy = make.policy(release_manager=1)
    policy.votes_last, policy.decide_by = timedelta(hours=2), {"kind": "lead", "seconds": 60}
    policy.save(update_fields=["votes_last", "decide_by"])
    train = make.train(policy=policy)
    departure = make.departure(
        train, plan=queries.plan_of(train).to_json(), departs_at=make.NOW + timedelta(hours=5)
    )
    departure = world.cleared(departure)
    late = departure.departs_at - timedelta(seconds=30)
    at_once(*[lambda: actions.look_again(departure, now=late)] * MANY)
    assert happened("trains.vote.expired") == happened("trains.departure.reopened") == 1
    assert happened("trains.decision.overdue") == 1


def test_d14_twenty_stand_ins_fill_one_place() -> None:
    departure = world.sealed(make.departure(make.train(policy=make.policy(release_manager=2))))
    digest, giver = world.digest(departure), world.manager()
    people = [make.user(f"Stand-in {number}") for number in range(MANY)]
    for one in people:
        actions.delegate(
            taker=one,
            starts_at=make.NOW,
            ends_at=make.NOW + timedelta(days=1),
            reason="away",
            by=giver,
            now=make.NOW,
        )
    results = at_once(
        *(
            lambda one=one: actions.vote(
                departure, choice=Choice.GO, digest=digest, by=one, now=departure.cut_off_at
            )
            for one in people
        )
    )
    assert len(refusals(results)) == MANY - 1
    assert Vote.objects.filter(replaced_at=None).count() == 1


def test_d9_twenty_workers_let_a_departure_leave_once() -> None:
    departure = world.cleared()
    results = at_once(*[lambda: actions.depart(departure, now=departure.departs_at)] * MANY)
    assert len(refusals(results)) == MANY - 1
    assert {one.code for one in refusals(results)} == {"gone"}
    assert happened("trains.departure.departed") == 1


def test_d9_a_no_go_in_the_same_second_stops_the_departure_or_comes_too_late() -> None:
    departure = world.cleared()
    digest = world.digest(departure)
    people = [make.user(f"Voter {number}", Role.RELEASE_MANAGER) for number in range(5)]
    at_once(
        lambda: actions.depart(departure, now=departure.departs_at),
        *(
            lambda one=one: actions.vote(
                departure, choice=Choice.NO_GO, reason="stop", digest=digest, by=one, now=departure.departs_at
            )
            for one in people
        ),
    )
    departure.refresh_from_db()
    no_gos = Vote.objects.filter(choice="no_go").count()
    assert (departure.state, no_gos) in [("rolling", 0), ("deciding", 5)]


def test_twenty_seals_write_one_manifest() -> None:
    departure = make.departure()
    world.aboard(departure)
    results = at_once(*[lambda: actions.seal(departure, now=departure.cut_off_at)] * MANY)
    assert len(refusals(results)) == MANY - 1
    assert departure.manifests.count() == happened("trains.departure.sealed") == 1


def test_t10_changes_received_in_time_are_all_in_the_last_manifest_whenever_the_seal_ran() -> None:
    departure = make.departure()
    world.aboard(departure)
    in_time = departure.cut_off_at - timedelta(microseconds=1)
    changes = [make.change(author=world.submitter()) for _ in range(8)]
    at_once(
        lambda: actions.seal(departure, now=departure.cut_off_at),
        *(
            lambda one=one: actions.board(one, departure, by=world.submitter(), now=in_time)
            for one in changes
        ),
    )
    newest = departure.manifests.order_by("-revision")[0]
    assert sum(len(one["changes"]) for one in newest.content["services"]) == 9


def test_i7_a_change_that_two_departures_want_is_on_one() -> None:
    first = make.departure()
    departures = [first, *(make.departure(first.train) for _ in range(7))]
    change = make.change(author=world.submitter())
    results = at_once(
        *(
            lambda one=one: actions.board(change, one, by=world.submitter(), now=make.NOW)
            for one in departures
        )
    )
    assert len(refusals(results)) == 7
    assert happened("trains.change.boarded") == 1


@pytest.mark.parametrize("capacity", [1, 3])
def test_the_last_places_of_a_window_are_given_away_once_whatever_the_departures(capacity: int) -> None:
    first = make.departure()
    departures = [first, *(make.departure(first.train) for _ in range(MANY - 1))]
    room: dict[str, Any] = {
        "starts_at": first.departs_at - timedelta(hours=1),
        "ends_at": first.departs_at + timedelta(hours=1),
    }
    make.window("Office hours", effect="allow", capacity=capacity, **room)
    make.window("On-call hours", effect="allow", capacity=capacity + 1, **room)
    waiting = [(make.change(author=world.submitter()), one) for one in departures]
    results = at_once(
        *(
            lambda change=change, to=to: actions.board(change, to, by=world.submitter(), now=make.NOW)
            for change, to in waiting
        )
    )
    assert {one.code for one in refusals(results)} == {"capacity"}
    assert Change.objects.filter(state="aboard").count() == MANY - len(refusals(results)) == capacity


def test_moves_against_each_other_end_without_a_deadlock() -> None:
    first = make.departure()
    second = make.departure(first.train)
    there, back = world.aboard(first), world.aboard(second)
    at_once(
        *[lambda: actions.move(there, second, by=world.submitter(), now=make.NOW)] * 5,
        *[lambda: actions.move(back, first, by=world.submitter(), now=make.NOW)] * 5,
    )
    assert set(Change.objects.values_list("state", flat=True)) == {"aboard"}


def test_materialising_at_once_writes_each_departure_once() -> None:
    world.manager()
    train = make.train()
    at_once(*[lambda: actions.materialise(train, until=make.NOW + timedelta(days=60), now=make.NOW)] * 8)
    planned = list(Departure.objects.values_list("planned_at", flat=True))
    assert len(planned) == len(set(planned)) == 9
    assert happened("trains.departures.planned") == 1


def test_trains_made_at_once_under_one_address_are_one() -> None:
    by = world.manager()
    settings = TrainSettings(
        name="Express",
        slug="express",
        team=make.team(),
        environment=make.environment(),
        services=(make.service(),),
        policy=make.policy(release_manager=1),
        time_zone="UTC",
        rule="FREQ=WEEKLY",
        first_departs_at_local="2026-11-24T14:00",
    )
    results = at_once(*[lambda: actions.create_train(settings, by=by, now=make.NOW)] * 5)
    assert [one.message for one in refusals(results)] == [
        "Another train has the address “express” already."
    ] * 4


def test_one_delivery_sent_twenty_times_at_once_is_one_change() -> None:
    service = make.service()
    service.repository = "octo/shop"
    service.save(update_fields=["repository"])
    payload = world.pull_request()
    results = at_once(
        *[
            lambda: actions.ingest_webhook(
                host="github", event="pull_request", delivery_id="one", payload=payload, now=make.NOW
            )
        ]
        * MANY
    )
    assert refusals(results) == []
    assert sum(isinstance(one, actions.Ingested) and one.is_duplicate for one in results) == MANY - 1
    assert Change.objects.count() == happened("trains.change.submitted") == 1


def test_i11_twenty_who_come_at_once_fill_a_departure_exactly() -> None:
    departure = make.departure()
    departure.plan |= {"capacity": 3}
    departure.save(update_fields=["plan"])
    changes = [make.change(f"Change {number}") for number in range(MANY)]
    by = world.submitter()
    results = at_once(
        *(lambda one=one: actions.board(one, departure, by=by, now=make.NOW) for one in changes)
    )
    assert refusals(results) == []
    assert Change.objects.filter(state="aboard").count() == 3
    assert Change.objects.filter(state="stand_by", stand_by_for=departure).count() == MANY - 3


def test_i11_twenty_ticks_promote_once() -> None:
    departure = make.departure()
    world.aboard(departure)
    second = make.change("Second", state="stand_by", stand_by_for=departure, stood_by_at=make.NOW)
    departure.plan |= {"capacity": 2}
    departure.save(update_fields=["plan"])
    at_once(*[lambda: actions.fill_up(departure, now=make.NOW)] * MANY)
    second.refresh_from_db()
    assert (second.state, happened("trains.change.promoted")) == ("aboard", 1)


def test_i7_twenty_moves_at_once_leave_a_change_in_one_place() -> None:
    first = make.departure()
    others = [make.departure(first.train) for _ in range(MANY)]
    change, by = world.aboard(first), world.submitter()
    at_once(*(lambda to=to: actions.move(change, to, by=by, now=make.NOW) for to in others))
    change.refresh_from_db()
    assert change.state == "aboard"
    assert Change.objects.count() == 1
    assert happened("trains.change.left") == happened("trains.change.boarded")


def test_i9_twenty_halves_of_circles_said_at_once_close_none() -> None:
    departure = make.departure()
    changes = [world.aboard(departure, title=f"Change {number}") for number in range(4)]
    by = world.manager()
    pairs = [(one, other) for one in changes for other in changes if one != other] + [
        (changes[0], changes[1])
    ] * (MANY - 12)
    at_once(*(lambda pair=pair: actions.say_need(*pair, by=by, now=make.NOW) for pair in pairs))
    edges = list(Need.objects.values_list("change_id", "needed_id"))
    names = {one.pk: one.title for one in changes}
    assert len(in_order(names, edges)) == 4
    assert len(edges) == len(set(edges)) == happened("trains.need.said") >= 3


def test_i3_twenty_answers_to_one_request_make_one_revision() -> None:
    departure = make.departure()
    change = world.aboard(departure, title="A")
    world.aboard(departure, title="B")
    departure = world.sealed(departure)
    by, at = world.manager(), departure.cut_off_at
    request = actions.ask_to_withdraw(change, reason="broken", by=world.submitter(), now=at)
    results = at_once(
        *[lambda: actions.accept_withdrawal(request, by=by, now=at)] * (MANY // 2),
        *[lambda: actions.eject(change, reason="broken", by=by, now=at)] * (MANY // 2),
    )
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.withdrawal.accepted") + happened("trains.change.ejected") == 1
    assert departure.manifests.count() == 2


def test_i3_twenty_requests_for_one_change_are_one() -> None:
    departure = make.departure()
    change = world.aboard(departure)
    departure = world.sealed(departure)
    by, at = world.submitter(), departure.cut_off_at
    results = at_once(*[lambda: actions.ask_to_withdraw(change, reason="broken", by=by, now=at)] * MANY)
    assert len(refusals(results)) == MANY - 1
    assert departure.withdrawals.count() == happened("trains.withdrawal.asked") == 1


def test_i13_twenty_who_open_a_sealed_departure_again_open_it_once() -> None:
    departure = world.sealed()
    by, at = world.manager(), departure.cut_off_at
    results = at_once(
        *[
            lambda: actions.reopen_boarding(
                departure, cut_off_at=departure.departs_at, reason="a fix", by=by, now=at
            )
        ]
        * MANY
    )
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.departure.boarding_reopened") == 1
