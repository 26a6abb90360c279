"""A departure keeps its snapshot of the train; applying what the train says now is explicit (RULES I14)."""

import pytest

from releasetrain.events.models import Event
from releasetrain.lib.errors import NotAllowed, Stale
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import SteeringRefused
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import plan_of
from releasetrain.trains.queries.applying import offered
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db


def boarding() -> Departure:
    train = make.train(capacity=3)
    departure = make.departure(train)
    departure.plan = plan_of(train).to_json()
    departure.save(update_fields=["plan"])
    return departure


def edit(departure: Departure, **fields: object) -> None:
    for field, value in fields.items():
        setattr(departure.train, field, value)
    departure.train.save(update_fields=list(fields))


def test_i14_a_departure_that_boards_keeps_what_it_has() -> None:
    departure = boarding()
    edit(departure, capacity=1, ladder=[{"weight": 100, "bake_seconds": 900}])
    departure.refresh_from_db()
    assert (departure.room.capacity, len(departure.plan["ladder"])) == (3, 6)


def test_i14_the_difference_is_shown_in_words() -> None:
    departure = boarding()
    assert offered(departure)[0] == []
    edit(departure, capacity=None, risk_budget=20, refuses=["cookie"], ladder=make.LADDER[-1:])
    found = {one.what: (one.before, one.after) for one in offered(departure)[0]}
    assert found == {
        "Ladder": (
            ", ".join(f"{weight} % for 10 min" for weight in (1, 5, 10, 25, 50, 100)),
            "100 % for 10 min",
        ),
        "Room": ("3 changes", "no limit"),
        "Risk budget": ("no limit", "20 points"),
        "Carries no change that": ("nothing", "sets a new cookie"),
    }


def test_i14_applying_takes_exactly_what_was_read() -> None:
    departure = boarding()
    edit(departure, capacity=2)
    _, seen = offered(departure)
    edit(departure, capacity=1)
    with pytest.raises(Stale, match="look at the difference again"):
        actions.apply_settings(departure, seen=seen, by=world.manager(), now=make.NOW)
    departure.refresh_from_db()
    assert departure.room.capacity == 3
    done = actions.apply_settings(departure, seen=offered(departure)[1], by=world.manager(), now=make.NOW)
    assert done.room.capacity == 1
    event = Event.objects.get(kind="trains.departure.settings_applied")
    assert event.data["changed"] == [{"what": "Room", "before": "3 changes", "after": "1 change"}]
    departure.refresh_from_db()
    with pytest.raises(SteeringRefused, match="has the settings of its train already"):
        actions.apply_settings(departure, seen=offered(departure)[1], by=world.manager(), now=make.NOW)


def test_i14_i11_less_room_puts_the_last_in_on_stand_by_and_more_brings_them_back() -> None:
    departure = boarding()
    titles = ["First", "Second", "Third"]
    for title in titles:
        world.aboard(departure, title=title)
    edit(departure, capacity=1)
    actions.apply_settings(departure, seen=offered(departure)[1], by=world.manager(), now=make.NOW)
    assert set(departure.standing_by.values_list("title", flat=True)) == {"Second", "Third"}
    edit(departure, capacity=None)
    departure.refresh_from_db()
    actions.apply_settings(departure, seen=offered(departure)[1], by=world.manager(), now=make.NOW)
    assert set(departure.changes.filter(state="aboard").values_list("title", flat=True)) == set(titles)


def test_i14_d2_a_sealed_departure_keeps_its_plan_and_a_stranger_applies_nothing() -> None:
    departure = boarding()
    edit(departure, capacity=2)
    _, seen = offered(departure)
    with pytest.raises(NotAllowed, match="apply the train’s settings"):
        actions.apply_settings(departure, seen=seen, by=world.submitter(), now=make.NOW)
    with pytest.raises(SteeringRefused, match="keeps what it was sealed with"):
        actions.apply_settings(departure, seen=seen, by=world.manager(), now=departure.cut_off_at)
