"""An edited schedule moves what may move, nearest first, and leaves nobody standing unseen (RULES T9)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.times import Times
from releasetrain.trains.rules.timetable import Date, Standing, Timetable, timetable, to_come

TUESDAY = datetime(2026, 11, 24, 13, tzinfo=UTC)
WEEK, DAY = timedelta(weeks=1), timedelta(days=1)
EARLIER = TUESDAY - 2 * WEEK


def weekly(start: datetime, count: int = 4) -> list[datetime]:
    return [start + WEEK * number for number in range(count)]


def date(instant: datetime, lead: timedelta = timedelta(hours=2)) -> Date:
    return Date(instant, times(instant, lead))


def times(instant: datetime, lead: timedelta = timedelta(hours=2)) -> Times:
    return Times(instant, instant - WEEK, {"": instant - lead})


def row(number: int, instant: datetime, aboard: int = 0, **fields: Any) -> Standing:
    return Standing(number, instant, fields.pop("times", times(instant)), aboard, **fields)


def standing(start: datetime = TUESDAY, aboard: tuple[int, ...] = (0, 0, 0, 0)) -> list[Standing]:
    return [row(number, start + WEEK * number, count) for number, count in enumerate(aboard)]


def table_of(rows: list[Standing], instants: list[datetime], now: datetime = EARLIER) -> Timetable:
    return timetable(rows, [date(one) for one in instants], now)


def test_t9_a_day_later_moves_each_departure_by_a_day() -> None:
    table = table_of(standing(), weekly(TUESDAY + DAY))
    assert [one.by for one in table.moved] == [DAY] * 4
    assert (table.kept, table.added, table.dropped) == ((), (), ())


def test_t9_the_same_schedule_moves_nothing() -> None:
    table = table_of(standing(), weekly(TUESDAY))
    assert [one.departure for one in table.kept] == [0, 1, 2, 3]
    assert (table.moved, table.added, table.dropped) == ((), (), ())


def test_t9_from_weekly_to_daily_nobody_is_moved_to_another_week() -> None:
    daily = [TUESDAY + timedelta(hours=1) + DAY * number for number in range(28)]
    table = table_of(standing(aboard=(0, 3, 0, 1)), daily)
    assert {one.departure: one.by for one in table.moved} == dict.fromkeys(range(4), timedelta(hours=1))
    assert len(table.added) == 24


def test_t9_from_daily_to_weekly_people_aboard_go_to_the_nearest_and_empty_ones_are_dropped() -> None:
    days = [row(number, TUESDAY + DAY * number, int(number == 9)) for number in range(14)]
    table = table_of(days, [TUESDAY + WEEK + timedelta(hours=1)])
    assert [(one.departure, one.aboard) for one in table.moved] == [(9, 1)]
    assert len(table.dropped) == 13


def test_t9_nobody_is_moved_past_a_departure_that_stays() -> None:
    rows = standing(aboard=(2, 0, 0))
    table = table_of(rows, [*weekly(TUESDAY + WEEK, 2), TUESDAY + 50 * WEEK])
    assert [one.departure for one in table.dropped] == [0], "not moved to another year"
    assert [one.planned_at for one in table.added] == [TUESDAY + 50 * WEEK]


def test_t9_nobody_is_moved_back_past_a_departure_that_stays() -> None:
    rows = standing(aboard=(0, 0, 2))
    table = table_of(rows, [TUESDAY - DAY, *weekly(TUESDAY, 2)])
    assert [one.departure for one in table.dropped] == [2]


def test_t9_a_new_cut_off_alone_moves_a_deadline_and_no_departure() -> None:
    table = timetable(standing()[:1], [date(TUESDAY, timedelta(hours=5))], EARLIER)
    (move,) = table.moved
    assert move.by == timedelta(0)
    assert (move.before.cut_off_at, move.after.cut_off_at) == (
        TUESDAY - timedelta(hours=2),
        TUESDAY - timedelta(hours=5),
    )


def test_t9_what_a_person_skipped_stays_and_stands_for_the_date_next_to_it() -> None:
    rows = standing()
    rows[1] = replace(rows[1], pinned="it was skipped", is_off=True)
    table = table_of(rows, weekly(TUESDAY + DAY))
    assert [one.departure for one in table.moved] == [0, 2, 3]
    (stay,) = table.stayed
    assert (stay.departure, stay.why, stay.stands_for) == (1, "it was skipped", TUESDAY + WEEK + DAY)
    assert table.added == (), "the week that was skipped stays skipped"


def test_t9_what_a_person_skipped_takes_no_date_from_another_month() -> None:
    skipped = replace(standing()[0], pinned="it was skipped", is_off=True)
    table = table_of([skipped], [TUESDAY + 4 * WEEK])
    assert [one.planned_at for one in table.added] == [TUESDAY + 4 * WEEK]
    assert table.dropped == ()


def test_t9_what_a_person_postponed_stays_whatever_the_schedule_says() -> None:
    later = times(TUESDAY + timedelta(hours=3))
    postponed = row(0, TUESDAY, aboard=2, times=later, pinned="Rob moved it by hand")
    table = table_of([postponed], [TUESDAY + DAY])
    assert table.moved == ()
    assert [(one.times, one.why) for one in table.stayed] == [(later, "Rob moved it by hand")]


def test_t9_a_deadline_moved_by_hand_stays_while_its_departure_moves() -> None:
    own = Times(TUESDAY, TUESDAY - WEEK, {"": TUESDAY - DAY, "docs": TUESDAY - timedelta(hours=2)})
    moved = row(0, TUESDAY, times=own, by_hand=frozenset({"cut_off:"}))
    to = Date(TUESDAY + DAY, Times(TUESDAY + DAY, TUESDAY, {"": TUESDAY, "docs": TUESDAY}))
    (move,) = timetable([moved], [to], EARLIER).moved
    assert move.after.cut_offs == {"": TUESDAY - DAY, "docs": TUESDAY}


def test_t9_a_departure_is_not_moved_before_a_deadline_that_a_person_moved() -> None:
    own = row(0, TUESDAY, times=times(TUESDAY, timedelta(0)), by_hand=frozenset({"cut_off:"}))
    table = table_of([own], [TUESDAY - timedelta(hours=1)])
    assert table.moved == ()
    assert table.stayed[0].why == "a deadline that was moved by hand would come after it"


def test_t12_a_cut_off_that_is_ahead_never_lies_in_the_past_by_an_edit() -> None:
    now = TUESDAY - timedelta(hours=3)
    (kept,) = timetable(standing()[:1], [date(TUESDAY, timedelta(hours=5))], now).kept
    assert kept.times.cut_off_at == TUESDAY - timedelta(hours=2)


def test_t12_the_cut_off_of_one_category_does_not_close_behind_peoples_backs() -> None:
    now = TUESDAY - DAY
    own = Times(TUESDAY, TUESDAY - WEEK, {"": TUESDAY, "library": TUESDAY - timedelta(hours=3)})
    earlier = TUESDAY - timedelta(hours=4)
    to = Date(earlier, Times(earlier, earlier - WEEK, {"": earlier, "library": earlier - 2 * DAY}))
    (move,) = timetable([row(0, TUESDAY, times=own)], [to], now).moved
    assert move.after.cut_offs == {"": earlier, "library": earlier}, "open until the seal, not longer"


spans = st.lists(st.integers(0, 2000), max_size=12, unique=True)


@given(spans, spans, st.sets(st.integers(0, 11)))
def test_t9_every_departure_and_every_instant_is_accounted_for_once(
    before: list[int], after: list[int], full: set[int]
) -> None:
    rows = [
        row(number, TUESDAY + timedelta(hours=hour), int(number in full))
        for number, hour in enumerate(sorted(before))
    ]
    instants = [TUESDAY + timedelta(hours=hour) for hour in sorted(after)]
    table = table_of(rows, instants)
    ends = [*(one.departure for one in table.kept), *(one.departure for one in table.moved)]
    assert sorted([*ends, *(one.departure for one in table.dropped)]) == [one.departure for one in rows]
    taken = [*(one.planned_at for one in table.kept), *(one.date.planned_at for one in table.moved)]
    assert sorted([*taken, *(one.planned_at for one in table.added)]) == instants
    if any(one.aboard for one in table.dropped):
        assert all(one.aboard for one in table.moved)


def test_t12_a_date_that_is_past_or_whose_seal_is_past_is_not_used_unless_it_stands() -> None:
    dates = [date(TUESDAY - WEEK), date(TUESDAY), date(TUESDAY + WEEK)]
    now = TUESDAY - timedelta(hours=1)
    assert to_come(dates, [], now) == dates[2:]
    assert to_come(dates, standing()[:1], now) == dates[1:]
    assert to_come(dates, [row(9, TUESDAY - WEEK), *standing()[:1]], now) == dates[1:]


leads = st.integers(0, 200).map(lambda hours: timedelta(hours=hours))


@given(spans, spans, st.integers(0, 2000), leads, leads, st.sets(st.integers(0, 11)))
def test_t12_no_edit_puts_a_cut_off_that_was_ahead_into_the_past(
    before: list[int], after: list[int], hour: int, lead: timedelta, new_lead: timedelta, pinned: set[int]
) -> None:
    now = TUESDAY + timedelta(hours=hour)
    rows = [
        row(
            number,
            instant,
            times=times(instant, lead),
            pinned="Rob moved it by hand" if number in pinned else "",
        )
        for number, instant in enumerate(TUESDAY + timedelta(hours=hour) for hour in sorted(before))
        if instant - lead > now
    ]
    dates = [date(TUESDAY + timedelta(hours=hour), new_lead) for hour in sorted(after)]
    table = timetable(rows, to_come(dates, rows, now), now)
    assert all(one.after.cut_off_at > now and one.after.departs_at > now for one in table.moved)
    assert all(one.times.cut_off_at > now for one in table.added)
    touched = {one.departure for one in table.moved} | {one.departure for one in table.dropped}
    assert not touched & pinned


@given(spans, spans)
def test_t9_a_deadline_moved_by_hand_stays_in_every_edit(before: list[int], after: list[int]) -> None:
    rows = [
        row(number, TUESDAY + timedelta(hours=hour), by_hand=frozenset({"cut_off:"}))
        for number, hour in enumerate(sorted(before))
    ]
    own = {one.departure: one.times.cut_offs for one in rows}
    table = table_of(rows, [TUESDAY + timedelta(hours=hour) for hour in sorted(after)])
    assert all(one.after.cut_offs == own[one.departure] for one in table.moved)
    assert all(one.after.cut_off_at <= one.after.departs_at for one in table.moved)
