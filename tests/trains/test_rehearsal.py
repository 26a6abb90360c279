"""Before a window is saved, its rehearsal names every departure, stage and vote that it would hit."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.calendars.models import Occurrence, Window
from releasetrain.calendars.queries import Where, WindowSettings
from releasetrain.calendars.rules.windows import Behaviour, Effect, Lane, Stops
from releasetrain.events.models import Event
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.rehearsal import Rehearsal, rehearse
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
END = "Thu 26 Nov, 03:00 Berlin (UTC+1)"
LASTS = timedelta(minutes=60, seconds=18)


def typed(starts_at: datetime, ends_at: datetime, **fields: Any) -> WindowSettings:
    defaults: dict[str, Any] = {"name": "Freeze", "reason": "audit"}
    ends = {"starts_local": f"{starts_at:%Y-%m-%dT%H:%M:%S}", "ends_local": f"{ends_at:%Y-%m-%dT%H:%M:%S}"}
    return WindowSettings(**{**defaults, **ends, **fields})


def departure(**fields: Any) -> Departure:
    made = make.departure(**fields)
    world.aboard(made)
    return made


def over(of: Departure, start: timedelta, end: timedelta, **fields: Any) -> Rehearsal:
    """Rehearse a window so long after a departure."""
    return rehearse(typed(of.departs_at + start, of.departs_at + end, **fields), make.NOW)


def said(found: Rehearsal) -> list[str]:
    return [one.what for one in found.hits]


def test_w10_a_departure_in_the_window_would_wait() -> None:
    one = departure()
    found = over(one, -HOUR, 5 * HOUR)
    (hit,) = found.hits
    assert (hit.departure_id, hit.code, hit.train, hit.departs_at) == (
        one.pk,
        one.code,
        "Checkout Express",
        one.departs_at,
    )
    assert (hit.kind, hit.what) == ("departure", "It would wait until Mon 23 Nov, 20:00 Berlin (UTC+1).")
    assert found.departures == 1


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        (Behaviour.HOLD, f"Storefront would be held at 25 % until {END}."),
        (
            Behaviour.FINISH_STAGE,
            f"Storefront would finish its stage at 25 % and be held there until {END}.",
        ),
        (Behaviour.FINISH_ROLLOUT, "Storefront would be at 25 % and go on to its end."),
        (Behaviour.ROLL_BACK, "Storefront would be rolled back from 25 %."),
    ],
)
def test_w10_a_stage_would_do_what_the_chosen_behaviour_says(behaviour: Behaviour, what: str) -> None:
    found = over(departure(), 35 * MINUTE, 60 * HOUR, behaviour=behaviour)
    (hit,) = found.hits
    assert (hit.kind, hit.what, hit.service, hit.weight) == ("stage", what, "Storefront", 25)


def test_w10_a_long_wait_hits_the_decision_too() -> None:
    found = over(departure(), -HOUR, 60 * HOUR)
    assert [(one.kind, one.what) for one in found.hits] == [
        ("departure", "It would wait until Thu 26 Nov, 03:00 Berlin (UTC+1)."),
        ("vote", "After 2 d 12 h a person would have to say that it goes on."),
    ]


def test_w10_votes_that_would_grow_too_old_are_named() -> None:
    found = over(world.cleared(), -HOUR, timedelta(days=15))
    assert said(found)[-1] == "The go of Rob would be too old, and asked for again."


def test_w10_what_is_rolling_now_is_named_as_such() -> None:
    one = world.rolling()
    window = typed(one.departs_at - HOUR, one.departs_at + 60 * HOUR)
    found = rehearse(window, one.departs_at + 35 * MINUTE)
    assert said(found) == [
        "Rolling now. Storefront would be held at 25 % until Thu 26 Nov, 03:00 Berlin (UTC+1)."
    ]


def test_w10_a_soft_window_waits_for_an_acknowledgement_and_a_notice_hits_nothing() -> None:
    one = departure()
    assert said(over(one, -HOUR, 5 * HOUR, level=Stops.SOFT)) == [
        "It would wait for somebody who acknowledges the window."
    ]
    assert said(over(one, 35 * MINUTE, 5 * HOUR, level=Stops.SOFT)) == [
        "Storefront would be held at 25 % for somebody who acknowledges the window."
    ]
    notice = over(one, -HOUR, 5 * HOUR, level=Stops.NOTICE)
    assert (notice.hits, notice.proposals) == ([], [])
    assert not any("hits no departure" in one for one in notice.warnings)


def test_w10_a_window_that_allows_hits_what_leaves_outside_it() -> None:
    one = departure()
    assert said(over(one, 3 * HOUR, 5 * HOUR, effect=Effect.ALLOW)) == [
        "It would wait until Mon 23 Nov, 18:00 Berlin (UTC+1)."
    ]
    assert over(one, -HOUR, 5 * HOUR, effect=Effect.ALLOW).hits == []


def test_w10_only_its_places_and_lanes_are_hit() -> None:
    one = departure()
    for where in (
        {"includes": (Where(service=make.service("Search")),)},
        {"includes": (Where(environment=make.environment("staging")),)},
        {"excludes": (Where(service=make.service()),)},
        {"lanes": frozenset({Lane.HOTFIX})},
    ):
        assert over(one, -HOUR, 5 * HOUR, **where).hits == []
    assert over(one, -HOUR, 5 * HOUR, includes=(Where(team=make.team()),)).hits


def test_w10_a_window_that_hits_nothing_says_so() -> None:
    one = departure()
    found = over(one, LASTS, 5 * HOUR)
    assert found.hits == []
    assert found.warnings[-1].startswith("It hits no departure that is planned.")


def test_w10_departures_that_are_over_or_past_are_not_hit() -> None:
    departure(state="arrived")
    departure(state="skipped")
    one = departure(state="cancelled")
    assert over(one, -HOUR, 5 * HOUR).hits == []


def test_w10_every_time_of_a_window_that_comes_again_is_rehearsed() -> None:
    rows = [departure(departs_at=make.NOW + timedelta(days=day, hours=2)) for day in range(3)]
    found = over(rows[0], -HOUR, 2 * HOUR, rule="FREQ=DAILY;COUNT=2")
    assert [one.departure_id for one in found.hits] == [rows[0].pk, rows[1].pk]
    assert found.proposals == []


def test_w10_slots_that_hit_less_are_proposed_nearest_first() -> None:
    one = departure()
    departure(departs_at=one.departs_at + 6 * HOUR)
    found = over(one, -MINUTE, 2 * HOUR)
    spans = [(span.start - one.departs_at, span.end - one.departs_at) for span in found.proposals]
    length = 2 * HOUR + MINUTE
    assert spans[0] == (75 * MINUTE, 75 * MINUTE + length)
    for proposal in found.proposals:
        assert not rehearse(typed(proposal.start, proposal.end), make.NOW).hits
        assert proposal.start >= make.NOW


def test_w10_whole_days_are_proposed_as_whole_days_of_their_zone() -> None:
    one = departure(departs_at=datetime.fromisoformat("2026-11-25T12:00:00+00:00"))
    found = rehearse(
        WindowSettings(
            name="Day off",
            reason="holiday",
            starts_local="2026-11-25",
            ends_local="2026-11-25",
            is_all_day=True,
            time_zone="America/New_York",
        ),
        make.NOW,
    )
    assert [hit.departure_id for hit in found.hits] == [one.pk]
    assert [span.start.isoformat() for span in found.proposals] == [
        "2026-11-24T00:00:00-05:00",
        "2026-11-26T00:00:00-05:00",
        "2026-11-27T00:00:00-05:00",
    ]


def test_w10_a_window_is_judged_by_itself() -> None:
    one = departure()
    make.window("Other", starts_at=one.departs_at - HOUR, ends_at=one.departs_at + 9 * HOUR)
    assert said(over(one, -HOUR, 5 * HOUR)) == ["It would wait until Mon 23 Nov, 20:00 Berlin (UTC+1)."]


def test_w10_nothing_is_written() -> None:
    before = (Window.objects.count(), Occurrence.objects.count(), Event.objects.count())
    over(departure(), -HOUR, 60 * HOUR)
    assert (Window.objects.count(), Occurrence.objects.count(), Event.objects.count()) == before


def test_w10_a_rehearsal_takes_as_many_queries_for_three_departures_as_for_one() -> None:
    counts: list[int] = []
    for _ in range(2):
        one = world.cleared()
        if counts:
            world.cleared()
        with CaptureQueriesContext(connection) as captured:
            found = over(one, -HOUR, timedelta(days=15))
        counts.append(len(captured))
    assert found.departures == 3
    assert counts[0] == counts[1] <= 8
