"""Windows are opened, changed, ended and deleted by the right people, with a reason, and stay on record."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.actions import AlreadyEnded, NotOurs, Where, WindowSettings
from releasetrain.calendars.models import Feed, Occurrence, Window
from releasetrain.calendars.queries import verdict_for, windows_at
from releasetrain.calendars.queries.settings import plan_of
from releasetrain.calendars.rules.windows import DayMode, Effect, Stops
from releasetrain.catalog.models import ServiceRole
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.verdict import Decision
from tests import make
from tests.calendars.world import NOON, at, open_window, settings, spans

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def manager() -> User:
    return User.objects.filter(name="Rob").first() or make.user("Rob", Role.RELEASE_MANAGER)


def save(window: Window, now: datetime = NOON, **fields: Any) -> Window:
    wanted = replace(WindowSettings.of(window), **fields)
    return actions.save_window(window, wanted, by=manager(), now=now)


def end(window: Window, now: datetime, **fields: Any) -> Window:
    return actions.end_window(window, reason="sold out", by=manager(), now=now, **fields)


def test_an_open_window_stops_its_scope_until_its_end() -> None:
    window = open_window(includes=(Where(service=make.service()),))
    found = verdict_for(make.service(), make.environment(), NOON)
    assert (found.decision, found.until) == (Decision.DENY, window.ends_at)
    assert verdict_for(make.service("Search"), make.environment(), NOON).is_allowed
    assert window.ends_at
    assert verdict_for(make.service(), make.environment(), window.ends_at).is_allowed


def test_opening_a_window_is_recorded_with_what_people_want_to_know() -> None:
    window = open_window(includes=(Where(service=make.service(), environment=make.environment()),))
    event = Event.objects.get()
    assert (event.kind, event.subject_id) == ("calendars.window.opened", window.pk)
    assert event.data == {
        "reason": "everybody shops",
        "level": "hard",
        "effect": "deny",
        "scope": "Storefront in Production",
        "starts_at": "2026-11-23T12:00:00+00:00",
        "ends_at": "2026-11-23T13:00:00+00:00",
    }


def test_w8_of_two_environments_only_the_frozen_one_waits() -> None:
    staging = make.environment("staging")
    open_window(includes=(Where(environment=make.environment()),))
    assert not verdict_for(make.service(), make.environment(), NOON).is_allowed
    assert verdict_for(make.service(), staging, NOON).is_allowed


def test_a_window_covers_several_places_and_leaves_some_out() -> None:
    shop, search, payments = make.service("Shop"), make.service("Search"), make.service("Payments")
    staging = make.environment("staging")
    open_window(
        includes=(Where(service=shop), Where(service=search)),
        excludes=(Where(service=search, environment=staging),),
    )
    stopped = {
        (one.name, where.slug)
        for one in (shop, search, payments)
        for where in (make.environment(), staging)
        if not verdict_for(one, where, NOON).is_allowed
    }
    assert stopped == {("Shop", "production"), ("Shop", "staging"), ("Search", "production")}


def test_a_reason_names_the_team_that_can_end_the_window() -> None:
    open_window(includes=(Where(service=make.service()),))
    [reason] = verdict_for(make.service(), make.environment(), NOON).reasons
    assert reason.who == "a release manager or an administrator of Storefront or of the house"


def test_w3_a_window_ended_early_stops_nothing_and_stays_on_record() -> None:
    window = open_window()
    end(window, NOON + HOUR / 2)
    assert windows_at(NOON + HOUR / 2) == []
    assert len(windows_at(NOON)) == 1
    assert Window.objects.get().ended_early_at == NOON + HOUR / 2
    event = Event.objects.get(kind="calendars.window.ended")
    assert (event.actor_label, event.data["reason"]) == ("Rob", "sold out")
    with pytest.raises(AlreadyEnded, match="has ended already, on Mon 23 Nov 2026 12:30 UTC"):
        end(window, NOON + HOUR / 2)


def test_w3_a_window_ended_before_its_start_never_stops_anything() -> None:
    window = open_window(starts_local="2026-11-23T13:00", ends_local="2026-11-23T14:00")
    end(window, NOON)
    assert windows_at(NOON + HOUR) == []
    assert not Occurrence.objects.exists()


def test_w3_a_window_is_deleted_softly_with_who_and_why() -> None:
    window = open_window()
    actions.delete_window(window, reason="the wrong day", by=manager(), now=NOON + HOUR / 2)
    row = Window.objects.get()
    assert (row.deleted_at, row.deleted_by_label, row.deleted_reason) == (
        NOON + HOUR / 2,
        "Rob",
        "the wrong day",
    )
    assert windows_at(NOON + HOUR / 2) == []
    assert spans() == [(NOON, NOON + HOUR / 2)], "what it has stopped stays on record, and no more"
    assert Event.objects.get(kind="calendars.window.deleted").data == {"reason": "the wrong day"}
    with pytest.raises(AlreadyEnded, match="Rob has deleted the window “Black Friday”: the wrong day"):
        actions.delete_window(row, reason="again", by=manager(), now=NOON + HOUR / 2)


def test_w3_a_window_that_is_shortened_opens_at_its_new_end() -> None:
    window = open_window(ends_local="2026-11-23T18:00")
    save(window, NOON + HOUR, ends_local="2026-11-23T15:00")
    found = verdict_for(make.service(), make.environment(), NOON + HOUR)
    assert found.until == NOON + 3 * HOUR
    assert spans() == [(NOON, NOON + 3 * HOUR)]
    assert Event.objects.get(kind="calendars.window.changed").data["changed"] == "ends"


def test_w3_a_window_that_is_moved_away_leaves_what_it_has_stopped_on_record() -> None:
    window = open_window(ends_local="2026-11-23T18:00")
    save(window, NOON + HOUR, starts_local="2026-11-24T12:00", ends_local="2026-11-24T18:00")
    assert spans() == [(NOON, NOON + HOUR), (NOON + DAY, NOON + DAY + 6 * HOUR)]
    window.refresh_from_db()
    assert (window.starts_at, window.ends_at) == (NOON, NOON + DAY + 6 * HOUR)


def test_t12_editing_a_rule_leaves_its_past_times_as_they_were() -> None:
    window = open_window(rule="FREQ=DAILY")
    later = NOON + 2 * DAY + 2 * HOUR
    save(window, later, starts_local="2026-11-23T20:00", ends_local="2026-11-23T21:00")
    past = [(NOON + DAY * day, NOON + DAY * day + HOUR) for day in range(3)]
    assert spans()[:4] == [*past, (at("2026-11-25T20:00"), at("2026-11-25T21:00"))]


def test_saving_without_a_change_records_nothing() -> None:
    window = open_window()
    save(window, ends_local="2026-11-23T13:00:00")
    assert not Event.objects.filter(kind="calendars.window.changed").exists()


def test_changing_only_words_leaves_every_occurrence_alone() -> None:
    window = open_window(rule="FREQ=DAILY")
    before = list(Occurrence.objects.values_list("pk", flat=True))
    save(window, level=Stops.SOFT, name="Quiet")
    assert list(Occurrence.objects.values_list("pk", flat=True)) == before
    assert Event.objects.get(kind="calendars.window.changed").data["changed"] == "name and level"


def test_a_window_that_comes_again_is_written_two_years_ahead_and_kept_so() -> None:
    open_window(rule="FREQ=WEEKLY")
    assert Window.objects.get().ends_at is None
    first = Occurrence.objects.count()
    assert first == 116
    assert actions.materialise_windows(NOON) == 0
    assert actions.materialise_windows(NOON + 21 * DAY) == 1
    assert Occurrence.objects.count() == first + 3, "the past stays, three weeks more are known"


def test_a_rule_that_ends_has_an_end() -> None:
    open_window(rule="FREQ=WEEKLY;COUNT=3")
    window = Window.objects.get()
    assert (len(spans()), window.ends_at) == (3, NOON + 14 * DAY + HOUR)


def test_w5_times_that_touch_are_one_occurrence() -> None:
    open_window(rule="FREQ=WEEKLY;BYDAY=MO,TU,WE", is_all_day=True, **whole_days(1))
    assert spans()[:2] == [
        (at("2026-11-23T00:00"), at("2026-11-26T00:00")),
        (at("2026-11-30T00:00"), at("2026-12-03T00:00")),
    ]


def test_times_with_room_for_a_number_of_changes_stay_apart() -> None:
    days = whole_days(1)
    open_window(rule="FREQ=DAILY;COUNT=3", is_all_day=True, effect=Effect.ALLOW, capacity=6, **days)
    assert len(spans()) == 3


def test_w3_only_this_time_of_a_window_is_ended_and_it_does_not_open_again_by_itself() -> None:
    window = open_window(rule="FREQ=DAILY")
    end(window, NOON + HOUR / 2, only_this_time=True)
    actions.materialise_windows(NOON + HOUR * 0.75)
    assert windows_at(NOON + HOUR * 0.75) == []
    assert len(windows_at(NOON + DAY)) == 1
    with pytest.raises(AlreadyEnded, match="opens next on Tue 24 Nov 2026 12:00 UTC") as refused:
        end(window, NOON + HOUR * 0.75, only_this_time=True)
    assert refused.value.until == NOON + DAY


def test_w3_the_only_time_of_a_window_is_ended_for_good() -> None:
    window = open_window()
    end(window, NOON + HOUR / 2, only_this_time=True)
    assert Window.objects.get().ended_early_at == NOON + HOUR / 2


def test_a_broken_window_stops_no_other_from_being_written_ahead(caplog: pytest.LogCaptureFixture) -> None:
    broken, sound = open_window(rule="FREQ=DAILY"), open_window(rule="FREQ=DAILY", name="Sound")
    Window.objects.filter(pk=broken.pk).update(time_zone="Europe/Atlantis")
    assert actions.materialise_windows(NOON + DAY) == 1
    assert sound.occurrences.filter(during__startswith__gt=NOON + 799 * DAY).exists()
    assert "could not be written" in caplog.text


def test_those_that_have_waited_longest_are_written_first_and_the_rest_next_time() -> None:
    first, second = (open_window(rule="FREQ=DAILY", name=name) for name in ("First", "Second"))
    for day, done in enumerate((first, second, first), start=1):
        actions.materialise_windows(NOON + DAY * day, most=1)
        done.refresh_from_db()
        assert done.planned_at == NOON + DAY * day


def test_t7_each_region_has_its_own_day_and_one_that_moves_takes_it_along() -> None:
    tokyo = make.region("Asia", "Asia/Tokyo")
    york = make.region("America", "America/New_York")
    open_window(is_all_day=True, day_mode=DayMode.REGIONS, **whole_days(5))
    found = {(one.region_id, one.during.lower, one.during.upper) for one in Occurrence.objects.all()}
    assert found == {
        (tokyo.pk, at("2026-11-26T15:00"), at("2026-11-27T15:00")),
        (york.pk, at("2026-11-27T05:00"), at("2026-11-28T05:00")),
    }
    york.time_zone = "America/Los_Angeles"
    york.save(update_fields=["time_zone"])
    assert actions.materialise_windows(NOON) == 1
    assert york.occurrences.get().during.lower == at("2026-11-27T08:00")


def test_t7_only_the_regions_that_a_window_names_have_a_day_in_it() -> None:
    tokyo = make.region("Asia", "Asia/Tokyo")
    make.region("America", "America/New_York")
    where = (Where(region=tokyo),)
    open_window(is_all_day=True, day_mode=DayMode.REGIONS, includes=where, **whole_days(5))
    assert [one.region for one in Occurrence.objects.all()] == [tokyo]


def whole_days(first: int, last: int | None = None) -> dict[str, Any]:
    """Return whole days counted from Monday 23 November 2026, which is 1."""
    return {"starts_local": f"2026-11-{22 + first}", "ends_local": f"2026-11-{22 + (last or first)}"}


def test_w12_the_line_is_stopped_at_once_and_ends_by_itself() -> None:
    olu = make.user("Olu", Role.ON_CALL)
    actions.stop_the_line(reason="checkout is down", until=NOON + HOUR, by=olu, now=NOON)
    found = verdict_for(make.service(), make.environment(), NOON)
    assert found.sentence() == "“Stop the line: everything” stops this: checkout is down."
    assert found.reasons[0].who == "somebody on call, a release manager or an administrator"
    assert verdict_for(make.service(), make.environment(), NOON + HOUR).is_allowed
    assert Event.objects.get().kind == "calendars.line.stopped"


def test_w12_whoever_stopped_the_line_may_let_it_run_and_nobody_edits_or_deletes_it() -> None:
    olu = make.user("Olu", Role.ON_CALL)
    stop = actions.stop_the_line(reason="down", until=NOON + HOUR, by=olu, now=NOON)
    with pytest.raises(NotOurs, match="runs again at Mon 23 Nov 2026 13:00 UTC") as refused:
        save(stop, reason="up")
    assert (refused.value.until, "on call" in refused.value.who) == (NOON + HOUR, True)
    with pytest.raises(NotOurs):
        actions.delete_window(stop, reason="up", by=manager(), now=NOON)
    assert actions.end_window(stop, reason="up again", by=olu, now=NOON).ended_early_at == NOON


@pytest.mark.parametrize("until", [NOON, NOON + timedelta(days=8)])
def test_w12_a_stop_without_a_sensible_end_or_reason_is_refused(until: datetime) -> None:
    with pytest.raises(Invalid) as refused:
        actions.stop_the_line(reason="down", until=until, by=manager(), now=NOON)
    assert refused.value.field == "until"
    with pytest.raises(Invalid, match="needs a reason"):
        actions.stop_the_line(reason=" ", until=NOON + HOUR, by=manager(), now=NOON)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"reason": ""}, "reason"),
        ({"ends_local": "2026-11-23T11:00"}, "ends_local"),
        ({"ends_local": "2026-12-13T12:00"}, "ends_local"),
    ],
)
def test_w10_a_window_typed_wrong_names_its_field_and_leaves_nothing(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        open_window(**fields)
    assert refused.value.field == field
    assert not Window.objects.exists()


def test_w10_a_long_window_is_opened_once_it_is_confirmed_and_changed_without_asking_again() -> None:
    wanted = settings(ends_local="2026-12-13T12:00")
    window = actions.open_window(wanted, by=manager(), now=NOON, is_confirmed=True)
    assert save(window, reason="still shopping").reason == "still shopping"
    with pytest.raises(Invalid, match="Confirm that this is meant"):
        save(window, ends_local="2026-12-20T12:00")


def test_only_people_of_every_place_close_it() -> None:
    ours = make.user("Ours", Role.RELEASE_MANAGER, team=make.team())
    payments = make.team("Payments")
    assert open_window(by=ours, includes=(Where(service=make.service()), Where(team=make.team()))).pk
    for places in (
        (),
        (Where(team=payments),),
        (Where(environment=make.environment()),),
        (Where(team=make.team()), Where(team=payments)),
    ):
        with pytest.raises(NotAllowed):
            open_window(by=ours, includes=places)
    with pytest.raises(NotAllowed, match="for everything, which you do not hold"):
        open_window(by=make.user("Olu", Role.ON_CALL))


def test_a_window_is_changed_by_people_of_its_old_and_its_new_places() -> None:
    ours = make.user("Ours", Role.RELEASE_MANAGER, team=make.team())
    theirs = Where(team=make.team("Payments"))
    window = open_window(by=ours, includes=(Where(team=make.team()),))
    wider = replace(WindowSettings.of(window), includes=(theirs,))
    with pytest.raises(NotAllowed, match="let this window cover that"):
        actions.save_window(window, wider, by=ours, now=NOON)
    foreign = open_window(includes=(theirs,), name="Theirs")
    with pytest.raises(NotAllowed, match="change this window"):
        actions.save_window(foreign, WindowSettings.of(window), by=ours, now=NOON)
    for verb in (actions.end_window, actions.delete_window):
        with pytest.raises(NotAllowed):
            verb(foreign, reason="no", by=ours, now=NOON)


def test_a_role_for_one_service_is_enough_to_close_that_service() -> None:
    ada = make.user("Ada")
    ServiceRole.objects.create(user=ada, service=make.service(), role=Role.RELEASE_MANAGER)
    assert open_window(by=ada, includes=(Where(service=make.service()),)).pk
    with pytest.raises(NotAllowed):
        open_window(by=ada, includes=(Where(team=make.team()),))


def feed(**fields: Any) -> Feed:
    return Feed.objects.create(name="Shop holidays", brings="windows", zone="UTC", **fields)


def put(into: Feed, now: datetime = NOON, **fields: Any) -> tuple[Window, str]:
    wanted = settings(**fields)
    window, what = actions.put_window(into, "1@shop", wanted, plan=plan_of(wanted, now), now=now)
    assert window
    return window, what


def test_what_a_feed_says_is_changed_there_and_may_be_ended_here_for_good() -> None:
    shop = feed()
    window, _ = put(shop)
    with pytest.raises(NotOurs, match="comes from the calendar “Shop holidays”"):
        save(window, name="Mine")
    end(window, NOON)
    assert put(shop)[1] == "same"
    assert windows_at(NOON) == []


def test_an_event_of_a_feed_is_added_changed_and_kept_once() -> None:
    shop = feed()
    assert [put(shop)[1], put(shop)[1]] == ["added", "same"]
    window, what = put(shop, ends_local="2026-11-23T15:00")
    assert (what, spans()) == ("changed", [(NOON, NOON + 3 * HOUR)])
    actions.drop_window(window, reason="gone from its calendar", now=NOON)
    assert windows_at(NOON) == []
    assert Window.objects.get().deleted_by_label == "Release Train"


def test_an_event_that_is_over_opens_no_window() -> None:
    over = plan_of(settings(), NOON + DAY)
    assert actions.put_window(feed(), "1", settings(), plan=over, now=NOON + DAY) == (None, "same")


def test_w11_a_window_of_a_feed_that_fails_stays_shut_and_says_so() -> None:
    put(feed(problem="404"))
    found = verdict_for(make.service(), make.environment(), NOON)
    assert found.decision is Decision.DENY
    assert "can no longer be read" in found.sentence()
