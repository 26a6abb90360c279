"""Shifts stay on the wall, people follow in turn, the past stays, and gaps are seen."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from releasetrain.accounts.actions import (
    FromAFeed,
    drop_fed_shifts,
    materialise_duties,
    put_fed_shift,
    remove_shift,
    save_shift,
)
from releasetrain.accounts.actions.rota import Wanted
from releasetrain.accounts.models import Duty, Shift, Team, User
from releasetrain.accounts.queries import coverage, on_call, uncovered, with_rota
from releasetrain.accounts.rules import Role
from releasetrain.accounts.rules.rota import Plan, gaps, shift_problems
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed, NotFound
from releasetrain.lib.spans import Span
from tests import make

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shift(*people: User, by: User | None = None, team: Team | None = None, **fields: Any) -> Shift:
    """Save a daily shift of the team, 09:00 to 17:00 in Berlin, from the day of make.NOW."""
    typed: dict[str, Any] = {
        "time_zone": "Europe/Berlin",
        "starts_local": "2026-11-23T09:00",
        "ends_local": "2026-11-23T17:00",
        "rule": "FREQ=DAILY",
    }
    return save_shift(
        team=team or make.team(),
        people=people or [make.user()],
        by=by or make.user("", Role.ADMINISTRATOR),
        now=make.NOW,
        **{**typed, **fields},
    )


def test_t1_a_shift_stays_on_the_wall_when_the_clocks_change() -> None:
    plan = Plan(wall("2026-10-24T09:00"), wall("2026-10-24T17:00"), BERLIN, "FREQ=DAILY")
    turns = plan.turns(1, at("2026-10-24T00:00"), at("2026-10-26T00:00"))
    assert [turn.span.start for turn in turns] == [at("2026-10-24T07:00"), at("2026-10-25T08:00")]


def test_t5_a_night_has_both_its_ends_on_the_wall() -> None:
    plan = Plan(wall("2026-10-24T21:00"), wall("2026-10-25T09:00"), BERLIN)
    (turn,) = plan.turns(1, at("2026-10-24T00:00"), at("2026-10-26T00:00"))
    assert turn.span.end - turn.span.start == timedelta(hours=13)


def test_t3_an_end_that_occurs_twice_is_read_as_widely_as_it_may() -> None:
    plan = Plan(wall("2026-10-25T02:30"), wall("2026-10-25T02:45"), BERLIN)
    (turn,) = plan.turns(1, at("2026-10-24T00:00"), at("2026-10-26T00:00"))
    assert turn.span == Span(at("2026-10-25T00:30"), at("2026-10-25T01:45"))


@settings(max_examples=60, deadline=None)
@given(
    people=st.integers(1, 5),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    later=st.integers(0, 700),
)
def test_turns_do_not_depend_on_when_one_looks(people: int, zone: str, later: int) -> None:
    plan = Plan(wall("2026-01-05T09:00"), wall("2026-01-12T09:00"), ZoneInfo(zone), "FREQ=WEEKLY")
    first = at("2026-01-01T00:00")
    whole = plan.turns(people, first, first + 800 * DAY)
    assert [turn.seat for turn in whole] == [number % people for number in range(len(whole))]
    assert all(one.span.end == two.span.start for one, two in pairwise(whole))
    since = first + later * DAY
    part = plan.turns(people, since, first + 800 * DAY)
    assert part == [turn for turn in whole if turn.span.end > since]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"time_zone": "Europe/Berln"}, "time_zone"),
        ({"starts_local": "nine"}, "starts_local"),
        ({"ends_local": "five"}, "ends_local"),
        ({"ends_local": "2026-11-23T09:00"}, "ends_local"),
        ({"ends_local": "2026-12-23T09:00"}, "ends_local"),
        ({"rule": "FREQ=SOMETIMES"}, "rule"),
        ({"rule": "FREQ=DAILY\n" + "EXDATE:20261124T090000\n" * 50}, "rule"),
        ({"rule": "", "starts_local": "nine"}, "starts_local"),
        ({"rule": "", "time_zone": "Berlin"}, "time_zone"),
    ],
)
def test_a_shift_typed_wrong_names_its_field(typed: dict[str, str], field: str) -> None:
    fine = {
        "time_zone": "UTC",
        "starts_local": "2026-11-23T09:00",
        "ends_local": "2026-11-23T17:00",
        "rule": "FREQ=DAILY",
    }
    assert shift_problems(**fine) == {}
    assert list(shift_problems(**{**fine, **typed})) == [field]


def test_t13_gaps_are_half_open() -> None:
    first = at("2026-01-01T00:00")
    spans = [Span(first + HOUR, first + 2 * HOUR), Span(first + 2 * HOUR, first + 3 * HOUR)]
    assert gaps(spans, first, first + 4 * HOUR) == [
        Span(first, first + HOUR),
        Span(first + 3 * HOUR, first + 4 * HOUR),
    ]
    assert gaps(spans, first + HOUR, first + 3 * HOUR) == []
    assert gaps([], first, first + HOUR) == [Span(first, first + HOUR)]


@pytest.mark.django_db
def test_people_take_turns_and_the_page_knows_who() -> None:
    ada, grace = make.user("Ada"), make.user("Grace")
    made = shift(ada, grace)
    team = made.team
    today = on_call([team], at("2026-11-23T12:00"))[team.pk]
    tomorrow = on_call([team.pk], at("2026-11-24T12:00"))[team.pk]
    assert [duty.user for duty in today] == [ada]
    assert [duty.user for duty in tomorrow] == [grace]
    assert on_call([team], at("2026-11-24T16:00"))[team.pk] == []


@pytest.mark.django_db
def test_t13_who_comes_is_on_call_at_the_instant_that_the_other_leaves() -> None:
    ada, grace = make.user("Ada"), make.user("Grace")
    shift(ada)
    made = shift(grace, starts_local="2026-11-23T17:00", ends_local="2026-11-24T09:00")
    found = on_call([made.team], at("2026-11-24T16:00"))[made.team_id]
    assert [duty.user for duty in found] == [grace]
    assert uncovered([made.team], at("2026-11-24T00:00"), at("2026-12-24T00:00")) == {made.team_id: []}


@pytest.mark.django_db
def test_a_gap_of_the_rota_is_found() -> None:
    made = shift()
    found = uncovered([made.team], at("2026-11-24T07:00"), at("2026-11-24T17:00"))
    assert found[made.team_id] == [
        Span(at("2026-11-24T07:00"), at("2026-11-24T08:00")),
        Span(at("2026-11-24T16:00"), at("2026-11-24T17:00")),
    ]


@pytest.mark.django_db
def test_somebody_who_left_covers_nothing() -> None:
    ada = make.user("Ada")
    made = shift(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert coverage([made.team], at("2026-11-24T00:00"), at("2026-11-25T00:00")) == {made.team_id: []}


@pytest.mark.django_db
@pytest.mark.parametrize("teams", [1, 3])
def test_the_rota_of_many_teams_is_one_query(
    teams: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = [make.team(f"Team {number}") for number in range(teams)]
    for team in made:
        shift(team=team)
    with django_assert_num_queries(1):
        assert all(on_call(made, at("2026-11-24T12:00")).values())
    with django_assert_num_queries(1):
        assert all(uncovered(made, at("2026-11-24T00:00"), at("2026-11-26T00:00")).values())
    assert with_rota([*made, make.team("Other")]) == {team.pk for team in made}


@pytest.mark.django_db
def test_duties_are_written_once_however_often_the_clock_ticks() -> None:
    made = shift()
    before = list(made.duties.values_list("pk", "during"))
    assert len(before) == 401
    for later in (HOUR, 2 * HOUR):
        assert materialise_duties(make.NOW + later) == 0
    assert list(made.duties.values_list("pk", "during")) == before
    assert materialise_duties(make.NOW + 10 * DAY) == 10


@pytest.mark.django_db
def test_t12_a_change_leaves_what_was_on_duty_before_it() -> None:
    ada, grace = make.user("Ada"), make.user("Grace")
    made = shift(ada)
    later = make.NOW + DAY
    save_shift(
        team=made.team,
        time_zone="Europe/Berlin",
        starts_local="2026-11-23T09:00",
        ends_local="2026-11-23T17:00",
        rule="FREQ=DAILY",
        people=[grace],
        by=make.user("", Role.ADMINISTRATOR),
        now=later,
        shift=made,
    )
    rows = [(duty.user, duty.during.lower, duty.during.upper) for duty in made.duties.order_by("during")[:3]]
    assert rows == [
        (ada, make.NOW, at("2026-11-23T16:00")),
        (ada, at("2026-11-24T08:00"), later),
        (grace, later, at("2026-11-24T16:00")),
    ]


@pytest.mark.django_db
def test_a_shift_that_is_removed_ends_now_and_stays_on_record() -> None:
    made = shift()
    later = make.NOW + DAY
    remove_shift(made, by=make.user("", Role.RELEASE_MANAGER), now=later)
    assert [duty.during.upper for duty in made.duties.order_by("during")] == [at("2026-11-23T16:00"), later]
    assert with_rota([made.team]) == set()
    assert materialise_duties(later) == 0
    event = Event.objects.get(kind="accounts.shift.removed")
    assert event.data == {"team": "Storefront"}
    with pytest.raises(NotFound):
        remove_shift(made, by=make.user("", Role.RELEASE_MANAGER), now=later)


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.ON_CALL, Role.RELEASE_MANAGER, Role.ADMINISTRATOR])
def test_a_team_plans_its_own_shifts(role: Role) -> None:
    team = make.team()
    shift(by=make.user("", role, team=team), team=team)
    with pytest.raises(NotAllowed):
        shift(by=make.user("", role, team=make.team("Other")), team=team)


@pytest.mark.django_db
def test_others_plan_no_shifts() -> None:
    made = shift()
    with pytest.raises(NotAllowed):
        shift(by=make.user("", Role.SUBMITTER))
    with pytest.raises(NotAllowed):
        remove_shift(made, by=make.user("", Role.SUBMITTER), now=make.NOW)


@pytest.mark.django_db
def test_a_shift_needs_people_who_are_here() -> None:
    by = make.user("", Role.ADMINISTRATOR)
    with pytest.raises(Invalid, match="needs somebody") as refusal:
        save_shift(
            team=make.team(),
            time_zone="UTC",
            starts_local="2026-11-23T09:00",
            ends_local="2026-11-23T17:00",
            people=[],
            by=by,
            now=make.NOW,
        )
    assert refusal.value.field == "people"
    with pytest.raises(Invalid, match="has left"):
        shift(make.user("Ada", is_active=False))


@pytest.mark.django_db
def test_both_ends_are_kept_in_one_shape_however_they_were_typed() -> None:
    made = shift(starts_local=" 2026-11-23 09:00:00.5", ends_local="20261123T17")
    assert (made.starts_local, made.ends_local) == ("2026-11-23T09:00:00", "2026-11-23T17:00:00")


@pytest.mark.django_db
def test_a_shift_of_another_team_is_not_changed() -> None:
    made = shift()
    with pytest.raises(NotFound):
        save_shift(
            team=make.team("Other"),
            time_zone="UTC",
            starts_local="2026-11-23T09:00",
            ends_local="2026-11-23T17:00",
            people=[make.user()],
            by=make.user("", Role.ADMINISTRATOR),
            now=make.NOW,
            shift=made,
        )


def fed(uid: str = "one", hours: int = 8) -> tuple[Shift, bool, bool]:
    return put_fed_shift(
        team=make.team(),
        feed=7,
        uid=uid,
        time_zone="UTC",
        starts_local="2026-11-23T09:00:00",
        ends_local="2026-11-23T17:00:00",
        rule="",
        label="Ada L.",
        duties=[Wanted(Span(make.NOW - HOUR, make.NOW + hours * HOUR), None, "Ada L.")],
        now=make.NOW,
    )


@pytest.mark.django_db
def test_a_shift_from_a_calendar_is_kept_by_its_event() -> None:
    made, is_new, has_changed = fed()
    assert (is_new, has_changed) == (True, True)
    assert fed()[1:] == (False, False)
    assert fed(hours=9)[1:] == (False, True)
    assert [duty.label for duty in on_call([made.team], make.NOW)[made.team_id]] == ["Ada L."]
    with pytest.raises(FromAFeed):
        remove_shift(made, by=make.user("", Role.ADMINISTRATOR), now=make.NOW)


@pytest.mark.django_db
def test_a_shift_whose_event_is_gone_leaves_the_rota_and_may_come_back() -> None:
    made, *_ = fed()
    fed("two")
    assert drop_fed_shifts(feed=7, keep=["two"], now=make.NOW + HOUR) == 1
    assert Duty.objects.get(shift=made).during.upper == make.NOW + HOUR
    again, is_new, _ = fed()
    assert (again, is_new) == (made, True)
