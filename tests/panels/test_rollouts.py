"""The live page says where traffic is, what holds it, how guardrails stand, and what may be done."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain import panels
from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import roles_of
from releasetrain.panels import Audience
from releasetrain.panels.guardrails import load_guardrails, points_since
from releasetrain.panels.operator import load_operator
from releasetrain.panels.rollouts import hold_reason, load_holds, load_track
from releasetrain.panels.shapes import Action, Operator
from releasetrain.rollouts.models import Hold, Judgement, Rollout, Transition
from releasetrain.rollouts.rules.states import HoldKind
from tests import make

pytestmark = pytest.mark.django_db
MEMBER, OPERATOR, STAKEHOLDER = Audience.MEMBER, Audience.OPERATOR, Audience.STAKEHOLDER


def baking(**fields: Any) -> Rollout:
    """Make a rollout that has baked a minute of ten at 5 %, verified."""
    defaults = {
        "state": "baking",
        "stage_index": 1,
        "desired_weight": 5,
        "observed_weight": 5,
        "agreed_at": make.NOW - timedelta(seconds=60),
        "observed_at": make.NOW,
        "bake_credit_seconds": 60,
        "bake_needed_seconds": 600,
        "last_credit_at": make.NOW,
        "seq": 7,
    }
    return make.rollout(make.departure(state="rolling"), **{**defaults, **fields})


def hold(rollout: Rollout, kind: str = "operator", **fields: Any) -> Hold:
    return Hold.objects.create(rollout=rollout, kind=kind, reason="Looking.", opened_at=make.NOW, **fields)


def controls(rollout: Rollout) -> tuple[Operator, dict[str, Action]]:
    operator = load_operator(rollout.pk, OPERATOR, make.NOW)
    assert operator is not None
    return operator, {action.name: action for action in (operator.rollback, *operator.commands)}


def test_a_track_counts_down_to_the_end_of_its_bake() -> None:
    track = load_track(baking().pk, MEMBER, make.NOW)
    assert track is not None
    assert (track.bake_ends_at, track.bake_left) == (make.NOW + timedelta(seconds=540), "")
    assert (track.weight, track.next_weight, track.read_back) == (5, 10, "read back 5 % twice")
    assert [(stage.mark, stage.bake_percent) for stage in track.stages[:3]] == [
        ("done", 0),
        ("current", 10),
        ("pending", 0),
    ]


def test_a_held_track_says_what_is_left_and_does_not_count_down() -> None:
    rollout = baking()
    hold(rollout, "metrics_outage")
    track = load_track(rollout.pk, MEMBER, make.NOW)
    assert track is not None
    assert (track.state, track.bake_ends_at, track.bake_left) == ("held", None, "09:00")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"observed_weight": None, "observed_at": None}, "not read back yet"),
        ({"agreed_at": make.NOW}, "read back 5 % once"),
        ({"observed_weight": 1}, "read back 1 %, on the way to 5 %"),
    ],
)
def test_a_weight_is_said_as_far_as_it_was_read_back(fields: dict[str, Any], words: str) -> None:
    track = load_track(baking(**fields).pk, MEMBER, make.NOW)
    assert track is not None
    assert track.read_back == words


def test_a_rolled_back_track_says_why_and_marks_every_stage_it_had_reached() -> None:
    rollout = baking(state="rolled_back", desired_weight=0, reason="Errors ×4.2")
    inside, outside = (load_track(rollout.pk, audience, make.NOW) for audience in (MEMBER, STAKEHOLDER))
    assert inside is not None and outside is not None
    assert (inside.note, outside.note) == ("Errors ×4.2", "")
    assert [stage.mark for stage in inside.stages[:3]] == ["rolled_back", "rolled_back", "pending"]


def test_a_hold_says_who_opened_it_and_only_operators_can_clear_it_here() -> None:
    rollout = baking()
    hold(rollout, opened_by=make.user("Jon"))
    inside, operator = (load_holds(rollout.pk, audience, make.NOW) for audience in (MEMBER, OPERATOR))
    assert inside is not None and operator is not None
    assert "Looking. Jon It stays until somebody resumes it." in inside.lines[0].text
    assert inside.lines[0].clear is None
    assert operator.lines[0].clear is not None
    assert operator.lines[0].clear.url == f"/rollouts/{rollout.pk}/resume/"


@pytest.mark.parametrize("kind", list(HoldKind))
def test_every_hold_says_who_can_clear_it(kind: HoldKind) -> None:
    rollout = baking()
    hold(rollout, kind.value)
    holds = load_holds(rollout.pk, MEMBER, make.NOW)
    assert holds is not None
    assert holds.lines[0].who
    drawn = panels.render("rollout/holds", rollout.pk, MEMBER, make.NOW)
    assert f"<strong>{holds.lines[0].who}</strong> can clear it." in drawn


@pytest.mark.parametrize(
    ("kind", "weight", "deadline", "minutes"),
    [
        ("metrics_outage", 25, None, 30),
        ("metrics_outage", 50, None, 10),
        ("metrics_outage", 25, 5, 5),
        ("operator", 25, 60, None),  # opened by nobody, its clock stands still
        ("error", 25, 60, 60),
        ("blackout", 25, 60, None),
        ("error", 0, 60, None),  # nobody is on the new version
        ("error", 25, None, None),
    ],
)
def test_a_hold_says_when_users_go_back_by_themselves(
    kind: str, weight: int, deadline: int | None, minutes: int | None
) -> None:
    ends_at = make.NOW + timedelta(minutes=deadline) if deadline else None
    rollout = baking(desired_weight=weight, overall_deadline_at=ends_at)
    hold(rollout, kind)
    holds = load_holds(rollout.pk, MEMBER, make.NOW)
    assert holds is not None
    assert holds.lines[0].returns_at == (make.NOW + timedelta(minutes=minutes) if minutes else None)
    drawn = panels.render("rollout/holds", rollout.pk, MEMBER, make.NOW)
    assert ("Should it stay, everybody goes back" in drawn) is (minutes is not None)


def test_the_share_of_users_is_drawn_beside_the_one_that_is_wanted() -> None:
    rollout = baking()
    make.guardrail(rollout.target, kind="sample_ratio")
    make.readings(rollout.target, make.NOW, units=950, candidate=50)
    page = panels.context("rollout/guardrails", rollout.pk, MEMBER, make.NOW)
    assert page is not None
    chart = page["guardrails"].cards[0].chart
    assert chart.points == [(make.NOW.timestamp(), 5.0, None)]
    assert (chart.threshold, chart.limit_word, chart.bad_side, chart.has_baseline) == (
        5.0,
        "Wanted",
        "",
        False,
    )
    assert chart.summary == "The new version got 5.0 % of them last; 5 % are wanted."
    drawn = panels.render("rollout/guardrails", rollout.pk, MEMBER, make.NOW)
    assert "Wanted" in drawn and 'class="over"' not in drawn


def test_where_fewer_is_worse_the_trouble_is_below_the_line() -> None:
    rollout = baking()
    guardrail = make.guardrail(rollout.target, "orders", fewer_is_worse=True, ratio=1.25)
    counted = {"candidate_units": 100, "candidate_bad": 9, "baseline_units": 1000, "baseline_bad": 100}
    Judgement.objects.create(
        rollout=rollout, guardrail=guardrail, stage_index=1, verdict="pending", evidence=counted, at=make.NOW
    )
    (card,) = load_guardrails(rollout.pk, MEMBER, make.NOW).cards  # type: ignore[union-attr]
    assert card.chart is not None
    assert (card.chart.threshold, card.chart.bad_side) == (8.0, "below")


def test_the_processes_of_a_service_are_one_point_of_a_chart() -> None:
    rollout = baking()
    guardrail = make.guardrail(rollout.target)
    for source, bad in (("web-1", 0), ("web-2", 10)):
        make.readings(rollout.target, make.NOW, units=100, bad=bad, source=source)
    points = points_since([rollout], make.NOW - timedelta(minutes=1))
    assert points[rollout.pk][f"{rollout.pk}-{guardrail.pk}"] == ((make.NOW.timestamp(), 5.0, 5.0),)


def test_a_guardrail_says_its_promise_until_it_has_judged() -> None:
    rollout = baking()
    guardrail = make.guardrail(rollout.target)
    before = load_guardrails(rollout.pk, MEMBER, make.NOW)
    assert before is not None
    assert (before.cards[0].verdict, before.cards[0].text) == (
        "not_run",
        "May be at most ×1.1 of the old version, and never above 20%.",
    )
    Judgement.objects.create(
        rollout=rollout,
        guardrail=guardrail,
        stage_index=1,
        verdict="pending",
        sentence="Errors: 500 of 2,000 needed seen.",
        evidence={
            "candidate_units": 500,
            "candidate_bad": 5,
            "baseline_units": 9500,
            "baseline_bad": 38,
            "needed_units": 2000,
            "detectable_ratio": 5.04,
            "log_e": 0.0,
            "log_e_limit": 4.605,
        },
        at=make.NOW,
    )
    (card,) = load_guardrails(rollout.pk, MEMBER, make.NOW).cards  # type: ignore[union-attr]
    assert (card.verdict, card.sample, card.sample_percent) == ("pending", "500 of 2,000 seen", 25)
    assert card.detectable == "this stage can detect ≥ ×5.0"
    assert card.evidence == "Evidence against it: E = 1, fails at 100"
    assert card.chart is not None
    assert (card.chart.threshold, card.chart.points) == (0.44, [])
    assert card.chart.summary == (
        "The new version 1.00%, the old one 0.40% of 500 and 9,500. The line is at 0.44 %."
    )


def test_a_judgement_of_an_earlier_stage_says_nothing_of_this_one() -> None:
    rollout = baking()
    guardrail = make.guardrail(rollout.target)
    Judgement.objects.create(rollout=rollout, guardrail=guardrail, stage_index=0, verdict="pass", at=make.NOW)
    guardrails = load_guardrails(rollout.pk, MEMBER, make.NOW)
    assert guardrails is not None
    assert guardrails.cards[0].verdict == "not_run"


def test_missing_measurements_are_said_in_whole_minutes() -> None:
    rollout = baking(data_fresh_at=make.NOW - timedelta(seconds=200))
    guardrails = load_guardrails(rollout.pk, MEMBER, make.NOW)
    assert guardrails is not None
    assert guardrails.stale.startswith("No fresh measurements for 3 min:")


def test_points_are_the_bad_rates_of_both_arms_and_end_with_the_rollout() -> None:
    rollout = baking(finished_at=make.NOW)
    guardrail = make.guardrail(rollout.target)
    make.readings(rollout.target, make.NOW - timedelta(seconds=10), units=1000, bad=4, candidate_bad=20)
    make.readings(rollout.target, make.NOW + timedelta(seconds=10), units=1000, bad=4)
    points = points_since([rollout], make.NOW - timedelta(minutes=1))
    at = (make.NOW - timedelta(seconds=10)).timestamp()
    assert points == {rollout.pk: {f"{rollout.pk}-{guardrail.pk}": ((at, 2.0, 0.4),)}}
    page = panels.context("rollout/guardrails", rollout.pk, MEMBER, make.NOW)
    assert page is not None
    assert page["guardrails"].cards[0].chart.points == [(at, 2.0, 0.4)]


def test_the_brake_is_always_there_and_what_is_off_says_why() -> None:
    operator, actions = controls(baking())
    assert operator.seq == 7
    assert list(actions) == ["rollback", "pause", "promote", "extend_bake", "skip_bake", "promote_full"]
    assert actions["rollback"].reason is None
    promote = actions["promote"].reason
    assert promote is not None
    assert (promote.code, promote.until) == ("bake", make.NOW + timedelta(seconds=540))


def test_a_paused_rollout_offers_to_resume_and_keeps_the_brake() -> None:
    rollout = baking()
    hold(rollout)
    _, actions = controls(rollout)
    assert "resume" in actions and "pause" not in actions
    assert actions["rollback"].reason is None


def test_w12_what_windows_forbid_is_off_and_says_until_when_and_who_can_change_it() -> None:
    stop = make.window("everything", stops_the_line=True, reason="outage")
    _, actions = controls(baking(bake_credit_seconds=600))
    for name in ("promote", "skip_bake"):
        reason = actions[name].reason
        assert reason is not None
        assert (reason.code, reason.until) == ("window", stop.ends_at)
        assert "“Stop the line: everything” stops this: outage." in reason.text
        assert "a release manager or an administrator" in reason.who
    assert actions["rollback"].reason is None


def test_a_soft_window_is_acknowledged_by_resuming_with_a_reason() -> None:
    rollout = baking()
    make.window(level="soft")
    hold(rollout, "blackout")
    _, actions = controls(rollout)
    assert (actions["resume"].reason, actions["resume"].asks) == (None, "required")


def test_controls_say_the_same_a_moment_later() -> None:
    rollout = baking()
    first = load_operator(rollout.pk, OPERATOR, make.NOW)
    Rollout.objects.filter(pk=rollout.pk).update(
        bake_credit_seconds=62, last_credit_at=make.NOW + timedelta(seconds=2)
    )
    assert load_operator(rollout.pk, OPERATOR, make.NOW + timedelta(seconds=2)) == first


def test_a_rollback_is_told_with_how_long_it_took() -> None:
    rollout = baking(state="rolled_back", desired_weight=0, agreed_at=make.NOW + timedelta(seconds=0.31))
    Transition.objects.create(
        rollout=rollout, seq=8, rule="T9", from_state="baking", to_state="rolling_back", stage_index=1,
        weight=0, fence=2, at=make.NOW,
    )  # fmt: skip
    operator, actions = controls(rollout)
    assert operator.last == "Asked 12:00:00 UTC → traffic at 0 %, read back after 0.31 s."
    assert actions["rollback"].reason is not None


def test_only_operators_have_controls() -> None:
    rollout = baking()
    for audience in (MEMBER, STAKEHOLDER):
        assert load_operator(rollout.pk, audience, make.NOW) is None
        assert panels.render("rollout/operator", rollout.pk, audience, make.NOW) == ""


def test_an_answer_to_a_command_carries_its_refusal_and_asks_for_the_role() -> None:
    rollout = baking()

    def answer(person: User) -> Operator | None:
        found: Operator | None = panels.operator_context(
            rollout.pk, roles_of(person), make.NOW, error="Too late."
        )["operator"]
        return found

    manager = answer(make.user("Maya", Role.RELEASE_MANAGER))
    assert manager is not None and manager.error == "Too late."
    assert answer(make.user("Ana", Role.SUBMITTER)) is None


def test_the_live_page_watches_its_departure_and_each_of_its_rollouts() -> None:
    rollout = baking()
    departure = rollout.departure
    assert departure is not None
    assert panels.live_topics(departure.pk) == [f"departure:{departure.pk}", f"rollout:{rollout.pk}"]
    page = panels.live_page_context(departure.pk, MEMBER, make.NOW)
    assert page is not None
    assert [one.operator for one in page["page"].rollouts] == [None]


@pytest.mark.parametrize("audience", list(Audience))
@pytest.mark.parametrize("name", ["track", "guardrails", "holds", "errors", "operator"])
def test_every_fragment_of_a_rollout_has_one_root_element_with_its_id(audience: Audience, name: str) -> None:
    rollout = baking()
    make.guardrail(rollout.target)
    hold(rollout)
    drawn = panels.render(f"rollout/{name}", rollout.pk, audience, make.NOW)
    assert drawn == "" or f'id="rollout-{rollout.pk}-{name}"' in drawn.partition(">")[0]


def test_w1_a_rollout_held_by_a_window_says_who_can_end_that() -> None:
    hold = Hold(kind="blackout", reason="“Freeze” stops this.", until=make.NOW)
    assert hold_reason(hold).who == "A release manager or an administrator"


def test_a_track_names_the_segment_of_a_stage() -> None:
    ladder = [{"weight": 50, "bake_seconds": 600, "segment": "region=eu"}, *make.LADDER]
    track = load_track(make.rollout(ladder=ladder).pk, Audience.MEMBER, make.NOW)
    assert track is not None
    assert [stage.note for stage in track.stages[:2]] == ["region=eu", ""]


def test_a_share_of_a_segment_is_said_as_one_and_what_comes_next_too() -> None:
    ladder = [{"weight": 50, "bake_seconds": 600, "segment": "region=eu"}, *make.LADDER]
    rollout = baking(ladder=ladder, stage_index=0, desired_weight=50)
    track = load_track(rollout.pk, Audience.MEMBER, make.NOW)
    assert track is not None and track.segment == "region=eu"
    _, actions = controls(rollout)
    said = "1 % of users get the new version, where 50 % of region=eu have it now."
    assert actions["promote"].consequence == said
