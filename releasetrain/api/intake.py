"""Take reports in beside Django: many at once, in two statements, each answered after its commit.

Only what can be taken as it is goes this way. Whatever cannot (a token that is unknown, a body that cannot be
read, a span that is too old) is handed on to the endpoint in `api.endpoints`, which says why.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from pydantic import ValidationError

from releasetrain.api.bounds import Application, Message, Receive, Scope, Send, announced_length, answer
from releasetrain.api.ofrep import path_of
from releasetrain.api.schemas import ReportIn
from releasetrain.health.actions import Delivery, Taken, take_reports
from releasetrain.health.rules.reports import Report, flaw_of
from releasetrain.lib.errors import Invalid
from releasetrain.lib.together import Together

PATH = "/api/v1/metrics"
# A larger body takes its time to be read, and everybody else would wait for that.
MOST_BYTES = 128 * 1024
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """A report that could be read, and who says that they send it."""

    digest: str
    service: str
    environment: str
    report: Report


def beside(pages: Application) -> Application:
    """Take reports in here, and leave everything else to another application."""
    intake: Together[Offer, Taken] = Together("intake", take_offers, MOST_AT_ONCE)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await pages(scope, receive, send)
            intake.stop()
        elif not _is_report(scope):
            await pages(scope, receive, send)
        else:
            messages = await _messages(receive)
            offer = offer_of(scope, messages)
            taken = await intake.ask(offer) if offer else None
            if taken is None:
                await pages(scope, _again(messages, receive), send)
            else:
                await answer(send, 200, _body(taken))

    return application


def _is_report(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "POST"
        and path_of(scope) == PATH
        and not scope["query_string"]
        and 0 < announced_length(scope) <= MOST_BYTES
    )


def _token(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return bytes(token.strip()) if scheme.lower() == b"bearer" else b""
    return b""


async def _messages(receive: Receive) -> list[Message]:
    """Receive a whole body, or what there is of it before its sender hangs up."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """Let somebody else receive what was received, and then what comes after it."""
    left = list(messages)

    async def receive_again() -> Message:
        return left.pop(0) if left else await receive()

    return receive_again


def offer_of(scope: Scope, messages: Sequence[Message]) -> Offer | None:
    """Read a report; None where its sender is gone, shows no token, or wrote something else."""
    token = _token(scope)
    if not token or messages[-1]["type"] != "http.request":
        return None
    try:
        said = ReportIn.model_validate_json(b"".join(one.get("body", b"") for one in messages))
        report = said.as_report()
    except (ValidationError, Invalid):
        return None
    return Offer(hashlib.sha256(token).hexdigest(), said.service, said.environment, report)


def take_offers(offers: Sequence[Offer]) -> list[Taken | None]:
    """Take in what can be taken, all in one transaction; None for the others, of which nothing is kept."""
    targets, now = _targets_of(offers)
    deliveries: dict[int, Delivery] = {}
    seen = set[tuple[object, ...]]()
    for place, target in targets.items():
        report = offers[place].report
        # The same report twice is told apart only where one comes after the other.
        key = (target, report.source, report.span.start)
        if key not in seen and flaw_of(report, now) is None:
            seen.add(key)
            deliveries[place] = Delivery(target, report)
    taken = dict(zip(deliveries, take_reports(list(deliveries.values()), now), strict=True))
    return [taken.get(place) for place in range(len(offers))]


def _targets_of(offers: Sequence[Offer]) -> tuple[dict[int, int], datetime]:
    """Return the target of each offer whose token may report for it, by place, and what time it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT clock_timestamp(), array_agg(offer.place), array_agg(target.id)
            FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[])
                AS offer (place, digest, service, environment)
            JOIN accounts_apitoken token ON token.digest = offer.digest AND token.revoked_at IS NULL
                AND 'metrics:' || offer.service = ANY (token.scopes)
            JOIN catalog_service service ON service.slug = offer.service
            JOIN catalog_environment environment ON environment.slug = offer.environment
            JOIN catalog_target target
                ON target.service_id = service.id AND target.environment_id = environment.id
            """,
            [
                list(range(len(offers))),
                [one.digest for one in offers],
                [one.service for one in offers],
                [one.environment for one in offers],
            ],
        )
        now, places, targets = cursor.fetchone()
    return dict(zip(places or (), targets or (), strict=True)), now


def _body(taken: Taken) -> bytes:
    return b'{"readings": %d, "repeated": %d, "error_lines": %d}' % (
        taken.readings,
        taken.repeated,
        taken.error_lines,
    )
