"""An edited schedule moves what may move, nearest first, and leaves nobody standing unseen (RULES T9)."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.timetable import Standing, rematch

TUESDAY = datetime(2026, 11, 24, 13, tzinfo=UTC)
WEEK, DAY = timedelta(weeks=1), timedelta(days=1)


def weekly(start: datetime, count: int = 4) -> list[datetime]:
    return [start + WEEK * number for number in range(count)]


def standing(start: datetime = TUESDAY, aboard: tuple[int, ...] = (0, 0, 0, 0)) -> list[Standing]:
    return [Standing(number, start + WEEK * number, count) for number, count in enumerate(aboard)]


def test_t9_a_day_later_moves_each_departure_by_a_day() -> None:
    table = rematch(standing(), weekly(TUESDAY + DAY))
    assert [one.by for one in table.moved] == [DAY] * 4
    assert (table.kept, table.added, table.dropped) == ((), (), ())


def test_t9_the_same_schedule_moves_nothing() -> None:
    table = rematch(standing(), weekly(TUESDAY))
    assert [one.departure for one in table.kept] == [0, 1, 2, 3]
    assert (table.moved, table.added, table.dropped) == ((), (), ())


def test_t9_from_weekly_to_daily_nobody_is_moved_to_another_week() -> None:
    daily = [TUESDAY + timedelta(hours=1) + DAY * number for number in range(28)]
    table = rematch(standing(aboard=(0, 3, 0, 1)), daily)
    assert {one.departure: one.by for one in table.moved} == dict.fromkeys(range(4), timedelta(hours=1))
    assert len(table.added) == 24


def test_t9_from_daily_to_weekly_people_aboard_go_to_the_nearest_and_empty_ones_are_dropped() -> None:
    days = [Standing(number, TUESDAY + DAY * number, int(number == 9)) for number in range(14)]
    table = rematch(days, [TUESDAY + WEEK + timedelta(hours=1)])
    assert [(one.departure, one.aboard) for one in table.moved] == [(9, 1)]
    assert len(table.dropped) == 13


spans = st.lists(st.integers(0, 2000), max_size=12, unique=True)


@given(spans, spans, st.sets(st.integers(0, 11)))
def test_t9_every_departure_and_every_instant_is_accounted_for_once(
    before: list[int], after: list[int], full: set[int]
) -> None:
    rows = [
        Standing(number, TUESDAY + timedelta(hours=hour), int(number in full))
        for number, hour in enumerate(sorted(before))
    ]
    instants = [TUESDAY + timedelta(hours=hour) for hour in sorted(after)]
    table = rematch(rows, instants)
    ends = [*(one.departure for one in table.kept), *(one.departure for one in table.moved)]
    assert sorted([*ends, *(one.departure for one in table.dropped)]) == [one.departure for one in rows]
    taken = [*(one.planned_at for one in table.kept), *(one.after for one in table.moved)]
    assert sorted([*taken, *table.added]) == instants
    if any(one.aboard for one in table.dropped):
        assert all(one.aboard for one in table.moved)
