"""Departures are materialised once, ahead only, and move with their train's schedule (RULES T9, T12, I14)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Holidays
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions import TrainSettings
from releasetrain.trains.actions.refusals import ScheduleRefused
from releasetrain.trains.models import Policy, Train
from releasetrain.trains.queries.settings import schedule_notes, train_problems
from releasetrain.trains.rules.ladder import DEFAULT_LADDER
from releasetrain.trains.rules.times import cut_off_before
from releasetrain.trains.rules.timetable import Timetable
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
WEEK = timedelta(weeks=1)
SOON = make.NOW + timedelta(days=20)


def settings(**fields: Any) -> TrainSettings:
    world.manager()
    known: dict[str, Any] = {
        "name": "Express",
        "slug": "express",
        "team": make.team(),
        "environment": make.environment(),
        "services": (make.service(),),
        "time_zone": "Europe/Berlin",
        "rule": "FREQ=WEEKLY",
        "first_departs_at_local": "2026-11-24T14:00",
    }
    known.update(fields)
    known.setdefault("policy", Policy.objects.first() or make.policy(release_manager=1))
    return TrainSettings(**known)


def create(**fields: Any) -> Train:
    return actions.create_train(settings(**fields), by=world.manager(), now=make.NOW)


def edit(train: Train, now: datetime = make.NOW, **fields: Any) -> Timetable:
    return actions.save_train(train, replace(TrainSettings.of(train), **fields), by=world.manager(), now=now)


def planned(train: Train) -> list[datetime]:
    return list(train.departures.order_by("planned_at").values_list("planned_at", flat=True))


def test_a_new_train_has_its_departures_at_once() -> None:
    train = create()
    assert planned(train)[:2] == [
        datetime(2026, 11, 24, 13, tzinfo=UTC),
        datetime(2026, 12, 1, 13, tzinfo=UTC),
    ]
    first = train.departures.order_by("planned_at")[0]
    assert (first.cut_off_at, first.boards_at) == (
        first.departs_at - timedelta(hours=2),
        first.departs_at - timedelta(days=7),
    )
    assert first.plan["ladder"] == DEFAULT_LADDER
    assert world.kinds() == ["train.created", "departures.planned"]


def test_materialising_again_changes_nothing() -> None:
    train = create()
    before = planned(train)
    assert actions.materialise(train, until=make.NOW + timedelta(days=60), now=make.NOW) == 0
    assert planned(train) == before
    assert world.kinds().count("departures.planned") == 1


def test_t12_a_departure_whose_cut_off_has_passed_is_never_planned() -> None:
    late = datetime(2026, 11, 24, 11, tzinfo=UTC)  # the cut-off of the first one
    train = make.train()
    assert actions.materialise(train, until=late + 2 * WEEK, now=late) == 1
    assert planned(train) == [datetime(2026, 12, 1, 13, tzinfo=UTC)]


def test_t11_after_a_long_stop_no_backlog_is_planned() -> None:
    train = make.train()
    much_later = make.NOW + timedelta(days=300)
    actions.materialise(train, until=much_later + 2 * WEEK, now=much_later)
    assert min(planned(train)) > much_later


def test_t1_departures_across_a_change_of_clocks_stay_on_the_wall() -> None:
    train = make.train(first_departs_at_local="2027-03-23T14:00")
    actions.materialise(train, until=datetime(2027, 4, 1, tzinfo=UTC), now=datetime(2027, 3, 1, tzinfo=UTC))
    assert planned(train) == [datetime(2027, 3, 23, 13, tzinfo=UTC), datetime(2027, 3, 30, 12, tzinfo=UTC)]


def test_the_next_dates_mark_where_the_clocks_move() -> None:
    train = make.train(first_departs_at_local="2027-03-23T14:00")
    found = queries.next_dates(train, datetime(2027, 3, 1, tzinfo=UTC), 3)
    assert [one.shift for one in found] == [timedelta(0), timedelta(hours=1), timedelta(0)]


def test_a_retired_train_plans_nothing() -> None:
    train = create()
    actions.retire_train(train, by=world.manager(), now=make.NOW)
    train.refresh_from_db()
    assert planned(train) == []
    assert actions.materialise(train, until=SOON, now=make.NOW) == 0
    assert queries.next_dates(train, make.NOW) == []
    with pytest.raises(ScheduleRefused, match="off the timetable already"):
        actions.retire_train(train, by=world.manager(), now=make.NOW)


def test_a_train_with_changes_aboard_cannot_be_retired() -> None:
    train = create()
    world.aboard(train.departures.order_by("planned_at")[0])
    with pytest.raises(ScheduleRefused, match="Changes are aboard RT-"):
        actions.retire_train(train, by=world.manager(), now=make.NOW)


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"name": " "}, "name", "needs a name"),
        ({"slug": ""}, "slug", "short name"),
        ({"services": ()}, "services", "at least one service"),
        ({"rule": "FREQ=NEVER"}, "rule", "is not one of"),
        (
            {"rule": "FREQ=WEEKLY;UNTIL=20261101", "first_departs_at_local": "2026-01-01T14:00"},
            "rule",
            "no departure",
        ),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "is not a time zone"),
        ({"first_departs_at_local": "soon"}, "first_departs_at_local", "not a local time"),
        ({"cut_offs": []}, "cut_offs", "until when everything may board"),
        ({"cut_offs": cut_off_before(timedelta(days=400))}, "cut_offs", "from 0 minutes"),
        ({"boarding_lead": timedelta(hours=1)}, "cut_offs", "but boarding opens on"),
        ({"boarding_lead": timedelta(0)}, "boarding_lead", "at most 365 days"),
        ({"grace": timedelta(days=2)}, "grace", "24 hours"),
        ({"ladder": []}, "ladder", "needs at least one"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(fields: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        create(**fields)
    assert refused.value.field == field


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = settings(name="", slug="", rule="x", ladder=[])
    assert sorted(train_problems(wrong, make.NOW)) == ["ladder", "name", "rule", "slug"]


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        (
            {"cut_offs": [{"category": "", "kind": "wall", "days": 0, "time": "15:00"}]},
            "cut_offs",
            "The cut-off would be on Tue 24 Nov 2026 15:00 Europe/Berlin, which is too late",
        ),
        (
            {"milestones": [{"name": "RC", "kind": "wall", "days": 9, "time": "12:00"}]},
            "milestones",
            "The milestone RC would be on Sun 15 Nov 2026 12:00 Europe/Berlin",
        ),
        # Six days hold three working days all year round, except over Christmas.
        (
            {
                "rule": "FREQ=WEEKLY;BYDAY=MO",
                "boarding_lead": timedelta(days=6),
                "cut_offs": [{"category": "", "kind": "workdays", "days": 3, "time": "12:00", "holidays": 1}],
            },
            "cut_offs",
            "would be on Tue 22 Dec 2026 12:00 Europe/Berlin for the departure on Mon 28 Dec 2026",
        ),
        (
            {"cut_offs": [{"category": "", "kind": "workdays", "days": 1, "time": "12:00", "holidays": 99}]},
            "cut_offs",
            "The holiday calendar of a deadline is gone",
        ),
        ({"lane": "flags"}, "lane", "in the lane of trains or of hotfixes"),
        ({"turns": "never"}, "turns", "with each departure or with each week"),
        ({"check_in_lead": timedelta(days=8)}, "check_in_lead", "from 1 minute to 7 days"),
    ],
)
def test_a_deadline_that_cannot_be_kept_is_refused_with_the_date_on_which_it_would_be(
    fields: dict[str, Any], field: str, says: str
) -> None:
    Holidays.objects.create(pk=1, name="Germany", country="DE")
    with pytest.raises(Invalid, match=says) as refused:
        create(**fields)
    assert refused.value.field == field


def test_nobody_takes_turns_with_themselves() -> None:
    ana = make.user("Ana", Role.VIEWER)
    with pytest.raises(Invalid, match="in the turn of captains twice"):
        create(captains=(ana, ana))


def test_working_days_leave_out_the_holidays_of_the_calendar_that_a_train_names() -> None:
    germany = Holidays.objects.create(name="Germany", country="DE")
    deadline = {"kind": "workdays", "days": 1, "time": "12:00", "holidays": germany.pk}
    train = create(cut_offs=[{"category": "", **deadline}], first_departs_at_local="2026-12-28T14:00")
    first = train.departures.order_by("planned_at")[0]
    assert first.cut_off_at == datetime(2026, 12, 24, 11, tzinfo=UTC), "Friday is Christmas"


def test_an_address_that_is_taken_is_refused() -> None:
    create()
    with pytest.raises(Invalid, match="has the address “express” already"):
        create()


def test_t2_the_form_says_what_the_clocks_will_not_let_happen() -> None:
    odd = settings(rule="FREQ=DAILY", first_departs_at_local="2026-11-24T02:30")
    assert schedule_notes(odd, make.NOW) == [
        "02:30 does not exist on Sun 28 Mar 2027 in Europe/Berlin; 03:30 is taken instead.",
        "02:30 occurs twice on Sun 31 Oct 2027 in Europe/Berlin; the first one counts.",
    ]


def test_d4_a_quorum_that_nobody_could_reach_is_refused_with_the_train() -> None:
    with pytest.raises(
        Invalid, match=r"asks for 3 × release manager, but only 1 holds that role in Storefront"
    ) as no:
        create(policy=make.policy(release_manager=3))
    assert no.value.field == "policy"


def test_d4_a_quorum_larger_than_its_role_is_refused_with_the_policy() -> None:
    with pytest.raises(Invalid, match="only 1 holds that role in the whole house"):
        save_policy({Role.RELEASE_MANAGER: 2})


def save_policy(asks: dict[Role, int], name: str = "Usual", **fields: Any) -> Policy:
    return actions.save_policy(
        name=name, owner=make.team(), asks=asks, by=world.manager(), now=make.NOW, **fields
    )


def test_d11_a_policy_that_asks_nobody_says_so_on_purpose() -> None:
    with pytest.raises(Invalid, match="Nobody is asked"):
        save_policy({})
    with pytest.raises(Invalid, match="either asks somebody"):
        save_policy({Role.RELEASE_MANAGER: 1}, no_approval_needed=True)
    assert save_policy({}, no_approval_needed=True).no_approval_needed


def test_d4_a_policy_is_not_edited_beyond_what_its_trains_can_reach() -> None:
    policy = create().policy
    make.user("Far", Role.RELEASE_MANAGER, team=make.team("Payments"))
    with pytest.raises(Invalid, match="Express: The quorum asks for 2 × release manager, but only 1 holds"):
        save_policy({Role.RELEASE_MANAGER: 2}, policy=policy)


def test_a_saved_policy_asks_what_it_was_told() -> None:
    world.manager()
    policy = save_policy({Role.RELEASE_MANAGER: 1})
    make.user("Olu", Role.ON_CALL)
    save_policy({Role.ON_CALL: 1, Role.RELEASE_MANAGER: 1}, policy=policy)
    assert [(one.role, one.quorum) for one in policy.requirements.all()] == [
        ("on_call", 1),
        ("release_manager", 1),
    ]
    with pytest.raises(Invalid, match="is called “Usual” already"):
        save_policy({Role.ON_CALL: 1})


def test_only_those_who_run_trains_of_the_team_make_them() -> None:
    with pytest.raises(NotAllowed, match="run trains of Storefront"):
        actions.create_train(settings(), by=world.submitter(), now=make.NOW)


def test_t9_an_edited_schedule_moves_what_is_not_sealed() -> None:
    train = create()
    first, second, *_ = train.departures.order_by("planned_at")
    world.aboard(second)
    table = edit(train, first_departs_at_local="2026-11-25T15:00")
    second.refresh_from_db()
    assert second.departs_at == datetime(2026, 12, 2, 14, tzinfo=UTC)
    assert second.cut_off_at == second.departs_at - timedelta(hours=2)
    assert {one.by for one in table.moved} == {timedelta(days=1, hours=1)}
    assert world.kinds(second)[-1] == "departure.moved"
    assert "departure.moved" not in world.kinds(first), "nobody was aboard to be told"


def test_t9_what_is_sealed_stays() -> None:
    train = create()
    first = world.sealed(train.departures.order_by("planned_at")[0])
    before = first.departs_at
    edit(train, first.cut_off_at, first_departs_at_local="2026-11-25T15:00")
    first.refresh_from_db()
    assert first.departs_at == before


def test_t9_a_change_of_zone_keeps_the_wall_time_and_moves_the_instant() -> None:
    train = create()
    edit(train, time_zone="America/New_York")
    assert planned(train)[0] == datetime(2026, 11, 24, 19, tzinfo=UTC)


def test_t9_departures_may_take_each_others_times() -> None:
    train = create()
    before = planned(train)
    edit(train, first_departs_at_local="2026-12-01T14:00")
    assert set(before[1:]) <= set(planned(train))
    assert before[0] not in planned(train)


def test_t9_nobody_aboard_is_left_without_a_departure() -> None:
    train = create()
    before = planned(train)
    fifth = train.departures.order_by("planned_at")[4]
    world.aboard(fifth)
    others = train.departures.exclude(pk=fifth.pk).order_by("planned_at")
    for row in others[:2]:
        world.aboard(row)
    with pytest.raises(ScheduleRefused, match=f"no departure for {fifth.code}"):
        edit(train, rule="FREQ=WEEKLY;COUNT=2")
    assert planned(train) == before


def test_t9_people_aboard_are_told_of_a_deadline_that_moves_alone() -> None:
    train = create(milestones=[{"name": "RC", "kind": "wall", "days": 1, "time": "12:00"}])
    first = train.departures.order_by("planned_at")[0]
    world.aboard(first)
    edited = [{"name": "RC", "kind": "wall", "days": 1, "time": "18:00"}]
    table = edit(train, cut_offs=cut_off_before(timedelta(hours=3)), milestones=edited)
    first.refresh_from_db()
    assert first.cut_off_at == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert world.kinds(first)[-2:] == ["deadline.moved", "deadline.moved"]
    assert {one.by for one in table.moved} == {timedelta(0)}
    told = Event.objects.filter(kind="trains.deadline.moved").order_by("pk")
    assert [one.data["what"] for one in told] == ["the cut-off", "the milestone RC"]
    assert told[0].data["to"] == "Tue 24 Nov 2026 11:00 Europe/Berlin"


def test_t9_the_diff_holds_every_time_and_the_shifts_of_the_clocks() -> None:
    train = create(milestones=[{"name": "RC", "kind": "wall", "days": 1, "time": "12:00"}])
    edited = replace(TrainSettings.of(train), first_departs_at_local="2026-11-24T15:00")
    march = [one for one in queries.moves(train, edited, make.NOW).moved if one.date.shift]
    assert [one.date.shift for one in march] == [timedelta(hours=1), timedelta(hours=-1)]
    summer = march[0]
    assert summer.before.departs_at == datetime(2027, 3, 30, 12, tzinfo=UTC)
    assert summer.after.departs_at == datetime(2027, 3, 30, 13, tzinfo=UTC)
    assert summer.after.cut_offs == {"": datetime(2027, 3, 30, 11, tzinfo=UTC)}
    assert summer.after.milestones == (("RC", datetime(2027, 3, 29, 10, tzinfo=UTC)),)


def test_t9_what_was_cancelled_does_not_come_back_with_an_edit() -> None:
    train = create()
    first = train.departures.order_by("planned_at")[0]
    actions.cancel(first, reason="Fire", by=world.manager(), now=make.NOW)
    count = train.departures.count()
    table = edit(train, first_departs_at_local="2026-11-24T15:00")
    assert [(one.departure, one.why) for one in table.stayed] == [(first.pk, "it was cancelled")]
    assert train.departures.count() == count
    first.refresh_from_db()
    assert (first.state, first.departs_at) == ("cancelled", datetime(2026, 11, 24, 13, tzinfo=UTC))


def test_t12_an_edit_plans_no_departure_whose_seal_has_passed() -> None:
    train = create(rule="FREQ=WEEKLY;BYDAY=TH", first_departs_at_local="2026-11-26T14:00")
    edit(train, rule="FREQ=DAILY", cut_offs=cut_off_before(timedelta(days=2)))
    assert planned(train)[0] == datetime(2026, 11, 26, 13, tzinfo=UTC), "not that of Tuesday or Wednesday"


def test_t9_the_preview_is_what_happens() -> None:
    train = create()
    edited = replace(TrainSettings.of(train), rule="FREQ=DAILY")
    preview = queries.moves(train, edited, make.NOW)
    assert actions.save_train(train, edited, by=world.manager(), now=make.NOW) == preview
    assert len(planned(train)) == len(preview.kept) + len(preview.added) + len(preview.moved)


def test_i14_a_departure_that_boards_keeps_its_plan_and_one_to_come_takes_the_new_one() -> None:
    train = create()
    first, second, *_ = train.departures.order_by("planned_at")
    actions.open_boarding(first, now=make.NOW)
    short = [{"weight": 50, "bake_seconds": 900}, {"weight": 100, "bake_seconds": 900}]
    edit(train, ladder=short)
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.plan["ladder"] == DEFAULT_LADDER
    assert second.plan["ladder"] == short


def test_d2_a_sealed_departure_keeps_its_plan_whatever_becomes_of_its_train() -> None:
    train = create()
    first = train.departures.order_by("planned_at")[0]
    first = world.sealed(first)
    kept = first.plan
    short = [{"weight": 50, "bake_seconds": 900}, {"weight": 100, "bake_seconds": 900}]
    edit(train, now=first.cut_off_at, ladder=short, policy=make.policy())
    first.refresh_from_db()
    assert (first.state, first.plan) == ("deciding", kept)


def test_t12_a_longer_lead_does_not_close_a_boarding_behind_peoples_backs() -> None:
    train = create()
    first = train.departures.order_by("planned_at")[0]
    before = first.cut_off_at
    edit(train, cut_offs=cut_off_before(timedelta(days=3)))
    first.refresh_from_db()
    assert first.cut_off_at == before


def test_saving_a_train_unchanged_says_nothing() -> None:
    train = create()
    before = world.kinds()
    actions.save_train(train, TrainSettings.of(train), by=world.manager(), now=make.NOW)
    assert world.kinds() == before


def test_a_schedule_is_said_in_words_also_where_it_is_broken() -> None:
    train = make.train(rule="FREQ=WEEKLY;BYDAY=TU")
    assert queries.schedule_in_words(train) == "every Tuesday at 14:00 Europe/Berlin"
    train.time_zone = "Europe/Atlantis"
    assert "is not a time zone" in queries.schedule_in_words(train)
