"""Services and what they need."""

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import may, roles_of
from releasetrain.catalog.actions import add_dependency, add_environment, add_region
from releasetrain.catalog.models import ServiceRole
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid
from tests import make

pytestmark = pytest.mark.django_db


def test_i9_a_circle_of_services_is_refused_by_name() -> None:
    shop, payments = make.service("Shop"), make.service("Payments")
    add_dependency(service=shop, depends_on=payments, by=None, now=make.NOW)
    with pytest.raises(Invalid, match="Payments → Shop → Payments"):
        add_dependency(service=payments, depends_on=shop, by=None, now=make.NOW)


def test_a_role_for_one_service_reaches_no_other() -> None:
    shop, payments = make.service("Shop"), make.service("Payments")
    person = make.user("Ada")
    ServiceRole.objects.create(user=person, service=shop, role=Role.ON_CALL)
    roles = roles_of(person)
    assert may(roles, Role.ON_CALL, shop)
    assert not may(roles, Role.ON_CALL, payments)


def test_t7_a_region_is_added_with_a_zone_that_is_known() -> None:
    with pytest.raises(Invalid, match="Did you mean Asia/Tokyo") as refused:
        add_region(slug="asia", name="Asia", time_zone="Asia/Tokio", by=None, now=make.NOW)
    assert refused.value.field == "time_zone"
    asia = add_region(slug="asia", name="Asia", time_zone="Asia/Tokyo", by=None, now=make.NOW)
    where = add_environment(slug="asia", name="Production Asia", by=None, now=make.NOW, region=asia)
    assert (where.region, asia.time_zone) == (asia, "Asia/Tokyo")
    assert list(Event.objects.values_list("kind", flat=True)) == [
        "catalog.region.added",
        "catalog.environment.added",
    ]
