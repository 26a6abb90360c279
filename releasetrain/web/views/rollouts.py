"""Take operators' commands; the rollback button lives here."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, Refused
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.operator import operator_context
from releasetrain.panels.rollouts import load_track
from releasetrain.rollouts import actions
from releasetrain.rollouts.access import rollout_for
from releasetrain.rollouts.actions import operate
from releasetrain.rollouts.actions.draining import cut_connections
from releasetrain.rollouts.actions.operate import Order
from releasetrain.rollouts.models import Command, Rollout
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


@require_POST
@signed_in
def take_back(request: Request, pk: int) -> HttpResponse:
    """Take a rollout that has arrived straight back, in one click (ENGINE T13)."""
    rollout = rollout_for(request.roles, pk, to="operate")
    try:
        actions.revert(rollout, reason=reason_of(request), by=request.user, now=clock.now())
    except Refused as refusal:
        return answer(request, rollout, error=refusal.message, status=refusal.status)
    return onward(request, rollout)


def reason_of(request: Request) -> str:
    """Return why something is taken back; nobody is kept from it for want of words."""
    return request.POST.get("reason", "").strip()[:500] or f"Taken back by {request.user}"


@require_POST
@signed_in
def cut(request: Request, pk: int) -> HttpResponse:
    """Cut what is still open on a version that was rolled back."""
    rollout = rollout_for(request.roles, pk, to="operate")
    try:
        said = cut_connections(rollout, by=request.user, now=clock.now())
    except Refused as refusal:
        return answer(request, rollout, error=refusal.message, status=refusal.status)
    if request.htmx:
        track = load_track(pk, Audience.OPERATOR, clock.now())
        return render(request, "rollouts/_track.html", {"track": track, "now": clock.now()})
    messages.success(request, said)
    return onward(request, rollout)


@require_POST
@signed_in
def retry(request: Request, pk: int) -> HttpResponse:
    """Try a rollout again that did not arrive."""
    rollout = rollout_for(request.roles, pk, to="operate")
    try:
        actions.retry(rollout, by=request.user, now=clock.now())
    except Refused as refusal:
        return answer(request, rollout, error=refusal.message, status=refusal.status)
    return onward(request, rollout)


@require_POST
@signed_in
def second(request: Request, pk: int, command: uuid.UUID) -> HttpResponse:
    """Agree, as the second person, to what somebody else has asked for."""
    rollout = rollout_for(request.roles, pk, to="operate")
    waiting = Command.objects.select_related("actor").filter(pk=command, rollout=rollout).first()
    if waiting is None:
        return answer(request, rollout, error="Nobody asks for this any more.", status=409)
    try:
        actions.second(waiting, by=request.user, now=clock.now())
    except Refused as refusal:
        return answer(request, rollout, error=refusal.message, status=refusal.status)
    return answer(request, rollout)


def onward(request: Request, rollout: Rollout) -> HttpResponse:
    """Lead to the page that shows the new rollout, too."""
    url = links.live(rollout.departure_id) if rollout.departure_id else links.rolling_list()
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)


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
            guardrail=form.get("guardrail", ""),
            minutes=int(form.get("minutes") or 0),
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
    return onward(request, rollout)
