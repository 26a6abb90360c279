"""A departure's page foresees its stages against windows and rotas, and lists deadlines and overrides."""

from datetime import UTC, datetime, timedelta

import pytest

from releasetrain import panels
from releasetrain.accounts.actions import save_shift
from releasetrain.accounts.rules import Role
from releasetrain.panels import Audience
from releasetrain.panels.deadlines import load_deadlines
from releasetrain.panels.departures import load_summary
from releasetrain.panels.forecast import load_forecast
from releasetrain.panels.overrides import load_overrides, state_of
from releasetrain.trains.models import Departure, Override
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
MEMBER, STAKEHOLDER = Audience.MEMBER, Audience.STAKEHOLDER
AUDIENCES = (Audience.OPERATOR, MEMBER, STAKEHOLDER)


def departure() -> Departure:
    """Make a departure at 14:00 UTC, 15:00 in Berlin, with one change aboard."""
    made = make.departure()
    world.aboard(made)
    return made


def test_each_stage_has_its_instant_and_who_is_on_call_then() -> None:
    made = departure()
    boss = make.user("Boss", Role.RELEASE_MANAGER)
    # Priya hands over to nobody after the third stage.
    save_shift(
        team=make.team(), time_zone="UTC", starts_local="2026-11-23T08:00", ends_local="2026-11-23T14:31",
        people=[make.user("Priya")], by=boss, now=make.NOW,
    )  # fmt: skip
    forecast = load_forecast(made.pk, MEMBER, make.NOW)
    assert forecast is not None
    stages = forecast.services[0].stages
    assert [stage.weight for stage in stages] == [1, 5, 10, 25, 50, 100]
    assert stages[0].starts_at == made.departs_at
    assert [stage.on_call for stage in stages[:3]] == [("Priya",)] * 3
    assert [stage.is_uncovered for stage in stages] == [False, False, False, True, True, True]
    assert forecast.uncovered == 3
    assert forecast.services[0].on_call_url == "/teams/storefront/on-call/"
    drawn = panels.render("departure/forecast", made.pk, MEMBER, make.NOW)
    assert " ".join(drawn.split()).count("nobody on call") == 3


def test_w4_the_last_safe_departure_and_the_next_ones_are_named_with_why() -> None:
    made = departure()
    opens = made.departs_at + timedelta(minutes=35)
    make.window(name="Weekend", reason="nobody is in", starts_at=opens, ends_at=opens + timedelta(hours=60))
    forecast = load_forecast(made.pk, MEMBER, make.NOW)
    assert forecast is not None and forecast.hold is not None
    assert (forecast.hold.weight, forecast.hold.until) == (25, opens + timedelta(hours=60))
    assert not forecast.is_safe
    assert forecast.last_safe_at is not None and forecast.last_safe_at < made.departs_at
    assert "“Weekend” begins on" in forecast.why
    assert forecast.alternatives[0] == opens + timedelta(hours=60)
    drawn = panels.render("departure/forecast", made.pk, MEMBER, make.NOW)
    assert "Will be held at 25 %" in drawn


def test_a_stage_on_another_day_says_which() -> None:
    made = make.departure(departs_at=datetime(2026, 11, 23, 22, 40, tzinfo=UTC))
    world.aboard(made)
    forecast = load_forecast(made.pk, MEMBER, make.NOW)
    assert forecast is not None
    assert [stage.day for stage in forecast.services[0].stages][:3] == ["", "", "Tue 24 Nov"]


def test_stakeholders_read_times_and_no_names() -> None:
    made = departure()
    made.captain, made.handover_note = make.user("Maya Secret", Role.RELEASE_MANAGER), "The lock of Ada."
    made.moved = {
        "cut_off:": {
            "from": make.NOW.isoformat(),
            "by": "Maya Secret",
            "at": make.NOW.isoformat(),
            "reason": "private",
        }
    }
    made.cut_offs = {"": made.cut_off_at.isoformat()}
    made.save()
    window = make.window(
        name="Window Secret",
        starts_at=made.departs_at,
        ends_at=made.departs_at + timedelta(hours=1),
        reason="private",
    )
    asked = Override.objects.create(
        departure=made, reason="private", requested_by_label="Maya Secret", requested_at=make.NOW,
        expires_at=make.NOW + timedelta(hours=9),
    )  # fmt: skip
    asked.windows.add(window)
    for name in ("forecast", "deadlines", "summary", "manifest", "decision"):
        drawn = panels.render(f"departure/{name}", made.pk, STAKEHOLDER, make.NOW)
        assert "Secret" not in drawn and "private" not in drawn and "Ada" not in drawn, name
    assert "Maya Secret" not in panels.render("departure/overrides", made.pk, STAKEHOLDER, make.NOW)
    assert "private" not in panels.render("departure/overrides", made.pk, STAKEHOLDER, make.NOW)


def test_every_new_fragment_is_drawn_for_every_audience_in_every_state() -> None:
    for state in ("scheduled", "boarding", "deciding", "cleared", "rolling", "arrived", "skipped"):
        made = make.departure(state=state, departed_at=make.NOW if state == "rolling" else None)
        for name in ("forecast", "deadlines", "overrides"):
            for audience in AUDIENCES:
                assert panels.render(f"departure/{name}", made.pk, audience, make.NOW), (state, name)
    for name in ("forecast", "deadlines"):
        assert panels.render(f"departure/{name}", 4711, MEMBER, make.NOW) == ""


def test_deadlines_stand_in_order_with_what_was_moved() -> None:
    made = make.departure(
        cut_offs={
            "": (make.NOW + timedelta(hours=1)).isoformat(),
            "database": (make.NOW - timedelta(hours=3)).isoformat(),
        },
        milestones=[{"name": "Texts in", "at": (make.NOW + timedelta(minutes=5)).isoformat()}],
        moved={
            "milestone:Texts in": {
                "from": (make.NOW - timedelta(hours=1)).isoformat(),
                "by": "Maya",
                "at": make.NOW.isoformat(),
                "reason": "the agency",
            }
        },
    )
    deadlines = load_deadlines(made.pk, MEMBER, make.NOW)
    assert deadlines is not None
    assert [line.label for line in deadlines.lines] == [
        "Cut-off for database",
        "Texts in",
        "Cut-off for everything else",
    ]
    assert [line.is_over for line in deadlines.lines] == [True, False, False]
    moved = deadlines.lines[1]
    assert (moved.was_at, moved.moved_by, moved.why) == (
        make.NOW - timedelta(hours=1),
        "Maya",
        "the agency",
    )


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "asked"),
        ({"expires_at": make.NOW - timedelta(hours=1)}, "expired"),
        ({"approved_at": make.NOW}, "granted"),
        ({"approved_at": make.NOW, "expires_at": make.NOW - timedelta(hours=1)}, "used"),
        (
            {
                "approved_at": make.NOW,
                "expires_at": make.NOW - timedelta(hours=1),
                "reviewed_at": make.NOW,
            },
            "reviewed",
        ),
        ({"withdrawn_at": make.NOW}, "withdrawn"),
    ],
)
def test_w7_an_override_says_how_far_it_has_come(fields: dict[str, datetime], state: str) -> None:
    made = departure()
    defaults = {"requested_at": make.NOW - timedelta(hours=2), "expires_at": make.NOW + timedelta(hours=9)}
    row = Override.objects.create(
        departure=made, reason="law", requested_by_label="Ada", **{**defaults, **fields}
    )
    assert state_of(row, make.NOW) == state
    assert load_overrides(made.pk, MEMBER, make.NOW).lines[0].state == state


def test_w6_the_head_of_the_page_foresees_the_same_arrival_as_the_forecast() -> None:
    made = departure()
    opens = made.departs_at + timedelta(minutes=35)
    make.window(starts_at=opens, ends_at=opens + timedelta(hours=60))
    summary, forecast = load_summary(made.pk, MEMBER, make.NOW), load_forecast(made.pk, MEMBER, make.NOW)
    assert summary is not None and forecast is not None
    assert summary.arrives_at == forecast.arrives_at
    assert summary.arrives_at is not None and summary.arrives_at > opens + timedelta(hours=60)
