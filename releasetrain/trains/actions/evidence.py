"""Take what machines report about versions; the newest word counts, in whatever order they come."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releasetrain.catalog.models import Service
from releasetrain.events.actions import Actor, record
from releasetrain.lib.errors import Invalid
from releasetrain.trains.models import Evidence
from releasetrain.trains.rules.evidence import EvidenceState, replaces, why_not_evidence


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a report: whether it said anything new, or was overtaken by a later one."""

    evidence: Evidence
    is_new: bool
    is_overtaken: bool = False


@transaction.atomic
def report_evidence(
    *,
    service: Service,
    version: str,
    name: str,
    state: EvidenceState,
    at: datetime,
    by: Actor,
    now: datetime,
    url: str = "",
) -> Reported:
    """Keep what a machine says about a version: once however often it is sent, never an older word.

    :param name: of the check, as CI calls it
    :param at: when it was so
    :raises Invalid: it cannot be kept, with what is wrong
    """
    if flaw := why_not_evidence(version=version, name=name, url=url, at=at, now=now):
        field, sentence = flaw
        raise Invalid(sentence, field=field)
    said = {"state": state.value, "url": url, "reported_by": str(by)[:200], "at": at, "received_at": now}
    key = {"service": service, "version": version.strip(), "name": name.strip()}
    row, is_new = Evidence.objects.get_or_create(**key, defaults=said)
    if is_new:
        return _noted(row, by, now)
    locked = Evidence.objects.select_for_update(no_key=True).get(pk=row.pk)
    if not replaces(at, locked.at):
        return Reported(locked, is_new=False, is_overtaken=True)
    is_other = locked.state != state.value
    for field, value in said.items():
        setattr(locked, field, value)
    locked.save(update_fields=list(said))
    return _noted(locked, by, now) if is_other else Reported(locked, is_new=False)


def _noted(row: Evidence, by: Actor, now: datetime) -> Reported:
    record(
        kind="trains.evidence.reported",
        subject=row,
        actor=by,
        now=now,
        state=row.state,
        service=row.service.name,
        version=row.version,
    )
    return Reported(row, is_new=True)
