"""Order who stands by for a departure, and give it the settings that its train has by now."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.trains import actions
from releasetrain.trains.access import departure_for
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.queries.applying import offered
from releasetrain.trains.queries.room import riders, standing_by
from releasetrain.trains.rules.standby import room_words, taken
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.intake import StandByForm
from releasetrain.web.request import Request


@require_http_methods(["GET", "POST"])
@signed_in
def stand_by(request: Request, pk: int) -> HttpResponse:
    """Show who stands by and why; put them into another order, for a reason."""
    departure = departure_for(request.user, pk, roles=request.roles)
    line = standing_by(departure)
    if request.method != "POST":
        return _show_line(request, departure, StandByForm(line=line))
    form = StandByForm(request.POST, line=line)
    if not form.is_valid():
        return _show_line(request, departure, form, status=422)
    try:
        actions.reorder_stand_by(
            departure,
            order=form.order(),
            reason=form.cleaned_data["reason"],
            by=request.user,
            now=clock.now(),
        )
    except Refused as refusal:
        form.add_error(None, refusal.message)
        return _show_line(request, departure, form, status=refusal.status)
    messages.success(request, "The order is changed; everybody who stands by is told.")
    return redirect("departures-stand-by", pk=departure.pk)


def _show_line(
    request: Request, departure: Departure, form: StandByForm, *, status: int = 200
) -> HttpResponse:
    answer = verdict(Action.REORDER, departure, request.user, clock.now(), roles=request.roles)
    context = {
        "departure": departure,
        "form": form,
        "room": room_words(departure.room, taken(riders(departure)[0])),
        "why_not": None if answer.is_allowed else answer.reasons[0],
        "now": clock.now(),
    }
    return render(request, "departures/stand_by.html", context, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def settings(request: Request, pk: int) -> HttpResponse:
    """Show what a departure keeps and what its train says by now; apply it when asked."""
    departure, now = departure_for(request.user, pk, roles=request.roles), clock.now()
    problem: Refused | None = None
    if request.method == "POST":
        try:
            actions.apply_settings(departure, seen=request.POST.get("seen", ""), by=request.user, now=now)
        except Refused as refusal:
            problem = refusal
            departure.refresh_from_db(fields=["plan", "state"])
        else:
            messages.success(request, "The departure has the settings of its train now.")
            return redirect("departures-detail", pk=pk)
    differences, seen = offered(departure)
    answer = verdict(Action.APPLY_SETTINGS, departure, request.user, now, roles=request.roles)
    context = {
        "departure": departure,
        "differences": differences,
        "seen": seen,
        "problem": problem,
        "why_not": None if answer.is_allowed else answer.reasons[0],
        "now": now,
    }
    return render(request, "departures/settings.html", context, status=problem.status if problem else 200)
