"""A page may watch what its ticket says, for as long as the person may, and not a message longer."""

import json
from datetime import timedelta

import pytest
from django.core import signing

from releasetrain.accounts.actions import grant
from releasetrain.accounts.rules import Role
from releasetrain.events.actions import record
from releasetrain.events.queries import last_position
from releasetrain.lib import clock
from releasetrain.live.consumers import NEEDS_TICKET, RESTARTS, UNREADABLE
from releasetrain.live.hub import stop_the_hub
from releasetrain.panels.audience import Audience
from tests import make
from tests.live.pages import EventsPage, Stream, ticket
from tests.live.test_hub import happen, topic


def forged() -> str:
    """Sign a ticket with a key that is not ours."""
    payload = {"p": None, "t": {"board": "operator"}, "x": 2_000_000_000}
    return signing.dumps(payload, key="somebody else's key", salt="releasetrain.live.ticket")


def test_a_forged_ticket_is_refused(stream: Stream) -> None:
    page = stream.page(forged(), 0)
    page.until(lambda: page.code is not None)
    assert (page.code, page.messages) == (NEEDS_TICKET, [{"type": "bye", "why": "ticket"}])


def test_an_expired_ticket_is_refused(stream: Stream) -> None:
    page = stream.page(ticket(now=clock.now() - timedelta(hours=1)), 0)
    page.until(lambda: page.code is not None)
    assert page.code == NEEDS_TICKET


def test_a_ticket_that_expires_while_watching_ends_the_stream(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 0.02)
    monkeypatch.setattr("releasetrain.live.hub.PULSE_SECONDS", 0.0)
    page = stream.page(ticket(lifetime=timedelta(seconds=2)), last_position())
    stream.settle(page)
    page.until(lambda: page.code is not None)
    assert (page.code, page.messages[-1]) == (NEEDS_TICKET, {"type": "bye", "why": "ticket"})


def test_a_renewed_ticket_keeps_the_stream_open(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    page = stream.page(ticket(lifetime=timedelta(seconds=5)), last_position())
    stream.settle(page)
    page.greet(ticket(lifetime=timedelta(hours=1)))
    page.until_heard(happen(make.departure()))
    (watcher,) = next(iter(stream.hub.watchers.values()))
    assert watcher.ticket.expires_at > clock.now() + timedelta(minutes=30)
    assert page.code is None


def test_a_ticket_for_other_eyes_brings_everything_anew(stream: Stream) -> None:
    rollout = make.rollout(make.departure(state="rolling"), state="baking", desired_weight=1)
    here, controls = f"rollout:{rollout.pk}", f"rollout-{rollout.pk}-operator"
    page = stream.page(ticket(here), last_position())
    stream.settle(page)
    page.greet(ticket(here, audience=Audience.OPERATOR))
    page.until(lambda: controls in page.fragments)
    assert page.news[-1]["whole"]


def test_a_stream_closes_before_the_next_message_when_roles_have_changed(stream: Stream) -> None:
    departure = make.departure()
    person, other = make.user("Ana", Role.VIEWER), make.user("Ben", Role.VIEWER)
    ana, ben = (
        stream.page(ticket(topic(departure), person=one.pk), last_position()) for one in (person, other)
    )
    stream.settle(ana, ben)
    person.memberships.all().delete()
    record(
        kind="accounts.role.granted",
        subject=person,
        actor=None,
        now=make.NOW,
        role="viewer",
        team="the house",
    )
    position = happen(departure)
    ben.until_heard(position)
    ana.until(lambda: ana.code is not None)
    assert (ana.code, ana.heard) == (NEEDS_TICKET, [])


def test_a_new_role_asks_the_page_for_a_ticket_with_wider_eyes(stream: Stream) -> None:
    person, departure = make.user("Ana", Role.VIEWER), make.departure()
    page = stream.page(ticket(topic(departure), person=person.pk), last_position())
    stream.settle(page)
    grant(user=person, role=Role.RELEASE_MANAGER, team=None, by=None, now=make.NOW)
    page.until(lambda: page.code is not None)
    assert (page.news, page.messages[-1]) == ([], {"type": "bye", "why": "ticket"})


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_pages_of_other_houses_are_turned_away(stream: Stream, origin: str) -> None:
    page = stream.page(origin=origin)
    assert (page.is_open, page.code) == (False, 1000)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        "[" * 20_000,
        '{"ticket": 5}',
        '{"ticket": "x", "position": "1"}',
        '{"ticket": "x", "at": "yesterday"}',
        '{"ticket": "x", "at": "2026-11-23T12:00:00"}',
    ],
)
def test_a_greeting_that_cannot_be_read_is_refused(stream: Stream, said: str) -> None:
    page = stream.page()
    page.say(said)
    page.until(lambda: page.code is not None)
    assert (page.code, page.messages) == (UNREADABLE, [])


def test_a_page_that_says_nothing_is_sent_away(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releasetrain.live.consumers.GREETING_SECONDS", 0.01)
    page = stream.page()
    page.until(lambda: page.code is not None)
    assert page.code == UNREADABLE


def test_an_unknown_address_has_no_socket(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.live.pages.Page.path", "/somewhere/else")
    assert stream.page().is_open is False


def test_server_sent_events_bring_the_same_news(stream: Stream) -> None:
    departure = make.departure()
    socket = stream.page(ticket(topic(departure)), last_position())
    events = EventsPage(stream, {"ticket": ticket(topic(departure)), "position": last_position()})
    stream.settle(socket, events)
    position = happen(departure)
    for page in (socket, events):
        page.until_heard(position)
    assert events.news == socket.news
    assert events.headers[b"content-type"] == b"text/event-stream"
    assert events.headers[b"access-control-allow-origin"] == b"http://127.0.0.1:8000"


def test_server_sent_events_end_when_a_new_ticket_is_needed(stream: Stream) -> None:
    person, departure = make.user("Ana", Role.VIEWER), make.departure()
    greeting = {"ticket": ticket(topic(departure), person=person.pk), "position": last_position()}
    page = EventsPage(stream, greeting)
    stream.settle(page)
    grant(user=person, role=Role.ON_CALL, team=None, by=None, now=make.NOW)
    page.until(lambda: page.is_over)
    assert (page.news, page.messages[-1]) == ([], {"type": "bye", "why": "ticket"})


@pytest.mark.parametrize(
    ("greeting", "more", "status"),
    [
        ({"ticket": "forged"}, {}, 401),
        ({"no": "ticket"}, {}, 400),
        ({"ticket": "forged"}, {"origin": "https://evil.example"}, 403),
        ({"ticket": "forged"}, {"method": "GET"}, 405),
    ],
)
def test_server_sent_events_are_refused_with_a_sentence(
    stream: Stream, greeting: dict[str, str], more: dict[str, str], status: int
) -> None:
    page = EventsPage(stream, greeting, **more)
    page.until(lambda: page.is_over)
    assert page.status == status
    assert page.text.endswith((".", "}."))
    is_ours = "origin" not in more
    assert (b"access-control-allow-origin" in page.headers) == is_ours


def test_pages_are_sent_elsewhere_when_the_process_stops(stream: Stream) -> None:
    departure = make.departure()
    page = stream.page(ticket(topic(departure)), last_position())
    events = EventsPage(stream, {"ticket": ticket(topic(departure)), "position": last_position()})
    stream.settle(page, events)
    stream.call(stop_the_hub())
    for one in (page, events):
        one.until(lambda one=one: one.messages[-1]["type"] == "bye")  # type: ignore[misc]
        assert one.messages[-1] == {"type": "bye", "why": "restart"}
    assert (page.code, events.is_over) == (RESTARTS, True)


def test_the_process_says_that_it_serves(stream: Stream) -> None:
    said = {path: json.loads(json.dumps(answer(stream, path))) for path in ("/healthz", "/", "/board")}
    assert said["/healthz"] == [200, "stream"]
    assert [status for status, _ in said.values()] == [200, 404, 404]


def answer(stream: Stream, path: str) -> list[object]:
    """Ask for a page without watching."""

    class Plain(EventsPage):
        pass

    Plain.path = path
    page = Plain(stream, {}, method="GET")
    page.until(lambda: page.is_over)
    return [page.status, page.text]
