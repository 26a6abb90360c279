"""A schedule laid out over time keeps its wall time, marks its clocks and lets single weeks differ."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.lib.schedule import Schedule, occurrences, read
from releasetrain.trains.rules.times import Terms, cut_off_before
from releasetrain.trains.rules.weeks import (
    dates_between,
    monday_of,
    occurrences_with_weeks,
    week_start,
    why_too_near,
)

ZONES = ["Europe/Berlin", "America/New_York", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "UTC"]
RULES = ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;BYDAY=TU,TH", "FREQ=MONTHLY;BYDAY=1TU"]
WEEK = timedelta(weeks=1)
spans = st.tuples(
    st.dates(date(2000, 1, 1), date(2034, 1, 1)).map(
        lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)
    ),
    st.integers(1, 400).map(lambda days: timedelta(days=days)),
)


def schedule(rule: str, zone: str, clock: str = "02:30") -> Schedule:
    return read(rule, f"2000-01-01T{clock}", zone)


def terms(zone: str) -> Terms:
    return Terms.read(ZoneInfo(zone), timedelta(days=30), cut_off_before(timedelta(hours=2)), ())


def test_a_week_begins_on_the_monday_of_the_trains_own_clocks() -> None:
    sunday_in_berlin = datetime(2026, 11, 22, 22, 59, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert monday_of(sunday_in_berlin, berlin) == date(2026, 11, 16)
    assert monday_of(sunday_in_berlin + timedelta(minutes=1), berlin) == date(2026, 11, 23)
    assert week_start(date(2026, 11, 23), berlin) == datetime(2026, 11, 22, 23, tzinfo=UTC)


def test_trains_keep_a_distance_between_departures() -> None:
    assert why_too_near(None) is None
    assert why_too_near(timedelta(minutes=5)) is None
    assert "at least 5 min in between" in (why_too_near(timedelta(minutes=4)) or "")


@given(st.sampled_from(RULES), st.sampled_from(ZONES), st.times(), spans)
@settings(deadline=None, max_examples=60)
def test_t1_t2_t3_every_departure_shows_its_wall_time_or_says_why_not(
    rule: str, zone: str, clock: object, span: tuple[datetime, timedelta]
) -> None:
    start, length = span
    found = dates_between(
        schedule(rule, zone, str(clock)[:5]), {}, terms(zone), after=start, until=start + length
    )
    for one in found:
        shown = f"{one.planned_at.astimezone(ZoneInfo(zone)):%H:%M}"
        assert shown == str(clock)[:5] or "is taken instead" in one.note
    assert len({one.planned_at for one in found}) == len(found), "none fires twice"


@given(st.sampled_from(RULES), st.sampled_from(ZONES), spans)
@settings(deadline=None, max_examples=60)
def test_t8_shifts_of_the_clocks_add_up_from_the_first_date_to_the_last(
    rule: str, zone: str, span: tuple[datetime, timedelta]
) -> None:
    start, length = span
    found = dates_between(schedule(rule, zone), {}, terms(zone), after=start, until=start + length)
    if found:
        first, last = (one.planned_at.astimezone(ZoneInfo(zone)) for one in (found[0], found[-1]))
        wall = last.replace(tzinfo=None) - first.replace(tzinfo=None)
        assert sum((one.shift for one in found), timedelta()) == wall - (last - first.astimezone(UTC))
        assert found[0].shift == timedelta()


@given(st.sampled_from(RULES), st.sampled_from(ZONES), spans, st.integers(0, 400))
@settings(deadline=None, max_examples=60)
def test_t13_neighbouring_spans_share_no_date_and_lose_none(
    rule: str, zone: str, span: tuple[datetime, timedelta], days: int
) -> None:
    start, length = span
    end, middle = start + length, min(start + timedelta(days=days), start + length)
    weeks = {monday_of(start + WEEK, ZoneInfo(zone)): schedule("FREQ=DAILY", zone, "11:00")}

    def between(after: datetime, until: datetime) -> list[datetime]:
        found = occurrences_with_weeks(schedule(rule, zone), weeks, after=after, until=until)
        return [one.at for one in found]

    assert between(start, middle) + between(middle, end) == between(start, end)


@given(
    st.sampled_from(RULES),
    st.sampled_from(ZONES),
    spans,
    st.dictionaries(st.integers(0, 50), st.sampled_from([*RULES, ""]), max_size=6),
)
@settings(deadline=None, max_examples=60)
def test_o2_a_chosen_week_has_its_variants_departures_and_every_other_week_the_usual_ones(
    rule: str, zone: str, span: tuple[datetime, timedelta], chosen: dict[int, str]
) -> None:
    start, length = span
    place, until = ZoneInfo(zone), start + length
    weeks = {
        monday_of(start + number * WEEK, place): schedule(other, zone, "11:00") if other else None
        for number, other in chosen.items()
    }
    found = occurrences_with_weeks(schedule(rule, zone), weeks, after=start, until=until)
    usual = occurrences(schedule(rule, zone), after=start, until=until)
    outside = [one.at for one in usual if monday_of(one.at, place) not in weeks]
    assert [one.at for one in found if monday_of(one.at, place) not in weeks] == outside
    for monday, variant in weeks.items():
        own = [one.at for one in occurrences(variant, after=start, until=until)] if variant else []
        assert [one.at for one in found if monday_of(one.at, place) == monday] == [
            at for at in own if monday_of(at, place) == monday
        ]
