"""A week may run by another schedule, or by none (real case O2)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.calendars.actions import open_window
from releasetrain.calendars.models import Occurrence
from releasetrain.calendars.queries.settings import WindowSettings
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import ScheduleRefused
from releasetrain.trains.models import Train, Variant
from releasetrain.trains.queries.timetable import moves_for_week
from releasetrain.trains.rules.timetable import Timetable
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
PACIFIC = "America/Los_Angeles"
BOTH = "RRULE:FREQ=WEEKLY;BYDAY=TU\nRRULE:FREQ=WEEKLY;BYDAY=WE,TH;BYHOUR=1,11"
NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)
FIRST_WEEK, SECOND_WEEK, THIRD_WEEK = date(2026, 6, 8), date(2026, 6, 15), date(2026, 6, 22)


def train(**fields: object) -> Train:
    """Make the weekly train of the conductors in San Francisco, Tuesdays to Thursdays at 11:00."""
    fields = {
        "rule": "FREQ=WEEKLY;BYDAY=TU,WE,TH",
        "time_zone": PACIFIC,
        "first_departs_at_local": "2026-06-02T11:00:00",
        **fields,
    }
    made = make.train("MediaWiki", **fields)
    actions.materialise(made, until=NOW + timedelta(days=60), now=NOW)
    return made


def variant(of: Train, name: str = "UTC-7 and UTC-0", rule: str = BOTH, **fields: object) -> Variant:
    typed: dict[str, object] = {"first_departs_at_local": "2026-06-02T11:00", "time_zone": "", **fields}
    return actions.save_variant(of, name=name, rule=rule, by=world.manager(), now=NOW, **typed)  # type: ignore[arg-type]


def choose(of: Train, monday: date, by: Variant | None) -> Timetable:
    return actions.choose_week(of, monday=monday, variant=by, by=world.manager(), now=NOW)


def departures(of: Train, monday: date) -> list[str]:
    start = datetime(monday.year, monday.month, monday.day, tzinfo=UTC) + timedelta(hours=7)
    rows = of.departures.filter(planned_at__gte=start, planned_at__lt=start + timedelta(weeks=1))
    return [f"{at:%a %H:%M}" for at in rows.order_by("planned_at").values_list("planned_at", flat=True)]


def test_o2_each_week_uses_one_of_several_templates() -> None:
    ours = train()
    backports = open_window(
        WindowSettings(
            name="UTC late backport",
            reason="Backports",
            starts_local="2026-06-01T13:00",
            ends_local="2026-06-01T14:00",
            time_zone=PACIFIC,
            rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
        ),
        by=make.user("Nadia", Role.RELEASE_MANAGER),
        now=NOW,
    )
    choose(ours, FIRST_WEEK, variant(ours))
    choose(ours, SECOND_WEEK, variant(ours, "No train", rule=""))
    assert departures(ours, FIRST_WEEK) == [
        "Tue 18:00",
        "Wed 08:00",
        "Wed 18:00",
        "Thu 08:00",
        "Thu 18:00",
    ]
    assert departures(ours, SECOND_WEEK) == []
    assert departures(ours, THIRD_WEEK) == ["Tue 18:00", "Wed 18:00", "Thu 18:00"]
    kept = Occurrence.objects.filter(
        window=backports,
        during__startswith__gte="2026-06-15T00:00Z",
        during__startswith__lt="2026-06-20T00:00Z",
    )
    assert kept.count() == 4, "the second week keeps its backport windows"


def test_o2_primary_of_one_week_is_backup_of_the_next_also_over_a_week_without_a_train() -> None:
    ours = train(turns="week")
    for place, name in enumerate(("Ana", "Bo", "Cy")):
        ours.captain_seats.create(user=make.user(name, Role.VIEWER), order=place)
    choose(ours, FIRST_WEEK, variant(ours))
    choose(ours, SECOND_WEEK, variant(ours, "No train", rule=""))
    crews = [
        ours.departures.filter(planned_at__date__gte=monday, planned_at__date__lt=monday + timedelta(days=7))
        .order_by()
        .values_list("captain__name", "deputy__name")
        .distinct()
        .get()
        for monday in (date(2026, 6, 1), FIRST_WEEK, THIRD_WEEK)
    ]
    assert crews == [("Ana", "Cy"), ("Bo", "Ana"), ("Cy", "Bo")]


def test_t9_the_preview_of_a_week_is_what_happens_and_people_aboard_are_told() -> None:
    ours = train()
    wednesday = ours.departures.get(planned_at=datetime(2026, 6, 10, 18, tzinfo=UTC))
    world.aboard(wednesday)
    early = variant(
        ours, "Early", rule="FREQ=WEEKLY;BYDAY=TU,WE,TH", first_departs_at_local="2026-06-02T01:00"
    )
    preview = moves_for_week(ours, FIRST_WEEK, early, NOW)
    assert {one.by for one in preview.moved} == {-timedelta(hours=10)}
    assert choose(ours, FIRST_WEEK, early) == preview
    wednesday.refresh_from_db()
    assert wednesday.departs_at == datetime(2026, 6, 10, 8, tzinfo=UTC)
    assert world.kinds(wednesday)[-1] == "departure.moved"


def test_t9_nobody_aboard_is_left_without_a_departure_by_a_week() -> None:
    ours = train()
    world.aboard(ours.departures.get(planned_at=datetime(2026, 6, 16, 18, tzinfo=UTC)))
    none = variant(ours, "No train", rule="")
    with pytest.raises(ScheduleRefused, match="changes are aboard"):
        choose(ours, SECOND_WEEK, none)


def test_a_week_runs_by_the_usual_schedule_again() -> None:
    ours = train()
    none = variant(ours, "No train", rule="")
    choose(ours, SECOND_WEEK, none)
    choose(ours, SECOND_WEEK, None)
    assert departures(ours, SECOND_WEEK) == ["Tue 18:00", "Wed 18:00", "Thu 18:00"]


def test_a_variant_that_is_edited_moves_the_weeks_that_run_by_it_and_no_other() -> None:
    ours = train()
    early = variant(ours, "Early", rule="FREQ=WEEKLY;BYDAY=TU", first_departs_at_local="2026-06-02T01:00")
    choose(ours, FIRST_WEEK, early)
    variant(
        ours, "Early", rule="FREQ=WEEKLY;BYDAY=TU", first_departs_at_local="2026-06-02T02:00", variant=early
    )
    assert departures(ours, FIRST_WEEK) == ["Tue 09:00"]
    assert departures(ours, SECOND_WEEK) == ["Tue 18:00", "Wed 18:00", "Thu 18:00"]


def test_a_variant_may_run_on_the_clocks_of_another_zone() -> None:
    ours = train()
    choose(
        ours,
        FIRST_WEEK,
        variant(
            ours,
            "UTC-0",
            rule="FREQ=WEEKLY;BYDAY=TU",
            first_departs_at_local="2026-06-02T08:00",
            time_zone="Europe/London",
        ),
    )
    assert departures(ours, FIRST_WEEK) == ["Tue 07:00"]


def test_a_variant_that_cannot_be_used_is_refused_with_its_field() -> None:
    ours = train()
    for fields, field, says in (
        ({"name": " "}, "name", "needs a name"),
        ({"rule": "FREQ=NEVER"}, "rule", "is not one of"),
        ({"rule": "FREQ=MINUTELY"}, "rule", "at least 5 min in between"),
        ({"first_departs_at_local": "soon"}, "first_departs_at_local", "not a local time"),
        ({"time_zone": "Mars"}, "time_zone", "not a time zone"),
    ):
        with pytest.raises(Invalid, match=says) as refused:
            variant(ours, **fields)
        assert refused.value.field == field
    variant(ours)
    with pytest.raises(Invalid, match="has a variant “UTC-7 and UTC-0” already"):
        variant(ours)


def test_a_week_that_cannot_be_chosen_is_refused() -> None:
    ours = train()
    early = variant(ours)
    with pytest.raises(Invalid, match="is no Monday"):
        choose(ours, date(2026, 6, 9), early)
    with pytest.raises(Invalid, match="is over"):
        choose(ours, date(2026, 5, 18), early)
    with pytest.raises(Invalid, match="is no variant of"):
        choose(ours, FIRST_WEEK, variant(train(), "Other"))
    with pytest.raises(ScheduleRefused, match="runs by the usual schedule in the week of 2026-06-08 already"):
        choose(ours, FIRST_WEEK, None)
    with pytest.raises(NotAllowed):
        actions.choose_week(ours, monday=FIRST_WEEK, variant=early, by=world.submitter(), now=NOW)
    with pytest.raises(NotAllowed):
        actions.save_variant(
            ours, name="x", rule="", first_departs_at_local="", time_zone="", by=world.submitter(), now=NOW
        )
