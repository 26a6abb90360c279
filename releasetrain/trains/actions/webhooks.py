"""Take in what code hosts say about pull requests; the endpoint and the command call the same verb."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from releasetrain.accounts.models import Team
from releasetrain.catalog.actions import add_service
from releasetrain.catalog.models import Service
from releasetrain.events.actions import SystemActor, record
from releasetrain.lib.errors import Invalid
from releasetrain.trains.actions.changes import withdraw
from releasetrain.trains.actions.locking import locked_change, locked_departure
from releasetrain.trains.actions.refusals import CannotLeave, UnknownRepository
from releasetrain.trains.models import Change, WebhookDelivery
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState
from releasetrain.trains.webhooks import github
from releasetrain.trains.webhooks.reading import Ignored, PullRequest, Step, clean, decode

GITHUB = SystemActor("GitHub")
HOSTS = {"github"}
# What a code host may still edit: nobody here has judged it yet.
OPEN = frozenset({ChangeState.SUBMITTED, ChangeState.ABOARD})


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a message, in a sentence; `change` is the one that it was about, if any."""

    outcome: str
    change: Change | None = None
    is_new: bool = False
    is_duplicate: bool = False


@transaction.atomic
def ingest_webhook(
    *,
    host: str,
    event: str,
    delivery_id: str,
    payload: Mapping[str, Any] | bytes,
    now: datetime,
    new_services_of: Team | None = None,
) -> Ingested:
    """Take in one message of a code host, once however often it is delivered.

    :param payload: the body as received, or as decoded
    :param new_services_of: the team that gets a service for a repository nobody knows; None refuses it
    :raises Invalid: it cannot be read, with what is wrong
    :raises UnknownRepository: no service belongs to the repository
    """
    _check_envelope(host, event, delivery_id)
    decoded = decode(payload) if isinstance(payload, bytes) else payload
    delivery, is_first = WebhookDelivery.objects.get_or_create(
        host=host, delivery_id=delivery_id, defaults={"event": event, "received_at": now, "outcome": ""}
    )
    if not is_first:
        return Ingested(f"This delivery came before: {delivery.outcome}", is_duplicate=True)
    message = github.parse(event, decoded)
    if isinstance(message, Ignored):
        result = Ingested(message.why)
    else:
        result = ingest_pull_request(message, now=now, new_services_of=new_services_of)
    delivery.outcome = result.outcome[:300]
    delivery.save(update_fields=["outcome"])
    return result


@transaction.atomic
def ingest_pull_request(pull: PullRequest, *, now: datetime, new_services_of: Team | None = None) -> Ingested:
    """Bring the change of a pull request up to what its code host says of it.

    :raises UnknownRepository: no service belongs to the repository
    """
    service = _service_for(pull, now, new_services_of)
    current = (
        Change.objects.filter(external_id=pull.external_id).values_list("departure_id", flat=True).first()
    )
    if current is not None:
        locked_departure(current)
    if pull.step is Step.WITHDRAW:
        return _take_back(pull, now)
    return _submit_or_update(pull, service, now)


def _check_envelope(host: str, event: str, delivery_id: str) -> None:
    if host not in HOSTS:
        raise Invalid(f"“{clean(host)[:30]}” is not a code host that we read.", field="host")
    for field, text in (("event", event), ("delivery_id", delivery_id)):
        if not text or len(text) > 100 or clean(text) != text:
            raise Invalid(
                f"A message names its {field.replace('_', ' ')}, in at most 100 characters.", field=field
            )


def _service_for(pull: PullRequest, now: datetime, new_services_of: Team | None) -> Service:
    found = Service.objects.filter(repository__iexact=pull.repository).order_by("archived_at", "pk").first()
    if found is not None:
        return found
    if new_services_of is None:
        raise UnknownRepository(
            f"No service belongs to the repository {pull.repository}. Set it as the repository of a service.",
            who="an administrator",
        )
    return add_service(
        slug=_free_slug(pull.repository),
        name=pull.repository.rpartition("/")[2][:100],
        team=new_services_of,
        repository=pull.repository,
        by=GITHUB,
        now=now,
    )


def _free_slug(repository: str) -> str:
    """Return the repository's own name as a slug, with its owner in front where that is taken."""
    own = slugify(repository.rpartition("/")[2])[:50] or "service"
    if not Service.objects.filter(slug=own).exists():
        return own
    return slugify(repository.replace("/", "-"))[:50]


def _take_back(pull: PullRequest, now: datetime) -> Ingested:
    """Withdraw the change of a draft or of a pull request that was closed without a merge."""
    why = "it is a draft again" if pull.is_draft else "it was closed without a merge"
    change = Change.objects.filter(external_id=pull.external_id).first()
    if change is None:
        return Ingested(f"{pull.external_id} is no change here, and {why}.")
    if change.state not in OPEN:
        return Ingested(f"{pull.external_id} is {change.state.replace('_', ' ')} already.", change)
    try:
        gone = withdraw(change, by=GITHUB, now=now, reason=why)
    except CannotLeave as refusal:
        return Ingested(f"{pull.external_id} stays aboard although {why}. {refusal.message}", change)
    return Ingested(f"{pull.external_id} was withdrawn: {why}.", gone)


def _submit_or_update(pull: PullRequest, service: Service, now: datetime) -> Ingested:
    change, is_new = Change.objects.get_or_create(
        external_id=pull.external_id,
        defaults={
            "title": pull.title,
            "url": pull.url,
            "service": service,
            "category": service.category,
            "version": pull.version,
            "author_label": pull.author,
            "description": pull.body,
            "submitted_at": now,
            "merged_at": pull.merged_at,
            "state": ChangeState.SUBMITTED.value,
        },
    )
    if is_new:
        record(
            kind="trains.change.submitted",
            subject=change,
            actor=GITHUB,
            now=now,
            service=service.name,
            version=change.version,
        )
        return Ingested(f"{pull.external_id} is a new change of {service.name}.", change, is_new=True)
    return _update(locked_change(change.pk), pull, now)


def _update(change: Change, pull: PullRequest, now: datetime) -> Ingested:
    """Bring a known change up to date; what is sealed keeps its version and shows that it drifted (I5)."""
    if change.state == ChangeState.WITHDRAWN:
        return _offer_again(change, pull, now)
    is_pinned = change.state not in OPEN or bool(
        change.departure and change.departure.state not in BOARDING_STATES
    )
    wanted: dict[str, Any] = {"latest_version": pull.version, "merged_at": pull.merged_at or change.merged_at}
    if not is_pinned:
        wanted["version"] = pull.version
    if not is_pinned and change.submitted_by is None:
        # What somebody has typed here is theirs.
        wanted |= {
            "title": pull.title,
            "url": pull.url or change.url,
            "description": pull.body or change.description,
        }
    changed = [field for field, value in wanted.items() if getattr(change, field) != value]
    visible = [field for field in changed if field != "latest_version"]
    has_drifted = is_pinned and "latest_version" in changed and pull.version != change.version
    for field in changed:
        setattr(change, field, wanted[field])
    if changed:
        change.save(update_fields=changed)
    if has_drifted:
        record(
            kind="trains.change.drifted",
            subject=change,
            actor=GITHUB,
            now=now,
            version=change.version,
            latest=pull.version,
        )
        return Ingested(f"{pull.external_id} has newer commits; {change.version[:12]} stays aboard.", change)
    if not visible:
        return Ingested(f"{pull.external_id} ({pull.action}): nothing that we keep has changed.", change)
    what = ", ".join(field.replace("_", " ") for field in visible)
    record(kind="trains.change.updated", subject=change, actor=GITHUB, now=now, what=what)
    return Ingested(f"{pull.external_id} was updated: {what}.", change)


def _offer_again(change: Change, pull: PullRequest, now: datetime) -> Ingested:
    """Take a withdrawn change in again, now that its pull request is open and no draft.

    Only a request to open it does that: a label on something that was withdrawn here says nothing.
    """
    if pull.action not in ("reopened", "ready_for_review"):
        return Ingested(f"{pull.external_id} was withdrawn; “{pull.action}” does not bring it back.", change)
    change.title, change.url, change.version = pull.title, pull.url or change.url, pull.version
    change.state, change.submitted_at, change.latest_version = ChangeState.SUBMITTED.value, now, pull.version
    change.save(update_fields=["title", "url", "version", "state", "submitted_at", "latest_version"])
    record(
        kind="trains.change.submitted",
        subject=change,
        actor=GITHUB,
        now=now,
        service=change.service.name,
        version=change.version,
    )
    return Ingested(f"{pull.external_id} is offered again.", change)
