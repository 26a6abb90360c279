"""What is aboard at the cut-off is fixed under one digest."""

from dataclasses import replace
from datetime import timedelta

import pytest

from releasetrain.catalog.models import Dependency
from releasetrain.events.models import Event
from releasetrain.lib.hashing import digest
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import NotDue
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.policies import PolicySettings
from releasetrain.trains.rules.states import Choice
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


def test_boarding_opens_with_the_plan_that_the_train_has_now() -> None:
    departure = make.departure(state="scheduled", plan={})
    opened = actions.open_boarding(departure, now=make.NOW)
    assert opened.state == "boarding"
    assert opened.plan["requirements"] == [{"role": "release_manager", "quorum": 1}]
    assert opened.plan["policy"] == departure.train.policy.name


@pytest.mark.parametrize("early", [True, False])
def test_boarding_opens_neither_early_nor_late(early: bool) -> None:
    departure = make.departure(state="scheduled")
    at = departure.boards_at - INSTANT if early else departure.cut_off_at
    with pytest.raises(NotDue):
        actions.open_boarding(departure, now=at)


def test_a_seal_writes_the_manifest_with_its_digest() -> None:
    departure = world.sealed()
    [manifest] = departure.manifests.all()
    assert (departure.state, manifest.revision) == ("deciding", 1)
    assert manifest.digest == digest(manifest.content)
    assert manifest.content["services"][0]["changes"][0]["title"] == "Show prices with tax"
    assert world.kinds(departure) == ["departure.sealed"]


def test_nothing_is_sealed_before_its_cut_off_or_twice() -> None:
    departure = make.departure()
    world.aboard(departure)
    with pytest.raises(NotDue, match="is sealed at its cut-off"):
        actions.seal(departure, now=departure.cut_off_at - INSTANT)
    world.sealed(departure)
    with pytest.raises(NotDue, match="is sealed already"):
        actions.seal(departure, now=departure.cut_off_at)
    assert departure.manifests.count() == 1


def test_i10_an_empty_departure_is_skipped() -> None:
    departure = actions.seal(make.departure(), now=make.NOW + timedelta(hours=1))
    assert (departure.state, departure.outcome) == ("skipped", "Nothing was aboard at the cut-off.")
    told = Event.objects.get(kind="trains.departure.skipped")
    assert told.data["captain"] == "a release manager of Storefront"
    assert told.data["reason"] == departure.outcome


def test_i15_an_archived_service_blocks_the_seal_until_somebody_acts() -> None:
    departure = make.departure()
    change = world.aboard(departure)
    change.service.archived_at = make.NOW
    change.service.save(update_fields=["archived_at"])
    held = actions.seal(departure, now=departure.cut_off_at)
    assert (held.state, held.held_kind) == ("boarding", "manifest")
    assert (
        held.held_reason
        == "Storefront is archived. Take its changes off, or let an administrator bring it back."
    )
    change.service.archived_at = None
    change.service.save(update_fields=["archived_at"])
    actions.release(held, by=world.manager(), now=departure.cut_off_at)
    assert actions.seal(held, now=departure.cut_off_at).state == "deciding"


def test_i15_the_manifest_keeps_the_names_of_its_time() -> None:
    departure = world.sealed()
    service = make.service()
    service.name = "Shop window"
    service.save(update_fields=["name"])
    assert departure.manifests.get().content["services"][0]["name"] == "Storefront"


def test_i9_services_that_need_each_other_in_a_circle_hold_the_seal_with_the_circle_printed() -> None:
    departure = make.departure()
    search = make.service("Search")
    world.aboard(departure)
    world.aboard(departure, service=search)
    Dependency.objects.create(service=search, depends_on=make.service())
    Dependency.objects.create(service=make.service(), depends_on=search)
    held = actions.seal(departure, now=departure.cut_off_at)
    assert held.held_kind == "manifest"
    assert (
        "Search → Storefront → Search" in held.held_reason
        or "Storefront → Search → Storefront" in held.held_reason
    )


def test_d11_a_policy_that_needs_nobody_on_purpose_clears_at_the_seal() -> None:
    departure = world.sealed(make.departure(make.train(policy=make.policy())))
    assert departure.state == "cleared"
    assert world.kinds(departure) == ["departure.sealed", "departure.cleared"]


def test_d11_a_policy_that_asks_nobody_by_accident_clears_nothing() -> None:
    departure = make.departure()
    departure.plan = {**departure.plan, "requirements": []}
    departure.save(update_fields=["plan"])
    departure = world.sealed(departure)
    assert departure.state == "deciding"
    assert "asks nobody" in queries.standing_of(departure, departure.cut_off_at).verdict.sentence()


def test_d2_a_departure_that_no_tick_opened_takes_its_plan_over_at_the_seal() -> None:
    departure = world.sealed(make.departure(state="scheduled", plan={}))
    assert departure.plan["requirements"] == [{"role": "release_manager", "quorum": 1}]


def test_d2_a_policy_that_changes_after_the_seal_changes_nothing_for_the_sealed() -> None:
    departure = world.sealed()
    policy = departure.train.policy
    settings = replace(PolicySettings.of(policy), asks=(), no_approval_needed=True)
    proposal = actions.propose_policy(policy, settings, reason="slow", by=world.manager("Kim"), now=make.NOW)
    assert actions.vote_on_policy(proposal, choice=Choice.GO, by=world.manager(), now=make.NOW).is_adopted
    policy.refresh_from_db()
    assert policy.no_approval_needed
    standing = queries.standing_of(Departure.objects.get(pk=departure.pk), departure.cut_off_at)
    assert standing.tally
    assert not standing.tally.is_go


def test_the_services_of_a_manifest_stand_in_the_order_in_which_they_move() -> None:
    departure = make.departure()
    search = make.service("Search")
    world.aboard(departure)
    world.aboard(departure, service=search)
    Dependency.objects.create(service=make.service(), depends_on=search)
    manifest = world.sealed(departure).manifests.get()
    assert [one["name"] for one in manifest.content["services"]] == ["Search", "Storefront"]
