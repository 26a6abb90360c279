"""Open incidents, and call them over."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Service
from releasetrain.events.actions import Actor, record
from releasetrain.incidents.models import Incident
from releasetrain.incidents.rules import TITLE_LENGTH, why_not_title
from releasetrain.lib.errors import Invalid, Refused


class AlreadyResolved(Refused):
    """Refuse to end what has ended."""

    code = "already_resolved"


@transaction.atomic
def open_incident(*, service: Service, title: str, by: Actor | None, now: datetime) -> Incident:
    """Open an incident on a service; a part of this software that opens one is named in the log only.

    :raises Invalid: the title says nothing
    """
    if why := why_not_title(title):
        raise Invalid(why, field="title")
    incident = Incident.objects.create(
        service=service,
        title=title.strip()[:TITLE_LENGTH],
        opened_at=now,
        opened_by=by if isinstance(by, User) else None,
    )
    record(kind="incidents.incident.opened", subject=incident, actor=by, now=now, service=service.name)
    return incident


@transaction.atomic
def resolve_incident(incident: Incident, *, by: Actor | None, now: datetime) -> Incident:
    """Call an incident over.

    :raises AlreadyResolved: it is
    """
    locked = (
        Incident.objects.select_for_update(no_key=True, of=("self",))
        .select_related("service")
        .get(pk=incident.pk)
    )
    if locked.resolved_at is not None:
        raise AlreadyResolved(f"“{locked}” was resolved already, at {locked.resolved_at:%Y-%m-%d %H:%M} UTC.")
    locked.resolved_at = now
    locked.save(update_fields=["resolved_at"])
    record(
        kind="incidents.incident.resolved",
        subject=locked,
        actor=by,
        now=now,
        service=locked.service.name,
    )
    return locked
