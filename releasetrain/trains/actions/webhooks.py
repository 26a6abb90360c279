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
from releasetrain.trains.actions.evidence import report_evidence
from releasetrain.trains.actions.locking import locked_change, locked_departure
from releasetrain.trains.actions.refusals import CannotLeave, UnknownRepository
from releasetrain.trains.actions.withdrawing import ask_to_withdraw
from releasetrain.trains.models import Change, WebhookDelivery
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState
from releasetrain.trains.webhooks import github_checks
from releasetrain.trains.webhooks.github_checks import CheckReport
from releasetrain.trains.webhooks.hosts import HOSTS
from releasetrain.trains.webhooks.reading import Ignored, PullRequest, Step, clean, decode

# What a code host may still edit: nobody here has judged it yet.
OPEN = frozenset({ChangeState.SUBMITTED, ChangeState.STAND_BY, ChangeState.ABOARD})
GITHUB = SystemActor(HOSTS["github"].label)


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
    is_check = host == "github" and event in github_checks.KINDS
    message = github_checks.parse(event, decoded) if is_check else HOSTS[host].parse(event, decoded)
    if isinstance(message, github_checks.CheckReport):
        result = _ingest_check(message, now)
    elif isinstance(message, Ignored):
        result = Ingested(message.why)
    else:
        by = SystemActor(HOSTS[host].label)
        result = ingest_pull_request(message, now=now, by=by, new_services_of=new_services_of)
    delivery.outcome = result.outcome[:300]
    delivery.save(update_fields=["outcome"])
    return result


def _ingest_check(said: CheckReport, now: datetime) -> Ingested:
    """Keep what a code host says of a check, for whichever service the repository belongs to."""
    service = Service.objects.filter(repository__iexact=said.repository).order_by("archived_at", "pk").first()
    if service is None:
        return Ingested(f"No service belongs to the repository {said.repository}.")
    # A host whose clock goes ahead of ours speaks of now.
    report_evidence(
        service=service,
        version=said.version,
        name=said.name,
        state=said.state,
        url=said.url,
        at=min(said.at or now, now),
        by=GITHUB,
        now=now,
    )
    return Ingested(f"“{said.name}” is {said.state.value} for {service.name} {said.version[:12]}.")


@transaction.atomic
def ingest_pull_request(
    pull: PullRequest, *, now: datetime, by: SystemActor = GITHUB, new_services_of: Team | None = None
) -> Ingested:
    """Bring the change of a pull request up to what its code host says of it.

    :param by: the code host
    :raises UnknownRepository: no service belongs to the repository
    """
    service = _service_for(pull, by, now, new_services_of)
    known = Change.objects.filter(external_id=pull.external_id)
    for aboard, waits_for in known.values_list("departure_id", "stand_by_for_id"):
        if on := aboard or waits_for:
            locked_departure(on)
    if pull.step is Step.WITHDRAW:
        return _take_back(pull, by, now)
    return _submit_or_update(pull, service, by, now)


def _check_envelope(host: str, event: str, delivery_id: str) -> None:
    if host not in HOSTS:
        raise Invalid(f"“{clean(host)[:30]}” is not a code host that we read.", field="host")
    for field, text in (("event", event), ("delivery_id", delivery_id)):
        if not text or len(text) > 100 or clean(text) != text:
            raise Invalid(
                f"A message names its {field.replace('_', ' ')}, in at most 100 characters.", field=field
            )


def _service_for(pull: PullRequest, by: SystemActor, now: datetime, new_services_of: Team | None) -> Service:
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
        by=by,
        now=now,
    )


def _free_slug(repository: str) -> str:
    """Return the repository's own name as a slug, with its owner in front where that is taken."""
    own = slugify(repository.rpartition("/")[2])[:50] or "service"
    if not Service.objects.filter(slug=own).exists():
        return own
    return slugify(repository.replace("/", "-"))[:50]


def _take_back(pull: PullRequest, by: SystemActor, now: datetime) -> Ingested:
    """Withdraw the change of a draft or of a pull request that was closed without a merge."""
    why = "it is a draft again" if pull.is_draft else "it was closed without a merge"
    change = Change.objects.filter(external_id=pull.external_id).first()
    if change is None:
        return Ingested(f"{pull.external_id} is no change here, and {why}.")
    if change.state not in OPEN:
        return Ingested(f"{pull.external_id} is {change.state.replace('_', ' ')} already.", change)
    try:
        gone = withdraw(change, by=by, now=now, reason=why)
    except CannotLeave as refusal:
        if refusal.code == "cut_off" and verdict(Action.ASK_WITHDRAWAL, change, by, now).is_allowed:
            ask_to_withdraw(change, reason=f"{why[:1].upper()}{why[1:]}", by=by, now=now)
            return Ingested(f"{pull.external_id} is asked to be taken off: {why}.", change)
        return Ingested(f"{pull.external_id} stays aboard although {why}. {refusal.message}", change)
    return Ingested(f"{pull.external_id} was withdrawn: {why}.", gone)


def _submit_or_update(pull: PullRequest, service: Service, by: SystemActor, now: datetime) -> Ingested:
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
            "ready_at": now,
            "merged_at": pull.merged_at,
            "state": ChangeState.SUBMITTED.value,
        },
    )
    if is_new:
        record(
            kind="trains.change.submitted",
            subject=change,
            actor=by,
            now=now,
            service=service.name,
            version=change.version,
        )
        return Ingested(f"{pull.external_id} is a new change of {service.name}.", change, is_new=True)
    return _update(locked_change(change.pk), pull, by, now)


def _update(change: Change, pull: PullRequest, by: SystemActor, now: datetime) -> Ingested:
    """Bring a known change up to date; what is sealed keeps its version and shows that it drifted (I5)."""
    if change.state == ChangeState.WITHDRAWN:
        return _offer_again(change, pull, by, now)
    is_pinned = change.state not in OPEN or bool(
        change.departure and change.departure.state not in BOARDING_STATES
    )
    # What lands just as it was pinned has landed and has not drifted (real case O7).
    has_landed = is_pinned and pull.is_merged and pull.head == change.version
    latest = change.version if has_landed else pull.version
    wanted: dict[str, Any] = {"latest_version": latest, "merged_at": pull.merged_at or change.merged_at}
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
    has_drifted = is_pinned and "latest_version" in changed and latest != change.version
    for field in changed:
        setattr(change, field, wanted[field])
    if changed:
        change.save(update_fields=changed)
    if has_drifted:
        record(
            kind="trains.change.drifted",
            subject=change,
            actor=by,
            now=now,
            version=change.version,
            latest=pull.version,
        )
        return Ingested(f"{pull.external_id} has newer commits; {change.version[:12]} stays aboard.", change)
    if not visible:
        return Ingested(f"{pull.external_id} ({pull.action}): nothing that we keep has changed.", change)
    what = ", ".join(field.replace("_", " ") for field in visible)
    record(kind="trains.change.updated", subject=change, actor=by, now=now, what=what)
    return Ingested(f"{pull.external_id} was updated: {what}.", change)


def _offer_again(change: Change, pull: PullRequest, by: SystemActor, now: datetime) -> Ingested:
    """Take a withdrawn change in again, now that its pull request is open and no draft.

    Only a request to open it does that: a label on something that was withdrawn here says nothing.
    """
    if not pull.is_offered:
        return Ingested(f"{pull.external_id} was withdrawn; “{pull.action}” does not bring it back.", change)
    change.title, change.url, change.version = pull.title, pull.url or change.url, pull.version
    change.state, change.submitted_at, change.latest_version = ChangeState.SUBMITTED.value, now, pull.version
    change.save(update_fields=["title", "url", "version", "state", "submitted_at", "latest_version"])
    record(
        kind="trains.change.submitted",
        subject=change,
        actor=by,
        now=now,
        service=change.service.name,
        version=change.version,
    )
    return Ingested(f"{pull.external_id} is offered again.", change)
