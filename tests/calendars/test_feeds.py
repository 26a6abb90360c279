"""Other people's calendars bring windows and shifts; a bad answer never takes a good one away (W11)."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from releasetrain.accounts.models import Duty, Shift
from releasetrain.accounts.queries import on_call
from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions, fetching, tasks
from releasetrain.calendars.actions import feeding, feeds
from releasetrain.calendars.models import Feed, Occurrence, Window
from releasetrain.calendars.queries import verdict_for
from releasetrain.calendars.rules.feeds import next_due_at
from releasetrain.calendars.rules.windows import Stops
from releasetrain.celery import app
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotAllowed
from tests import make
from tests.calendars.serving import Server, serving

NOW = make.NOW
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def event(uid: str = "one", at: str = "20261124T120000Z", *more: str, title: str = "Freeze") -> str:
    return "\n".join(
        [
            "BEGIN:VEVENT",
            f"UID:{uid}",
            f"SUMMARY:{title}",
            f"DTSTART:{at}",
            "DURATION:PT2H",
            *more,
            "END:VEVENT",
        ]
    )


def calendar(*events: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", *events, "END:VCALENDAR"]).encode()


def add(**fields: Any) -> Feed:
    typed: dict[str, Any] = {"name": "Company freezes", "brings": "windows", "zone": "Europe/Berlin"}
    typed |= {"by": make.user("", Role.ADMINISTRATOR), "now": NOW}
    return actions.add_feed(**{**typed, **fields})


def spans(feed: Feed) -> list[tuple[str, str, str]]:
    rows = Occurrence.objects.filter(window__feed=feed, window__deleted_at__isnull=True).order_by("during")
    return [
        (row.window.name, f"{row.during.lower:%m-%d %H:%M}", f"{row.during.upper:%m-%d %H:%M}")
        for row in rows.select_related("window")
    ]


def kinds(feed: Feed) -> list[str]:
    events = Event.objects.filter(kind__startswith="calendars.feed", subject_id=feed.pk)
    return [kind.rpartition(".")[2] for kind in events.order_by("pk").values_list("kind", flat=True)]


# Adding


@pytest.mark.django_db
def test_a_file_is_taken_in_at_once() -> None:
    feed = add(body=calendar(event()), team=make.team(), level=Stops.HARD)
    assert spans(feed) == [("Freeze", "11-24 12:00", "11-24 14:00")]
    window = Window.objects.get()
    assert (window.feed, window.uid, window.level) == (feed, "one", "hard")
    assert window.scopes.get().team == make.team()
    assert (feed.good_at, feed.next_due_at, feed.problem) == (NOW, None, "")
    assert kinds(feed) == ["added", "changed"]
    at = datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert not verdict_for(make.service(), make.environment(), at).is_allowed
    assert verdict_for(make.service(), make.environment(), at + HOUR).is_allowed


@pytest.mark.django_db
def test_an_address_is_kept_and_due_at_once() -> None:
    feed = add(url="webcal://example.org/freezes.ics")
    assert (feed.url, feed.next_due_at) == ("https://example.org/freezes.ics", NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": " ", "url": "https://example.org/"}, "name"),
        ({"brings": "cake", "url": "https://example.org/"}, "brings"),
        ({"brings": "shifts", "url": "https://example.org/"}, "team"),
        ({"zone": "Europe/Berln", "url": "https://example.org/"}, "zone"),
        ({}, "url"),
        ({"url": "https://example.org/", "body": b"x"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"body": b"hello"}, "body"),
    ],
)
def test_a_calendar_typed_wrong_names_its_field(typed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal, transaction.atomic():
        add(**typed)
    assert refusal.value.field == field
    assert not Feed.objects.exists()


@pytest.mark.django_db
def test_who_may_open_a_window_may_let_a_calendar_do_so() -> None:
    manager = make.user("", Role.RELEASE_MANAGER, team=make.team())
    feed = add(body=calendar(event()), team=make.team(), by=manager)
    with pytest.raises(NotAllowed):
        add(body=calendar(event()), by=manager)
    with pytest.raises(NotAllowed):
        add(body=calendar(event()), service=make.service(), by=make.user("", Role.ON_CALL))
    stranger = make.user("", Role.SUBMITTER)
    with pytest.raises(NotAllowed):
        actions.remove_feed(feed, reason="Old", by=stranger, now=NOW)
    with pytest.raises(NotAllowed):
        actions.replace_file(feed, calendar(), by=stranger, now=NOW)


@pytest.mark.django_db
def test_who_is_on_call_may_subscribe_their_team_to_its_shifts() -> None:
    person = make.user("", Role.ON_CALL, team=make.team())
    add(brings="shifts", team=make.team(), url="https://example.org/", by=person)
    with pytest.raises(NotAllowed):
        add(brings="shifts", team=make.team("Other"), url="https://example.org/", by=person)


# What changes


@pytest.mark.django_db
def test_a_newer_text_is_applied_as_a_difference() -> None:
    feed = add(body=calendar(event("same"), event("moved"), event("gone")))
    kept = {window.uid: window.pk for window in feed.windows.all()}
    later = calendar(event("same"), event("moved", "20261125T120000Z"), event("new"))
    feed = actions.take_in(feed, later, now=NOW + HOUR)
    assert {window.uid: window.pk for window in feed.windows.exclude(uid="new")} == kept
    assert spans(feed) == [
        ("Freeze", "11-24 12:00", "11-24 14:00"),
        ("Freeze", "11-24 12:00", "11-24 14:00"),
        ("Freeze", "11-25 12:00", "11-25 14:00"),
    ]
    gone = feed.windows.get(uid="gone")
    assert gone.deleted_at == NOW + HOUR
    assert "is not in it any more" in gone.deleted_reason
    said = Event.objects.filter(kind="calendars.feed.changed").latest("pk").data
    assert said == {"added": 1, "changed": 1, "removed": 1}


@pytest.mark.django_db
def test_the_same_text_changes_nothing_and_says_nothing() -> None:
    body = calendar(event())
    feed = add(body=body)
    before = list(Occurrence.objects.values())
    feed = actions.take_in(feed, body, now=NOW + HOUR)
    assert list(Occurrence.objects.values()) == before
    assert kinds(feed) == ["added", "changed"]
    assert (feed.good_at, feed.checked_at) == (NOW + HOUR, NOW + HOUR)


@pytest.mark.django_db
def test_t12_what_is_over_stays_when_its_event_goes() -> None:
    weekly = event("one", "20261120T120000Z", "RRULE:FREQ=DAILY;COUNT=10")
    feed = add(body=calendar(weekly, event("past", "20261123T130000Z")))
    later = NOW + 3 * HOUR
    feed = actions.take_in(feed, calendar(event("new")), now=later)
    past = feed.windows.get(uid="past")
    assert past.deleted_at is None
    assert [row.during.upper for row in past.occurrences.all()] == [NOW + 3 * HOUR]
    daily = feed.windows.get(uid="one")
    assert [row.during.upper for row in daily.occurrences.all()] == [datetime(2026, 11, 23, 14, tzinfo=UTC)]


@pytest.mark.django_db
def test_one_time_of_many_may_be_moved() -> None:
    daily = event("one", "20261124T120000Z", "RRULE:FREQ=DAILY;COUNT=3")
    moved = event("one", "20261125T180000Z", "RECURRENCE-ID:20261125T120000Z")
    feed = add(body=calendar(daily, moved))
    assert [start for _, start, _ in spans(feed)] == ["11-24 12:00", "11-25 18:00", "11-26 12:00"]
    feed = actions.take_in(feed, calendar(daily), now=NOW + HOUR)
    assert [start for _, start, _ in spans(feed)] == ["11-24 12:00", "11-25 12:00", "11-26 12:00"]
    assert Event.objects.filter(kind="calendars.feed.changed").latest("pk").data["changed"] == 1


@pytest.mark.django_db
def test_a_window_for_ever_is_written_further_ahead() -> None:
    feed = add(body=calendar(event("one", "20261124T120000Z", "RRULE:FREQ=WEEKLY")))
    before = len(spans(feed))
    actions.write_ahead(feed, now=NOW + 70 * DAY)
    assert len(spans(feed)) == before + 10
    assert feed.windows.get().ends_at is None
    assert kinds(feed) == ["added", "changed"]


@pytest.mark.django_db
def test_what_could_not_be_taken_over_is_kept_with_the_feed() -> None:
    bad = event("bad", "20261124T120000").replace("DTSTART:", "DTSTART;TZID=Mars/Olympus:")
    empty = event("empty").replace("PT2H", "PT0S")
    feed = add(body=calendar(event(), bad, empty, event("floats", "20261124T090000")))
    assert [(row["problem"].partition(",")[0], row["is_taken"]) for row in feed.report] == [
        ("Nobody knows the time zone “Mars/Olympus”", False),
        ("Times without a zone were read as Europe/Berlin.", True),
        ("It has no length", False),
    ]
    assert feed.problem == ""
    assert len(spans(feed)) == 2


@pytest.mark.django_db
def test_what_a_calendar_opens_is_bounded_and_what_is_left_out_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feeding, "MOST_WINDOWS", 2)
    feed = add(body=calendar(*(event(f"{number}", title=f"F{number}") for number in range(4))))
    assert feed.windows.count() == 2
    assert [(row["event"], row["is_taken"]) for row in feed.report] == [("F2", False), ("F3", False)]


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 5])
def test_events_that_stay_the_same_cost_nothing(count: int) -> None:
    same = [event(f"{number}") for number in range(count)]
    feed = add(body=calendar(*same))
    with CaptureQueriesContext(connection) as seen:
        actions.take_in(feed, calendar(*same, "X-SAYS:hello"), now=NOW + HOUR)
    assert len(seen) <= 8


# W11


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (calendar(), "It is empty, where there were 1 events before."),
        (b"", "This is no calendar"),
        (b"<html>Sign in</html>", "This is no calendar"),
        (calendar(event())[:-10], "The text breaks off"),
        (calendar(event().replace("DTSTART:2026", "DTSTART:soon")), "None of its events can be read"),
    ],
)
def test_w11_a_bad_or_empty_answer_keeps_the_last_good_one(body: bytes, says: str) -> None:
    feed = add(body=calendar(event()))
    before = spans(feed)
    feed = actions.take_in(feed, body, now=NOW + HOUR)
    assert says in feed.problem
    assert feed.is_stale
    assert spans(feed) == before
    assert (feed.good_at, feed.checked_at) == (NOW, NOW + HOUR)
    at = datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert not verdict_for(make.service(), make.environment(), at).is_allowed


@pytest.mark.django_db
def test_w11_it_is_raised_once_and_recovers_once() -> None:
    body = calendar(event())
    feed = add(body=body)
    for number in range(3):
        feed = actions.take_in(feed, calendar(), now=NOW + number * HOUR)
    assert kinds(feed) == ["added", "changed", "failed"]
    assert feed.failures == 3
    feed = actions.take_in(feed, body, now=NOW + 4 * HOUR)
    assert kinds(feed) == ["added", "changed", "failed", "recovered"]
    assert (feed.problem, feed.failures, feed.good_at) == ("", 0, NOW + 4 * HOUR)


@pytest.mark.django_db
def test_w11_one_event_that_cannot_be_read_any_more_keeps_its_window() -> None:
    feed = add(body=calendar(event("one"), event("two", "20261125T120000Z")))
    before = spans(feed)
    broken = event("one").replace("DTSTART:2026", "DTSTART:soon")
    feed = actions.take_in(feed, calendar(broken, event("two", "20261125T120000Z")), now=NOW + HOUR)
    assert spans(feed) == before
    assert feed.report[0]["is_taken"] is False
    assert feed.problem == ""


@pytest.mark.django_db
def test_w11_a_calendar_that_calls_off_its_events_is_believed() -> None:
    feed = add(body=calendar(event()))
    feed = actions.take_in(feed, calendar(event("one", "20261124T120000Z", "STATUS:CANCELLED")), now=NOW)
    assert (feed.problem, spans(feed)) == ("", [])
    assert "was called off" in feed.windows.get().deleted_reason


@pytest.mark.django_db
def test_w11_a_stale_calendar_is_still_written_ahead() -> None:
    feed = add(body=calendar(event("one", "20261124T120000Z", "RRULE:FREQ=WEEKLY")))
    feed = actions.take_in(feed, b"", now=NOW + HOUR)
    before = len(spans(feed))
    tasks.materialise()
    actions.write_ahead(feed, now=NOW + 7 * DAY)
    assert len(spans(feed)) > before


@pytest.mark.django_db
def test_w11_a_calendar_whose_events_are_over_may_be_empty() -> None:
    feed = add(body=calendar(event()))
    feed = actions.take_in(feed, calendar(), now=NOW + 30 * DAY)
    assert feed.problem == ""


@pytest.mark.django_db
def test_w11_a_newer_file_that_is_bad_changes_nothing() -> None:
    feed = add(body=calendar(event()))
    with pytest.raises(Invalid), transaction.atomic():
        actions.replace_file(feed, calendar(), by=make.user("", Role.ADMINISTRATOR), now=NOW + HOUR)
    feed.refresh_from_db()
    assert (feed.problem, len(spans(feed))) == ("", 1)
    actions.replace_file(feed, calendar(event("new")), by=make.user("", Role.ADMINISTRATOR), now=NOW + HOUR)
    assert feed.windows.filter(deleted_at__isnull=True).get().uid == "new"


# Fetching when due


@pytest.mark.django_db
def test_w11_what_is_due_is_fetched_and_what_fails_is_kept(server: Server) -> None:
    server.says(calendar(event()))
    feed = add(url=server.url())
    tasks.refresh_feeds()
    feed.refresh_from_db()
    assert spans(feed) != []
    server.says(b"oops", status=500)
    Feed.objects.update(next_due_at=NOW)
    tasks.refresh_feeds()
    feed.refresh_from_db()
    assert feed.problem == "It answers 500 instead of a calendar."
    assert spans(feed) != []
    assert len(server.asked) == 2
    tasks.refresh_feeds()
    assert len(server.asked) == 2, "it is not due yet"


@pytest.mark.django_db
def test_no_network_is_asked_within_a_transaction(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    depth: list[int] = []

    def watched(url: str) -> bytes:
        depth.append(len(connection.savepoint_ids))
        return fetching.fetch(url)

    monkeypatch.setattr(feeds, "fetch", watched)
    server.says(calendar(event()))
    feed = add(url=server.url())
    outside = len(connection.savepoint_ids)
    actions.refresh_feed(feed, now=NOW)
    assert depth == [outside]


@pytest.mark.django_db
def test_a_calendar_inside_the_network_fails_and_says_who_can_allow_it(
    server: Server, settings: Settings
) -> None:
    settings.INTERNAL_HOSTS = frozenset()
    server.says(calendar(event()))
    feed = actions.refresh_feed(add(url=server.url()), now=NOW)
    assert "RELEASETRAIN_INTERNAL_HOSTS" in feed.problem
    assert server.asked == []


@pytest.mark.django_db
def test_a_calendar_that_was_claimed_is_nobody_elses() -> None:
    feed = add(url="https://example.org/")
    assert actions.claim(NOW) == feed
    assert actions.claim(NOW + timedelta(minutes=1)) is None
    assert actions.claim(NOW + timedelta(minutes=2)) == feed


def test_w11_a_failing_calendar_is_asked_less_and_less_often() -> None:
    waits = [next_due_at(failures, NOW) - NOW for failures in (0, 1, 2, 3, 10, 1000)]
    minutes = [int(wait.total_seconds() // 60) for wait in waits]
    assert minutes == [15, 1, 2, 4, 60, 60]


@pytest.mark.django_db
def test_one_bad_calendar_does_not_stop_the_next(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.says(calendar(event()))
    first, second = (add(url=server.url(), name=name) for name in "AB")
    real = feeds.take_in

    def stumble(feed: Feed, body: bytes, *, now: datetime) -> Feed:
        if feed == first:
            raise ZeroDivisionError
        return real(feed, body, now=now)

    monkeypatch.setattr(feeds, "take_in", stumble)
    Feed.objects.update(next_due_at=NOW)
    tasks.refresh_feeds()
    assert spans(second) != []
    assert spans(first) == []


def test_the_clock_knows_every_task_that_it_wakes() -> None:
    app.loader.import_default_modules()
    wakes = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"releasetrain.calendars.tasks.refresh_feeds", "releasetrain.calendars.tasks.materialise"} <= wakes
    assert wakes <= set(app.tasks)


# Removing


@pytest.mark.django_db
def test_w3_a_removed_calendar_takes_its_windows_along_and_leaves_the_past() -> None:
    feed = add(body=calendar(event("past", "20261123T110000Z"), event("next")))
    later = NOW + 2 * HOUR
    actions.remove_feed(feed, reason="We moved.", by=make.user("Ada", Role.ADMINISTRATOR), now=later)
    past, coming = (feed.windows.get(uid=uid) for uid in ("past", "next"))
    assert past.deleted_at is None
    assert (coming.deleted_at, coming.deleted_by_label) == (later, "Ada")
    assert "We moved." in coming.deleted_reason
    assert kinds(feed)[-1] == "removed"
    with pytest.raises(actions.FeedGone):
        actions.take_in(feed, calendar(event()), now=later)


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
def test_a_calendar_goes_for_a_reason(reason: str) -> None:
    feed = add(url="https://example.org/")
    with pytest.raises(Invalid):
        actions.remove_feed(feed, reason=reason, by=make.user("", Role.ADMINISTRATOR), now=NOW)


# Shifts


def rota(*events: str) -> Feed:
    return add(brings="shifts", team=make.team(), body=calendar(*events))


def names(at: datetime) -> list[str]:
    return [str(duty.user or duty.label) for duty in on_call([make.team()], at)[make.team().pk]]


@pytest.mark.django_db
def test_shifts_name_people_by_mail_by_title_or_not_at_all() -> None:
    ada, grace = make.user("Ada Lovelace"), make.user("Grace Hopper")
    feed = rota(
        event("mail", "20261124T120000Z", "ATTENDEE:mailto:ADA.lovelace@example.org", title="Primary"),
        event("title", "20261125T120000Z", title="On call: Grace Hopper (primary)"),
        event("nobody", "20261126T120000Z", title="Somebody Else"),
    )
    duties = Duty.objects.order_by("during")
    assert [(duty.user, duty.label) for duty in duties] == [
        (ada, "Ada Lovelace"),
        (grace, "Grace Hopper"),
        (None, "Somebody Else"),
    ]
    assert [row["event"] for row in feed.report] == ["Somebody Else"]
    assert Window.objects.count() == 0


@pytest.mark.django_db
def test_a_name_that_two_people_have_is_not_guessed() -> None:
    first = make.user("Ada Lovelace")
    second = make.user("Ada Lovelace 2")
    type(second).objects.filter(pk=second.pk).update(name=first.name)
    rota(event("title", "20261124T120000Z", title="Ada Lovelace"))
    assert Duty.objects.get().user is None


@pytest.mark.django_db
def test_a_swapped_turn_goes_to_who_took_it() -> None:
    make.user("Ada Lovelace")
    make.user("Grace Hopper")
    rota(
        event("one", "20261124T120000Z", "RRULE:FREQ=DAILY;COUNT=3", title="Ada Lovelace"),
        event("one", "20261125T120000Z", "RECURRENCE-ID:20261125T120000Z", title="Grace Hopper"),
    )
    at = datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert [names(at + number * DAY) for number in range(3)] == [
        ["Ada Lovelace"],
        ["Grace Hopper"],
        ["Ada Lovelace"],
    ]


@pytest.mark.django_db
def test_two_people_of_one_shift_are_both_on_call() -> None:
    make.user("Ada Lovelace")
    make.user("Grace Hopper")
    people = [f"ATTENDEE:mailto:{name}@example.org" for name in ("ada.lovelace", "grace.hopper")]
    rota(event("one", "20261124T120000Z", *people))
    assert names(datetime(2026, 11, 24, 13, tzinfo=UTC)) == ["Ada Lovelace", "Grace Hopper"]


@pytest.mark.django_db
def test_w11_shifts_stay_when_their_calendar_is_empty_and_go_with_their_event() -> None:
    feed = rota(event("one"), event("two", "20261125T120000Z"))
    feed = actions.take_in(feed, calendar(), now=NOW)
    assert (feed.problem != "", Duty.objects.count()) == (True, 2)
    feed = actions.take_in(feed, calendar(event("two", "20261125T120000Z")), now=NOW)
    assert [shift.uid for shift in Shift.objects.filter(removed_at__isnull=True)] == ["two"]
    assert Duty.objects.count() == 1
    actions.remove_feed(feed, reason="Old", by=make.user("", Role.ADMINISTRATOR), now=NOW)
    assert Duty.objects.count() == 0


# At once


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_claim_the_same_calendar() -> None:
    for number in range(4):
        add(url="https://example.org/", name=f"{number}")
    claimed: list[int] = []

    def work() -> None:
        while feed := actions.claim(NOW):
            claimed.append(feed.pk)
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(Feed.objects.values_list("pk", flat=True))
