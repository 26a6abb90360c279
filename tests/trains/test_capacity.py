"""A window that allows has room for so many changes; the one that is too many is offered the next time."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.calendars.models import Occurrence, Window
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import BoardingClosed
from releasetrain.trains.models import Departure
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def office(departure: Departure, capacity: int | None = 2, **fields: Any) -> Window:
    """Make a window that allows, around a departure and again a day later."""
    start, end = departure.departs_at - HOUR, departure.departs_at + 3 * HOUR
    window = make.window(
        "Office hours", effect="allow", capacity=capacity, starts_at=start, ends_at=end, **fields
    )
    Occurrence.objects.create(window=window, during=DateTimeTZRange(start + DAY, end + DAY))
    Window.objects.filter(pk=window.pk).update(ends_at=end + DAY)
    return window


def board(departure: Departure, **fields: Any) -> None:
    actions.board(make.change(**fields), departure, by=world.submitter(), now=make.NOW)


def test_the_change_that_is_too_many_is_refused_with_the_next_time() -> None:
    departure = make.departure()
    window = office(departure)
    board(departure)
    board(departure)
    with pytest.raises(
        BoardingClosed, match="has room for 2 changes until Mon 23 Nov, 18:00 Berlin"
    ) as refused:
        board(departure)
    assert "it opens next on Tue 24 Nov, 14:00 Berlin (UTC+1)." in refused.value.message
    assert refused.value.until == departure.departs_at - HOUR + DAY
    assert window.pk


def test_what_leaves_with_another_train_in_the_same_time_counts_too() -> None:
    departure = make.departure()
    office(departure)
    other = make.departure(make.train("Express"), departs_at=departure.departs_at + HOUR)
    board(other)
    board(departure)
    with pytest.raises(BoardingClosed, match="has room"):
        board(departure)


def test_what_leaves_at_another_time_takes_no_room() -> None:
    departure = make.departure()
    office(departure, capacity=1)
    world.aboard(make.departure(make.train("Express"), departs_at=departure.departs_at + 3 * HOUR))
    board(departure)
    assert departure.changes.count() == 1


def test_moving_within_a_full_window_is_no_change_more() -> None:
    departure = make.departure()
    office(departure, capacity=1)
    board(departure)
    other = make.departure(make.train("Express"), departs_at=departure.departs_at + HOUR)
    actions.move(departure.changes.get(), other, by=world.submitter(), now=make.NOW)
    assert other.changes.count() == 1


def test_a_window_over_other_services_and_one_without_a_number_refuse_nobody() -> None:
    departure = make.departure()
    office(departure, capacity=1, service=make.service("Search"))
    board(departure)
    board(departure)
    assert departure.changes.count() == 2


def test_where_another_window_lets_it_move_without_a_number_there_is_room() -> None:
    departure = make.departure()
    office(departure, capacity=1)
    office(departure, capacity=None)
    board(departure)
    board(departure)
    assert departure.changes.count() == 2


def test_a_window_that_does_not_open_again_says_so() -> None:
    departure = make.departure()
    office(departure, capacity=1)
    Occurrence.objects.filter(during__startswith__gt=departure.departs_at).delete()
    board(departure)
    with pytest.raises(BoardingClosed, match=r"room for one change .* nobody knows when it opens next"):
        board(departure)
