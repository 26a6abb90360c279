"""Windows keep a departure, or would hold it on its way; when they end, everything is asked again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import Membership
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Window
from releasetrain.catalog.models import Dependency, Target
from releasetrain.events.models import Event
from releasetrain.lib.errors import NotAllowed
from releasetrain.lib.verdict import Decision
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import SteeringRefused
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.queries.decision import Standing
from releasetrain.trains.tasks import tick
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LASTS = timedelta(minutes=60, seconds=18)


def over(departure: Departure, start: timedelta, end: timedelta, **fields: Any) -> Window:
    """Make a hard window so long after a departure."""
    at = departure.departs_at
    return make.window(starts_at=at + start, ends_at=at + end, **fields)


def codes(departure: Departure, at: datetime) -> list[str]:
    return [one.code for one in standing(departure, at).verdict.reasons]


def standing(departure: Departure, at: datetime) -> Standing:
    return queries.standing_of(departure, at)


def shorten(window: Window, ends_at: datetime) -> None:
    """End a window early, as its author would."""
    for one in window.occurrences.all():
        one.during = type(one.during)(one.during.lower, ends_at)
        one.save(update_fields=["during"])


def test_w4_a_departure_that_could_not_finish_before_a_window_does_not_leave() -> None:
    departure = world.cleared()
    over(departure, 35 * MINUTE, 60 * HOUR, name="Weekend", reason="nobody is in")
    found = standing(departure, departure.departs_at).verdict
    assert (found.decision, [one.code for one in found.reasons]) == (Decision.HOLD, ["will_hold"])
    (why,) = found.reasons
    assert (
        "Storefront would be held at 25 % from Mon 23 Nov 2026 15:35 Europe/Berlin until Thu 26 Nov"
        in why.text
    )
    assert "“Weekend” stops this: nobody is in." in why.text
    assert "The last safe departure was Mon 23 Nov 2026 14:34 Europe/Berlin." in why.text
    assert "The next safe one is Thu 26 Nov 2026 03:00 Europe/Berlin." in why.text
    assert why.until == departure.departs_at + 60 * HOUR
    held = actions.depart(departure, now=departure.departs_at)
    assert (held.state, held.held_kind, held.held_until) == ("cleared", "forecast", why.until)


def test_w4_it_leaves_once_somebody_accepts_that_it_will_be_held() -> None:
    departure = world.cleared()
    window = over(departure, 35 * MINUTE, 60 * HOUR)
    accepted = actions.accept_hold(departure, by=world.manager(), now=make.NOW)
    assert accepted.accepted_hold["weight"] == 25
    assert accepted.accepted_hold["until"] == (departure.departs_at + 60 * HOUR).isoformat()
    assert accepted.accepted_hold["by"] == "Rob"
    assert window.pk
    event = Event.objects.get(kind="trains.departure.hold_accepted")
    assert (event.data["weight"], event.data["service"]) == (25, "Storefront")
    assert actions.depart(accepted, now=departure.departs_at).state == "rolling"


def test_w4_accepting_lets_one_go_that_is_held_for_it() -> None:
    departure = world.cleared()
    over(departure, 35 * MINUTE, 60 * HOUR)
    held = actions.depart(departure, now=departure.departs_at)
    with pytest.raises(SteeringRefused, match="would be held at 25 %") as refused:
        actions.release(held, by=world.manager(), now=departure.departs_at)
    assert refused.value.who == "a release manager of Storefront"
    freed = actions.accept_hold(held, by=world.manager(), now=departure.departs_at)
    assert freed.held_at is None
    assert actions.depart(freed, now=departure.departs_at).state == "rolling"


def test_w4_a_worse_hold_is_asked_about_again_and_a_milder_one_is_not() -> None:
    departure = world.cleared()
    over(departure, 35 * MINUTE, 60 * HOUR)
    departure = actions.accept_hold(departure, by=world.manager(), now=make.NOW)
    later = departure.departs_at + 5 * MINUTE
    assert codes(departure, later) == []
    longer = over(departure, 50 * HOUR, 70 * HOUR, name="Longer")
    assert codes(departure, departure.departs_at) == ["will_hold"]
    longer.delete()
    earlier = over(departure, 15 * MINUTE, 60 * HOUR, name="Earlier")
    assert codes(departure, departure.departs_at) == []
    earlier.delete()
    over(departure, 35 * MINUTE, 60 * HOUR, name="Back", behaviour="roll_back")
    assert codes(departure, departure.departs_at) == ["will_hold"]


def test_w4_another_service_that_would_be_held_is_asked_about_too() -> None:
    departure = make.departure()
    world.aboard(departure)
    world.aboard(departure, service=make.service("Search"))
    make.target("Search")
    departure = world.cleared(departure)
    over(departure, 35 * MINUTE, 60 * HOUR, service=make.service())
    departure = actions.accept_hold(departure, by=world.manager(), now=make.NOW)
    assert codes(departure, departure.departs_at) == []
    over(departure, 35 * MINUTE, 60 * HOUR, service=make.service("Search"))
    assert codes(departure, departure.departs_at) == ["will_hold"]


def test_w4_who_may_accept_and_when() -> None:
    departure = world.cleared()
    with pytest.raises(SteeringRefused, match="nothing to accept"):
        actions.accept_hold(departure, by=world.manager(), now=make.NOW)
    over(departure, 35 * MINUTE, 60 * HOUR)
    with pytest.raises(NotAllowed):
        actions.accept_hold(departure, by=world.submitter(), now=make.NOW)
    assert verdict(Action.ACCEPT_HOLD, departure, world.manager(), make.NOW).is_allowed
    actions.cancel(departure, reason="no", by=world.manager(), now=make.NOW)
    with pytest.raises(SteeringRefused, match="was cancelled"):
        actions.accept_hold(departure, by=world.manager(), now=make.NOW)


def test_w4_a_departure_that_finishes_as_the_window_opens_leaves() -> None:
    departure = world.cleared()
    over(departure, LASTS, 60 * HOUR)
    assert actions.depart(departure, now=departure.departs_at).state == "rolling"


def test_w6_a_window_that_is_open_now_and_over_by_then_does_not_count() -> None:
    departure = world.cleared()
    over(departure, -3 * HOUR, timedelta(0))
    assert codes(departure, make.NOW) == ["time"]
    over(departure, LASTS, 60 * HOUR, name="Later")
    assert codes(departure, departure.departs_at) == []


def test_w6_a_service_that_has_its_turn_later_is_judged_at_its_turn() -> None:
    departure = make.departure()
    world.aboard(departure)
    search = make.service("Search")
    world.aboard(departure, service=search)
    make.target("Search")
    Dependency.objects.create(service=search, depends_on=make.service())
    departure = world.cleared(departure)
    over(departure, -HOUR, HOUR, service=search)
    assert codes(departure, departure.departs_at) == []
    over(departure, HOUR, 5 * HOUR, name="Longer", service=search)
    found = standing(departure, departure.departs_at).verdict
    assert [one.code for one in found.reasons] == ["will_hold"]
    assert "Search would be held at 0 %" in found.reasons[0].text


def test_w5_what_opens_before_the_first_window_ends_is_named_with_the_latest_end() -> None:
    departure = world.cleared()
    over(departure, -HOUR, 3 * HOUR, name="First")
    over(departure, 2 * HOUR, 9 * HOUR, name="Second")
    found = standing(departure, departure.departs_at).verdict
    assert [one.text.split("”")[0] for one in found.reasons] == ["“First", "“Second"]
    assert found.until == departure.departs_at + 9 * HOUR


@pytest.mark.parametrize(("lane", "stopped"), [("train", False), ("hotfix", True)])
def test_a_window_for_hotfixes_stops_the_train_of_that_lane_only(lane: str, *, stopped: bool) -> None:
    departure = world.cleared()
    departure.train.lane = lane
    departure.train.save(update_fields=["lane"])
    over(departure, -HOUR, 5 * HOUR, lanes=["hotfix"])
    held = actions.depart(departure, now=departure.departs_at)
    assert (held.held_kind == "window") is stopped


def test_w8_only_the_departure_of_the_frozen_environment_waits() -> None:
    frozen = world.cleared()
    staging = make.environment("staging")
    free = make.departure(make.train("Staging", environment=staging))
    world.aboard(free)
    Target.objects.create(service=make.service(), environment=staging, driver="simulated")
    free = world.cleared(free)
    over(frozen, -HOUR, 5 * HOUR, environment=make.environment())
    assert actions.depart(frozen, now=frozen.departs_at).held_kind == "window"
    assert actions.depart(free, now=free.departs_at).state == "rolling"


def test_w9_a_departure_comes_back_in_a_window_and_nobody_is_asked() -> None:
    departure = world.rolling()
    over(departure, -HOUR, 60 * HOUR)
    Membership.objects.all().delete()
    back = actions.mark_rolled_back(departure, reason="errors", now=departure.departs_at + HOUR)
    assert back.state == "rolled_back"


def held_departures(count: int, hours: int = 5) -> tuple[list[Departure], Window]:
    """Make departures a second apart that one window has held."""
    rows = []
    for number in range(count):
        at = make.NOW + 2 * HOUR + timedelta(seconds=number)
        rows.append(world.cleared(departs_at=at))
    window = over(rows[0], -HOUR, HOUR * hours)
    return [actions.depart(one, now=one.departs_at) for one in rows], window


def ticked(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr("releasetrain.lib.clock.now", lambda: now)
    tick()


def test_w2_departures_that_waited_for_one_window_leave_two_minutes_apart_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, window = held_departures(3)
    other = world.cleared(departs_at=rows[0].departs_at + 5 * HOUR + 4 * MINUTE)
    end = rows[0].departs_at + 5 * HOUR
    assert window.pk
    ticked(monkeypatch, end)
    departed = [Departure.objects.get(pk=one.pk).departs_at - end for one in rows]
    assert departed == [timedelta(0), 2 * MINUTE, 6 * MINUTE]
    states = [Departure.objects.get(pk=one.pk).state for one in (*rows, other)]
    assert states == ["rolling", "cleared", "cleared", "cleared"]
    ticked(monkeypatch, end + 2 * MINUTE)
    assert Departure.objects.get(pk=rows[1].pk).state == "rolling"


def test_w2_the_order_holds_whoever_is_looked_at_first() -> None:
    rows, _ = held_departures(3)
    end = rows[0].departs_at + 5 * HOUR
    for one in reversed(rows):
        assert actions.recheck_hold(one, now=end)
    found = [Departure.objects.get(pk=one.pk).departs_at - end for one in rows]
    assert found == [timedelta(0), 2 * MINUTE, 4 * MINUTE]


def test_w2_time_spent_held_is_no_lateness() -> None:
    (held,), _ = held_departures(1)
    end = held.departs_at + 5 * HOUR
    assert actions.recheck_hold(held, now=end)
    held.refresh_from_db()
    assert actions.depart(held, now=end + 30 * MINUTE).state == "rolling"


def test_w2_who_lost_the_role_meanwhile_is_asked_about_at_once() -> None:
    (held,), _ = held_departures(1)
    Membership.objects.filter(user=world.manager()).delete()
    assert actions.recheck_hold(held, now=held.departs_at + 5 * HOUR)
    held.refresh_from_db()
    assert (held.state, held.held_at) == ("deciding", None)
    assert world.kinds(held)[-2:] == ["departure.released", "departure.reopened"]


def test_w2_votes_that_have_grown_old_are_asked_for_again() -> None:
    planned = make.NOW + timedelta(days=13)
    departure = world.cleared(departs_at=planned, planned_at=planned + 5 * HOUR)
    vote = departure.votes.get()
    assert codes(departure, vote.at + timedelta(days=14)) == ["late"]
    departure.planned_at = make.NOW
    late = standing(departure, vote.at + timedelta(days=14))
    assert late.tally is not None
    assert [one.why for one in late.tally.not_counted] == [
        "Rob said go more than 14 days ago, and the departure is late."
    ]
    early = standing(departure, vote.at + timedelta(days=14) - timedelta(seconds=1))
    assert early.tally is not None
    assert early.tally.is_go


def test_w2_a_vote_counts_for_a_departure_that_leaves_as_planned_however_early_it_was_given() -> None:
    at = make.NOW + timedelta(days=40)
    departure = world.cleared(departs_at=at, planned_at=at)
    assert codes(departure, at) == []


def test_w2_while_another_one_still_moves_what_is_aboard_it_waits_on() -> None:
    (held,), _ = held_departures(1)
    other = world.cleared(make.departure(make.train("Express")))
    Departure.objects.filter(pk=other.pk).update(state="rolling", departed_at=make.NOW)
    end = held.departs_at + 5 * HOUR
    assert actions.recheck_hold(held, now=end)
    held.refresh_from_db()
    assert (held.held_kind, held.held_until) == ("busy", None)
    assert held.held_reason == f"Still on its way: Storefront with RT-{other.pk}."
    assert not actions.recheck_hold(held, now=end + MINUTE)
    actions.arrive(other, now=end + 2 * MINUTE)
    assert actions.recheck_hold(held, now=end + 3 * MINUTE)
    held.refresh_from_db()
    assert held.held_at is None


def test_w2_the_same_service_in_another_environment_is_not_in_the_way() -> None:
    (held,), _ = held_departures(1)
    elsewhere = make.train("Staging", environment=make.environment("staging"))
    world.aboard(make.departure(elsewhere, state="rolling", departed_at=make.NOW))
    assert actions.recheck_hold(held, now=held.departs_at + 5 * HOUR)
    held.refresh_from_db()
    assert held.held_at is None


def test_w2_waiting_for_one_thing_after_another_counts_as_one_wait() -> None:
    (held,), _ = held_departures(1, hours=20)
    began = held.held_at
    over(held, 20 * HOUR + 30 * MINUTE, 40 * HOUR, name="Next")
    assert actions.recheck_hold(held, now=held.departs_at + 20 * HOUR)
    held.refresh_from_db()
    assert (held.held_kind, held.held_at) == ("forecast", began)
    assert actions.recheck_hold(held, now=held.departs_at + 25 * HOUR)
    held.refresh_from_db()
    assert held.held_kind == "window"
    assert actions.recheck_hold(held, now=held.departs_at + 40 * HOUR)
    held.refresh_from_db()
    assert (held.held_kind, held.held_until) == ("late", None)


def test_w3_a_window_that_is_shortened_lets_it_go_at_its_new_end() -> None:
    (held,), window = held_departures(1)
    shorten(window, held.departs_at + 2 * HOUR)
    assert actions.recheck_hold(held, now=held.departs_at + HOUR)
    held.refresh_from_db()
    assert held.held_until == held.departs_at + 2 * HOUR
    assert actions.recheck_hold(held, now=held.departs_at + 2 * HOUR)
    held.refresh_from_db()
    assert held.held_at is None


def test_w3_a_window_that_is_deleted_lets_everything_go_one_after_the_other() -> None:
    rows, window = held_departures(2)
    window.deleted_at = make.NOW
    window.save(update_fields=["deleted_at"])
    now = rows[1].departs_at + HOUR
    assert [actions.recheck_hold(one, now=now) for one in rows] == [True, True]
    found = [Departure.objects.get(pk=one.pk).departs_at - now for one in rows]
    assert found == [timedelta(0), 2 * MINUTE]


def test_w3_what_would_be_held_on_its_way_goes_once_that_window_is_gone() -> None:
    departure = world.cleared()
    window = over(departure, 35 * MINUTE, 60 * HOUR)
    held = actions.depart(departure, now=departure.departs_at)
    assert not actions.recheck_hold(held, now=departure.departs_at + MINUTE)
    window.deleted_at = departure.departs_at
    window.save(update_fields=["deleted_at"])
    assert actions.recheck_hold(held, now=departure.departs_at + 2 * MINUTE)
    held.refresh_from_db()
    assert held.held_at is None


def test_w4_what_would_be_held_waits_for_the_window_itself_once_that_is_open() -> None:
    departure = world.cleared()
    over(departure, 35 * MINUTE, 60 * HOUR)
    held = actions.depart(departure, now=departure.departs_at)
    assert actions.recheck_hold(held, now=departure.departs_at + 35 * MINUTE)
    held.refresh_from_db()
    assert (held.held_kind, held.held_until) == ("window", departure.departs_at + 60 * HOUR)
    assert held.held_at == departure.departs_at


def test_a_soft_window_on_the_way_is_accepted_by_releasing() -> None:
    departure = world.cleared()
    soft = over(departure, 35 * MINUTE, 60 * HOUR, level="soft")
    held = actions.depart(departure, now=departure.departs_at)
    assert held.held_kind == "forecast"
    freed = actions.release(held, by=world.manager(), now=departure.departs_at)
    assert freed.acknowledged_windows == [soft.pk]
    assert actions.depart(freed, now=departure.departs_at).state == "rolling"


def asking(**fields: Any) -> Departure:
    """Make a cleared departure of a train that asks authors to check in an hour before."""
    return world.cleared(make.departure(make.train(check_in_lead=HOUR), **fields))


def test_who_has_not_checked_in_is_named_and_keeps_the_departure() -> None:
    departure = asking()
    assert codes(departure, departure.departs_at - HOUR - MINUTE) == ["time"]
    (_, why) = standing(departure, departure.departs_at - HOUR).verdict.reasons
    assert (why.code, why.text) == ("check_in", "somebody has not checked in for “Show prices with tax”.")
    assert why.who == "somebody, or a release manager of Storefront in their place"
    held = actions.depart(departure, now=departure.departs_at)
    assert held.held_kind == "check_in"
    with pytest.raises(SteeringRefused, match="has not checked in"):
        actions.release(held, by=world.manager(), now=departure.departs_at)
    departure.changes.update(checked_in_at=departure.departs_at)
    assert actions.recheck_hold(held, now=departure.departs_at + MINUTE)
    held.refresh_from_db()
    assert actions.depart(held, now=held.departs_at).state == "rolling"


def test_a_departure_whose_authors_are_there_leaves() -> None:
    departure = asking()
    departure.changes.update(checked_in_at=make.NOW)
    assert actions.depart(departure, now=departure.departs_at).state == "rolling"


def test_check_in_is_for_those_who_answer_for_the_change_and_from_its_opening_on() -> None:
    departure = asking()
    change = departure.changes.select_related("service", "departure__train__team").get()
    opens = departure.departs_at - HOUR

    def found(by: Any, at: datetime) -> list[str]:
        return [one.code for one in verdict(Action.CHECK_IN, change, by, at).reasons]

    assert found(world.submitter(), opens) == []
    assert found(world.manager(), opens) == []
    assert found(make.user("Vi", Role.VIEWER), opens) == ["role"]
    assert found(world.submitter(), opens - MINUTE) == ["too_early"]
    change.checked_in_at = opens
    assert found(world.submitter(), opens) == ["checked_in"]


def test_the_captain_and_the_deputy_of_a_departure_run_it() -> None:
    departure = make.departure(captain=make.user("Cap"), deputy=make.user("Dep"))
    for person in (departure.captain, departure.deputy):
        assert person is not None
        for action in (Action.HOLD, Action.POSTPONE, Action.SKIP, Action.MOVE, Action.HAND_OVER):
            assert verdict(action, departure, person, make.NOW).is_allowed
    stranger = make.user("Vi", Role.VIEWER)
    assert [one.code for one in verdict(Action.POSTPONE, departure, stranger, make.NOW).reasons] == ["role"]


def test_a_departure_names_its_own_captain_as_who_can_change_it() -> None:
    departure = make.departure(captain=make.user("Cap"), held_at=make.NOW, held_reason="legal")
    assert standing(departure, make.NOW).verdict.reasons[0].who == "the captain Cap"


def test_skipping_and_restoring_have_their_states() -> None:
    manager = world.manager()

    def found(action: Action, departure: Departure, at: datetime = make.NOW) -> list[str]:
        return [one.code for one in verdict(action, departure, manager, at).reasons]

    boarding = make.departure()
    assert found(Action.SKIP, boarding) == []
    assert found(Action.RESTORE, boarding) == ["not_skipped"]
    sealed = world.sealed()
    assert found(Action.SKIP, sealed) == ["sealed"]
    assert found(Action.POSTPONE, sealed) == []
    skipped = make.departure(state="skipped")
    assert found(Action.RESTORE, skipped) == []
    assert found(Action.RESTORE, skipped, skipped.cut_off_at) == ["cut_off"]
    assert found(Action.POSTPONE, skipped) == ["gone"]
    rolling = world.rolling()
    assert found(Action.HAND_OVER, rolling) == []
    assert found(Action.MOVE, rolling) == ["gone"]
