"""A departure's forecast names each stage, what blocks it, who is on call, and the last safe departure."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import Duty, Shift, Team
from releasetrain.calendars.models import Window
from releasetrain.catalog.models import Dependency, Service
from releasetrain.trains import actions
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.forecast import Forecast, StagePlan, forecast_of, forecasts_of
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
# Six stages of ten minutes and a shift each.
LASTS = timedelta(minutes=60, seconds=18)
STAGE = timedelta(minutes=10, seconds=3)


def departure(**fields: Any) -> Departure:
    made = make.departure(**fields)
    world.aboard(made)
    return made


def window(of: Departure, start: timedelta, end: timedelta, **fields: Any) -> Window:
    """Make a hard window so long after a departure."""
    fields.setdefault("name", "Weekend")
    fields.setdefault("reason", "nobody is in")
    return make.window(starts_at=of.departs_at + start, ends_at=of.departs_at + end, **fields)


def on_call(team: Team, start: timedelta, end: timedelta, name: str = "Olu", **fields: Any) -> None:
    """Put somebody on call so long after noon of the test's day."""
    shift = Shift.objects.filter(team=team).first() or Shift.objects.create(
        team=team, time_zone="UTC", starts_local="2026-11-23T00:00", ends_local="2026-11-24T00:00"
    )
    during = DateTimeTZRange(make.NOW + start, make.NOW + end)
    Duty.objects.create(shift=shift, team=team, label=name, during=during)


def test_stages_stand_at_their_planned_instants() -> None:
    one = departure()
    found = forecast_of(one, make.NOW)
    assert [stage.weight for stage in found.stages] == [1, 5, 10, 25, 50, 100]
    assert [stage.starts_at for stage in found.stages] == [one.departs_at + STAGE * n for n in range(6)]
    assert (found.leaves_at, found.arrives_at) == (one.departs_at, one.departs_at + LASTS)
    assert (found.will_hold, found.last_safe_at, found.alternatives) == (None, None, [])


def test_a_service_follows_what_it_needs() -> None:
    one = departure()
    search = make.service("Search")
    world.aboard(one, service=search)
    Dependency.objects.create(service=search, depends_on=make.service())
    found = forecast_of(one, make.NOW)
    starts = {stage.service: stage.starts_at for stage in found.stages if stage.weight == 1}
    assert starts == {"Storefront": one.departs_at, "Search": one.departs_at + LASTS}
    assert found.arrives_at == one.departs_at + 2 * LASTS


def test_one_that_nothing_is_aboard_of_yet_is_foreseen_with_everything_its_train_carries() -> None:
    one = make.departure()
    one.train.services.add(make.service("Search"))
    assert {stage.service for stage in forecast_of(one, make.NOW).stages} == {"Storefront", "Search"}


def test_w4_the_forecast_says_where_it_will_be_held_and_until_when() -> None:
    one = departure()
    weekend = window(one, timedelta(minutes=35), HOUR * 60)
    found = forecast_of(one, make.NOW)
    assert found.will_hold is not None
    assert (found.will_hold.weight, found.will_hold.service) == (25, "Storefront")
    assert (found.will_hold.starts_at, found.will_hold.until) == (weekend.starts_at, weekend.ends_at)
    assert found.will_hold.reason.text.startswith(
        "Storefront would be held at 25 % from Mon 23 Nov 2026 15:35"
    )
    assert "“Weekend” stops this: nobody is in." in found.will_hold.reason.text
    blocked = [stage.blocked and stage.blocked.code for stage in found.stages]
    assert blocked == [None, None, None, None, "window_hard", None]


def test_w4_the_last_safe_departure_and_the_next_ones_are_shown() -> None:
    one = departure()
    weekend = window(one, timedelta(minutes=35), HOUR * 60)
    found = forecast_of(one, make.NOW)
    assert found.last_safe_at == weekend.starts_at - LASTS
    assert found.why_last_safe == "“Weekend” begins on Mon 23 Nov 2026 15:35 Europe/Berlin: nobody is in."
    assert found.alternatives == [weekend.ends_at]


def test_w4_a_departure_that_is_safe_knows_until_when() -> None:
    one = departure()
    weekend = window(one, HOUR * 5, HOUR * 60)
    found = forecast_of(one, make.NOW)
    assert found.will_hold is None
    assert found.last_safe_at == weekend.starts_at - LASTS
    assert found.alternatives == []


def test_w4_at_most_three_alternatives_are_offered_within_two_weeks() -> None:
    one = departure()
    for day in range(6):
        window(one, timedelta(days=day, minutes=30), timedelta(days=day, hours=5), name=f"Night {day}")
    found = forecast_of(one, make.NOW)
    assert found.alternatives == [one.departs_at + timedelta(days=day, hours=5) for day in range(3)]
    window(one, timedelta(days=-1), timedelta(days=20), name="Freeze")
    assert forecast_of(one, make.NOW).alternatives == []


def test_w6_a_window_over_another_service_or_after_arrival_changes_nothing() -> None:
    one = departure()
    window(one, LASTS, HOUR * 60)
    window(one, timedelta(0), HOUR * 60, service=make.service("Search"))
    found = forecast_of(one, make.NOW)
    assert (found.will_hold, found.arrives_at) == (None, one.departs_at + LASTS)


def test_a_departure_that_cannot_leave_yet_is_foreseen_from_when_it_can() -> None:
    one = departure()
    freeze = window(one, -HOUR, HOUR * 3)
    found = forecast_of(one, make.NOW)
    assert found.leaves_at == freeze.ends_at
    assert found.will_hold is None
    assert found.stages[0].blocked is not None
    assert found.stages[0].blocked.until == freeze.ends_at
    assert [stage.blocked for stage in found.stages[1:]] == [None] * 5


def test_a_late_departure_is_foreseen_from_now() -> None:
    one = departure()
    now = one.departs_at + HOUR
    assert forecast_of(one, now).leaves_at == now


def test_what_rolls_is_foreseen_from_when_it_left_and_what_is_over_not_at_all() -> None:
    one = world.rolling()
    assert forecast_of(one, one.departs_at + HOUR).arrives_at == one.departs_at + LASTS
    over = actions.arrive(one, now=one.departs_at + HOUR)
    assert forecast_of(over, over.departs_at + HOUR) == Forecast()


def test_windows_beyond_the_first_hold_are_met_too() -> None:
    one = departure()
    window(one, timedelta(minutes=35), timedelta(days=20))
    second = window(one, timedelta(days=20, minutes=10), timedelta(days=40), name="Inventory")
    found = forecast_of(one, make.NOW)
    assert found.will_hold is not None
    assert found.will_hold.until == second.ends_at
    # Ten of the minutes that are left at first are gone between the two.
    ends_at = make.NOW + timedelta(days=40, hours=2)
    assert found.arrives_at == ends_at + LASTS - timedelta(minutes=45)


def test_follow_the_sun_names_who_is_on_call_for_each_stage() -> None:
    one = departure()
    team = make.service().team
    on_call(team, HOUR, HOUR * 2.25, "Ada")
    on_call(team, HOUR * 2.25, HOUR * 9, "Ben")
    stages = forecast_of(one, make.NOW).stages
    assert [stage.on_call for stage in stages] == [
        ["Ada"],
        ["Ada", "Ben"],
        ["Ben"],
        ["Ben"],
        ["Ben"],
        ["Ben"],
    ]
    assert not any(stage.is_uncovered for stage in stages)


def test_follow_the_sun_marks_stages_that_nobody_answers_for() -> None:
    one = departure()
    team = make.service().team
    on_call(team, HOUR, HOUR * 2.5)
    on_call(team, HOUR * 20, HOUR * 30)
    found = forecast_of(one, make.NOW)
    assert [stage.is_uncovered for stage in found.stages] == [False, False, True, True, True, True]
    assert found.uncovered == found.stages[2:]
    assert found.alternatives == [make.NOW + HOUR * 20]


def test_follow_the_sun_gives_a_second_last_safe_departure() -> None:
    one = departure()
    on_call(make.service().team, HOUR, HOUR * 6)
    weekend = window(one, HOUR * 8, HOUR * 60)
    found = forecast_of(one, make.NOW)
    assert found.last_safe_at == weekend.starts_at - LASTS
    assert found.last_covered_at == make.NOW + HOUR * 6 - LASTS


def test_a_team_without_a_rota_is_not_said_to_be_uncovered() -> None:
    one = departure()
    assert not forecast_of(one, make.NOW).uncovered
    on_call(make.team("Payments"), HOUR, HOUR * 2)
    assert not forecast_of(one, make.NOW).uncovered


def test_forecasts_take_as_many_queries_for_three_departures_as_for_one() -> None:
    train = make.train()
    train.services.add(make.service("Search"))
    rows = [departure(of=train) for _ in range(3)]
    for row in rows:
        world.aboard(row, service=make.service("Search"))
        window(row, timedelta(minutes=35), HOUR * 60)
    on_call(make.service().team, HOUR, HOUR * 6)
    counts = []
    for asked in (rows[:1], rows):
        loaded = list(
            Departure.objects.filter(pk__in=[one.pk for one in asked]).select_related("train__environment")
        )
        with CaptureQueriesContext(connection) as captured:
            forecasts_of(loaded, make.NOW)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 10


def held(stage: StagePlan) -> str:
    return stage.blocked.text if stage.blocked else ""


def test_a_soft_window_in_the_way_is_said_as_well() -> None:
    one = departure()
    soft = window(one, timedelta(minutes=35), HOUR * 60, level="soft")
    found = forecast_of(one, make.NOW)
    assert found.will_hold is not None
    assert "asks for an acknowledgement" in held(found.stages[4])
    one.acknowledged_windows = [soft.pk]
    assert forecast_of(one, make.NOW).will_hold is None


def test_a_window_in_the_last_soak_is_shown_at_the_last_stage() -> None:
    one = departure()
    window(one, timedelta(minutes=55), HOUR * 60)
    found = forecast_of(one, make.NOW)
    assert found.will_hold is not None
    assert found.will_hold.weight == 100
    assert held(found.stages[5])


def test_a_rollback_by_a_window_is_foreseen() -> None:
    one = departure()
    window(one, timedelta(minutes=35), HOUR * 60, behaviour="roll_back")
    found = forecast_of(one, make.NOW)
    assert found.will_hold is not None
    assert found.will_hold.comes_back
    assert "would be rolled back from 25 %" in found.will_hold.reason.text
    assert found.arrives_at is None
    assert [stage.starts_at is None for stage in found.stages] == [False] * 4 + [True] * 2


def test_archived_services_are_not_expected() -> None:
    one = make.departure()
    old = make.service("Old")
    one.train.services.add(old)
    Service.objects.filter(pk=old.pk).update(archived_at=make.NOW)
    assert {stage.service for stage in forecast_of(one, make.NOW).stages} == {"Storefront"}
