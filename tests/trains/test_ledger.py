"""Everything that was ever aboard ends by somebody and for a reason; the lost-property page is empty."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from releasetrain.accounts.models import User
from releasetrain.calendars.rules.windows import Lane
from releasetrain.lib.errors import Refused
from releasetrain.trains import actions
from releasetrain.trains.actions import Placement
from releasetrain.trains.actions.sealing import why_not_sound
from releasetrain.trains.models import Change, Departure, LatePass, LedgerEntry, Train
from releasetrain.trains.queries.ledger import lost_property
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def boarded(departure: Departure, **fields: Any) -> Change:
    fields.setdefault("author", world.submitter())
    bundle = fields.pop("bundle", "")
    return actions.board(make.change(**fields), departure, by=world.submitter(), now=make.NOW, bundle=bundle)


def following(departure: Departure, **fields: Any) -> Departure:
    later = make.NOW + 24 * HOUR
    defaults = {"planned_at": later, "cut_off_at": later - HOUR, "departs_at": later}
    return make.departure(departure.train, **{**defaults, **fields})


def express(**fields: Any) -> Departure:
    return make.departure(make.train("Hotfix", lane=Lane.HOTFIX.value), **fields)


def only(change: Change) -> LedgerEntry:
    return change.ledger.get()


def said(change: Change) -> list[tuple[str, str, str]]:
    return [(row.end, row.ended_by_label, row.reason) for row in change.ledger.all()]


def rolled_out(departure: Departure) -> Departure:
    make.target()
    actions.seal(departure, now=departure.cut_off_at)
    world.vote(departure, world.manager())
    return actions.depart(departure, now=departure.departs_at)


def test_i16_a_change_that_comes_aboard_is_written_down() -> None:
    departure = make.departure()
    row = only(boarded(departure))
    assert (row.departure, row.entered_at, row.entered_by_label) == (departure, make.NOW, "Ada")
    assert (row.end, row.ended_at) == ("", None)


def test_i16_shipped_is_by_this_software_for_who_runs_it() -> None:
    departure = make.departure()
    change = boarded(departure)
    actions.arrive(rolled_out(departure), now=departure.departs_at + HOUR)
    assert said(change) == [
        ("shipped", "Release Train, for a release manager of Storefront", "Every service reached 100 %.")
    ]
    assert lost_property() == []


def test_i16_rolled_back_is_returned_for_the_reason_of_the_rollback() -> None:
    departure = make.departure()
    change = boarded(departure)
    actions.mark_rolled_back(
        rolled_out(departure), reason="too many errors", by=world.manager(), now=departure.departs_at + HOUR
    )
    assert said(change) == [("returned", "Rob", "rolled back: too many errors")]
    assert lost_property() == []


def test_i16_rolled_back_after_it_had_arrived_amends_the_end() -> None:
    departure = make.departure()
    change = boarded(departure)
    arrived = actions.arrive(rolled_out(departure), now=departure.departs_at + HOUR)
    actions.mark_rolled_back(
        arrived, reason="it leaks", by=world.manager(), now=departure.departs_at + 2 * HOUR
    )
    assert said(change) == [("returned", "Rob", "rolled back: it leaks")]


def test_i16_what_stays_at_its_new_version_after_a_rollback_is_shipped() -> None:
    departure = make.departure()
    change = boarded(departure)
    actions.mark_rolled_back(
        rolled_out(departure),
        reason="another failed",
        now=departure.departs_at + HOUR,
        shipped_services=[make.service().pk],
    )
    assert only(change).end == "shipped"


def test_i16_withdrawn_by_its_people() -> None:
    change = boarded(make.departure())
    actions.withdraw(change, by=world.submitter(), now=make.NOW, reason="not ready")
    assert said(change) == [("withdrawn", "Ada", "not ready")]


def test_i16_moved_names_where_to_and_is_written_there() -> None:
    first = make.departure()
    second = make.departure(make.train("Other"))
    change = boarded(first)
    actions.move(change, second, by=world.submitter(), now=make.NOW)
    left, came = change.ledger.all()
    assert (left.end, left.to, came.departure, came.ended_at) == ("moved", second, second, None)


def test_i12_cancelled_each_change_goes_where_it_is_placed_and_the_next_is_the_default() -> None:
    departure = make.departure()
    nxt, fast = following(departure), express()
    stays, back, quick = (boarded(departure) for _ in range(3))
    actions.cancel(
        departure,
        reason="the shop is closed",
        by=world.manager(),
        now=make.NOW,
        placements={back.pk: Placement.RETURN, quick.pk: Placement.EXPRESS},
    )
    for change, end, state, where in (
        (stays, "rolled_over", "aboard", nxt),
        (back, "returned", "returned", None),
        (quick, "rolled_over", "aboard", fast),
    ):
        change.refresh_from_db()
        first = change.ledger.first()
        assert first is not None
        assert (first.end, first.to, change.state, change.departure) == (end, where, state, where)
        assert (first.ended_by_label, first.reason) == ("Rob", "cancelled: the shop is closed")
    assert lost_property() == []


def test_i12_where_there_is_no_express_a_change_is_returned_rather_than_lost() -> None:
    departure = make.departure()
    change = boarded(departure)
    actions.cancel(
        departure,
        reason="the shop is closed",
        by=world.manager(),
        now=make.NOW,
        placements={change.pk: Placement.EXPRESS},
    )
    change.refresh_from_db()
    assert (change.state, only(change).end) == ("returned", "returned")


def test_i12_an_express_elsewhere_or_past_its_cut_off_is_none() -> None:
    departure = make.departure()
    change = boarded(departure)
    express(cut_off_at=make.NOW)
    staging = make.train("Staging Hotfix", lane=Lane.HOTFIX.value, environment=make.environment("staging"))
    make.departure(staging)
    actions.cancel(
        departure,
        reason="the shop is closed",
        by=world.manager(),
        now=make.NOW,
        placements={change.pk: Placement.EXPRESS},
    )
    assert only(change).end == "returned"


def test_i12_a_bundle_goes_together_or_is_returned_together() -> None:
    departure = make.departure()
    nxt = following(departure)
    one, two = (boarded(departure, bundle="Tax") for _ in range(2))
    alone = boarded(departure)
    actions.cancel(
        departure,
        reason="the shop is closed",
        by=world.manager(),
        now=make.NOW,
        placements={one.pk: Placement.RETURN},
    )
    ends = {change.pk: change.ledger.order_by("pk")[0].end for change in (one, two, alone)}
    assert ends == {one.pk: "returned", two.pk: "returned", alone.pk: "rolled_over"}
    assert nxt.changes.get() == alone


def test_i12_votes_do_not_travel() -> None:
    departure = make.departure()
    nxt = following(departure)
    boarded(departure)
    actions.seal(departure, now=departure.cut_off_at)
    world.vote(departure, world.manager())
    actions.cancel(departure, reason="the shop is closed", by=world.manager(), now=departure.cut_off_at)
    assert not nxt.votes.exists()
    assert nxt.changes.count() == 1


def test_i12_after_a_rollback_what_came_back_is_placed_and_the_ledger_amended() -> None:
    departure = make.departure()
    nxt = following(departure)
    goes_on, stays = (boarded(departure) for _ in range(2))
    back = actions.mark_rolled_back(
        rolled_out(departure), reason="errors", by=world.manager(), now=departure.departs_at + HOUR
    )
    actions.place_returned(
        back,
        placements={goes_on.pk: Placement.NEXT, stays.pk: Placement.RETURN},
        reason="mended",
        by=world.manager(),
        now=departure.departs_at + 2 * HOUR,
    )
    goes_on.refresh_from_db()
    assert (goes_on.departure, goes_on.state) == (nxt, "aboard")
    assert [row.end for row in goes_on.ledger.all()] == ["rolled_over", ""]
    stays.refresh_from_db()
    assert (stays.state, only(stays).reason) == ("returned", "rolled back: errors")
    assert lost_property() == []


def test_i12_only_what_came_back_with_a_rollback_is_placed_afterwards() -> None:
    departure = world.rolling()
    with pytest.raises(Refused, match="came back"):
        actions.place_returned(
            departure, placements={}, reason="mended", by=world.manager(), now=departure.departs_at
        )


def test_i16_the_database_refuses_an_end_without_a_person_or_a_reason() -> None:
    row = only(boarded(make.departure()))
    for fields in (
        {"end": "returned", "ended_at": make.NOW, "ended_by_label": "", "reason": "why"},
        {"end": "returned", "ended_at": make.NOW, "ended_by_label": "Rob", "reason": ""},
        {"end": "", "ended_at": make.NOW, "ended_by_label": "Rob", "reason": "why"},
        {"end": "returned"},
    ):
        with pytest.raises(IntegrityError, match="ledger_ends_by_somebody"), transaction.atomic():
            LedgerEntry.objects.filter(pk=row.pk).update(**fields)


def test_i16_the_database_refuses_a_change_that_is_aboard_twice() -> None:
    change = boarded(make.departure())
    with pytest.raises(IntegrityError, match="ledger_one_open_a_change"), transaction.atomic():
        LedgerEntry.objects.create(
            change=change, departure=make.departure(), entered_at=make.NOW, entered_by_label="Ada"
        )


def lose(how: str) -> None:
    """Break the ledger behind the back of the verbs."""
    departure = make.departure()
    change = boarded(departure)
    changes, entries = Change.objects.filter(pk=change.pk), change.ledger
    if how == "left_behind":
        Departure.objects.filter(pk=departure.pk).update(state="cancelled")
    if how == "not_written":
        entries.all().delete()
    if how == "ghost":
        changes.update(state="submitted", departure=None)
    if how == "no_end":
        entries.all().delete()
        changes.update(state="shipped")
    if how == "not_placed":
        closed = {"end": "rolled_over", "ended_at": make.NOW, "ended_by_label": "Rob", "reason": "why"}
        entries.update(**closed, to=following(departure))
        changes.update(state="submitted", departure=None)


def test_i16_ejected_by_the_captain_with_what_falls_returned() -> None:
    departure = make.departure()
    needed, needing = boarded(departure), boarded(departure)
    needing.needs.create(needed=needed, noted_by_label="Ada", noted_at=make.NOW)
    actions.eject(needed, reason="it is broken", by=world.manager(), now=make.NOW)
    assert said(needed) == [("ejected", "Rob", "it is broken")]
    assert [end for end, _, _ in said(needing)] == ["returned"]
    assert lost_property() == []


@pytest.mark.parametrize("how", ["left_behind", "not_written", "ghost", "no_end", "not_placed"])
def test_i16_lost_property_finds_whatever_is_lost(how: str) -> None:
    lose(how)
    assert [one.loss.value for one in lost_property()] == [how]


# One step of a random history: what is done, to which of three changes, and where it is placed.
STEPS = (
    "board", "withdraw", "move", "seal", "vote", "depart", "arrive", "roll_back", "cancel", "skip",
    "restore", "place", "pass", "eject", "reopen", "later",
)  # fmt: skip
Step = tuple[str, int, int]


class History:
    """Three changes and three departures of two trains, on which a history is played."""

    def __init__(self) -> None:
        main: Train = make.train("Main")
        self.now = make.NOW
        self.manager, self.second, self.author = world.manager(), world.manager("Kim"), world.submitter()
        self.departures = [
            make.departure(main),
            following(make.departure(main, departs_at=make.NOW + 3 * HOUR)),
            express(cut_off_at=make.NOW + 4 * HOUR, departs_at=make.NOW + 5 * HOUR),
        ]
        self.changes = [make.change(f"Change {number}", author=self.author) for number in range(3)]
        make.target()

    def play(self, step: Step) -> None:
        """Try a step; one that is refused changes nothing."""
        verb, which, where = step
        change = Change.objects.get(pk=self.changes[which].pk)
        departure = Departure.objects.get(pk=self.departures[where].pk)
        placements = {one.pk: list(Placement)[(which + at) % 3] for at, one in enumerate(self.changes)}
        with suppress(Refused), transaction.atomic():
            self.do(verb, change, departure, placements)

    def do(self, verb: str, change: Change, departure: Departure, placements: dict[int, Placement]) -> None:
        now, manager, author = self.now, self.manager, self.author
        verbs: dict[str, Callable[[], object]] = {
            "board": lambda: actions.board(change, departure, by=author, now=now, bundle="Pair"),
            "withdraw": lambda: actions.withdraw(change, by=author, now=now),
            "move": lambda: actions.move(change, departure, by=author, now=now),
            "seal": lambda: actions.seal(departure, now=now),
            "vote": lambda: self.vote(departure),
            "depart": lambda: actions.depart(departure, now=max(now, departure.departs_at)),
            "arrive": lambda: actions.arrive(departure, now=now),
            "roll_back": lambda: actions.mark_rolled_back(departure, reason="errors", by=manager, now=now),
            "cancel": lambda: actions.cancel(
                departure, reason="closed", by=manager, now=now, placements=placements
            ),
            "skip": lambda: actions.skip(
                departure, reason="closed", by=manager, now=now, placements=placements
            ),
            "restore": lambda: actions.restore(departure, reason="open again", by=manager, now=now),
            "place": lambda: actions.place_returned(
                departure, placements=placements, reason="mended", by=manager, now=now
            ),
            "eject": lambda: actions.eject(change, reason="broken", by=manager, now=now),
            "reopen": lambda: self.reopen(departure),
            "pass": lambda: self.come_late(change, departure),
            "later": self.later,
        }
        verbs[verb]()

    def vote(self, departure: Departure) -> None:
        if departure.sealed_at is not None:
            world.vote(departure, self.manager, now=self.now)

    def reopen(self, departure: Departure) -> None:
        actions.reopen_boarding(
            departure,
            cut_off_at=self.now + timedelta(minutes=30),
            reason="one more",
            by=self.manager,
            now=self.now,
        )

    def come_late(self, change: Change, departure: Departure) -> None:
        row: LatePass = actions.ask_pass(
            change, departure, reason="it is the law", fixes="INC-7", by=self.author, now=self.now
        )
        people: list[User] = [self.manager, self.second]
        for person in people:
            if row.state == "asked":
                row = actions.grant_pass(row, by=person, now=self.now)
        actions.use_pass(row, by=self.author, now=self.now)

    def later(self) -> None:
        self.now += timedelta(minutes=45)


class Undone(Exception):
    """Roll a history back once it has been looked at."""


# A history plays for some tenths of a second, so making a failing one smaller would take minutes.
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2), st.integers(0, 2)), min_size=5, max_size=40)
)
def test_i16_whatever_happens_nothing_is_ever_lost(steps: list[Step]) -> None:
    with suppress(Undone), transaction.atomic():
        history = History()
        for step in steps:
            history.play(step)
            assert lost_property() == []
        _check_stays(history)
        raise Undone


def _check_stays(history: History) -> None:
    """A change has one open stay where it is aboard, none elsewhere; its stays follow one another."""
    for change in Change.objects.filter(pk__in=[one.pk for one in history.changes]):
        stays = list(change.ledger.order_by("pk"))
        is_open = [one.departure_id for one in stays if one.ended_at is None]
        assert is_open == ([change.departure_id] if change.state == "aboard" else [])
        assert all(one.ended_by_label and one.reason for one in stays if one.ended_at is not None)
        for before, after in pairwise(stays):
            assert before.ended_at is not None
            if before.end in ("rolled_over", "moved"):
                assert before.to_id == after.departure_id


def roomy(departure: Departure, **plan: Any) -> Departure:
    """Make the next departure of its train, with little room."""
    return following(departure, plan={**departure.plan, **plan})


def places(*changes: Change) -> list[tuple[str, int | None, int | None]]:
    return [
        (one.state, one.departure_id, one.stand_by_for_id)
        for one in (Change.objects.get(pk=change.pk) for change in changes)
    ]


END_OF_IT = ["cancel", "skip", "place"]


def ended(departure: Departure, how: str) -> None:
    """Let everything aboard a departure go on, in each of the ways in which that happens."""
    if how == "cancel":
        actions.cancel(departure, reason="closed", by=world.manager(), now=make.NOW)
    elif how == "skip":
        actions.skip(departure, reason="closed", by=world.manager(), now=make.NOW)
    else:
        rolling = rolled_out(departure)
        actions.mark_rolled_back(rolling, reason="errors", by=world.manager(), now=departure.departs_at)
        actions.place_returned(
            departure, placements={}, reason="mended", by=world.manager(), now=departure.departs_at
        )


@pytest.mark.parametrize("how", END_OF_IT)
def test_i11_i12_what_finds_no_room_on_the_next_departure_stands_by_there(how: str) -> None:
    departure = make.departure()
    nxt = roomy(departure, capacity=2)
    world.aboard(nxt)
    low, urgent = boarded(departure, priority=4), boarded(departure, priority=1)
    ended(departure, how)
    assert places(low, urgent) == [("stand_by", None, nxt.pk), ("aboard", nxt.pk, None)]
    assert [(row.end, row.to) for row in low.ledger.all()] == [("stood_by", nxt)]
    assert "change.stood_by" in world.kinds(nxt)
    assert low.pk not in [loss.change.pk for loss in lost_property()]


@pytest.mark.parametrize("how", END_OF_IT)
def test_i8_i9_i12_needs_and_bundles_stay_together_where_there_is_little_room(how: str) -> None:
    departure = make.departure()
    nxt = roomy(departure, capacity=2)
    first, second = (boarded(departure, bundle="Tax") for _ in range(2))
    needs_both = boarded(departure, priority=1)
    actions.say_need(needs_both, first, by=world.submitter(), now=make.NOW)
    alone = boarded(departure)
    ended(departure, how)
    waits, sits = ("stand_by", None, nxt.pk), ("aboard", nxt.pk, None)
    assert places(needs_both, first, second, alone) == [waits, sits, sits, waits]
    assert why_not_sound(nxt) == ""


def test_i8_i12_what_is_needed_is_returned_so_what_needs_it_does_not_go_on_alone() -> None:
    departure = make.departure()
    following(departure)
    needed, needing, alone = (boarded(departure) for _ in range(3))
    actions.say_need(needing, needed, by=world.submitter(), now=make.NOW)
    actions.cancel(
        departure,
        reason="closed",
        by=world.manager(),
        now=make.NOW,
        placements={needed.pk: Placement.RETURN},
    )
    assert [state for state, _, _ in places(needed, needing, alone)] == ["returned", "returned", "aboard"]
    assert lost_property() == []


def test_i9_i12_a_bundle_that_somebody_had_left_is_as_broken_on_the_next_departure() -> None:
    departure = make.departure()
    nxt = following(departure)
    left, stays = (boarded(departure, bundle="Tax") for _ in range(2))
    actions.withdraw(left, by=world.submitter(), now=make.NOW)
    actions.cancel(departure, reason="closed", by=world.manager(), now=make.NOW)
    stays.refresh_from_db()
    assert stays.bundle is not None
    assert (stays.departure, [one["change"] for one in stays.bundle.missing]) == (nxt, [left.pk])
