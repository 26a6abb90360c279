"""A late pass is asked for, granted, extended and used exactly once, with twenty at the same moment."""

from datetime import timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.trains import actions
from releasetrain.trains.models import LatePass, LedgerEntry
from releasetrain.trains.queries.ledger import lost_property
from releasetrain.trains.rules.states import Choice
from tests import make
from tests.trains import world
from tests.trains.test_parallel import MANY, at_once, happened, refusals

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


def asked() -> LatePass:
    departure = world.sealed()
    change = make.change(author=world.submitter("Bob"))
    return actions.ask_pass(
        change,
        departure,
        reason="it is the law",
        by=world.submitter("Bob"),
        now=departure.cut_off_at + MINUTE,
    )


def test_i1_twenty_requests_for_one_change_are_one_pass() -> None:
    departure = world.sealed()
    change, bob = make.change(author=world.submitter("Bob")), world.submitter("Bob")
    now = departure.cut_off_at + MINUTE
    results = at_once(
        *[lambda: actions.ask_pass(change, departure, reason="it is the law", by=bob, now=now)] * MANY
    )
    assert len(refusals(results)) == MANY - 1
    assert LatePass.objects.count() == happened("trains.late_pass.asked") == 1
    departure.refresh_from_db()
    assert departure.late_passes_asked == 1


def test_i1_twenty_managers_grant_a_pass_once() -> None:
    row = asked()
    people = [make.user(f"Manager {number}", Role.RELEASE_MANAGER) for number in range(MANY)]
    now = row.departure.cut_off_at + 2 * MINUTE
    results = at_once(*(lambda one=one: actions.grant_pass(row, by=one, now=now) for one in people))
    assert {one.code for one in refusals(results)} == {"granted"}
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.late_pass.granted") == 1


def test_i1_twenty_clicks_use_a_pass_once() -> None:
    row = asked()
    now = row.departure.cut_off_at + 2 * MINUTE
    actions.grant_pass(row, by=world.manager(), now=now)
    bob = world.submitter("Bob")
    results = at_once(*[lambda: actions.use_pass(row, by=bob, now=now)] * MANY)
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.change.boarded") == happened("trains.late_pass.used") == 1
    assert row.departure.manifests.count() == 2
    assert LedgerEntry.objects.filter(change=row.change_id).count() == 1


def test_i6_twenty_extensions_are_one() -> None:
    row = asked()
    now = row.departure.cut_off_at + 2 * MINUTE
    actions.grant_pass(row, by=world.manager(), now=now, use_by=now + 5 * MINUTE)
    kim = world.manager("Kim")
    results = at_once(
        *(
            lambda minutes=minutes: actions.extend_pass(
                row, use_by=now + minutes * MINUTE, reason="it is slow", by=kim, now=now
            )
            for minutes in range(6, 6 + MANY)
        )
    )
    assert {one.code for one in refusals(results)} == {"extended"}
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.late_pass.extended") == 1


def test_i6_a_pass_that_lapses_in_the_very_second_is_used_or_lapsed_never_both() -> None:
    row = asked()
    now = row.departure.cut_off_at + 2 * MINUTE
    limit = now + MINUTE
    actions.grant_pass(row, by=world.manager(), now=now, use_by=limit)
    bob = world.submitter("Bob")
    at_once(
        *[lambda: actions.use_pass(row, by=bob, now=limit - timedelta(microseconds=1))] * (MANY // 2),
        *[lambda: actions.lapse_pass(row.pk, now=limit)] * (MANY // 2),
    )
    row.refresh_from_db()
    happenings = (happened("trains.late_pass.used"), happened("trains.late_pass.lapsed"))
    assert (row.state, happenings) in [("used", (1, 0)), ("lapsed", (0, 1))]
    assert row.departure.changes.filter(pk=row.change_id).exists() is (row.state == "used")


def test_i12_twenty_cancellations_place_every_change_once() -> None:
    departure = make.departure()
    later = make.NOW + timedelta(days=1)
    nxt = make.departure(departure.train, planned_at=later, cut_off_at=later - 60 * MINUTE, departs_at=later)
    for _ in range(5):
        change = make.change(author=world.submitter())
        actions.board(change, departure, by=world.submitter(), now=make.NOW)
    manager = world.manager()
    results = at_once(*[lambda: actions.cancel(departure, reason="closed", by=manager, now=make.NOW)] * MANY)
    assert len(refusals(results)) == MANY - 1
    assert nxt.changes.count() == 5
    assert LedgerEntry.objects.count() == 10
    assert lost_property() == []


def test_i11_i12_twenty_cancellations_share_out_the_room_of_the_next_departure_once() -> None:
    departure = make.departure()
    later = make.NOW + timedelta(days=1)
    nxt = make.departure(
        departure.train,
        planned_at=later,
        cut_off_at=later - 60 * MINUTE,
        departs_at=later,
        plan={**departure.plan, "capacity": 2},
    )
    for _ in range(5):
        change = make.change(author=world.submitter())
        actions.board(change, departure, by=world.submitter(), now=make.NOW)
    manager = world.manager()
    results = at_once(*[lambda: actions.cancel(departure, reason="closed", by=manager, now=make.NOW)] * MANY)
    assert len(refusals(results)) == MANY - 1
    assert (nxt.changes.count(), nxt.standing_by.count()) == (2, 3)
    assert happened("trains.change.stood_by") == 3
    assert lost_property() == []


def test_i1_twenty_uses_and_one_clearance_let_nothing_aboard_at_the_old_price() -> None:
    row = asked()
    now = row.departure.cut_off_at + 2 * MINUTE
    actions.grant_pass(row, by=world.manager(), now=now)
    bob, kim, digest = world.submitter("Bob"), world.manager("Kim"), world.digest(row.departure)
    results = at_once(
        lambda: actions.vote(row.departure, choice=Choice.GO, digest=digest, by=kim, now=now),
        *[lambda: actions.use_pass(row, by=bob, now=now)] * (MANY - 1),
    )
    row.refresh_from_db()
    is_used = row.state == "used"
    assert happened("trains.late_pass.used") == is_used
    codes = {one.code for one in refusals(results)}
    assert ("priced_again" in codes) is not is_used
    assert row.departure.changes.filter(pk=row.change_id).exists() is is_used
