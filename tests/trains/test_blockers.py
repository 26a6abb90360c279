"""What blocks a departure keeps it here until somebody clears it, or goes on to a later one."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, tasks
from releasetrain.trains.actions.refusals import BlockerRefused, SteeringRefused
from releasetrain.trains.models import Blocker, Departure
from releasetrain.trains.queries import standing_of
from releasetrain.trains.queries.blockers import blocking_of, departures_to_block
from releasetrain.trains.rules.blockers import BlockerKind
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
MINUTES, DAY = timedelta(minutes=1), timedelta(days=1)


def block(departure: Departure, **fields: Any) -> Blocker:
    said = {"kind": BlockerKind.DEFECT, "title": "Prices are wrong", "by": world.manager(), "now": make.NOW}
    return actions.open_blocker(departure, **{**said, **fields})


def watch(departure: Departure, **fields: Any) -> Blocker:
    """Watch for more than 1 % of errors over 5 minutes and an hour."""
    said = {"service": make.service(), "limit": 1.0, "by": world.manager(), "now": make.NOW}
    return actions.watch_error_rate(departure, **{**said, **fields})


def blocked(departure: Departure, at: Any = make.NOW) -> list[str]:
    departure.refresh_from_db()
    assert departure.blocking == blocking_of(departure, departure.blockers.all()), "the row says what is so"
    found = standing_of(departure, at).verdict.reasons
    return [one.code for one in found if one.code.startswith("blocker")]


def later_than(departure: Departure, days: int = 7) -> Departure:
    by = days * DAY
    return make.departure(
        departure.train,
        planned_at=departure.planned_at + by,
        cut_off_at=departure.cut_off_at + by,
        departs_at=departure.departs_at + by,
    )


def test_a_blocked_departure_is_held_at_its_time_and_goes_on_once_it_is_cleared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    departure = world.cleared()
    blocker = block(departure, owner=world.submitter())
    monkeypatch.setattr(clock, "now", lambda: departure.departs_at)
    tasks.tick()
    departure.refresh_from_db()
    assert (departure.state, departure.held_kind) == ("cleared", "blocker")
    assert departure.held_reason == "Blocked by “Prices are wrong” (defect, owned by Ada)."
    with pytest.raises(SteeringRefused, match="Prices are wrong"):
        actions.release(departure, by=world.manager(), now=departure.departs_at)
    actions.clear_blocker(blocker, reason="Fixed", by=world.submitter(), now=departure.departs_at)
    tasks.tick()
    departure.refresh_from_db()
    assert departure.state == "rolling"


def test_a_blocker_names_who_can_clear_it() -> None:
    departure = make.departure()
    block(departure, owner=world.submitter())
    departure.refresh_from_db()
    (why,) = (one for one in standing_of(departure, make.NOW).verdict.reasons if one.code == "blocker_defect")
    assert why.who == "Ada or a release manager of Storefront"


def test_only_the_owner_and_whoever_runs_it_clear_a_blocker_or_the_role_that_it_names() -> None:
    departure = make.departure()
    mine, theirs = block(departure, owner=world.submitter()), block(departure, clears="on_call")
    stranger, on_call = make.user("Sam", Role.SUBMITTER), make.user("Olga", Role.ON_CALL)
    for one, who in ((mine, stranger), (mine, on_call), (theirs, world.manager()), (theirs, stranger)):
        with pytest.raises(NotAllowed, match="To clear this blocker one must be"):
            actions.clear_blocker(one, reason="x", by=who, now=make.NOW)
    actions.clear_blocker(mine, reason="Fixed", by=world.submitter(), now=make.NOW)
    actions.clear_blocker(theirs, reason="Calm again", by=on_call, now=make.NOW)
    assert blocked(departure) == []
    with pytest.raises(BlockerRefused, match="cleared this blocker already"):
        actions.clear_blocker(mine, reason="again", by=world.submitter(), now=make.NOW)


def test_viewers_do_not_block_and_what_has_gone_is_not_blocked() -> None:
    with pytest.raises(NotAllowed):
        block(make.departure(), by=make.user("Eve", Role.VIEWER))
    with pytest.raises(BlockerRefused, match="Hold or roll back"):
        block(world.rolling())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"url": "javascript:x"}, "url"),
        ({"clears": "viewer"}, "clears"),
        ({"kind": BlockerKind.ERROR_RATE}, "kind"),
    ],
)
def test_a_blocker_that_says_nothing_sound_is_refused_at_its_field(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        block(make.departure(), **fields)
    assert refusal.value.field == field
    assert not Blocker.objects.exists()


def test_a_blocker_is_moved_to_a_later_departure_and_told_on_both() -> None:
    departure = make.departure()
    later, other = later_than(departure), make.departure()
    blocker = block(departure)
    for wrong in (departure, other):
        with pytest.raises(Invalid, match="not a later departure"):
            actions.defer_blocker(blocker, to=wrong, reason="x", by=world.manager(), now=make.NOW)
    with pytest.raises(Invalid, match="Say why"):
        actions.defer_blocker(blocker, to=later, reason=" ", by=world.manager(), now=make.NOW)
    actions.defer_blocker(blocker, to=later, reason="Its flag is off", by=world.manager(), now=make.NOW)
    assert (blocked(departure), blocked(later)) == ([], ["blocker_defect"])
    event = Event.objects.get(kind="trains.blocker.deferred")
    assert {f"departure:{departure.pk}", f"departure:{later.pk}"} <= set(event.topics)


def test_a_blocker_may_be_put_on_a_later_departure_at_once() -> None:
    departure = make.departure()
    later = later_than(departure)
    assert departures_to_block(departure) == [departure, later]
    block(later)
    assert (blocked(departure), blocked(later)) == ([], ["blocker_defect"])


def test_what_blocked_a_cancelled_departure_blocks_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    departure = make.departure()
    blocker = block(departure)
    actions.cancel(departure, reason="Fire", by=world.manager(), now=make.NOW)
    monkeypatch.setattr(clock, "now", lambda: make.NOW)
    tasks.look_at_readiness()
    blocker.refresh_from_db()
    assert blocker.departure_id == departure.pk, "there is no next one yet"
    later = later_than(departure)
    tasks.look_at_readiness()
    assert blocked(later) == ["blocker_defect"]
    departure.refresh_from_db()
    assert departure.blocking == []


def test_an_error_rate_blocks_while_both_horizons_are_above_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    departure = make.departure()
    world.aboard(departure)
    target = make.target()
    make.readings(target, make.NOW, bad=50)
    watch(departure)
    assert blocked(departure) == ["blocker_error_rate"]
    calm = make.NOW + 6 * MINUTES
    make.readings(target, calm, bad=0)
    monkeypatch.setattr(clock, "now", lambda: calm)
    tasks.look_at_readiness()
    assert blocked(departure, calm) == [], "it is over"
    make.readings(target, calm + MINUTES, bad=50, units=100)
    monkeypatch.setattr(clock, "now", lambda: calm + MINUTES)
    tasks.look_at_readiness()
    assert blocked(departure, calm + MINUTES) == ["blocker_error_rate"]
    tasks.look_at_readiness()
    assert [kind for kind in world.kinds(departure) if kind.startswith("blocker.")] == [
        "blocker.opened",
        "blocker.calmed",
        "blocker.flared",
    ]


def test_d12_an_error_rate_that_nobody_reports_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    departure = make.departure()
    target = make.target()
    make.readings(target, make.NOW, bad=0)
    blocker = watch(departure)
    assert blocked(departure) == []
    monkeypatch.setattr(clock, "now", lambda: make.NOW + 10 * MINUTES)
    tasks.look_at_readiness()
    assert blocked(departure) == ["blocker_error_rate"]
    blocker.refresh_from_db()
    assert blocker.finding == "Storefront has reported nothing for 5 min, so nobody knows its error rate."


def test_a_watch_ends_when_its_departure_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    departure = world.cleared()
    make.readings(make.target(), departure.departs_at, bad=0)
    blocker = watch(departure, now=departure.departs_at)
    monkeypatch.setattr(clock, "now", lambda: departure.departs_at)
    tasks.tick()
    tasks.look_at_readiness()
    blocker.refresh_from_db()
    assert (blocker.cleared_by_label, blocker.cleared_reason) == (
        "Release Train",
        f"{departure} has departed",
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"limit": 100.0}, "limit"), ({"short": 2 * DAY}, "long"), ({"limit": float("nan")}, "limit")],
)
def test_a_watch_that_cannot_be_kept_is_refused_at_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        watch(make.departure(), **fields)
    assert refusal.value.field == field


def test_only_what_is_aboard_is_watched() -> None:
    with pytest.raises(Invalid, match="is not aboard"):
        watch(make.departure(), service=make.service("Search"))
