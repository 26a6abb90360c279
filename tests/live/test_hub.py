"""One hub serves everybody who watches: complete, in order, once, and each at their own pace."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import Shift
from releasetrain.events.actions import Subject, record
from releasetrain.events.models import Event
from releasetrain.events.queries import last_position
from releasetrain.lib import clock
from releasetrain.panels.audience import Audience
from releasetrain.rollouts.models import Rollout
from releasetrain.trains.models import Departure
from tests import make
from tests.live.pages import Stream, ticket


def happen(subject: Subject, kind: str = "trains.departure.boarding_opened", **data: Any) -> int:
    """Let something happen; returns its position."""
    event = record(kind=kind, subject=subject, actor=None, now=make.NOW, **data)
    return Event.objects.select_related("link").get(pk=event.pk).link.position


def topic(departure: Departure) -> str:
    return f"departure:{departure.pk}"


@pytest.mark.usefixtures("only_hints")
def test_a_commit_reaches_every_page_as_the_fragments_it_changed(stream: Stream) -> None:
    departure = make.departure()
    pages = [stream.page(ticket("board"), last_position()) for _ in range(2)]
    stream.settle(*pages)
    Departure.objects.filter(pk=departure.pk).update(state="deciding")
    position = happen(departure)
    for page in pages:
        page.until_heard(position)
        assert 'data-state="deciding"' in page.fragments[f"departure-{departure.pk}-row"]
        assert page.heard == [position]


@pytest.mark.usefixtures("only_hints")
def test_a_page_that_was_away_gets_what_it_missed_and_nothing_twice(stream: Stream) -> None:
    departure = make.departure()
    stays, leaves = (stream.page(ticket(topic(departure)), last_position()) for _ in range(2))
    stream.settle(stays, leaves)
    seen = happen(departure)
    leaves.until_heard(seen)
    leaves.leave()
    missed = [happen(departure, "trains.departure.sealed", changes=1, revision=1) for _ in range(3)]
    stays.until_heard(missed[-1])
    back = stream.page(ticket(topic(departure)), seen)
    back.until_heard(missed[-1])
    after = happen(departure)
    back.until_heard(after)
    stays.until_heard(after)
    assert back.heard == [*missed, after]
    assert stays.heard == [seen, *missed, after]


@pytest.mark.usefixtures("only_hints")
def test_an_edited_window_or_rota_reaches_departures_and_boards_at_once(stream: Stream) -> None:
    departure = make.departure()
    pages = [stream.page(ticket(one), last_position()) for one in ("board", topic(departure))]
    stream.settle(*pages)
    window = make.window("Audit freeze", ends_at=clock.now() + timedelta(days=1))
    shift = Shift.objects.create(team=make.team(), time_zone="UTC", starts_local="", ends_local="")
    for subject, kind in ((window, "calendars.window.opened"), (shift, "accounts.shift.saved")):
        for page in pages:
            page.messages.clear()
        position = happen(subject, kind)
        for page, redrawn in zip(
            pages, ("board-departures", f"departure-{departure.pk}-forecast"), strict=True
        ):
            page.until_heard(position)
            assert redrawn in page.fragments
            assert "Audit freeze" in "".join(page.fragments.values())


def test_a_page_that_comes_late_gets_the_window_that_was_edited_meanwhile(stream: Stream) -> None:
    departure = make.departure()
    drawn_at = happen(departure)
    first = stream.page(ticket("board"), drawn_at)
    stream.settle(first)
    position = happen(make.window("Audit freeze", ends_at=departure.departs_at), "calendars.window.opened")
    first.until_heard(position)
    late = stream.page(ticket(topic(departure)), drawn_at)
    late.until_heard(position)
    assert f"departure-{departure.pk}-forecast" in late.fragments


def test_a_page_that_missed_nothing_hears_only_that_it_is_current(stream: Stream) -> None:
    departure = make.departure()
    position = happen(departure)
    page = stream.page(ticket(topic(departure)), position)
    page.until(lambda: page.messages)
    assert [(message["type"], message["position"]) for message in page.messages] == [("pulse", position)]


def test_news_of_other_departures_does_not_make_a_late_page_redraw_everything(stream: Stream) -> None:
    departure, other = make.departure(), make.departure()
    first = stream.page(ticket(topic(other)), last_position())
    stream.settle(first)
    drawn_at = last_position()
    first.until_heard(happen(other))
    late = stream.page(ticket(topic(departure)), drawn_at)
    stream.settle(first, late)
    assert late.news == []


@pytest.mark.parametrize("position", [-1, 4711])
def test_a_page_at_an_unknown_position_gets_the_whole_panel(stream: Stream, position: int) -> None:
    departure = make.departure()
    happen(departure)
    page = stream.page(ticket(topic(departure)), position)
    page.until(lambda: page.news)
    assert page.news[0]["whole"]
    parts = ["summary", "forecast", "deadlines", "overrides", "readiness"]
    parts += ["manifest", "decision", "late", "rollouts", "feed"]
    assert set(page.fragments) == {f"departure-{departure.pk}-{part}" for part in parts}


@pytest.mark.usefixtures("only_hints")
def test_overtaking_messages_do_not_change_the_order(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    departure = make.departure()
    page = stream.page(ticket(topic(departure)), last_position())
    stream.settle(page)
    hear = stream.hub._hear
    monkeypatch.setattr(stream.hub._ears, "_hear", lambda hint: None)
    went = happen(departure, "trains.departure.departed", services="Storefront")
    came_back = happen(departure, "trains.departure.rolled_back", reason="errors")
    for position, kind in ((came_back, "trains.departure.rolled_back"), (went, "trains.departure.departed")):
        stream.loop.call_soon_threadsafe(hear, {"position": position, "kind": kind})
    page.until_heard(came_back)
    stream.settle(page)
    assert [event["kind"] for event in page.events] == [
        "trains.departure.departed",
        "trains.departure.rolled_back",
    ]


def test_a_slow_page_delays_nobody_and_is_served_the_newest_of_each(stream: Stream) -> None:
    departure = make.departure()
    slow, quick = (stream.page(ticket(topic(departure)), last_position()) for _ in range(2))
    stream.settle(slow, quick)
    slow.stop_reading()
    positions = []
    for _ in range(4):
        positions.append(happen(departure))
        quick.until_heard(positions[-1])
    assert slow.heard == []
    slow.read_on()
    slow.until_heard(positions[-1])
    assert slow.heard == quick.heard == positions
    assert len(slow.news) == 2
    assert slow.fragments == quick.fragments


def test_forty_watchers_cost_no_more_queries_than_one(stream: Stream) -> None:
    departure = make.departure()
    position = happen(departure)
    lead = stream.page(ticket(topic(departure)), position)
    lead.until_heard(happen(departure))  # what nobody has watched before is drawn whole, once
    alone = queries_while(stream, lambda: lead.until_heard(happen(departure)))
    crowd = [stream.page(ticket(topic(departure)), last_position()) for _ in range(39)]

    def hear_of_it() -> None:
        last = happen(departure)
        for page in (lead, *crowd):
            page.until_heard(last)

    assert queries_while(stream, hear_of_it) == alone > 0
    assert {tuple(page.fragments.items()) for page in crowd} == {tuple(crowd[0].fragments.items())}


def test_forty_pages_that_come_back_at_once_cost_one_drawing(stream: Stream) -> None:
    departure = make.departure()
    page = stream.page(ticket(topic(departure)), happen(departure))
    stream.settle(page)

    def all_come(number: int) -> None:
        for one in [stream.page(ticket(topic(departure)), -1) for _ in range(number)]:
            one.until(lambda one=one: one.news)  # type: ignore[misc]

    assert queries_while(stream, lambda: all_come(1)) > 0
    assert queries_while(stream, lambda: all_come(40)) == 0


def queries_while(stream: Stream, do: Callable[[], object]) -> int:
    """Count what fragments cost in the hub's database thread while something goes on."""

    async def in_hub(work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(stream.hub._thread, work)

    end = stream.call(in_hub(begin_counting))
    do()
    stream.settle()
    return int(stream.call(in_hub(end)))


def begin_counting() -> Callable[[], int]:
    """Log the queries of this thread's connection; returns what ends it with their number."""
    capture = CaptureQueriesContext(connection)
    capture.__enter__()

    def end() -> int:
        capture.__exit__(None, None, None)
        # Reading the log is what the hub does all the time, watched by one or by thousands.
        return len([one for one in capture.captured_queries if "events_eventlink" not in one["sql"]])

    return end


def test_without_hints_the_log_is_read_all_the_same(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releasetrain.live.hub.Hub._hear", lambda self, hint: None)
    departure = make.departure()
    page = stream.page(ticket(topic(departure)), last_position())
    stream.settle(page)
    page.until_heard(happen(departure))


@pytest.mark.usefixtures("restless")
def test_what_changes_without_an_event_is_sent_once_it_has_changed(stream: Stream) -> None:
    rollout = make.rollout(
        make.departure(state="rolling"), state="baking", desired_weight=1, observed_weight=1,
        observed_at=make.NOW, agreed_at=make.NOW,
    )  # fmt: skip
    track = f"rollout-{rollout.pk}-track"
    page = stream.page(ticket(f"rollout:{rollout.pk}"), last_position())
    page.until(lambda: "read back 1 % once" in page.fragments.get(track, ""))
    sent, version = len(page.news), stream.hub.memory.version
    while stream.hub.memory.version < version + 5:
        time.sleep(0.01)
    assert len(page.news) == sent
    Rollout.objects.filter(pk=rollout.pk).update(observed_at=make.NOW + timedelta(seconds=2))
    page.until(lambda: "read back 1 % twice" in page.fragments[track])


@pytest.mark.usefixtures("restless")
def test_measurements_travel_as_points(stream: Stream) -> None:
    rollout = make.rollout(make.departure(state="rolling"), state="baking", desired_weight=1)
    guardrail = make.guardrail(rollout.target)
    page = stream.page(ticket(f"rollout:{rollout.pk}"), last_position())
    stream.settle(page)
    now = clock.now()
    make.readings(rollout.target, now, units=1000, bad=2, candidate_bad=30)
    page.until(lambda: any(message["points"] for message in page.news))
    points = [one for message in page.news for one in message["points"]]
    chart = f"{rollout.pk}-{guardrail.pk}"
    assert points == [{"chart": chart, "points": [[round(now.timestamp(), 1), 3.0, 0.2]]}]


def test_each_audience_gets_its_own_fragments_of_the_same_event(stream: Stream) -> None:
    rollout = make.rollout(make.departure(state="rolling"), state="baking", desired_weight=1)
    here = f"rollout:{rollout.pk}"
    operator, member, stakeholder = pages = [
        stream.page(ticket(here, audience=audience), last_position()) for audience in Audience
    ]
    stream.settle(*pages)
    position = happen(rollout, "rollouts.hold.opened", hold="operator", reason="Ana thinks it leaks")
    for page in pages:
        page.until_heard(position)
    controls, errors = f"rollout-{rollout.pk}-operator", f"rollout-{rollout.pk}-errors"
    assert {controls, errors} <= operator.fragments.keys()
    assert controls not in member.fragments and errors in member.fragments
    assert not {controls, errors} & stakeholder.fragments.keys()
    assert ["Ana" in page.events[0]["say"] for page in pages] == [True, True, False]


def test_a_fragment_that_cannot_be_drawn_does_not_darken_the_others(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    departure = make.departure()
    page = stream.page(ticket(topic(departure)), last_position())
    stream.settle(page)
    recipe = "releasetrain.panels.departures.latest_manifests"
    monkeypatch.setattr(recipe, lambda pks: 1 / 0)
    page.until_heard(happen(departure, "trains.departure.sealed", changes=1, revision=1))
    assert f"departure-{departure.pk}-summary" in page.fragments
    assert f"departure-{departure.pk}-manifest" not in page.fragments
    assert "departure/manifest" in caplog.text


def test_what_nobody_watches_any_more_is_forgotten(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 0.02)
    monkeypatch.setattr("releasetrain.live.hub.PULSE_SECONDS", 0.0)
    monkeypatch.setattr("releasetrain.live.hub.LINGER_SECONDS", 0.0)
    departure = make.departure()
    stays, goes = stream.page(ticket("board"), last_position()), stream.page(ticket(topic(departure)), -1)
    goes.until(lambda: goes.news)
    goes.leave()
    stays.until(lambda: {place[0] for place in stream.hub.memory.shelves} == {"board"})


def test_a_quiet_page_hears_that_it_is_current(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 0.02)
    monkeypatch.setattr("releasetrain.live.hub.PULSE_SECONDS", 0.0)
    position = happen(make.departure())
    page = stream.page(ticket("board"), position)
    page.until(lambda: any(message["type"] == "pulse" for message in page.messages))
    pulse = next(message for message in page.messages if message["type"] == "pulse")
    assert (pulse["position"], pulse["at"][-1]) == (position, "Z")
