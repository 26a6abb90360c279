"""Whoever is concerned by a departure's course hears of it, with old and new time on their own clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Feed
from releasetrain.events.actions import SYSTEM, record
from releasetrain.events.kinds import KINDS
from releasetrain.lib.moments import city, moment, move, offset_in_words
from releasetrain.notifications.models import Notice
from releasetrain.notifications.queries import told_about
from releasetrain.notifications.rules import TOLD, say
from releasetrain.trains import actions as trains
from releasetrain.trains.models import Departure, Override
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db(transaction=True)
TOMORROW = make.NOW + timedelta(days=1)


@pytest.fixture
def cap() -> User:
    return make.user("Cap", Role.RELEASE_MANAGER, time_zone="Europe/Berlin")


@pytest.fixture
def departure(cap: User) -> Departure:
    """Make a departure that Cap runs, with a change of Ada's aboard, who lives in New York."""
    ada = world.submitter()
    ada.time_zone = "America/New_York"
    ada.save(update_fields=["time_zone"])
    made = make.departure(make.train(captain=cap))
    world.aboard(made)
    return made


@pytest.fixture
def boss() -> User:
    """Make somebody who steers, and hears of nothing that they do themselves."""
    return make.user("Boss", Role.ADMINISTRATOR)


def told() -> dict[str, str]:
    """Return the newest text by person."""
    return {
        notice.user.name: notice.text
        for notice in Notice.objects.select_related("user").order_by("created_at", "pk")
    }


def test_t8_a_postponement_names_old_and_new_time_on_the_clocks_of_each_reader(
    departure: Departure, boss: User
) -> None:
    trains.postpone(departure, to=TOMORROW, reason="the cache is cold", by=boss, now=make.NOW)
    name = f"Boss postponed Checkout Express {departure.code}"
    assert told() == {
        "Cap": f"{name} from Mon 23 Nov, 15:00 to Tue 24 Nov, 13:00 Berlin (UTC+1): the cache is cold.",
        "Ada": f"{name} from Mon 23 Nov, 09:00 to Tue 24 Nov, 07:00 New York (UTC−5): the cache is cold.",
    }


def test_t9_people_aboard_are_told_what_an_edit_of_the_train_moves(cap: User) -> None:
    train = make.train(captain=cap)
    first = make.departure(train, state="scheduled", planned_at=TOMORROW, departs_at=TOMORROW)
    record(
        kind="trains.departure.moved",
        subject=first,
        actor=SYSTEM,
        now=make.NOW,
        to="later",
        from_at=make.NOW.isoformat(),
        to_at=TOMORROW.isoformat(),
    )
    assert "moves from Mon 23 Nov, 13:00 to Tue 24 Nov, 13:00 Berlin (UTC+1)." in told()["Cap"]


def test_a_moved_deadline_names_itself(departure: Departure, boss: User) -> None:
    to = make.NOW + timedelta(minutes=30)
    trains.move_deadline(departure, what="cut_off:", to=to, reason="we are ready", by=boss, now=make.NOW)
    assert "from Mon 23 Nov, 08:00 to Mon 23 Nov, 07:30 New York (UTC−5): we are ready." in told()["Ada"]
    assert "cut-off" in told()["Ada"]


def test_i12_skipped_and_restored_reach_everybody_aboard(departure: Departure, boss: User) -> None:
    trains.skip(departure, reason="holiday", by=boss, now=make.NOW)
    name = f"Checkout Express {departure.code}"
    assert told() == dict.fromkeys(("Ada", "Cap"), f"Boss skipped {name}: holiday.")
    trains.restore(departure, reason="after all", by=boss, now=make.NOW + timedelta(seconds=1))
    assert told()["Cap"] == f"Boss restored {name}: after all."


def test_both_captains_hear_of_a_hand_over(departure: Departure, cap: User, boss: User) -> None:
    bo = make.user("Bo", Role.RELEASE_MANAGER)
    trains.hand_over(departure, captain=bo, deputy=None, note="Watch the lock", by=boss, now=make.NOW)
    assert set(told()) == {"Ada", "Bo", "Cap"}
    assert "over to Bo: Watch the lock." in told()["Cap"]


def test_w4_an_accepted_hold_is_told_with_its_end(departure: Departure, boss: User) -> None:
    opens = departure.departs_at + timedelta(minutes=25)
    make.window(starts_at=opens, ends_at=opens + timedelta(hours=60))
    trains.accept_hold(departure, by=boss, now=make.NOW)
    assert "will be held at 10 % until Thu 26 Nov, 03:25 Berlin (UTC+1)." in told()["Cap"]


def override(departure: Departure, by: User) -> Override:
    window = make.window(name="Weekend", starts_at=departure.departs_at, ends_at=TOMORROW)
    return trains.request_override(
        departure,
        windows=[window],
        services=[make.service()],
        reason="law",
        expires_at=TOMORROW,
        by=by,
        now=make.NOW,
    )


def test_w7_an_override_is_announced_to_who_may_approve_and_then_to_everybody(
    departure: Departure, cap: User
) -> None:
    maya, asking = make.user("Maya", Role.RELEASE_MANAGER), make.user("Asking", Role.RELEASE_MANAGER)
    asked = override(departure, asking)
    assert set(told()) == {"Cap", "Maya"}
    assert "in spite of" in told()["Maya"] and "law" in told()["Maya"]
    Notice.objects.all().delete()
    trains.approve_override(asked, by=maya, now=make.NOW)
    assert {"Ada", "Cap", "Asking"} <= set(told())
    assert set(Notice.objects.values_list("url", flat=True)) == {f"/departures/{departure.pk}/"}


def test_w11_a_calendar_that_fails_is_told_to_the_release_managers_of_its_team_and_of_the_house() -> None:
    team = make.team()
    make.user("House", Role.RELEASE_MANAGER)
    make.user("Own", Role.RELEASE_MANAGER, team=team)
    make.user("Other", Role.RELEASE_MANAGER, team=make.team("Ledger"))
    make.user("Ada", Role.SUBMITTER)
    feed = Feed.objects.create(name="Holidays", brings="windows", zone="UTC", team=team)
    record(
        kind="calendars.feed.failed",
        subject=feed,
        actor=SYSTEM,
        now=make.NOW,
        problem="it came back empty",
    )
    assert told() == dict.fromkeys(
        ("House", "Own"), "The calendar Holidays could not be read: it came back empty."
    )
    assert set(Notice.objects.values_list("url", flat=True)) == {"/calendar/feeds/"}


def test_authors_are_asked_to_check_in(departure: Departure) -> None:
    record(
        kind="trains.departure.check_in_asked",
        subject=departure,
        actor=SYSTEM,
        now=make.NOW,
        people="Ada",
        until=TOMORROW.isoformat(),
    )
    assert list(told()) == ["Ada"]


def test_the_names_on_the_form_are_the_people_who_are_told(departure: Departure, boss: User) -> None:
    names = told_about(departure, but=boss, at=make.NOW)
    trains.postpone(departure, to=TOMORROW, reason="later", by=boss, now=make.NOW)
    assert names == sorted(told())


def test_every_kind_that_is_told_is_a_kind_that_can_happen() -> None:
    assert set(TOLD) <= set(KINDS)


@pytest.mark.parametrize("kind", sorted(TOLD))
def test_every_sentence_ends_once_and_needs_no_key(kind: str) -> None:
    facts: dict[str, Any] = {"reason": "it is over.", "until": TOMORROW.isoformat()}
    said = say(kind, facts, actor="Maya", subject="RT-1", zone="Asia/Kathmandu")
    assert said.endswith(".") and not said.endswith("..")
    assert said[0].isupper()
    assert "T12:00" not in said


@pytest.mark.parametrize(
    ("at", "zone", "said"),
    [
        (datetime(2026, 7, 1, 12, tzinfo=UTC), "America/St_Johns", "Wed 1 Jul, 09:30 St Johns (UTC−2:30)"),
        (datetime(2026, 12, 1, 12, tzinfo=UTC), "UTC", "Tue 1 Dec, 12:00 UTC"),
        (datetime(2026, 12, 1, 12, tzinfo=UTC), "Asia/Kathmandu", "Tue 1 Dec, 17:45 Kathmandu (UTC+5:45)"),
    ],
)
def test_t8_an_instant_has_the_offset_of_that_very_date(at: datetime, zone: str, said: str) -> None:
    assert moment(at, zone) == said


def test_t8_a_move_over_a_clock_change_names_both_offsets() -> None:
    before, after = datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert move(before, after, "Europe/Berlin") == (
        "from Sat 24 Oct, 14:00 Berlin (UTC+2) to Sun 25 Oct, 13:00 Berlin (UTC+1)"
    )
    assert (city("Europe/Berlin"), offset_in_words(before)) == ("Berlin", "UTC")
