"""Whatever state a change is in, it says by when everybody has it, what keeps it, and how that is known."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.insights.arrival import Arrival, arrival_of
from releasetrain.insights.past import past_of
from releasetrain.rollouts.models import Hold, Rollout, Transition
from releasetrain.trains import actions
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import changes_with_service
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
# Five stages before everybody has it, and one that soaks.
ROAD = timedelta(minutes=50, seconds=15)


def asked(change: Change, now: Any = make.NOW) -> Arrival:
    return arrival_of(changes_with_service().get(pk=change.pk), now)


def labels(found: Arrival) -> list[str]:
    return [one.label for one in found.parts]


def part(found: Arrival, label: str) -> Any:
    return next(one for one in found.parts if one.label == label)


def past(count: int, of: Departure, *, late: timedelta = timedelta(0), stretch: float = 1.0) -> None:
    """Write departures of the same train that went before, whose rollouts took so many times their plan."""
    before = of.train.departures.count()
    for number in range(count):
        at = make.NOW - timedelta(days=number + 1, seconds=before)
        gone = make.departure(
            of.train,
            planned_at=at,
            departs_at=at,
            cut_off_at=at - HOUR,
            state="arrived",
            cleared_at=at + late,
            departed_at=at + late,
            finished_at=at + late + HOUR * stretch,
        )
        make.rollout(
            gone,
            make.target(),
            state="succeeded",
            next_due_at=None,
            created_at=at,
            finished_at=at + HOUR * stretch,
        )


def test_a_change_aboard_arrives_with_its_departure() -> None:
    departure = make.departure()
    found = asked(world.aboard(departure))
    assert found.p50_at == departure.departs_at + ROAD
    assert found.p90_at is not None
    assert found.p90_at > found.p50_at
    assert found.blocked is None
    assert found.departure == departure
    assert labels(found) == [
        "Cut-off", "Decision", "Departure", "1 %", "5 %", "10 %", "25 %", "50 %", "100 %", "Pace",
    ]  # fmt: skip
    assert part(found, "100 %").at == departure.departs_at + ROAD
    assert found.sentence == (
        "As likely as not, everybody has it by Mon 23 Nov, 15:50 Berlin (UTC+1); in nine cases of ten by "
        "Mon 23 Nov, 16:20 Berlin (UTC+1)."
    )


def test_a_change_on_no_departure_is_foreseen_with_the_next_one_that_carries_its_service() -> None:
    make.departure(make.train("Other")).train.services.set([make.service("Search")])
    departure = make.departure()
    make.departure(departure.train, departs_at=departure.departs_at + timedelta(days=7))
    found = asked(make.change())
    assert (found.departure, found.p50_at) == (departure, departure.departs_at + ROAD)
    assert found.blocked is not None
    assert (found.blocked.code, found.blocked.text) == (
        "not_aboard",
        "It is on no departure yet; put it aboard.",
    )
    assert part(found, "Cut-off").note == f"It has to be aboard {departure} by then."


def test_after_a_cut_off_the_departure_after_it_counts() -> None:
    departure = make.departure()
    later = make.departure(
        departure.train,
        departs_at=departure.departs_at + timedelta(days=7),
        cut_off_at=departure.cut_off_at + timedelta(days=7),
    )
    assert asked(make.change(), departure.cut_off_at).departure == later


def test_a_category_that_is_past_its_own_cut_off_waits_for_the_next_departure() -> None:
    departure = make.departure(cut_offs={"library": make.NOW.isoformat()})
    assert asked(make.change(category="library")).departure is None
    assert asked(make.change()).departure == departure


def test_where_no_departure_carries_it_that_is_said() -> None:
    found = asked(make.change(service=make.service("Search")))
    assert (found.p50_at, found.p90_at) == (None, None)
    assert found.blocked is not None
    assert "No departure that carries Search can be boarded" in found.sentence
    assert found.blocked.who == "whoever runs the trains of Storefront"


@pytest.mark.parametrize("state", ["returned", "ejected"])
def test_what_came_back_could_board_the_next_one(state: str) -> None:
    departure = make.departure()
    found = asked(make.change(state=state))
    assert found.departure == departure
    assert found.blocked is not None
    assert found.blocked.text == f"It was {state}; put it aboard."


def test_what_was_withdrawn_goes_nowhere() -> None:
    make.departure()
    found = asked(make.change(state="withdrawn"))
    assert (found.p50_at, found.blocked and found.blocked.code) == (None, "withdrawn")


def test_late_decisions_of_the_past_make_it_later() -> None:
    departure = make.departure()
    change = world.aboard(departure)
    past(10, departure, late=20 * MINUTE)
    found = asked(change)
    assert found.p50_at == departure.departs_at + 20 * MINUTE + ROAD
    assert part(found, "Decision").note == (
        "0 of the last 10 decisions came in time; one in ten is 20 min late or more."
    )


def test_a_departure_that_is_cleared_waits_for_no_decision_any_more() -> None:
    departure = world.cleared()
    past(10, departure, late=20 * MINUTE)
    found = asked(departure.changes.get())
    assert found.p50_at == departure.departs_at + ROAD
    assert "Decision" not in labels(found)


def test_slow_rollouts_of_the_past_make_it_later() -> None:
    departure = make.departure()
    change = world.aboard(departure)
    past(10, departure, stretch=2.0)
    found = asked(change)
    assert found.p50_at == departure.departs_at + 2 * ROAD
    assert part(found, "Pace").note == (
        "The last 10 rollouts of this service took 2 times their plan in the middle, and one in ten took "
        "2 times."
    )


def test_departures_that_came_back_make_the_last_tenth_wait_for_the_next_one() -> None:
    departure = make.departure()
    change = world.aboard(departure)
    later = make.departure(
        departure.train,
        departs_at=departure.departs_at + timedelta(days=7),
        cut_off_at=departure.cut_off_at + timedelta(days=7),
        state="scheduled",
    )
    past(20, departure)
    Departure.objects.filter(state="arrived").update(state="rolled_back")
    Departure.objects.filter(pk__in=Departure.objects.filter(state="rolled_back")[:12]).update(
        state="arrived"
    )
    found = asked(change)
    assert found.p50_at is not None
    assert found.p50_at < later.departs_at
    assert found.p90_at is not None
    assert found.p90_at >= later.departs_at
    assert part(found, "If it comes back").at == later.departs_at
    assert part(found, "If it comes back").note == "8 of the last 20 departures of this train came back."


def test_a_window_on_the_way_moves_both() -> None:
    departure = make.departure()
    change = world.aboard(departure)
    start, end = departure.departs_at + 35 * MINUTE, departure.departs_at + 60 * HOUR
    make.window("Weekend", starts_at=start, ends_at=end)
    found = asked(change)
    assert found.p50_at == end + ROAD - 35 * MINUTE
    assert part(found, "50 %").note == "“Weekend” stops this: audit."
    assert found.blocked is not None
    assert found.blocked.code == "will_hold"


def test_what_holds_the_departure_blocks_the_change() -> None:
    departure = make.departure(held_at=make.NOW, held_reason="legal", held_by_label="Rob")
    found = asked(world.aboard(departure))
    assert found.blocked is not None
    assert found.blocked.text == "Held by Rob: legal."


def test_departures_before_it_that_move_the_same_service_come_first() -> None:
    first = make.departure(departs_at=make.NOW + 90 * MINUTE)
    world.aboard(first)
    departure = make.departure(make.train("Express"))
    found = asked(world.aboard(departure))
    ends = first.departs_at + ROAD + timedelta(minutes=10, seconds=3)
    assert found.p50_at == ends + ROAD
    assert part(found, "Its turn").at == ends


def rolling(**fields: Any) -> tuple[Change, Rollout]:
    departure = world.rolling()
    return departure.changes.get(), make.rollout(departure, make.target(), **fields)


def test_a_rollout_that_bakes_has_the_rest_of_its_stages_before_it() -> None:
    change, rollout = rolling(state="baking", stage_index=3, bake_needed_seconds=600, bake_credit_seconds=240)
    now = make.NOW + 3 * HOUR
    found = asked(change, now)
    assert found.p50_at == now + 6 * MINUTE + timedelta(minutes=10, seconds=3)
    assert labels(found) == ["25 %", "50 %", "100 %", "Pace"]
    assert found.blocked is None
    Hold.objects.create(rollout=rollout, kind="operator", reason="Rob looks", opened_at=now)
    held = asked(change, now)
    assert held.blocked is not None
    assert (held.blocked.code, held.blocked.text) == ("hold_operator", "Rob looks")


def test_a_window_that_lets_a_running_rollout_finish_is_not_in_its_way() -> None:
    change, _ = rolling(state="baking", stage_index=3, bake_needed_seconds=600, bake_credit_seconds=240)
    now = make.NOW + 3 * HOUR
    end = now + 9 * HOUR
    window = make.window(starts_at=now - MINUTE, ends_at=end, behaviour="finish_rollout")
    Rollout.objects.update(created_at=now - HOUR)
    assert asked(change, now).p50_at == now + 6 * MINUTE + timedelta(minutes=10, seconds=3)
    window.behaviour = "finish_stage"
    window.save(update_fields=["behaviour"])
    assert asked(change, now).p50_at == end + timedelta(minutes=10, seconds=3)
    window.behaviour = "hold"
    window.save(update_fields=["behaviour"])
    assert asked(change, now).p50_at == end + 6 * MINUTE + timedelta(minutes=10, seconds=3)


def test_everybody_has_it_once_it_soaks() -> None:
    change, rollout = rolling(state="soaking", stage_index=5)
    at = make.NOW + 4 * HOUR
    Transition.objects.create(
        rollout=rollout,
        seq=1,
        rule="T7",
        from_state="shifting",
        to_state="soaking",
        stage_index=5,
        weight=100,
        fence=1,
        at=at,
    )
    found = asked(change, at + HOUR)
    assert (found.p50_at, found.p90_at, found.blocked) == (at, at, None)
    assert found.sentence == "Everybody has it since Mon 23 Nov, 17:00 Berlin (UTC+1)."
    rollout.departure.state = "arrived"  # type: ignore[union-attr]
    rollout.departure.save(update_fields=["state"])  # type: ignore[union-attr]
    Change.objects.update(state="shipped")
    assert asked(change, at + HOUR).p50_at == at


def test_a_shipped_change_that_was_brought_in_says_when_its_departure_ended() -> None:
    departure = world.rolling()
    change = departure.changes.get()
    actions.arrive(departure, now=make.NOW + 5 * HOUR)
    assert asked(change, make.NOW + 6 * HOUR).p50_at == make.NOW + 5 * HOUR
    alone = make.change(state="shipped")
    assert asked(alone).sentence == "It has shipped; when everybody got it is not on record."


def test_a_rollout_that_comes_back_leaves_the_change_to_the_next_departure() -> None:
    change, _ = rolling(state="rolling_back", reason="Errors rose")
    later = make.departure(
        change.departure.train if change.departure else None,
        departs_at=make.NOW + timedelta(days=7),
        cut_off_at=make.NOW + timedelta(days=6),
    )
    found = asked(change, make.NOW + 3 * HOUR)
    assert found.departure == later
    assert found.blocked is not None
    assert found.blocked.text == "Errors rose"


def test_a_train_without_stages_says_that_nobody_can_say() -> None:
    departure = make.departure(plan={})
    found = asked(world.aboard(departure))
    assert found.p50_at is None
    assert "has no stages" in found.sentence


def test_imported_departures_tell_how_long_their_train_takes() -> None:
    history = Path(__file__).parents[2] / "releasetrain" / "demo" / "history"
    train = actions.import_history(history, by=None, now=make.NOW).train
    departure = make.departure(train)
    found = past_of(departure, make.service().pk, HOUR, make.NOW)
    assert "departures of this train" in found.rollouts
    assert min(found.chances.stretches) > 10
    assert found.returns == "0 of the last 50 departures of this train came back."


def test_it_takes_as_many_queries_with_three_departures_before_it_as_with_one() -> None:
    departure = make.departure(make.train("Express"), departs_at=make.NOW + 9 * HOUR)
    change = changes_with_service().get(pk=world.aboard(departure).pk)
    counts = []
    for rows in (1, 2):
        for number in range(rows):
            world.aboard(make.departure(departs_at=make.NOW + HOUR * (2 + rows + number)))
        past(5 * rows, departure)
        with CaptureQueriesContext(connection) as captured:
            arrival_of(change, make.NOW)
        counts.append(len(captured))
        Departure.objects.filter(state="arrived").update(departed_at=None)
        Rollout.objects.all().delete()
    assert counts[0] == counts[1] <= 40
