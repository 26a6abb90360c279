"""Let machines report, tell and ask: the endpoints of /api/v1/."""

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpRequest
from ninja import Path, Query, Router

from releasetrain.accounts.access import refuse_without_scope
from releasetrain.api import schemas, shapes
from releasetrain.api.auth import Request, Token
from releasetrain.catalog.access import service_for
from releasetrain.events.actions import SystemActor
from releasetrain.health.access import target_for
from releasetrain.health.actions import Taken, take_readings
from releasetrain.insights.arrival import arrival_of
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, NotFound, Refused
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.trains import actions
from releasetrain.trains.actions import ingest_webhook
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import changes_with_service, departures_with_train, latest_manifests
from releasetrain.trains.rules.evidence import EvidenceState
from releasetrain.trains.webhooks.hosts import HOSTS, Host

router = Router()

READ_PROBLEMS = {frozenset({400, 401, 403, 404, 422}): schemas.Problem}
WRITE_PROBLEMS = {frozenset({400, 401, 403, 404, 409, 413, 415, 422}): schemas.Problem}
MESSAGE_BODY = {
    "requestBody": {
        "required": True,
        "description": "The code host's message, as application/json.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.post(
    "/metrics",
    auth=Token(),
    response={200: schemas.TakenOut, **WRITE_PROBLEMS},
    summary="Report counts and error lines",
    tags=["reporting"],
)
def report_metrics(request: Request, report: schemas.ReportIn) -> Taken:
    """Count what a service saw in a span of time, for each arm; scope `metrics:<service>`.

    Send a report every five or ten seconds, also of 0 units. A report that is sent again counts once.
    """
    refuse_without_scope(request.auth, f"metrics:{report.service}")
    target = target_for(report.service, report.environment)
    return take_readings(target=target, report=report.as_report(), now=clock.now())


@router.post(
    "/evidence",
    auth=Token(),
    response={200: schemas.EvidenceOut, **WRITE_PROBLEMS},
    summary="Report what CI says of a version",
    tags=["reporting"],
)
def report_evidence(request: Request, said: schemas.EvidenceIn) -> schemas.EvidenceOut:
    """Keep the state of one named check of one version; scope `evidence:<service>`.

    The newest word on a check counts, in whatever order the reports come; a report that is sent again changes
    nothing. A departure that asks for CI is ready while every check of every version aboard is green.
    """
    refuse_without_scope(request.auth, f"evidence:{said.service}")
    now = clock.now()
    done = actions.report_evidence(
        service=service_for(said.service),
        version=said.version,
        name=said.check,
        state=said.state,
        url=said.url,
        at=schemas.utc(said.at, "at") if said.at else now,
        by=SystemActor(request.auth.name),
        now=now,
    )
    return schemas.EvidenceOut(
        state=EvidenceState(done.evidence.state), is_new=done.is_new, is_overtaken=done.is_overtaken
    )


@router.post(
    "/webhooks/{host}",
    response={200: schemas.IngestedOut, **WRITE_PROBLEMS},
    summary="Take in a message from a code host",
    tags=["webhooks"],
    openapi_extra=MESSAGE_BODY,
)
def webhook(request: HttpRequest, host: schemas.CodeHost) -> schemas.IngestedOut:
    """Turn pull requests into changes; signed with the secret that both sides know, and counted once.

    The headers are those of the code host. GitHub: X-GitHub-Event, X-GitHub-Delivery, X-Hub-Signature-256.
    GitLab: X-Gitlab-Event, X-Gitlab-Event-UUID, X-Gitlab-Token. Gitea and Gogs: X-Gitea-… or X-Gogs-… with
    Event, Delivery and Signature. Bitbucket: X-Event-Key, X-Request-UUID (Server: X-Request-Id),
    X-Hub-Signature.
    """
    sender, body = HOSTS[host.value], request.body
    check_signature(sender, body, request.headers.get(sender.signature_header, ""))
    if request.content_type != "application/json":
        raise Refused(
            f"Set the webhook's content type to application/json at {sender.label}.",
            code="wrong_content_type",
            status=415,
            who="an administrator of the repository",
        )
    named = [request.headers[name] for name in sender.delivery_headers if request.headers.get(name)]
    done = ingest_webhook(
        host=sender.name,
        event=request.headers.get(sender.event_header, ""),
        delivery_id=named[0] if named else "",
        payload=body,
        now=clock.now(),
    )
    return schemas.IngestedOut(
        outcome=done.outcome,
        change=done.change.pk if done.change else None,
        is_new=done.is_new,
        is_duplicate=done.is_duplicate,
    )


def check_signature(sender: Host, body: bytes, signature: str) -> None:
    """Refuse a message that was not signed with the secret.

    :raises NotAllowed: there is no secret, or the signature does not fit (status 401)
    """
    setting = f"{sender.name.upper().replace('-', '_')}_WEBHOOK_SECRET"
    secret: str = getattr(settings, setting)
    if not secret:
        raise NotAllowed(
            f"Messages from {sender.label} are not taken in: no secret is set. Set RELEASETRAIN_{setting} "
            f"here and the same secret at {sender.label}.",
            code="no_secret",
            who="whoever runs this server",
        )
    if not sender.is_signed(secret, body, signature):
        raise NotAllowed(
            f"The header {sender.signature_header} does not fit the body: the secret here and at "
            f"{sender.label} differ, or somebody else sent this.",
            code="bad_signature",
            status=401,
        )


@router.get(
    "/departures",
    auth=Token("read"),
    response={200: schemas.DeparturePage, **READ_PROBLEMS},
    summary="List departures",
    tags=["departures"],
)
def list_departures(request: Request, filters: Query[schemas.Filter]) -> schemas.DeparturePage:
    """List departures, the one that leaves last first; scope `read`."""
    rows = departures_with_train().order_by("-departs_at", "-pk")
    counted = Departure.objects.all()
    if filters.state is not None:
        rows, counted = rows.filter(state=filters.state), counted.filter(state=filters.state)
    if filters.train is not None:
        rows, counted = rows.filter(train__slug=filters.train), counted.filter(train__slug=filters.train)
    total, end = counted.count(), filters.offset + filters.limit
    items = [shapes.departure(one) for one in rows[filters.offset : end]]
    return schemas.DeparturePage(items=items, total=total, next=end if end < total else None)


@router.get(
    "/departures/{departure_id}",
    auth=Token("read"),
    response={200: schemas.DepartureDetail, **READ_PROBLEMS},
    summary="Show a departure",
    tags=["departures"],
)
def show_departure(request: Request, departure_id: Path[schemas.Id]) -> schemas.DepartureDetail:
    """Show a departure with the changes aboard and its newest manifest; scope `read`."""
    found = departures_with_train().filter(pk=departure_id).first()
    if found is None:
        raise NotFound(f"There is no departure {departure_id}.")
    aboard = changes_with_service().filter(departure=found).order_by("pk")
    return shapes.departure_detail(found, aboard, latest_manifests([found.pk]).get(found.pk))


@router.get(
    "/departures/{departure_id}/rollouts",
    auth=Token("read"),
    response={200: list[schemas.RolloutOut], **READ_PROBLEMS},
    summary="Show a departure's rollouts",
    tags=["departures"],
)
def list_rollouts(request: Request, departure_id: Path[schemas.Id]) -> list[schemas.RolloutOut]:
    """Show where each service of a departure stands, what holds it and every step it took; scope `read`."""
    if not Departure.objects.filter(pk=departure_id).exists():
        raise NotFound(f"There is no departure {departure_id}.")
    rows = Rollout.objects.filter(departure=departure_id).select_related(
        "target__service", "target__environment"
    )
    open_holds = Prefetch("holds", Hold.objects.filter(cleared_at__isnull=True), to_attr="open_holds")
    return [shapes.rollout(one) for one in rows.prefetch_related(open_holds, "transitions")]


@router.get(
    "/changes/{change_id}/arrival",
    auth=Token("read"),
    response={200: schemas.ArrivalOut, **READ_PROBLEMS},
    summary="Say when everybody has a change",
    tags=["changes"],
)
def show_arrival(request: Request, change_id: Path[schemas.Id]) -> schemas.ArrivalOut:
    """Say by when everybody has a change, what keeps it, and each step on its way; scope `read`.

    It is told from its cut-off, this train's past decisions, the stages, the windows, and what else waits for
    the same service; in whatever state the change is.
    """
    found = changes_with_service().filter(pk=change_id).first()
    if found is None:
        raise NotFound(f"There is no change {change_id}.")
    return shapes.arrival(found, arrival_of(found, clock.now()))
