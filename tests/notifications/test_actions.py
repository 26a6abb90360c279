"""People are told what concerns them, once; a mail server that is away stops nothing (RULES L4)."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import override_settings

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.lib import clock
from releasetrain.notifications import actions, tasks
from releasetrain.notifications.actions import NotUndelivered
from releasetrain.notifications.models import Delivery, Notice
from releasetrain.notifications.rules import WAITS
from releasetrain.trains import actions as trains
from releasetrain.trains.models import Departure
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db(transaction=True)
NO_MAIL = override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend")
DOWN = override_settings(EMAIL_BACKEND="tests.notifications.mail.Down")


def told() -> dict[str, list[str]]:
    """Return the texts of the notices by person."""
    found: dict[str, list[str]] = {}
    for notice in Notice.objects.select_related("user").order_by("pk"):
        found.setdefault(notice.user.name, []).append(notice.text)
    return found


def captained() -> Departure:
    return make.departure(make.train(captain=make.user("Cap", Role.RELEASE_MANAGER)))


def test_at_the_seal_voters_are_asked_and_people_aboard_are_told() -> None:
    departure = captained()
    make.user("Kim", Role.RELEASE_MANAGER)
    world.sealed(departure)
    said = f"{sentence(Event.objects.get(kind='trains.departure.sealed'))}."
    asked = f"Checkout Express {departure.code} needs your decision. {said}"
    assert told() == {"Cap": [asked], "Kim": [asked], "Ada": [said]}
    assert set(Notice.objects.values_list("url", flat=True)) == {f"/departures/{departure.pk}/"}


def test_the_people_aboard_and_the_captain_hear_how_it_goes() -> None:
    departure = world.cleared(captained())
    Notice.objects.all().delete()
    trains.depart(departure, now=departure.departs_at)
    trains.mark_rolled_back(departure, reason="errors at 5 %", now=departure.departs_at)
    name = f"Checkout Express {departure.code}"
    expected = [
        f"{name} departed with Storefront {departure.changes.get().version}.",
        f"{name} was rolled back: errors at 5 %.",
    ]
    assert told() == {"Ada": expected, "Cap": expected}


def test_t11_the_captain_is_told_when_it_is_held() -> None:
    departure = world.cleared(captained())
    Notice.objects.all().delete()
    trains.depart(departure, now=departure.departs_at + timedelta(hours=1))
    assert "held" in told()["Cap"][0]


def test_a_train_without_a_captain_tells_its_teams_release_managers() -> None:
    departure = make.departure()
    make.user("Far", Role.RELEASE_MANAGER, team=make.team("Payments"))
    world.manager()
    trains.seal(departure, now=departure.cut_off_at)
    assert list(told()) == ["Rob"]


def test_whoever_did_it_is_not_told() -> None:
    departure = captained()
    world.aboard(departure)
    trains.hold(departure, reason="legal", by=User.objects.get(name="Cap"), now=make.NOW)
    assert list(told()) == ["Ada"]


def test_i12_people_whose_change_was_moved_or_returned_are_told() -> None:
    departure = captained()
    world.aboard(departure)
    trains.cancel(departure, reason="storm", by=User.objects.get(name="Cap"), now=make.NOW)
    assert told() == {"Ada": [f"Cap cancelled Checkout Express {departure.code}: storm."]}


def test_people_who_have_left_are_not_told() -> None:
    departure = captained()
    world.aboard(departure, author=make.user("Gone", is_active=False))
    world.sealed(departure)
    assert list(told()) == ["Cap"]


def test_one_event_is_told_to_one_person_once() -> None:
    world.sealed(captained())
    before = told()
    for event in Event.objects.all():
        actions.tell(event)
    actions.catch_up(make.NOW)
    assert told() == before
    assert Delivery.objects.count() == Notice.objects.count()


def test_what_a_dead_process_did_not_tell_is_told_by_the_task() -> None:
    departure = world.sealed(captained())
    Notice.objects.all().delete()
    actions.catch_up(departure.cut_off_at + actions.CATCH_UP)
    assert told() == {}
    actions.catch_up(departure.cut_off_at)
    assert sorted(told()) == ["Ada", "Cap"]


@NO_MAIL
def test_without_a_mail_server_notices_stand_alone() -> None:
    world.sealed(captained())
    assert told()
    assert not Delivery.objects.exists()


def test_mail_goes_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: make.NOW + timedelta(days=1))
    departure = world.sealed(captained())
    tasks.send_due()
    tasks.send_due()
    assert sorted(message.to[0] for message in mail.outbox) == ["ada@example.org", "cap@example.org"]
    assert f"http://127.0.0.1:8000/departures/{departure.pk}/" in str(mail.outbox[0].body)
    assert set(Delivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


@DOWN
def test_l4_a_mail_server_that_is_down_blocks_no_departure_and_is_tried_again() -> None:
    departure = world.rolling(captained())
    assert departure.state == "rolling"
    delivery = actions.claim(departure.departs_at)
    assert delivery
    assert not actions.send(delivery, now=departure.departs_at)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    assert delivery.next_due_at == departure.departs_at + WAITS[0]
    assert delivery.error == "ConnectionRefusedError: the mail server is down"


@DOWN
def test_l4_what_never_arrives_is_undelivered_and_may_be_sent_again() -> None:
    departure = make.departure()
    world.manager()
    trains.seal(departure, now=make.NOW + timedelta(hours=1))
    now = make.NOW + timedelta(hours=1)
    for _ in range(len(WAITS) + 1):
        delivery = actions.claim(now)
        assert delivery
        actions.send(delivery, now=now)
        now += timedelta(days=1)
    assert actions.claim(now) is None
    lost = Delivery.objects.get()
    assert (lost.state, lost.next_due_at) == ("undelivered", None)
    actions.send_again(lost, now=now)
    assert actions.claim(now) == lost
    with pytest.raises(NotUndelivered, match="is waiting"):
        actions.send_again(lost, now=now)


@DOWN
def test_a_task_stops_at_the_first_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: make.NOW + timedelta(days=1))
    world.sealed(captained())
    tasks.send_due()
    assert sorted(Delivery.objects.values_list("attempts", flat=True)) == [0, 1]


def test_a_claimed_delivery_is_nobody_elses() -> None:
    world.sealed(captained())
    now = make.NOW + timedelta(hours=2)
    claimed = [actions.claim(now), actions.claim(now), actions.claim(now)]
    assert claimed[2] is None
    assert claimed[0] != claimed[1]


def test_a_title_of_several_lines_fits_into_a_header() -> None:
    departure = captained()
    Departure.objects.filter(pk=departure.pk).update(label="Two\nlines")
    world.sealed(Departure.objects.get(pk=departure.pk))
    delivery: Any = actions.claim(make.NOW + timedelta(days=1))
    assert actions.send(delivery, now=make.NOW)
    assert "\n" not in mail.outbox[0].subject


def test_reading_is_noted() -> None:
    world.sealed(captained())
    ada = User.objects.get(name="Ada")
    assert actions.mark_read(ada, now=make.NOW, notices=[0]) == 0
    assert actions.mark_read(ada, now=make.NOW) == 1
    assert actions.mark_read(ada, now=make.NOW) == 0
    assert Notice.objects.get(user__name="Cap").read_at is None
