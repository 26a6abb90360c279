from datetime import timedelta

import pytest

from releasetrain.events.actions import SystemActor
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.incidents.actions import AlreadyResolved, open_incident, resolve_incident
from releasetrain.incidents.models import Incident
from releasetrain.lib.errors import Invalid
from tests import make

pytestmark = pytest.mark.django_db


def test_a_person_opens_an_incident_and_the_log_says_so() -> None:
    grace = make.user("Grace")
    incident = open_incident(service=make.service(), title="  Payments fail ", by=grace, now=make.NOW)
    assert (incident.title, incident.opened_by, incident.opened_at) == ("Payments fail", grace, make.NOW)
    event = Event.objects.get()
    assert sentence(event) == "Grace opened the incident “Payments fail” on Storefront"
    assert event.topics == ["board", f"service:{incident.service_id}"]


def test_the_engine_opens_an_incident_under_its_own_name() -> None:
    incident = open_incident(
        service=make.service(), title="x" * 300, by=SystemActor("rollout engine"), now=make.NOW
    )
    assert incident.opened_by is None
    assert len(incident.title) == 200
    assert Event.objects.get().actor_label == "rollout engine"


def test_an_incident_needs_a_title() -> None:
    with pytest.raises(Invalid, match="what is wrong"):
        open_incident(service=make.service(), title=" ", by=None, now=make.NOW)
    assert not Incident.objects.exists()


def test_an_incident_is_resolved_once() -> None:
    incident = open_incident(service=make.service(), title="Payments fail", by=None, now=make.NOW)
    resolved = resolve_incident(incident, by=None, now=make.NOW + timedelta(hours=1))
    assert resolved.resolved_at == make.NOW + timedelta(hours=1)
    with pytest.raises(AlreadyResolved, match="13:00 UTC"):
        resolve_incident(incident, by=None, now=make.NOW + timedelta(hours=2))
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == [
        "incidents.incident.opened",
        "incidents.incident.resolved",
    ]
