"""Services move in the order of the manifest: by their wiring, and by what their changes need."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.catalog.models import Dependency
from releasetrain.rollouts.actions.launch import launch
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.together import blocks
from releasetrain.trains import actions, queries
from releasetrain.trains.models import Manifest
from tests import make
from tests.trains import world
from tests.trains.test_bundles import need

pytestmark = pytest.mark.django_db


def launched(*, by_wiring: bool = False) -> dict[str, Rollout]:
    """Launch a change of Storefront that needs one of Zebra, or services that do."""
    departure = make.departure()
    zebra = make.service("Zebra")
    late, early = world.aboard(departure), world.aboard(departure, service=zebra)
    make.target("Zebra")
    if by_wiring:
        Dependency.objects.create(service=late.service, depends_on=zebra)
    else:
        need(late, early)
    departure = world.rolling(departure)
    launch(departure, departure.departs_at)
    return {one.target.service.name: one for one in Rollout.objects.select_related("target__service")}


@pytest.mark.parametrize("by_wiring", [True, False])
def test_a_service_waits_for_what_the_manifest_says(by_wiring: bool) -> None:
    rollouts = launched(by_wiring=by_wiring)
    [block] = blocks(rollouts["Storefront"])
    assert block.reason == "It needs Zebra to arrive first."
    assert list(blocks(rollouts["Zebra"])) == []
    Rollout.objects.filter(pk=rollouts["Zebra"].pk).update(state="succeeded")
    assert list(blocks(rollouts["Storefront"])) == []


def test_what_is_wired_after_the_seal_changes_no_order() -> None:
    rollouts = launched()
    Dependency.objects.create(
        service=rollouts["Zebra"].target.service, depends_on=rollouts["Storefront"].target.service
    )
    assert list(blocks(rollouts["Zebra"])) == []


def test_a_manifest_that_keeps_no_order_is_followed_by_the_wiring() -> None:
    rollouts = launched(by_wiring=True)
    manifest = Manifest.objects.get()
    for service in manifest.content["services"]:
        del service["waits_for"]
    manifest.save(update_fields=["content"])
    assert [one.reason for one in blocks(rollouts["Storefront"])] == ["It needs Zebra to arrive first."]


def test_a_rollout_that_waits_reads_numbers_and_no_manifest() -> None:
    rollouts = launched()
    with CaptureQueriesContext(connection) as asked:
        list(blocks(rollouts["Storefront"]))
    assert len(asked) == 3


def test_the_forecast_follows_what_changes_need() -> None:
    departure = make.departure()
    world.aboard(departure)
    early = world.aboard(departure, service=make.service("Zebra"))
    make.target("Zebra")
    need(departure.changes.exclude(pk=early.pk).get(), early)
    departure = actions.seal(departure, now=departure.cut_off_at)
    standing = queries.standing_of(departure, departure.cut_off_at)
    assert standing.foreseen
    assert [run.name for run in standing.foreseen.route.first] == ["Zebra"]
