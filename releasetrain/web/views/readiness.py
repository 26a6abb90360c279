"""Show whether a departure is ready, and take what people tick, waive, clear and move on."""

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotFound, Refused
from releasetrain.trains import actions
from releasetrain.trains.access import departure_for
from releasetrain.trains.models import Blocker, Departure
from releasetrain.trains.queries.blockers import blockers_with_everything, departures_to_block
from releasetrain.web.contexts.readiness import blocker_page, readiness_page
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request

DONE = {"tick": "It is ticked.", "undo": "It is taken back.", "waive": "It goes without this check."}


@signed_in
def readiness(request: Request, pk: int) -> HttpResponse:
    """Show every check with what one may do about it, the blockers, and what was so before."""
    return page(request, departure_for(request.user, pk, roles=request.roles))


@require_POST
@signed_in
def mark(request: Request, pk: int, verb: str) -> HttpResponse:
    """Tick a check, waive it, or take either back."""
    departure, check = departure_for(request.user, pk, roles=request.roles), request.POST.get("check", "")
    said, now = request.POST.get("reason", ""), clock.now()
    try:
        if verb == "tick":
            actions.tick_check(departure, check=check, by=request.user, now=now)
        elif verb == "waive":
            actions.waive_check(departure, check=check, reason=said, by=request.user, now=now)
        else:
            actions.undo_check(departure, check=check, by=request.user, now=now)
    except Refused as refusal:
        return page(request, departure, error=refusal.message, status=refusal.status)
    messages.success(request, DONE[verb])
    return redirect("departures-readiness", pk=pk)


def page(request: Request, departure: Departure, *, error: str = "", status: int = 200) -> HttpResponse:
    """Draw the page with what this person may do, and why not what was refused."""
    values = readiness_page(departure, person=request.user, roles=request.roles, now=clock.now())
    return render(request, "departures/readiness.html", {**values, "error": error}, status=status)


@signed_in
def blocker(request: Request, pk: int, number: int) -> HttpResponse:
    """Show one blocker."""
    return blocker_drawn(request, blocker_for(request, pk, number))


@require_POST
@signed_in
def clear(request: Request, pk: int, number: int) -> HttpResponse:
    """Say that it blocks no more."""
    found, said = blocker_for(request, pk, number), request.POST.get("reason", "")
    return act(
        request,
        found,
        lambda now: actions.clear_blocker(found, reason=said, by=request.user, now=now),
        "It blocks no more.",
    )


@require_POST
@signed_in
def defer(request: Request, pk: int, number: int) -> HttpResponse:
    """Let it block a later departure instead."""
    found, said = blocker_for(request, pk, number), request.POST.get("reason", "")
    return act(
        request,
        found,
        lambda now: actions.defer_blocker(
            found, to=later_of(found, request.POST.get("to", "")), reason=said, by=request.user, now=now
        ),
        "It blocks the later departure instead.",
    )


def later_of(found: Blocker, typed: str) -> Departure:
    """Return the departure that was chosen.

    :raises Invalid: it is none that this blocker could block
    """
    offered = {str(one.pk): one for one in departures_to_block(found.departure)}
    if typed not in offered:
        raise Invalid("Choose one of the later departures of this train.", field="to")
    return offered[typed]


def act(request: Request, found: Blocker, do: Callable[[datetime], object], sentence: str) -> HttpResponse:
    """Do it, or show the page again with why not and with what was typed."""
    at = found.departure_id
    try:
        do(clock.now())
    except Refused as refusal:
        return blocker_drawn(request, found, error=refusal.message, status=refusal.status)
    messages.success(request, sentence)
    return redirect("departures-readiness", pk=at)


def blocker_drawn(request: Request, found: Blocker, *, error: str = "", status: int = 200) -> HttpResponse:
    """Draw a blocker with what this person may do about it."""
    values = blocker_page(found, person=request.user, roles=request.roles, now=clock.now())
    typed = {"typed": request.POST.get("reason", ""), "chosen": request.POST.get("to", ""), "error": error}
    return render(request, "departures/blocker.html", {**values, **typed}, status=status)


def blocker_for(request: Request, pk: int, number: int) -> Blocker:
    """Return a blocker of a departure for somebody who may see that.

    :raises NotFound: there is none, or it blocks another departure by now
    """
    departure_for(request.user, pk, roles=request.roles)
    found = blockers_with_everything().filter(departure=pk, pk=number).first()
    if found is None:
        raise NotFound(f"There is no blocker {number} on RT-{pk}; it may have been moved to a later one.")
    return found
