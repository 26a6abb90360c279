"""Steer a departure: each way has a form that says what it would do and who is told, before it is pressed."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.panels.draw import context
from releasetrain.trains import actions
from releasetrain.trains.access import change_for, departure_for
from releasetrain.trains.models import Departure
from releasetrain.web.contexts.steering import VERBS, initial_of, steer_form, steering_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.steering import SteerBase
from releasetrain.web.live import audience_for
from releasetrain.web.request import Request

PARTS = ("summary", "forecast")


@signed_in
def panel(request: Request, pk: int) -> HttpResponse:
    """Draw again what this person may do about the course of a departure."""
    departure = departure_for(request.user, pk, roles=request.roles)
    return drawn_panel(request, departure)


@signed_in
def part(request: Request, pk: int, name: str) -> HttpResponse:
    """Draw again a part of the page that the clock changes without an event."""
    departure_for(request.user, pk, roles=request.roles)
    if name not in PARTS:
        raise NotFound(f"A departure’s page has no part “{name}” that is drawn alone.")
    values = context(f"departure/{name}", pk, audience_for(request, f"departure:{pk}"), clock.now()) or {}
    return render(request, f"departures/_{name}.html", values)


@require_http_methods(["GET", "POST"])
@signed_in
def steer(request: Request, pk: int, verb: str) -> HttpResponse:
    """Ask, saying what it would do; then do it."""
    departure, way = departure_for(request.user, pk, roles=request.roles), VERBS[verb]
    now, is_asked = clock.now(), request.method == "GET" or "show" in request.POST
    query = request.GET.dict() if request.method == "GET" else {}
    initial = initial_of(verb, departure, query)
    if is_asked:
        typed = {**initial, **(request.POST.dict() if request.method == "POST" else {})}
        if "to" in query:
            typed["moves_deadlines"] = "moves_deadlines" in query
        return ask(request, verb, departure, way.form(None, departure=departure, initial=typed, now=now))
    form = way.form(request.POST, departure=departure, initial=initial, now=now)
    if not form.is_valid():
        return ask(request, verb, departure, form, status=422)
    try:
        way.do(departure, **form.typed(), by=request.user, now=now)
    except Refused as refusal:
        field = getattr(refusal, "field", "")
        form.add_error(field if field in form.fields else None, refusal.message)
        return ask(request, verb, departure, form, status=refusal.status)
    return done(request, pk, way.done.format(code=departure.code))


def ask(
    request: Request, verb: str, departure: Departure, form: SteerBase, *, status: int = 200
) -> HttpResponse:
    """Draw the form with what it would do: in place of the panel, or as a page."""
    now = clock.now()
    steer = steer_form(verb, departure, form, person=request.user, roles=request.roles, now=now)
    name = "departures/_steer_form.html" if request.htmx else "departures/steer.html"
    return render(request, name, {"steer": steer, "form": form, "now": now}, status=status)


@require_POST
@signed_in
def accept_hold(request: Request, pk: int) -> HttpResponse:
    """Accept that a departure will be held on its way (RULES W4)."""
    departure = departure_for(request.user, pk, roles=request.roles)
    actions.accept_hold(departure, by=request.user, now=clock.now())
    return done(request, pk, f"{departure.code} may be held on its way.")


@require_POST
@signed_in
def check_in(request: Request, pk: int) -> HttpResponse:
    """Say that one is there for a change aboard."""
    change = change_for(request.user, pk, roles=request.roles)
    actions.check_in(change, by=request.user, now=clock.now())
    sentence = f"You are checked in for “{change.title}”."
    messages.success(request, sentence)
    url = f"/departures/{change.departure_id}/" if change.departure_id else f"/changes/{pk}/"
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)


def done(request: Request, pk: int, sentence: str) -> HttpResponse:
    """Say that it is done: in the panel it was asked in, or on the departure's page."""
    if not request.htmx:
        messages.success(request, sentence)
        return redirect("departures-detail", pk=pk)
    answer = drawn_panel(request, departure_for(request.user, pk, roles=request.roles))
    answer["HX-Trigger"] = json.dumps({"toast": {"tone": "ok", "text": sentence}})
    return answer


def drawn_panel(request: Request, departure: Departure) -> HttpResponse:
    """Draw what this person may do about the course of a departure."""
    steering = steering_of(departure, person=request.user, roles=request.roles, now=clock.now())
    values: dict[str, Any] = {"steering": steering}
    return render(request, "departures/_steer.html", values)
