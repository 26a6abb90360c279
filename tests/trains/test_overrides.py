"""A departure moves in spite of a window after two people have said so, and for a time only."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Window
from releasetrain.events.actions import SYSTEM
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import OverrideRefused
from releasetrain.trains.models import Departure, Override
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.queries.overrides import overrides_to_review
from releasetrain.trains.tasks import raise_overdue_reviews
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def on_call() -> User:
    return User.objects.filter(name="Olu").first() or make.user("Olu", Role.ON_CALL)


def second() -> User:
    return world.manager("Kim")


def frozen(departure: Departure | None = None, **fields: Any) -> tuple[Departure, Window]:
    """Make a cleared departure, and a window from an hour before it until a day after."""
    departure = departure or world.cleared()
    fields.setdefault("starts_at", departure.departs_at - HOUR)
    fields.setdefault("ends_at", departure.departs_at + 24 * HOUR)
    return departure, make.window(**fields)


def asked(departure: Departure, window: Window, **fields: Any) -> Override:
    defaults: dict[str, Any] = {
        "windows": [window],
        "services": [make.service()],
        "reason": "the shop is down without it",
        "expires_at": departure.departs_at + 3 * HOUR,
        "by": on_call(),
        "now": make.NOW,
    }
    return actions.request_override(departure, **{**defaults, **fields})


def test_w7_a_departure_leaves_in_a_window_once_a_second_person_has_approved() -> None:
    departure, window = frozen()
    override = asked(departure, window)
    assert actions.depart(departure, now=departure.departs_at).held_kind == "window"
    actions.approve_override(override, by=second(), now=departure.departs_at)
    assert actions.recheck_hold(departure, now=departure.departs_at)
    assert actions.depart(departure, now=departure.departs_at).state == "rolling"


def test_w7_it_is_announced_with_names_windows_reason_and_expiry() -> None:
    departure, window = frozen()
    override = asked(departure, window)
    actions.approve_override(override, by=second(), now=make.NOW)
    requested, approved = Event.objects.filter(kind__startswith="trains.override").order_by("pk")
    assert requested.kind == "trains.override.requested"
    assert requested.data["windows"] == "“Freeze”"
    assert requested.data["services"] == "Storefront"
    assert requested.data["reason"] == "the shop is down without it"
    assert (approved.actor_label, approved.data["requested_by"]) == ("Kim", "Olu")
    assert approved.data["expires_at"] == "Mon 23 Nov 2026 18:00 Europe/Berlin"
    assert f"departure:{departure.pk}" in approved.topics


def test_w7_only_the_services_that_it_names_may_move() -> None:
    departure = make.departure()
    world.aboard(departure)
    world.aboard(departure, service=make.service("Search"))
    make.target("Search")
    departure, window = frozen(world.cleared(departure))
    actions.approve_override(asked(departure, window), by=second(), now=make.NOW)
    found = queries.standing_of(departure, departure.departs_at).verdict
    assert [one.code for one in found.reasons] == ["window_hard"]
    both = asked(departure, window, services=[make.service("Search")])
    actions.approve_override(both, by=second(), now=make.NOW)
    assert queries.standing_of(departure, departure.departs_at).verdict.is_allowed


def test_w7_another_window_stops_it_all_the_same() -> None:
    departure, window = frozen()
    actions.approve_override(asked(departure, window), by=second(), now=make.NOW)
    frozen(departure, name="Audit")
    held = actions.depart(departure, now=departure.departs_at)
    assert "“Audit”" in held.held_reason
    assert "“Freeze”" not in held.held_reason


def test_w7_another_departure_is_stopped_all_the_same() -> None:
    departure, window = frozen()
    actions.approve_override(asked(departure, window), by=second(), now=make.NOW)
    other = world.cleared()
    assert actions.depart(other, now=other.departs_at).held_kind == "window"


def test_w7_when_it_expires_its_windows_stop_everything_again() -> None:
    departure, window = frozen()
    override = asked(departure, window, expires_at=departure.departs_at)
    actions.approve_override(override, by=second(), now=make.NOW)
    assert actions.depart(departure, now=departure.departs_at).held_kind == "window"


def test_w7_w4_an_override_that_expires_on_the_way_is_foreseen_as_a_hold() -> None:
    departure, window = frozen()
    override = asked(departure, window, expires_at=departure.departs_at + timedelta(minutes=35))
    actions.approve_override(override, by=second(), now=make.NOW)
    found = queries.standing_of(departure, departure.departs_at).verdict
    assert [one.code for one in found.reasons] == ["will_hold"]


def test_w7_withdrawn_it_counts_no_more() -> None:
    departure, window = frozen()
    override = asked(departure, window)
    actions.approve_override(override, by=second(), now=make.NOW)
    actions.withdraw_override(override, reason="the shop is up again", by=world.manager(), now=make.NOW)
    assert actions.depart(departure, now=departure.departs_at).held_kind == "window"
    with pytest.raises(OverrideRefused, match="was withdrawn"):
        actions.withdraw_override(override, reason="again", by=world.manager(), now=make.NOW)


def test_w7_nobody_approves_what_they_asked_for_or_have_a_change_aboard_of() -> None:
    departure, window = frozen()
    override = asked(departure, window, by=world.manager())
    with pytest.raises(OverrideRefused, match="You asked for this override"):
        actions.approve_override(override, by=world.manager(), now=make.NOW)
    author = make.user("Ann", Role.RELEASE_MANAGER)
    world.aboard(departure, author=None, author_label="Ann", submitted_by=author)
    with pytest.raises(OverrideRefused, match="a change aboard"):
        actions.approve_override(override, by=author, now=make.NOW)
    with pytest.raises(NotAllowed):
        actions.approve_override(override, by=make.user("Vi", Role.VIEWER), now=make.NOW)
    with pytest.raises(NotAllowed, match="Only people"):
        actions.approve_override(override, by=SYSTEM, now=make.NOW)


def test_w7_whoever_answers_for_it_or_has_a_change_aboard_may_ask() -> None:
    departure, window = frozen()
    assert asked(departure, window).pk
    assert asked(departure, window, by=world.submitter()).pk
    with pytest.raises(NotAllowed):
        asked(departure, window, by=world.submitter("Eve"))
    with pytest.raises(NotAllowed):
        asked(departure, window, by=SYSTEM)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"expires_at": make.NOW}, "expires_at"),
        ({"windows": []}, "windows"),
        ({"services": []}, "services"),
    ],
)
def test_w7_what_is_missing_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked(*frozen(), **fields)
    assert refused.value.field == field


def test_w7_it_names_only_what_it_has_to_do_with() -> None:
    departure, window = frozen()
    ends_at = departure.departs_at + 24 * HOUR
    with pytest.raises(Invalid, match="Search is not aboard"):
        asked(departure, window, services=[make.service("Search")])
    for stranger in (
        make.window("Elsewhere", environment=make.environment("staging"), ends_at=ends_at),
        make.window("Told", level="notice", ends_at=ends_at),
        make.window("Flags", lanes=["flags"], ends_at=ends_at),
        make.window("Past", starts_at=make.NOW - 2 * HOUR, ends_at=make.NOW - HOUR),
    ):
        with pytest.raises(Invalid, match="does not stop anything aboard"):
            asked(departure, stranger)


def test_w7_what_is_over_needs_no_override() -> None:
    departure, window = frozen()
    override = asked(departure, window)
    actions.cancel(departure, reason="no", by=world.manager(), now=make.NOW)
    with pytest.raises(OverrideRefused, match="was cancelled"):
        asked(departure, window)
    with pytest.raises(OverrideRefused, match="was cancelled"):
        actions.approve_override(override, by=second(), now=make.NOW)


def test_w7_one_that_is_rolling_may_go_on_by_an_override() -> None:
    departure = world.rolling()
    window = make.window(starts_at=departure.departs_at, ends_at=departure.departs_at + 24 * HOUR)
    assert asked(departure, window, now=departure.departs_at).pk


def test_d5_the_go_of_who_asked_for_an_override_is_not_counted() -> None:
    departure, window = frozen()
    asked(departure, window, by=world.manager())
    standing = queries.standing_of(departure, make.NOW)
    assert standing.tally is not None
    assert not standing.tally.is_go
    assert [one.why for one in standing.tally.not_counted] == [
        "Rob asked for an override, so this go is not counted."
    ]


def test_w7_it_is_reviewed_within_five_working_days_by_somebody_else() -> None:
    departure, window = frozen()
    override = asked(departure, window, by=world.manager())
    override = actions.approve_override(override, by=second(), now=make.NOW)
    assert override.review_due_at == make.NOW + timedelta(days=7)
    assert list(overrides_to_review()) == [override]
    with pytest.raises(OverrideRefused, match="You asked"):
        actions.review_override(override, review="fine", by=world.manager(), now=make.NOW)
    with pytest.raises(Invalid):
        actions.review_override(override, review=" ", by=second(), now=make.NOW)
    actions.review_override(override, review="The freeze began a day early.", by=second(), now=make.NOW)
    assert not overrides_to_review()
    assert world.kinds()[-1] == "override.reviewed"
    with pytest.raises(OverrideRefused, match="reviewed already"):
        actions.review_override(override, review="again", by=second(), now=make.NOW)


def test_w7_a_review_that_is_overdue_is_raised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    departure, window = frozen()
    override = actions.approve_override(asked(departure, window), by=second(), now=make.NOW)
    due = make.NOW + timedelta(days=7)
    for now, count in ((due - timedelta(seconds=1), 0), (due, 1), (due + HOUR, 1)):
        monkeypatch.setattr("releasetrain.lib.clock.now", lambda now=now: now)
        raise_overdue_reviews()
        assert world.kinds().count("override.review_overdue") == count
    assert not actions.raise_overdue_review(override, now=due)
    assert not actions.raise_overdue_review(
        actions.approve_override(asked(departure, window), by=second(), now=make.NOW), now=make.NOW
    )


def test_w7_pages_ask_the_same_verdict() -> None:
    departure, window = frozen()
    override = asked(departure, window, by=world.manager())
    assert verdict(Action.OVERRIDE, departure, world.manager(), make.NOW).is_allowed
    assert verdict(Action.APPROVE_OVERRIDE, override, second(), make.NOW).is_allowed
    refused = verdict(Action.APPROVE_OVERRIDE, override, world.manager(), make.NOW)
    assert [one.code for one in refused.reasons] == ["second_person"]
    assert [one.code for one in verdict(Action.REVIEW_OVERRIDE, override, second(), make.NOW).reasons] == [
        "not_approved"
    ]
