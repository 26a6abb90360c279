"""A departure's page says where it stands, what is aboard, and who is missing."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain import panels
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Dependency
from releasetrain.panels import Audience
from releasetrain.panels.decisions import load_decision
from releasetrain.panels.departures import load_manifest, load_rollout_lines, load_summary
from releasetrain.panels.forecast import load_forecast
from releasetrain.rollouts.models import Hold
from releasetrain.trains.models import Bundle, Departure, Manifest, Vote
from releasetrain.trains.rules.forecast import SHIFT_TAKES
from tests import make

pytestmark = pytest.mark.django_db
MEMBER, STAKEHOLDER = Audience.MEMBER, Audience.STAKEHOLDER


def sealed(**fields: Any) -> Departure:
    """Make a departure with one change aboard whose manifest is sealed."""
    departure = make.departure(state="deciding", sealed_at=make.NOW)
    change = make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    content = {
        "services": [
            {"service": "ledger", "name": "Ledger", "changes": []},
            {"service": "storefront", "name": "Storefront", "changes": [{"id": change.pk, "version": "v0"}]},
        ]
    }
    Manifest.objects.create(
        departure=departure, revision=2, digest="abc", content=content, sealed_at=make.NOW
    )
    return departure


def vote(departure: Departure, name: str, choice: str = "go", **fields: Any) -> None:
    person = make.user(name, Role.RELEASE_MANAGER)
    defaults = {"role": "release_manager", "choice": choice, "digest": "abc", "at": make.NOW}
    Vote.objects.create(departure=departure, user=person, user_label=name, **{**defaults, **fields})


def test_the_summary_forecasts_arrival_from_the_whole_ladder() -> None:
    departure = make.departure()
    make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    summary = load_summary(departure.pk, MEMBER, make.NOW)
    assert summary is not None
    forecast = load_forecast(departure.pk, MEMBER, make.NOW)
    assert forecast is not None and summary.arrives_at == forecast.arrives_at
    assert summary.arrives_at == departure.departs_at + timedelta(minutes=60) + 6 * SHIFT_TAKES


def test_services_that_need_each_other_arrive_one_after_the_other() -> None:
    departure = make.departure()
    for name in ("Ledger", "Storefront"):
        make.change(departure=departure, service=make.service(name), state="aboard", boarded_at=make.NOW)
    Dependency.objects.create(service=make.service("Storefront"), depends_on=make.service("Ledger"))
    summary = load_summary(departure.pk, MEMBER, make.NOW)
    assert summary is not None
    assert summary.arrives_at == departure.departs_at + timedelta(minutes=120) + 12 * SHIFT_TAKES


def test_a_rolling_summary_forecasts_from_the_bake_that_is_left_and_not_at_all_while_held() -> None:
    departure = make.departure(state="rolling")
    make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    rollout = make.rollout(
        departure,
        state="baking",
        stage_index=4,
        desired_weight=50,
        bake_credit_seconds=100,
        bake_needed_seconds=600,
        last_credit_at=make.NOW,
    )
    summary = load_summary(departure.pk, MEMBER, make.NOW)
    assert summary is not None
    assert summary.arrives_at == make.NOW + timedelta(seconds=500 + 600)
    assert summary.live_url == f"/departures/{departure.pk}/live/"
    Hold.objects.create(rollout=rollout, kind="blackout", reason="Black Friday.", opened_at=make.NOW)
    held = load_summary(departure.pk, MEMBER, make.NOW)
    assert held is not None
    assert (held.state, held.arrives_at, [reason.text for reason in held.reasons]) == (
        "held",
        None,
        ["Black Friday."],
    )


def test_a_stage_that_is_still_shifting_has_its_whole_bake_ahead() -> None:
    departure = make.departure(state="rolling")
    make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    make.rollout(departure, state="shifting", stage_index=4, desired_weight=50)
    summary = load_summary(departure.pk, MEMBER, make.NOW)
    assert summary is not None
    assert summary.arrives_at == make.NOW + timedelta(seconds=600 + 600)


def test_the_manifest_shows_the_pinned_version_and_that_newer_commits_exist() -> None:
    departure = sealed()
    manifest = load_manifest(departure.pk, MEMBER, make.NOW)
    assert manifest is not None
    (change,) = manifest.bundles[0].changes
    assert (change.version, bool(change.drift)) == ("v0", True)
    assert (manifest.revision, manifest.digest, manifest.order) == (2, "abc", ["Ledger", "Storefront"])


def test_changes_stand_in_their_bundles_and_the_rest_after_them() -> None:
    departure = make.departure()
    bundle = Bundle.objects.create(departure=departure, name="Tax")
    make.change("Alone", departure=departure, state="aboard", boarded_at=make.NOW)
    make.change("Bundled", departure=departure, bundle=bundle, state="aboard", boarded_at=make.NOW)
    manifest = load_manifest(departure.pk, MEMBER, make.NOW)
    assert manifest is not None
    shown = [(bundle.name, [one.title for one in bundle.changes]) for bundle in manifest.bundles]
    assert shown == [("Tax", ["Bundled"]), ("", ["Alone"])]
    assert manifest.submit_url == f"/changes/new/?departure={departure.pk}"


def test_a_decision_names_who_voted_and_who_is_missing() -> None:
    departure = sealed()
    make.user("Zoe", Role.RELEASE_MANAGER)
    vote(departure, "Maya")
    departure.plan["requirements"] = [{"role": "release_manager", "quorum": 2}]
    departure.save(update_fields=["plan"])
    decision = load_decision(departure.pk, MEMBER, make.NOW)
    assert decision is not None
    (need,) = decision.needs
    assert (need.role, need.given, need.quorum, need.missing) == ("Release manager", 1, 2, "Zoe")
    assert [(ballot.person, ballot.choice) for ballot in need.ballots] == [("Maya", "go")]
    assert (decision.revision, decision.digest) == (2, "abc")


def test_a_vote_that_does_not_count_says_why() -> None:
    departure = sealed()
    vote(departure, "Maya", digest="an older one")
    decision = load_decision(departure.pk, MEMBER, make.NOW)
    assert decision is not None
    assert [ballot.not_counted for ballot in decision.needs[0].ballots] == [
        "Maya said go to an older manifest."
    ]


def test_a_stakeholder_reads_numbers_and_no_names() -> None:
    departure = sealed()
    make.user("Zoe", Role.RELEASE_MANAGER)
    vote(departure, "Maya", choice="no_go", reason="Ana is away")
    drawn = "".join(
        panels.render(f"departure/{part}", departure.pk, STAKEHOLDER, make.NOW)
        for part in ("summary", "manifest", "decision", "rollouts", "feed")
    )
    for name in ("Maya", "Zoe", "Ana is away", "somebody"):
        assert name not in drawn


def test_a_policy_that_asks_nobody_says_who_answers_for_that() -> None:
    departure = make.departure(make.train(policy=make.policy()))
    departure.plan |= {"no_approval_needed": True, "policy_owner": "Storefront"}
    departure.save(update_fields=["plan"])
    decision = load_decision(departure.pk, MEMBER, make.NOW)
    assert decision is not None
    assert decision.no_approval_needed == "No approval is needed. Storefront answers for that."


def test_each_rollout_of_a_departure_has_a_line() -> None:
    departure = make.departure(state="rolling")
    make.rollout(departure, make.target("Ledger"), state="succeeded", desired_weight=100)
    rollout = make.rollout(
        departure, state="baking", desired_weight=1, bake_credit_seconds=60, bake_needed_seconds=600
    )
    lines = load_rollout_lines(departure.pk, MEMBER, make.NOW)
    assert [(line.service, line.state, line.weight) for line in lines] == [
        ("Ledger", "succeeded", 100),
        ("Storefront", "baking", 1),
    ]
    assert lines[1].url == f"/departures/{departure.pk}/live/#rollout-{rollout.pk}"


@pytest.mark.parametrize("load", [load_summary, load_manifest, load_decision])
def test_there_is_nothing_to_show_of_a_departure_that_does_not_exist(load: object) -> None:
    assert load(4711, MEMBER, make.NOW) is None  # type: ignore[operator]
    assert panels.departure_context(4711, MEMBER, make.NOW) is None
    assert panels.live_page_context(4711, MEMBER, make.NOW) is None


def test_page_and_socket_draw_from_the_same_shapes() -> None:
    departure = sealed()
    page = panels.departure_context(departure.pk, MEMBER, make.NOW)
    assert page is not None
    for name in ("summary", "manifest", "decision"):
        alone = panels.context(f"departure/{name}", departure.pk, MEMBER, make.NOW)
        assert alone is not None
        assert alone[name] == page[name]
