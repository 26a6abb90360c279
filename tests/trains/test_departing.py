"""A departure leaves once, after everything was asked again, and every change ends somewhere."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import Membership
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Window
from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.trains import actions
from releasetrain.trains.actions import Placement
from releasetrain.trains.actions.refusals import NotDue, SteeringRefused
from releasetrain.trains.models import Change, Departure
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)
GRACE = timedelta(minutes=30)


def window(departure: Departure, level: str = "hard", **fields: Any) -> Window:
    defaults: dict[str, Any] = {
        "name": "Black Friday",
        "level": level,
        "reason": "everybody shops",
        "starts_at": departure.departs_at - timedelta(hours=1),
        "ends_at": departure.departs_at + timedelta(hours=5),
    }
    return make.window(**{**defaults, **fields})


def next_week(departure: Departure) -> Departure:
    """Make the train's next departure, which does not board yet."""
    return make.departure(
        departure.train,
        cut_off_at=departure.cut_off_at + timedelta(days=7),
        departs_at=departure.departs_at + timedelta(days=7),
        state="scheduled",
    )


def test_a_cleared_departure_leaves_at_its_time_and_not_before() -> None:
    departure = world.cleared()
    with pytest.raises(NotDue, match="departs on"):
        actions.depart(departure, now=departure.departs_at - INSTANT)
    left = actions.depart(departure, now=departure.departs_at)
    assert (left.state, left.departed_at) == ("rolling", departure.departs_at)
    event = Event.objects.get(kind="trains.departure.departed")
    assert event.data["digest"] == world.digest(departure)


def test_d9_what_has_left_does_not_leave_again() -> None:
    departure = world.rolling()
    with pytest.raises(NotDue, match="has departed already"):
        actions.depart(departure, now=departure.departs_at)
    assert world.kinds(departure).count("departure.departed") == 1


def test_what_is_not_cleared_does_not_leave() -> None:
    departure = world.sealed()
    with pytest.raises(NotDue, match="not cleared"):
        actions.depart(departure, now=departure.departs_at)


def test_d3_eligibility_is_asked_again_at_departure() -> None:
    departure = world.cleared()
    Membership.objects.filter(user=world.manager()).delete()
    stayed = actions.depart(departure, now=departure.departs_at)
    assert stayed.state == "deciding"
    event = Event.objects.get(kind="trains.departure.reopened")
    assert "Rob does not hold the role release manager here any more." in event.data["why"]


def test_t11_within_its_grace_a_late_departure_goes() -> None:
    departure = world.cleared()
    assert actions.depart(departure, now=departure.departs_at + GRACE).state == "rolling"


def test_t11_within_its_grace_windows_are_asked_again() -> None:
    departure = world.cleared()
    late = departure.departs_at + GRACE / 2
    window(departure, starts_at=departure.departs_at + INSTANT)
    held = actions.depart(departure, now=late)
    assert (held.state, held.held_kind) == ("cleared", "window")


def test_t11_within_its_grace_votes_are_counted_again() -> None:
    departure = world.cleared()
    Membership.objects.filter(user=world.manager()).delete()
    assert actions.depart(departure, now=departure.departs_at + GRACE / 2).state == "deciding"


def test_t11_later_than_its_grace_it_is_held_and_not_sent_off() -> None:
    departure = world.cleared()
    held = actions.depart(departure, now=departure.departs_at + GRACE + INSTANT)
    assert (held.state, held.held_kind) == ("cleared", "late")
    assert world.kinds(departure)[-1] == "departure.held"
    with pytest.raises(NotDue, match="is held"):
        actions.depart(held, now=held.departs_at + timedelta(hours=1))


def test_t11_a_late_departure_goes_once_a_person_releases_it() -> None:
    departure = world.cleared()
    late = departure.departs_at + timedelta(hours=2)
    held = actions.depart(departure, now=late)
    released = actions.release(held, by=world.manager(), now=late)
    assert (released.held_at, released.departs_at) == (None, late)
    assert actions.depart(released, now=late).state == "rolling"


def test_a_hard_window_holds_a_departure_until_its_end() -> None:
    departure = world.cleared()
    black_friday = window(departure)
    held = actions.depart(departure, now=departure.departs_at)
    assert (held.held_kind, held.held_until) == ("window", black_friday.ends_at)
    assert "“Black Friday” stops this: everybody shops." in held.held_reason


@pytest.mark.parametrize("scope", ["service", "team", "environment"])
def test_w8_a_window_over_something_else_holds_nothing(scope: str) -> None:
    departure = world.cleared()
    other: dict[str, Any] = {
        "service": make.service("Search"),
        "team": make.team("Payments"),
        "environment": make.environment("staging"),
    }
    window(departure, **{scope: other[scope]})
    assert actions.depart(departure, now=departure.departs_at).state == "rolling"


def test_t13_a_window_that_ends_at_the_departure_does_not_block_it() -> None:
    departure = world.cleared()
    window(departure, ends_at=departure.departs_at)
    assert actions.depart(departure, now=departure.departs_at).state == "rolling"


def test_a_notice_is_shown_and_stops_nothing() -> None:
    departure = world.cleared()
    window(departure, "notice")
    assert actions.depart(departure, now=departure.departs_at).state == "rolling"


def test_a_soft_window_waits_for_somebody_to_accept_it() -> None:
    departure = world.cleared()
    window(departure, "soft")
    held = actions.depart(departure, now=departure.departs_at)
    assert held.held_kind == "window"
    actions.release(held, by=world.manager(), now=departure.departs_at, reason="shops are warned")
    assert actions.depart(departure, now=departure.departs_at).state == "rolling"


def test_a_service_that_nothing_can_move_holds_the_departure() -> None:
    departure = world.cleared()
    Target.objects.all().delete()
    held = actions.depart(departure, now=departure.departs_at)
    assert held.held_kind == "target"
    assert held.held_reason == "Nothing can move Storefront in Production: no target is set up there."


def test_an_arrival_ships_what_was_aboard() -> None:
    departure = world.rolling()
    arrived = actions.arrive(departure, now=departure.departs_at + timedelta(hours=1))
    assert (arrived.state, arrived.finished_at) == ("arrived", departure.departs_at + timedelta(hours=1))
    assert [change.state for change in departure.changes.all()] == ["shipped"]


def test_a_rollback_returns_what_was_aboard() -> None:
    departure = world.rolling()
    back = actions.mark_rolled_back(departure, reason="errors", now=departure.departs_at)
    assert (back.state, back.outcome) == ("rolled_back", "errors")
    assert [change.state for change in departure.changes.all()] == ["returned"]


def test_a_rollback_after_the_arrival_returns_what_had_shipped() -> None:
    departure = world.rolling()
    actions.arrive(departure, now=departure.departs_at)
    actions.mark_rolled_back(departure, reason="complaints", now=departure.departs_at)
    assert [change.state for change in departure.changes.all()] == ["returned"]


def test_services_that_stay_are_shipped_although_the_departure_came_back() -> None:
    departure = make.departure()
    world.aboard(departure)
    search = world.aboard(departure, service=make.service("Search"))
    make.target("Search")
    departure = world.rolling(departure)
    actions.mark_rolled_back(
        departure, reason="errors", now=departure.departs_at, shipped_services=[search.service_id]
    )
    ends = {change.service.name: change.state for change in departure.changes.select_related("service")}
    assert ends == {"Storefront": "returned", "Search": "shipped"}


@pytest.mark.parametrize("end", ["arrive", "mark_rolled_back"])
def test_a_departure_ends_once(end: str) -> None:
    departure = world.rolling()
    actions.mark_rolled_back(departure, reason="errors", now=departure.departs_at)
    verb: Any = getattr(actions, end)
    with pytest.raises(Stale, match="is rolled back and cannot be"):
        verb(departure, now=departure.departs_at, **({"reason": "x"} if end == "mark_rolled_back" else {}))


def test_i12_a_cancelled_departure_places_everything_aboard_on_the_next() -> None:
    first = make.departure()
    change = actions.submit_change(
        title="Prices", service=make.service(), version="v1", by=world.submitter(), now=make.NOW,
        departure=first, bundle="Checkout",
    ).change  # fmt: skip
    following = next_week(first)
    cancelled = actions.cancel(first, reason="the datacentre moves", by=world.manager(), now=make.NOW)
    change.refresh_from_db()
    assert cancelled.state == "cancelled"
    assert (change.state, change.departure, str(change.bundle)) == ("aboard", following, "Checkout")


def test_i12_votes_do_not_travel() -> None:
    first = world.cleared()
    following = next_week(first)
    actions.cancel(first, reason="the datacentre moves", by=world.manager(), now=first.cut_off_at)
    assert world.sealed(following).state == "deciding"


def test_i12_without_a_next_departure_changes_go_back_to_their_authors() -> None:
    departure = make.departure()
    change = world.aboard(departure)
    actions.cancel(departure, reason="the end", by=world.manager(), now=make.NOW)
    change.refresh_from_db()
    assert (change.state, change.departure) == ("returned", None)


def test_i12_whoever_cancels_may_return_a_change_instead() -> None:
    first = make.departure()
    stays, goes = world.aboard(first), world.aboard(first)
    following = make.departure(first.train)
    actions.cancel(
        first, reason="half of it is broken", by=world.manager(), now=make.NOW,
        placements={stays.pk: Placement.RETURN},
    )  # fmt: skip
    places = {change.pk: change.departure for change in Change.objects.all()}
    assert places == {stays.pk: None, goes.pk: following}


def test_a_departure_that_has_left_cannot_be_cancelled() -> None:
    departure = world.rolling()
    with pytest.raises(SteeringRefused, match="Pause or roll back its rollout instead"):
        actions.cancel(departure, reason="stop", by=world.manager(), now=departure.departs_at)


def test_cancelling_needs_a_reason_and_the_role() -> None:
    departure = make.departure()
    with pytest.raises(Invalid, match="Say why"):
        actions.cancel(departure, reason=" ", by=world.manager(), now=make.NOW)
    with pytest.raises(NotAllowed, match="release manager or administrator in Storefront"):
        actions.cancel(departure, reason="no", by=world.submitter(), now=make.NOW)


def test_the_captain_of_a_train_runs_it_without_another_role() -> None:
    captain = make.user("Cap", Role.VIEWER)
    departure = make.departure(make.train(captain=captain))
    assert actions.cancel(departure, reason="storm", by=captain, now=make.NOW).state == "cancelled"
