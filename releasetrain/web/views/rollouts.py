"""Take operators' commands; the rollback button lives here."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, Refused
from releasetrain.panels.operator import operator_context
from releasetrain.rollouts.access import rollout_for
from releasetrain.rollouts.actions import operate
from releasetrain.rollouts.actions.operate import Order
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request


@require_POST
@signed_in
def rollout_command(request: Request, pk: int, kind: str) -> HttpResponse:
    """Carry out one command and answer with the controls as they are then; 409 where the page was stale."""
    rollout = rollout_for(request.roles, pk, to="operate")
    order = read_order(request, kind)
    try:
        operate(rollout, order, by=request.user, now=clock.now())
    except Refused as refusal:
        return answer(request, rollout, error=refusal.message, status=refusal.status)
    return answer(request, rollout)


def read_order(request: Request, kind: str) -> Order:
    """Read a command from the form.

    :raises Invalid: it is none of ours, or its uuid or number is not one
    """
    form = request.POST
    try:
        command = CommandKind(kind)
        seq = form.get("expected_seq", "")
        return Order(
            kind=command,
            id=uuid.UUID(form["command_id"]) if form.get("command_id") else uuid.uuid4(),
            expected_seq=int(seq) if seq else None,
            reason=form.get("reason", "").strip()[:500],
        )
    except ValueError:
        raise Invalid(
            "This command cannot be read. Reload the page and press again.", code="bad_command"
        ) from None


def answer(request: Request, rollout: Rollout, *, error: str = "", status: int = 200) -> HttpResponse:
    """Show the controls again to htmx, or the live page to whoever has no script."""
    if request.htmx:
        context = operator_context(rollout.pk, request.roles, clock.now(), error=error)
        return render(request, "rollouts/_operator.html", context, status=status)
    if error:
        messages.error(request, error)
    return redirect("departures-live", pk=rollout.departure_id)
