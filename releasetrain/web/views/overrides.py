"""Show an override of a departure, and take what a second person says about it (RULES W7)."""

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.panels.audience import Audience
from releasetrain.panels.overrides import line_of
from releasetrain.panels.shapes import Action
from releasetrain.trains import actions
from releasetrain.trains.access import departure_for
from releasetrain.trains.models import Override
from releasetrain.trains.queries.overrides import overrides_with_everything
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request


@signed_in
def override(request: Request, pk: int, number: int) -> HttpResponse:
    """Show one override with everything that was said about it."""
    return page(request, override_for(request, pk, number))


@require_POST
@signed_in
def approve(request: Request, pk: int, number: int) -> HttpResponse:
    """Agree, as the second person."""
    found = override_for(request, pk, number)
    return act(
        request,
        found,
        lambda now: actions.approve_override(found, by=request.user, now=now),
        "The override counts from now on; everybody aboard is told.",
    )


@require_POST
@signed_in
def withdraw(request: Request, pk: int, number: int) -> HttpResponse:
    """Take it back."""
    found, reason = override_for(request, pk, number), request.POST.get("reason", "")
    return act(
        request,
        found,
        lambda now: actions.withdraw_override(found, reason=reason, by=request.user, now=now),
        "The override is taken back; its windows stop everything again.",
    )


@require_POST
@signed_in
def review(request: Request, pk: int, number: int) -> HttpResponse:
    """Write down what came of it."""
    found, said = override_for(request, pk, number), request.POST.get("review", "")
    return act(
        request,
        found,
        lambda now: actions.review_override(found, review=said, by=request.user, now=now),
        "The review is on record.",
    )


def act(request: Request, found: Override, do: Callable[[datetime], object], sentence: str) -> HttpResponse:
    """Do it, or show the page again with why not and with what was typed."""
    try:
        do(clock.now())
    except Refused as refusal:
        return page(request, found, error=refusal.message, status=refusal.status)
    messages.success(request, sentence)
    return redirect("departures-override", pk=found.departure_id, number=found.pk)


def page(request: Request, found: Override, *, error: str = "", status: int = 200) -> HttpResponse:
    """Draw the override, with what this person may do about it and why not the rest."""
    now = clock.now()
    context = {
        "line": line_of(found, Audience.MEMBER, now),
        "departure": found.departure,
        "zone": found.departure.train.time_zone,
        "actions": actions_of(request, found, now),
        "may_review": may(request, Ask.REVIEW_OVERRIDE, found, now),
        "error": error,
        "typed": request.POST.get("review", ""),
        "now": now,
    }
    return render(request, "departures/override.html", context, status=status)


def may(request: Request, ask: Ask, found: Override, now: datetime) -> bool:
    return verdict(ask, found, request.user, now, roles=request.roles).is_allowed


def actions_of(request: Request, found: Override, now: datetime) -> list[Action]:
    """Offer to approve and to take back, or say why not."""
    base = f"/departures/{found.departure_id}/overrides/{found.pk}"
    offers = (
        (Ask.APPROVE_OVERRIDE, "Approve", "approve", "shield-check", "primary", "", ""),
        (
            Ask.WITHDRAW_OVERRIDE,
            "Take it back",
            "withdraw",
            "undo-2",
            "quiet",
            "required",
            "From then on its windows stop everything again; what moves already is held by them.",
        ),
    )
    shown = []
    for ask, label, verb, icon, kind, asks, consequence in offers:
        answer = verdict(ask, found, request.user, now, roles=request.roles)
        reason = None if answer.is_allowed else answer.reasons[0]
        if reason is None or reason.code not in ("withdrawn", "expired", "approved"):
            shown.append(Action(verb, label, f"{base}/{verb}/", icon, kind, reason, asks, consequence))
    return shown


def override_for(request: Request, pk: int, number: int) -> Override:
    """Return an override of a departure for somebody who may see that.

    :raises NotFound: there is none
    """
    departure_for(request.user, pk, roles=request.roles)
    found = overrides_with_everything().filter(departure=pk, pk=number).first()
    if found is None:
        raise NotFound(f"There is no override {number} of RT-{pk}.")
    return found
