"""A departure may go at another time once, be left out, or be run by somebody else (RULES I13, T9, T12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions
from releasetrain.trains.actions import TrainSettings
from releasetrain.trains.actions.refusals import SteeringRefused
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.rules.times import cut_off_before
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
CUT_OFFS = [
    {"category": "", "kind": "lead", "seconds": 7200},
    {"category": "library", "kind": "wall", "days": 1, "time": "17:00"},
]
MILESTONES = [{"name": "Dry run", "kind": "wall", "days": 2, "time": "10:00"}]


def planned(**fields: Any) -> Train:
    """Make a weekly train of Tuesdays 14:00 in Berlin with its departures."""
    fields = {"cut_offs": CUT_OFFS, "milestones": MILESTONES, "boarding_lead": 14 * DAY, **fields}
    train = make.train(**fields)
    actions.materialise(train, until=make.NOW + 60 * DAY, now=make.NOW)
    return train


def first(train: Train, place: int = 1) -> Departure:
    """Return the second departure, on Tue 1 Dec 2026, or another one."""
    return train.departures.order_by("planned_at")[place]


def postpone(departure: Departure, to: datetime, now: datetime = make.NOW, **fields: Any) -> Departure:
    fields = {"reason": "The review takes longer", "by": world.manager(), **fields}
    return actions.postpone(departure, to=to, now=now, **fields)


def data(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = Event.objects.filter(kind=kind).latest("pk").data
    return found


def test_a_departure_goes_later_and_its_deadlines_stay_if_nobody_says_otherwise() -> None:
    departure = first(planned())
    before = departure.cut_off_times
    moved = postpone(departure, departure.departs_at + 3 * HOUR)
    moved.refresh_from_db()
    assert moved.departs_at == datetime(2026, 12, 1, 16, tzinfo=UTC)
    assert moved.cut_off_times == before
    assert moved.planned_at == departure.planned_at, "it stands for the same date of the schedule"
    assert moved.moved["departs_at"]["reason"] == "The review takes longer"
    said = data("trains.departure.postponed")
    assert (said["from_at"], said["to_at"]) == ("2026-12-01T13:00:00+00:00", "2026-12-01T16:00:00+00:00")
    assert said["to"] == "Tue 1 Dec 2026 17:00 Europe/Berlin"


def test_o9_deadlines_go_along_to_where_the_train_sets_them_for_the_new_time() -> None:
    departure = first(planned())
    moved = postpone(departure, departure.departs_at + DAY + 3 * HOUR, moves_deadlines=True)
    moved.refresh_from_db()
    assert moved.cut_off_times == {
        "": datetime(2026, 12, 2, 14, tzinfo=UTC),
        "library": datetime(2026, 12, 1, 16, tzinfo=UTC),
    }
    assert moved.cut_off_at == datetime(2026, 12, 2, 14, tzinfo=UTC)
    assert moved.milestone_times == [("Dry run", datetime(2026, 11, 30, 9, tzinfo=UTC))]
    assert data("trains.departure.postponed")["deadlines"] == [
        "the cut-off",
        "the cut-off of library",
        "the milestone Dry run",
    ]


def test_what_a_person_had_moved_goes_along_by_the_same_length() -> None:
    departure = first(planned())
    by_hand = departure.departs_at - 5 * HOUR
    actions.move_deadline(
        departure, what="cut_off:", to=by_hand, reason="audit", by=world.manager(), now=make.NOW
    )
    moved = postpone(departure, departure.departs_at + DAY, moves_deadlines=True)
    assert moved.cut_off_times[""] == by_hand + DAY


def test_i13_postponed_after_the_seal_it_stays_sealed_with_its_votes() -> None:
    departure = world.cleared()
    before = departure.cut_off_at
    moved = postpone(
        departure, departure.departs_at + 3 * HOUR, now=departure.cut_off_at, moves_deadlines=True
    )
    moved.refresh_from_db()
    assert (moved.state, moved.sealed_at is None, moved.cut_off_at) == ("cleared", False, before)
    assert moved.manifests.count() == 1
    assert moved.votes.filter(replaced_at__isnull=True).count() == 1
    left = actions.depart(moved, now=moved.departs_at)
    assert left.state == "rolling"


def test_t11_one_that_was_held_because_it_was_late_goes_on_at_its_new_time() -> None:
    departure = world.cleared()
    late = departure.departs_at + 2 * HOUR
    assert actions.depart(departure, now=late).held_kind == "late"
    moved = postpone(departure, late + HOUR, now=late)
    assert moved.held_at is None
    assert actions.depart(moved, now=late + HOUR).state == "rolling"


@pytest.mark.parametrize(
    ("to", "says"),
    [
        (make.NOW, "has passed; choose a later time"),
        (datetime(2026, 12, 1, 13, tzinfo=UTC), "departs on Tue 1 Dec 2026 14:00 Europe/Berlin already"),
        (datetime(2026, 12, 1, 10, tzinfo=UTC), "before its cut-off on Tue 1 Dec 2026 12:00"),
        (datetime(2026, 12, 8, 13, tzinfo=UTC), r"RT-\d+ departs on Tue 8 Dec 2026 14:00"),
        (datetime(2026, 12, 8, 12, 56, tzinfo=UTC), "at least 5 min away from the one after it"),
        (datetime(2026, 12, 9, 13, tzinfo=UTC), r"or move RT-\d+ first"),
    ],
)
def test_a_time_at_which_it_cannot_go_is_refused_in_a_sentence(to: datetime, says: str) -> None:
    departure = first(planned())
    with pytest.raises(Invalid, match=says) as refused:
        postpone(departure, to)
    assert refused.value.field == "to"
    departure.refresh_from_db()
    assert departure.moved == {}


def test_it_may_go_earlier_and_its_cut_off_goes_along() -> None:
    departure = first(planned())
    moved = postpone(departure, departure.departs_at - 2 * DAY, moves_deadlines=True)
    assert moved.cut_off_at == moved.departs_at - 2 * HOUR


def test_t12_a_cut_off_that_is_ahead_does_not_go_along_into_the_past() -> None:
    departure = first(planned(), 0)
    soon = make.NOW + HOUR
    moved = postpone(departure, soon, moves_deadlines=True)
    assert moved.cut_off_times == {"": soon, "library": soon}, "open until it goes"


def test_a_departure_goes_nowhere_without_a_reason_or_by_a_stranger() -> None:
    departure = first(planned())
    with pytest.raises(Invalid, match="Say why") as refused:
        postpone(departure, departure.departs_at + HOUR, reason=" ")
    assert refused.value.field == "reason"
    with pytest.raises(NotAllowed):
        postpone(departure, departure.departs_at + HOUR, by=world.submitter())
    with pytest.raises(SteeringRefused, match="has departed"):
        postpone(world.rolling(), make.NOW + DAY)


def test_the_captain_and_the_deputy_of_a_departure_run_it() -> None:
    departure = first(planned())
    captain, deputy = make.user("Cap", Role.VIEWER), make.user("Dep", Role.VIEWER)
    Departure.objects.filter(pk=departure.pk).update(captain=captain, deputy=deputy)
    postpone(departure, departure.departs_at + HOUR, by=captain)
    postpone(departure, departure.departs_at + 2 * HOUR, by=deputy)


def test_t9_an_edit_of_the_train_leaves_a_postponed_departure_alone_and_plans_no_second_one() -> None:
    train = planned()
    departure = first(train)
    later = departure.departs_at + 3 * HOUR
    postpone(departure, later)
    count = train.departures.count()
    edited = TrainSettings.of(train)
    table = actions.save_train(
        train,
        replace(edited, first_departs_at_local="2026-11-24T15:00:00"),
        by=world.manager(),
        now=make.NOW,
    )
    departure.refresh_from_db()
    assert departure.departs_at == later
    assert [(one.departure, one.why) for one in table.stayed] == [(departure.pk, "Rob moved it by hand")]
    assert departure.planned_at == datetime(2026, 12, 1, 14, tzinfo=UTC), "it stands for the new date"
    assert train.departures.filter(planned_at__lte=make.NOW + 60 * DAY).count() == count


def test_a_skipped_date_places_who_is_aboard_and_is_not_planned_again() -> None:
    train = planned()
    departure, following = first(train), first(train, 2)
    change = world.aboard(departure)
    skipped = actions.skip(departure, reason="Holidays", by=world.manager(), now=make.NOW)
    change.refresh_from_db()
    assert (skipped.state, skipped.outcome, change.departure) == ("skipped", "Holidays", following)
    assert data("trains.departure.skipped")["moved"] == [change.pk]
    assert actions.materialise(train, until=make.NOW + 60 * DAY, now=make.NOW) == 0
    with pytest.raises(SteeringRefused, match="was skipped"):
        actions.skip(departure, reason="Again", by=world.manager(), now=make.NOW)


def test_a_change_whose_cut_off_has_passed_on_the_next_departure_is_returned() -> None:
    train = planned()
    departure, following = first(train, 0), first(train)
    change = world.aboard(departure, category="library")
    now = following.cut_off_times["library"]
    Departure.objects.filter(pk=departure.pk).update(
        departs_at=now + HOUR, cut_off_at=now + HOUR / 2, cut_offs={}
    )
    actions.skip(departure, reason="Fire drill", by=world.manager(), now=now)
    change.refresh_from_db()
    assert (change.state, change.departure) == ("returned", None)


def test_what_is_sealed_is_cancelled_not_skipped() -> None:
    departure = world.sealed()
    with pytest.raises(SteeringRefused, match="cancel it instead"):
        actions.skip(departure, reason="No", by=world.manager(), now=departure.cut_off_at)


def test_a_skipped_date_is_restored_and_boards_again() -> None:
    departure = first(planned())
    actions.skip(departure, reason="Holidays", by=world.manager(), now=make.NOW)
    restored = actions.restore(departure, reason="It was a mistake", by=world.manager(), now=make.NOW)
    restored.refresh_from_db()
    assert (restored.state, restored.outcome, restored.finished_at) == ("boarding", "", None)
    assert world.kinds(restored)[-2:] == ["departure.restored", "departure.boarding_opened"]


def test_a_date_is_not_restored_into_another_ones_time_or_after_its_cut_off() -> None:
    train = planned()
    departure, following = first(train), first(train, 2)
    actions.skip(departure, reason="Holidays", by=world.manager(), now=make.NOW)
    postpone(following, departure.departs_at, moves_deadlines=True)
    with pytest.raises(SteeringRefused, match="choose another time, or move"):
        actions.restore(departure, reason="Again", by=world.manager(), now=make.NOW)
    with pytest.raises(SteeringRefused, match="nobody could board it"):
        actions.restore(departure, reason="Again", by=world.manager(), now=departure.cut_off_at)


def test_one_cut_off_moves_once_and_the_seal_with_the_latest() -> None:
    train = planned()
    departure = first(train)
    to = datetime(2026, 12, 1, 12, 30, tzinfo=UTC)
    actions.move_deadline(
        departure, what="cut_off:", to=to, reason="One more fix", by=world.manager(), now=make.NOW
    )
    departure.refresh_from_db()
    assert (departure.cut_off_at, departure.cut_off_for("docs")) == (to, to)
    assert departure.cut_off_for("library") == datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert data("trains.deadline.moved")["what"] == "the cut-off"
    assert first(train, 2).cut_off_at == datetime(2026, 12, 8, 11, tzinfo=UTC), "the next one is as before"


def test_t9_a_deadline_moved_by_hand_stays_where_it_is_when_the_train_is_edited() -> None:
    train = planned()
    departure = first(train)
    to = datetime(2026, 12, 1, 12, 30, tzinfo=UTC)
    for what, when in (("cut_off:", to), ("milestone:Dry run", to - DAY)):
        actions.move_deadline(departure, what=what, to=when, reason="x", by=world.manager(), now=make.NOW)
    edited = replace(TrainSettings.of(train), cut_offs=cut_off_before(4 * HOUR))
    actions.save_train(train, edited, by=world.manager(), now=make.NOW)
    departure.refresh_from_db()
    assert (departure.cut_off_times, dict(departure.milestone_times)["Dry run"]) == ({"": to}, to - DAY)


@pytest.mark.parametrize(
    ("what", "to", "says"),
    [
        ("cut_off:", make.NOW, "has passed"),
        ("cut_off:", datetime(2026, 12, 1, 13, 0, 1, tzinfo=UTC), "after the departure on"),
        ("cut_off:", datetime(2026, 12, 1, 11, tzinfo=UTC), "falls on .* already"),
        ("cut_off:firmware", datetime(2026, 12, 1, 11, tzinfo=UTC), "no such deadline"),
        ("milestone:Party", datetime(2026, 12, 1, 11, tzinfo=UTC), "no such deadline"),
        ("milestone:Dry run", datetime(2026, 12, 2, 11, tzinfo=UTC), "after the departure on"),
        ("milestone:Dry run", make.NOW - DAY, "has passed"),
        ("milestone:Dry run", datetime(2026, 11, 29, 9, tzinfo=UTC), "falls on .* already"),
        ("departs_at", datetime(2026, 12, 1, 11, tzinfo=UTC), "no such deadline"),
    ],
)
def test_a_time_on_which_a_deadline_cannot_fall_is_refused_in_a_sentence(
    what: str, to: datetime, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        actions.move_deadline(
            first(planned()), what=what, to=to, reason="x", by=world.manager(), now=make.NOW
        )


def test_a_cut_off_does_not_move_before_boarding_opens_or_after_the_seal() -> None:
    train = planned(boarding_lead=3 * DAY)
    with pytest.raises(Invalid, match="before boarding opens"):
        actions.move_deadline(
            first(train),
            what="cut_off:library",
            to=make.NOW + DAY,
            reason="x",
            by=world.manager(),
            now=make.NOW,
        )
    departure = world.sealed()
    with pytest.raises(Invalid, match="was sealed on"):
        actions.move_deadline(
            departure,
            what="cut_off:",
            to=departure.departs_at,
            reason="x",
            by=world.manager(),
            now=departure.cut_off_at,
        )


def seated(**fields: Any) -> tuple[Train, list[Any]]:
    """Make a train of three captains in turn."""
    people = [make.user(name, Role.VIEWER) for name in ("Ana", "Bo", "Cy")]
    train = planned(**fields)
    edited = replace(TrainSettings.of(train), captains=tuple(people))
    actions.save_train(train, edited, by=world.manager(), now=make.NOW)
    return train, people


def crew(train: Train, count: int = 4) -> list[tuple[str, str]]:
    rows = train.departures.select_related("captain", "deputy").order_by("planned_at")[:count]
    return [(str(row.captain), str(row.deputy)) for row in rows]


def test_o2_captains_take_turns_per_departure_and_the_last_one_is_deputy() -> None:
    train, _ = seated()
    assert crew(train) == [("Ana", "Cy"), ("Bo", "Ana"), ("Cy", "Bo"), ("Ana", "Cy")]
    assert world.kinds()[-1] == "departures.planned"


def test_o2_captains_take_turns_per_week() -> None:
    train, _ = seated(rule="FREQ=WEEKLY;BYDAY=TU,TH", turns="week")
    assert crew(train, 5) == [("Ana", "Cy"), ("Ana", "Cy"), ("Bo", "Ana"), ("Bo", "Ana"), ("Cy", "Bo")]


def test_the_turn_goes_on_where_it_was_when_more_is_planned() -> None:
    train, _ = seated()
    count = train.departures.count()
    later = make.NOW + 30 * DAY
    Departure.objects.filter(train=train, planned_at__lte=later).update(state="arrived")
    actions.materialise(train, until=make.NOW + 480 * DAY, now=later)
    found = crew(train, count + 5)
    assert all(after[1] == before[0] for before, after in pairwise(found))


def test_a_hand_over_names_who_runs_it_and_what_they_have_to_know() -> None:
    train, (ana, _, cy) = seated()
    dee = make.user("Dee", Role.VIEWER)
    departure = first(train)
    actions.hand_over(
        departure, captain=dee, deputy=cy, note="Watch the ledger", by=world.manager(), now=make.NOW
    )
    assert crew(train) == [("Ana", "Cy"), ("Dee", "Cy"), ("Cy", "Dee"), ("Ana", "Cy")]
    departure.refresh_from_db()
    assert departure.handover_note == "Watch the ledger"
    said = data("trains.departure.handed_over")
    assert (said["captain"], said["before"], said["before_deputy_id"]) == ("Dee", "Bo", ana.pk)
    assert str(departure) in Event.objects.latest("pk").subject_label


def test_t9_an_edit_of_the_train_leaves_a_hand_over_alone() -> None:
    train, _ = seated()
    actions.hand_over(
        first(train),
        captain=make.user("Dee", Role.VIEWER),
        deputy=None,
        note="x",
        by=world.manager(),
        now=make.NOW,
    )
    edited = replace(TrainSettings.of(train), rule="FREQ=WEEKLY;BYDAY=TU", turns="week")
    actions.save_train(train, edited, by=world.manager(), now=make.NOW)
    assert crew(train, 3) == [("Ana", "Cy"), ("Dee", "None"), ("Cy", "Dee")]


def test_a_hand_over_to_nobody_in_particular_is_refused() -> None:
    train, (_, bo, ana) = seated()
    departure = first(train)

    def hand(**fields: Any) -> None:
        fields = {"captain": ana, "deputy": None, "note": "x", "by": world.manager(), **fields}
        actions.hand_over(departure, now=make.NOW, **fields)

    with pytest.raises(Invalid, match="what they have to know"):
        hand(note=" ")
    with pytest.raises(Invalid, match="two people"):
        hand(deputy=ana)
    with pytest.raises(Invalid, match="has no role here"):
        hand(captain=make.user("Nobody"))
    with pytest.raises(Invalid, match="has no role here") as refused:
        hand(deputy=make.user("Gone", Role.VIEWER, is_active=False))
    assert refused.value.field == "deputy"
    with pytest.raises(SteeringRefused, match=r"runs .* already"):
        hand(captain=bo, deputy=first(train).deputy)
    with pytest.raises(NotAllowed):
        hand(by=world.submitter())
