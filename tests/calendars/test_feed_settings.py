"""A calendar's settings are changed in place, by one person at a time; it is fetched by the worker alone."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from kombu.exceptions import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks

from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.actions.feeds import print_of
from releasetrain.calendars.models import Feed, Window
from releasetrain.calendars.rules.windows import Behaviour, Effect, Lane, Stops
from releasetrain.events.models import Event
from releasetrain.lib import wake
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from tests import make
from tests.calendars.test_feeds import calendar, event

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def a_feed(**fields: Any) -> Feed:
    defaults: dict[str, Any] = {
        "name": "Blackouts",
        "brings": "windows",
        "zone": "UTC",
        "body": calendar(event(at="20261124T120000")),
    }
    by = make.user("", Role.RELEASE_MANAGER)
    return actions.add_feed(**{**defaults, **fields}, by=by, now=make.NOW)


def change(feed: Feed, by: Any = None, now: Any = make.NOW, seen: str | None = None, **fields: Any) -> Feed:
    settings: dict[str, Any] = {
        "name": feed.name,
        "zone": feed.zone,
        "url": feed.url,
        "level": Stops(feed.level),
        "effect": Effect(feed.effect),
        "behaviour": Behaviour(feed.behaviour),
        "lanes": [Lane(lane) for lane in feed.lanes],
        "team": feed.team,
        "service": feed.service,
        "environment": feed.environment,
    }
    by = by or make.user("", Role.RELEASE_MANAGER)
    return actions.change_feed(feed, **{**settings, **fields}, by=by, now=now, seen=seen)


def test_its_windows_are_meant_as_the_new_settings_say() -> None:
    feed = a_feed()
    change(feed, level=Stops.SOFT, zone="Europe/Berlin", environment=make.environment(), lanes=[Lane.TRAIN])
    window = Window.objects.get(feed=feed)
    assert (window.level, window.time_zone, window.lanes) == ("soft", "Europe/Berlin", ["train"])
    assert [scope.environment for scope in window.scopes.all()] == [make.environment()]
    [occurrence] = window.occurrences.all()
    assert occurrence.during.lower == make.NOW + 23 * HOUR
    told = Event.objects.get(kind="calendars.feed.edited")
    assert told.data["changed"] == "zone, level, lanes and environment"


def test_t12_what_it_has_stopped_so_far_stays() -> None:
    feed = a_feed()
    later = make.NOW + 25 * HOUR
    change(feed, zone="America/New_York", now=later)
    [open_then, ahead] = Window.objects.get(feed=feed).occurrences.order_by("during")
    assert (open_then.during.lower, open_then.during.upper) == (make.NOW + 24 * HOUR, later)
    assert ahead.during.lower == make.NOW + 29 * HOUR


def test_what_is_typed_wrong_names_its_field_and_changes_nothing() -> None:
    feed = a_feed()
    with pytest.raises(Invalid, match="not a time zone") as refused:
        change(feed, zone="Europe/Berlinn")
    assert refused.value.field == "zone"
    assert change(feed).zone == "UTC"
    assert not Event.objects.filter(kind="calendars.feed.edited").exists()


def test_it_is_changed_by_those_who_may_decide_about_what_it_covers_and_would_cover() -> None:
    feed = a_feed(team=make.team())
    with pytest.raises(NotAllowed):
        change(feed, by=make.user("", Role.RELEASE_MANAGER, team=make.team("Ledger")))
    with pytest.raises(NotAllowed):
        change(feed, by=make.user("", Role.RELEASE_MANAGER, team=make.team()), team=None)


def test_l7_somebody_who_saved_meanwhile_is_named() -> None:
    feed = a_feed()
    seen = print_of(feed)
    change(feed, by=make.user("Ana Sousa", Role.RELEASE_MANAGER), name="Blackout dates", seen=seen)
    with pytest.raises(Stale, match="Ana Sousa changed how the calendar Blackout dates is read: name"):
        change(feed, level=Stops.NOTICE, seen=seen)
    feed.refresh_from_db()
    assert (feed.name, feed.level) == ("Blackout dates", "hard")


def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: sent.append(name))
    return sent


def test_asking_for_it_marks_it_due_and_wakes_the_worker_once(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    sent, by = woken(monkeypatch), make.user("", Role.RELEASE_MANAGER)
    feed = a_feed(url="https://example.org/a.ics", body=b"")
    Feed.objects.filter(pk=feed.pk).update(checked_at=make.NOW - HOUR, next_due_at=make.NOW + HOUR)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            asked = actions.ask_for_feed(feed, by=by, now=make.NOW)
    assert (asked.next_due_at, asked.is_being_fetched) == (make.NOW, True)
    assert sent == ["releasetrain.calendars.tasks.refresh_feeds"]
    claimed = actions.claim(make.NOW)
    assert claimed == feed
    assert not actions.take_in(feed, calendar(event()), now=make.NOW + HOUR).is_being_fetched


def test_a_new_address_is_fetched_at_once(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    sent = woken(monkeypatch)
    feed = a_feed(url="https://example.org/a.ics", body=b"")
    with django_capture_on_commit_callbacks(execute=True):
        changed = change(feed, url="https://example.org/b.ics")
    assert changed.is_being_fetched and len(sent) == 1


def test_nobody_asks_for_a_file() -> None:
    with pytest.raises(Invalid, match="upload a newer one"):
        actions.ask_for_feed(a_feed(), by=make.user("", Role.RELEASE_MANAGER), now=make.NOW)


def test_a_broker_that_is_away_costs_a_tick_and_no_refusal(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def is_away(name: str, **_: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", is_away)
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake("some.task")
    assert "some.task could not be woken (no broker)" in caplog.text
