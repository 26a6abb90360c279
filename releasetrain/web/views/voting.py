"""Overrule an objection by two people, and let somebody vote in one's place (RULES D8, D14)."""

from datetime import datetime

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.lib.verdict import Reason
from releasetrain.trains import actions
from releasetrain.trains.access import departure_for
from releasetrain.trains.models import Delegation, Vote
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.queries.voting import votes_with_departure
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.delegations import DelegationForm
from releasetrain.web.request import Request


@require_http_methods(["GET", "POST"])
@signed_in
def overrule(request: Request, pk: int, number: int) -> HttpResponse:
    """Show an objection, ask to overrule it, or agree as the second person."""
    vote, now, error, status = vote_for(request, pk, number), clock.now(), "", 200
    if request.method == "POST":
        try:
            if "agree" in request.POST:
                actions.agree_to_overrule(vote, by=request.user, now=now)
                messages.success(request, f"{vote.user_label} is overruled; everybody aboard is told.")
                return redirect("departures-detail", pk=pk)
            actions.ask_to_overrule(vote, reason=request.POST.get("reason", ""), by=request.user, now=now)
        except Refused as refusal:
            error, status = refusal.message, refusal.status
        else:
            messages.success(request, "A second person has to agree; release managers are told.")
            return redirect("departures-overrule", pk=pk, number=number)
    context = {
        "vote": vote,
        "departure": vote.departure,
        "zone": vote.departure.train.time_zone,
        "why_not_ask": why_not(request, Ask.OVERRULE, vote, now),
        "why_not_agree": why_not(request, Ask.AGREE_TO_OVERRULE, vote, now),
        "error": error,
        "typed": request.POST.get("reason", ""),
        "now": now,
    }
    return render(request, "departures/overrule.html", context, status=status)


def why_not(request: Request, ask: Ask, vote: Vote, now: datetime) -> Reason | None:
    answer = verdict(ask, vote, request.user, now, roles=request.roles)
    return None if answer.is_allowed else answer.reasons[0]


def vote_for(request: Request, pk: int, number: int) -> Vote:
    """Return a vote about a departure for somebody who may see that.

    :raises NotFound: there is none
    """
    departure_for(request.user, pk, roles=request.roles)
    found = votes_with_departure().filter(departure=pk, pk=number).first()
    if found is None:
        raise NotFound(f"There is no vote {number} about RT-{pk}.")
    return found


@require_http_methods(["GET", "POST"])
@signed_in
def delegations(request: Request) -> HttpResponse:
    """Show who votes in whose place as far as this person is concerned, and give somebody leave to."""
    refuse_strangers(request.roles, "let somebody vote in one’s place")
    now, status = clock.now(), 200
    data = request.POST if request.method == "POST" else None
    form = DelegationForm(data, person=request.user, roles=request.roles, now=now)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                given = actions.delegate(**form.values(), by=request.user, now=now)
            except Refused as refusal:
                field, status = getattr(refusal, "field", ""), refusal.status
                form.add_error(field if field in form.fields else None, refusal.message)
            else:
                messages.success(request, f"{given.taker} may vote in your place; they are told.")
                return redirect("delegations")
    rows = Delegation.objects.filter(ended_at__isnull=True, ends_at__gt=now).select_related("giver", "taker")
    mine = rows.filter(Q(giver=request.user) | Q(taker=request.user)).order_by("ends_at")
    context = {"form": form, "rows": mine, "action": request.path, "now": now}
    return render(request, "delegations/page.html", context, status=status)


@require_POST
@signed_in
def delegation_end(request: Request, pk: int) -> HttpResponse:
    """End leave to vote in somebody's place before its time."""
    found = Delegation.objects.select_related("giver", "taker").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such leave.")
    actions.end_delegation(found, by=request.user, now=clock.now())
    messages.success(request, f"{found.taker} votes in the place of {found.giver} no longer.")
    return redirect("delegations")
