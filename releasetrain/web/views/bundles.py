"""Show what goes together on a departure, and tie it together or take it apart."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.trains import actions
from releasetrain.trains.access import change_for, departure_for
from releasetrain.trains.models import Bundle, Change
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.web.contexts.bundles import page_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.bundles import GatherForm, NeedForm, WithoutForm
from releasetrain.web.request import Request


@require_http_methods(["GET", "POST"])
@signed_in
def bundles(request: Request, pk: int) -> HttpResponse:
    """Show the graph, the bundles and the order; take a new bundle."""
    departure, now = departure_for(request.user, pk, roles=request.roles), clock.now()
    form = GatherForm(request.POST if request.method == "POST" else None, departure=departure)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = actions.gather(
                    departure,
                    name=form.cleaned_data["name"],
                    changes=list(form.cleaned_data["changes"]),
                    by=request.user,
                    now=now,
                )
            except Refused as refusal:
                status = fail(form, refusal)
            else:
                messages.success(request, f"{made.name} goes all or nothing.")
                return redirect("departures-bundles", pk=pk)
    page = page_of(departure, person=request.user, roles=request.roles, now=now)
    context = {"page": page, "form": form, "now": now}
    return render(request, "departures/bundles.html", context, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def without(request: Request, pk: int, number: int) -> HttpResponse:
    """Let a bundle go although some have left it, with a reason."""
    departure = departure_for(request.user, pk, roles=request.roles)
    bundle = Bundle.objects.filter(departure=departure, pk=number).first()
    if bundle is None:
        raise NotFound(f"{departure} has no such bundle.")
    form, status = WithoutForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.go_without(
                    bundle, reason=form.cleaned_data["reason"], by=request.user, now=clock.now()
                )
            except Refused as refusal:
                status = fail(form, refusal)
            else:
                messages.success(request, f"{bundle.name} goes as it is.")
                return redirect("departures-bundles", pk=pk)
    context = {"departure": departure, "bundle": bundle, "form": form, "now": clock.now()}
    return render(request, "departures/without.html", context, status=status)


@require_POST
@signed_in
def leave(request: Request, pk: int) -> HttpResponse:
    """Take a change out of its bundle."""
    change = change_for(request.user, pk, roles=request.roles)
    actions.leave_bundle(change, by=request.user, now=clock.now())
    return back(request, change, f"“{change.title}” goes on its own now.")


@require_http_methods(["GET", "POST"])
@signed_in
def needs(request: Request, pk: int) -> HttpResponse:
    """Show what a change needs and is needed by, and take another need."""
    change, now = change_for(request.user, pk, roles=request.roles), clock.now()
    form, status = NeedForm(request.POST if request.method == "POST" else None, change=change), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                said = actions.say_need(change, form.cleaned_data["needed"], by=request.user, now=now)
            except Refused as refusal:
                status = fail(form, refusal)
            else:
                messages.success(request, f"{said}.")
                return redirect("changes-needs", pk=pk)
    answer = verdict(Ask.TIE, change, request.user, now, roles=request.roles)
    context = {
        "change": change,
        "needs": [one.needed for one in change.needs.select_related("needed__service", "needed__departure")],
        "needed_by": [one.change for one in change.needed_by.select_related("change__service")],
        "reason": None if answer.is_allowed else answer.reasons[0],
        "form": form,
        "now": now,
    }
    return render(request, "changes/needs.html", context, status=status)


@require_POST
@signed_in
def drop_need(request: Request, pk: int, needed: int) -> HttpResponse:
    """Say that a change does not need another one after all."""
    change = change_for(request.user, pk, roles=request.roles)
    other = change_for(request.user, needed, roles=request.roles)
    actions.drop_need(change, other, by=request.user, now=clock.now())
    messages.success(request, f"“{change.title}” does not need “{other.title}”.")
    return redirect("changes-needs", pk=pk)


def fail(form: GatherForm | NeedForm | WithoutForm, refusal: Refused) -> int:
    """Put a refusal where it was typed; nothing that was typed is lost."""
    field = getattr(refusal, "field", "")
    form.add_error(field if field in form.fields else None, refusal.message)
    return refusal.status


def back(request: Request, change: Change, sentence: str) -> HttpResponse:
    """Say that it is done, where what goes together is shown."""
    messages.success(request, sentence)
    if change.departure_id is None:
        return redirect("changes-detail", pk=change.pk)
    return redirect("departures-bundles", pk=change.departure_id)
