"""Show a departure, take votes about it, and steer it."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.events.queries import clock_and_position
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotAllowed, Refused
from releasetrain.lib.once import asking_once
from releasetrain.panels.pages import departure_context, live_page_context, live_topics
from releasetrain.panels.tickets import MOST_TOPICS
from releasetrain.rollouts.access import may_operate
from releasetrain.rollouts.actions import roll_back_departure
from releasetrain.trains import actions
from releasetrain.trains.access import departure_for
from releasetrain.trains.rules.states import Choice
from releasetrain.web.contexts.ballots import Typed, ballot_of
from releasetrain.web.contexts.departures import next_of
from releasetrain.web.contexts.steering import steering_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.live import audience_for, watching
from releasetrain.web.request import Request

T = TypeVar("T")
LONGEST_NUMBER = 18


@signed_in
def detail(request: Request, pk: int) -> HttpResponse:
    """Show one departure: what is aboard, who says go, and the one next thing to do."""
    with asking_once():
        return render(request, "departures/page.html", page_of(request, pk))


def page_of(request: Request, pk: int) -> dict[str, Any]:
    """Gather the page of a departure as this person sees it."""
    now, position = clock_and_position()  # before anything else is read, so that nothing falls between
    departure, topic = departure_for(request.user, pk, roles=request.roles), f"departure:{pk}"
    context = departure_context(pk, audience_for(request, topic), now) or {}
    context["ballot"] = ballot_of(departure, person=request.user, roles=request.roles, now=now)
    context["next"] = next_of(departure, person=request.user, roles=request.roles, now=now)
    context["steering"] = steering_of(departure, person=request.user, roles=request.roles, now=now)
    context["live"] = watching(request, [topic], now, position=position)
    return context


@signed_in
def live(request: Request, pk: int) -> HttpResponse:
    """Follow the rollouts of a departure, with the brake always in the same place."""
    now, position = clock_and_position()
    departure = departure_for(request.user, pk, roles=request.roles)
    if request.htmx:
        # A page that waits for the first rollout: it cannot watch what does not exist yet.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"} if departure.rollouts.exists() else {})
    topic = f"departure:{pk}"
    context = live_page_context(pk, audience_for(request, topic), now) or {}
    context["live"] = watching(request, live_topics(pk)[:MOST_TOPICS], now, position=position)
    return render(request, "rollouts/live.html", context)


@signed_in
def ballot(request: Request, pk: int) -> HttpResponse:
    """Draw this person's ballot again."""
    departure = departure_for(request.user, pk, roles=request.roles)
    drawn = ballot_of(departure, person=request.user, roles=request.roles, now=clock.now())
    return render(request, "departures/_ballot.html", {"ballot": drawn})


@signed_in
def next_step(request: Request, pk: int) -> HttpResponse:
    """Draw again what this person can do next."""
    departure = departure_for(request.user, pk, roles=request.roles)
    now = clock.now()
    drawn = next_of(departure, person=request.user, roles=request.roles, now=now)
    return render(request, "departures/_next.html", {"next": drawn, "now": now})


@require_POST
@signed_in
def vote(request: Request, pk: int) -> HttpResponse:
    """Take a vote about the manifest that was read; a stale one is refused with the present state."""
    departure, typed, status = departure_for(request.user, pk, roles=request.roles), Typed(), 200
    try:
        voted = actions.vote(
            departure,
            choice=read(Choice, request.POST.get("choice", ""), "choice"),
            digest=request.POST.get("digest", ""),
            by=request.user,
            now=clock.now(),
            seat=request.POST.get("seat", ""),
            in_place_of=_number(request.POST.get("in_place_of", "")),
            reason=request.POST.get("reason", ""),
            about=[number for one in request.POST.getlist("about") if (number := _number(one)) is not None],
        )
    except Refused as refusal:
        typed, status = _typed(request, refusal.message), refusal.status
    else:
        if voted.not_counted:
            messages.warning(request, f"Your vote is on record but does not count. {voted.not_counted}")
    if not request.htmx:
        if typed.error:
            messages.error(request, typed.error)
        return redirect("departures-detail", pk=pk)
    departure = departure_for(request.user, pk, roles=request.roles)
    drawn = ballot_of(departure, person=request.user, roles=request.roles, now=clock.now(), typed=typed)
    return render(request, "departures/_ballot.html", {"ballot": drawn}, status=status)


def _typed(request: Request, error: str) -> Typed:
    """Keep what was typed in a vote that was refused."""
    about = [number for one in request.POST.getlist("about") if (number := _number(one)) is not None]
    return Typed(error, request.POST.get("reason", ""), request.POST.get("seat", ""), about)


def _number(text: str) -> int | None:
    """Read a number of a form; nonsense is none."""
    return int(text) if text.isdecimal() and len(text) < LONGEST_NUMBER else None


def read(kind: Callable[[str], T], text: str, field: str) -> T:
    """Read one word of a form.

    :raises Invalid: it is none of the words that the form offers
    """
    try:
        return kind(text)
    except ValueError:
        raise Invalid(f"“{text[:40]}” is no {field} that can be given here.", field=field) from None


@require_POST
@signed_in
def release(request: Request, pk: int) -> HttpResponse:
    """Let a held departure leave."""
    departure = departure_for(request.user, pk, roles=request.roles)
    actions.release(departure, reason=request.POST.get("reason", ""), by=request.user, now=clock.now())
    return done(request, pk, f"{departure.code} is released.")


@require_POST
@signed_in
def roll_back(request: Request, pk: int) -> HttpResponse:
    """Bring back everything of a departure at once."""
    departure = departure_for(request.user, pk, roles=request.roles)
    rollouts = departure.rollouts.select_related("target__service")
    if not any(may_operate(request.roles, rollout) for rollout in rollouts):
        raise NotAllowed("To roll back one must be on call, a release manager or an administrator here.")
    reason = request.POST.get("reason", "").strip() or f"Rolled back by {request.user}"
    roll_back_departure(departure, reason=reason, by=request.user, now=clock.now())
    return done(request, pk, "Everybody is being brought back.")


def done(request: Request, pk: int, sentence: str) -> HttpResponse:
    """Say that it is done, on the departure's own page."""
    messages.success(request, sentence)
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": f"/departures/{pk}/"})
    return redirect("departures-detail", pk=pk)
