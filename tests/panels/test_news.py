"""A page that polls gets what a page on a socket gets; each audience is told in its words."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import Shift
from releasetrain.events.actions import record
from releasetrain.events.kinds import KINDS
from releasetrain.events.models import Event
from releasetrain.events.queries import last_position
from releasetrain.panels import Audience, feed_of, news, registry
from releasetrain.panels.draw import draw
from releasetrain.panels.registry import FRAGMENTS, OF_A_DEPARTURE, Need
from releasetrain.panels.words import is_spoken, is_urgent, look_of, say
from releasetrain.trains.models import Departure
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
MEMBER, STAKEHOLDER = Audience.MEMBER, Audience.STAKEHOLDER


def happen(departure: Departure, kind: str = "trains.departure.boarding_opened", **data: Any) -> Event:
    event = record(kind=kind, subject=departure, actor=make.user(), now=make.NOW, **data)
    return Event.objects.select_related("link").get(pk=event.pk)


def test_a_poll_brings_the_events_after_a_position_and_the_fragments_they_changed() -> None:
    departure = make.departure()
    before = happen(departure).link.position
    events = [happen(departure), happen(departure, "trains.departure.arrived")]
    found = news.after({"board": MEMBER}, before, now=make.NOW)
    assert [one.position for one in found.happenings] == [event.link.position for event in events]
    assert [fragment.id for fragment in found.fragments][:1] == ["board-departures"]
    assert (found.position, found.is_whole) == (last_position(), False)


def test_a_poll_at_the_last_position_brings_only_what_changes_without_events() -> None:
    departure = make.departure()
    happen(departure)
    found = news.after({f"departure:{departure.pk}": MEMBER}, last_position(), now=make.NOW)
    assert found.is_empty


@pytest.mark.parametrize("position", [-1, 4711])
def test_a_poll_at_an_unknown_position_brings_everything(
    position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MOST_EVENTS", 1)
    departure = make.departure()
    happen(departure)
    happen(departure)
    message = news.message_of(news.after({f"departure:{departure.pk}": MEMBER}, position, now=make.NOW))
    assert message["whole"] is True
    assert len(message["fragments"]) == len(OF_A_DEPARTURE)


def test_every_fragment_that_is_known_can_be_drawn_for_every_audience() -> None:
    departure = make.departure(state="rolling")
    rollout = make.rollout(departure, state="baking", desired_weight=1)
    for name, recipe in FRAGMENTS.items():
        pk = rollout.pk if name.startswith("rollout/") else departure.pk
        for audience in Audience:
            drawn = draw(Need(name, pk), audience, make.NOW)
            if drawn is not None:
                assert f'id="{recipe.element_id.format(pk=pk)}"' in drawn.html.partition(">")[0]


def test_the_board_is_drawn_whole_only_where_its_order_changes() -> None:
    departure = make.departure()
    row, board = Need("board/row", departure.pk), Need("board", 0)
    assert registry.needs("board", [happen(departure)]) == [row]
    departed = happen(departure, "trains.departure.departed", services="Storefront")
    assert registry.needs("board", [happen(departure), departed]) == [board]


def test_an_event_changes_only_the_fragments_that_show_it() -> None:
    departure = make.departure()
    topic = f"departure:{departure.pk}"
    vote = happen(departure, "trains.vote.cast", choice="go")
    assert [need.fragment for need in registry.needs(topic, [vote])] == [
        "departure/summary",
        "departure/decision",
        "departure/feed",
    ]
    assert registry.needs("train:1", [vote]) == registry.needs("flags", [vote]) == []


def test_windows_and_rotas_concern_every_board_and_departure() -> None:
    departure = make.departure()
    topic = f"departure:{departure.pk}"
    opened = record(kind="calendars.window.opened", subject=make.window(), actor=None, now=make.NOW)
    shift = Shift.objects.create(team=make.team(), time_zone="UTC", starts_local="", ends_local="")
    saved = record(kind="accounts.shift.saved", subject=shift, actor=None, now=make.NOW)
    for event in (opened, saved):
        assert set(registry.heard(topic)) & set(event.topics) == {"calendar"}
        assert set(registry.heard("board")) & set(event.topics) == {"calendar"}
        assert registry.needs("board", [event]) == [Need("board", 0)]
    redrawn = [[need.fragment for need in registry.needs(topic, [event])] for event in (opened, saved)]
    assert redrawn == [
        ["departure/summary", "departure/overrides", "departure/forecast"],
        ["departure/summary", "departure/forecast"],
    ]
    assert registry.heard("rollout:1") == ("rollout:1",)


def test_a_poll_of_a_departure_brings_what_an_edited_window_changed() -> None:
    departure = make.departure()
    before = happen(departure).link.position
    record(kind="calendars.window.changed", subject=make.window(), actor=None, now=make.NOW, changed="level")
    found = news.after({f"departure:{departure.pk}": MEMBER}, before, now=make.NOW)
    assert f"departure-{departure.pk}-forecast" in [fragment.id for fragment in found.fragments]
    assert [one.kind for one in found.happenings] == ["calendars.window.changed"]


def test_a_board_that_only_ticks_says_the_same() -> None:
    make.departure()
    need = Need("board", 0)
    load = FRAGMENTS["board"].load
    one = registry.facts(need, load(0, MEMBER, make.NOW) or {})
    later = registry.facts(need, load(0, MEMBER, make.NOW + timedelta(seconds=30)) or {})
    assert one == later
    make.departure()
    assert registry.facts(need, load(0, MEMBER, make.NOW) or {}) != one


def test_a_stakeholder_hears_of_no_names_and_no_words_that_people_typed() -> None:
    event = happen(make.departure(), "trains.departure.held", reason="Ana is not sure")
    assert "Ana is not sure" in say(event, MEMBER)
    assert say(event, STAKEHOLDER) == f"Somebody held {event.subject_label}"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_event_has_words_for_every_audience(kind: str) -> None:
    departure = make.departure()
    event = Event(kind=kind, subject_label=str(departure), actor_label="Ana Sousa", data={})
    for audience in Audience:
        assert say(event, audience).strip()
    assert "Ana" not in say(event, STAKEHOLDER)
    assert look_of(kind)[0]


def test_rollbacks_and_holds_are_urgent_and_details_are_not_read_aloud() -> None:
    urgent = {kind for kind in KINDS if is_urgent(kind)}
    assert {"rollouts.rollback.started", "rollouts.hold.opened", "trains.departure.rolled_back"} <= urgent
    assert not {"trains.vote.cast", "rollouts.bake.started"} & urgent
    spoken = {kind for kind in KINDS if is_spoken(kind)}
    assert {"rollouts.bake.started", "rollouts.rollback.finished", "trains.departure.arrived"} <= spoken
    assert not {"trains.vote.cast", "flags.percentage.set", "rollouts.shift.started"} & spoken


def test_a_feed_is_newest_first_and_a_stakeholder_sees_only_what_is_public() -> None:
    departure = make.departure()
    topic = f"departure:{departure.pk}"
    first = happen(departure)
    private = happen(departure, "trains.change.boarded", title="Secret plans", change=1)
    inside, outside = feed_of(topic, MEMBER), feed_of(topic, STAKEHOLDER)
    assert [entry.position for entry in inside.entries] == [private.link.position, first.link.position]
    assert [entry.position for entry in outside.entries] == [first.link.position]
    assert (inside.key, outside.more_url) == (f"departure-{departure.pk}", "")
