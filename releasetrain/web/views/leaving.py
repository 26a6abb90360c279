"""Take changes off a departure after its seal: ask for it, answer that, or do it as its captain."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.trains import actions
from releasetrain.trains.access import change_for, departure_for
from releasetrain.trains.models import Withdrawal
from releasetrain.trains.queries.bundling import aboard_with_people, dependants, repointed_pks
from releasetrain.web.contexts.leaving import Leaving, answering, asking, ejecting
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.bundles import NOTHING, LeaveForm
from releasetrain.web.request import Request

Repointed = Mapping[int, int | None]


@require_http_methods(["GET", "POST"])
@signed_in
def ask(request: Request, pk: int) -> HttpResponse:
    """Ask that a change is taken off; what falls with it is shown first."""
    change = change_for(request.user, pk, roles=request.roles)

    def do(reason: str, repointed: Repointed, now: datetime) -> str:
        actions.ask_to_withdraw(change, reason=reason, by=request.user, now=now, repointed=repointed)
        return "It is asked for. The departure does not leave before somebody has answered."

    form = form_of(request, change.pk)
    leaving = asking(change, person=request.user, roles=request.roles, now=clock.now(), staying=_kept(form))
    return _act(request, leaving, form, do, change.departure_id)


@require_http_methods(["GET", "POST"])
@signed_in
def eject(request: Request, pk: int) -> HttpResponse:
    """Take a change off for its author; what falls with it is shown first."""
    change = change_for(request.user, pk, roles=request.roles)

    def do(reason: str, repointed: Repointed, now: datetime) -> str:
        taken = actions.eject(change, reason=reason, by=request.user, now=now, repointed=repointed)
        more = f" and {len(taken.fallen)} more" if taken.fallen else ""
        return f"“{change.title}”{more} got off {taken.departure.code}."

    form = form_of(request, change.pk)
    leaving = ejecting(change, person=request.user, roles=request.roles, now=clock.now(), staying=_kept(form))
    return _act(request, leaving, form, do, change.departure_id)


@require_http_methods(["GET", "POST"])
@signed_in
def withdrawal(request: Request, pk: int, number: int) -> HttpResponse:
    """Show a request with what falls along, and accept it."""
    found = withdrawal_for(request, pk, number)

    def do(reason: str, repointed: Repointed, now: datetime) -> str:
        actions.accept_withdrawal(found, decision=reason, by=request.user, now=now, repointed=repointed)
        return f"“{found.change.title}” got off; the manifest has a new revision."

    kept = repointed_pks(found.repointed)
    form = form_of(request, found.change_id, kept=kept, needs_reason=False)
    leaving = answering(
        found, person=request.user, roles=request.roles, now=clock.now(), staying=_kept(form) or list(kept)
    )
    return _act(request, leaving, form, do, pk)


@require_POST
@signed_in
def refuse(request: Request, pk: int, number: int) -> HttpResponse:
    """Keep the change aboard, with a reason."""
    found = withdrawal_for(request, pk, number)
    actions.refuse_withdrawal(found, reason=request.POST.get("reason", ""), by=request.user, now=clock.now())
    return done(request, pk, f"“{found.change.title}” stays aboard.")


@require_POST
@signed_in
def take_back(request: Request, pk: int, number: int) -> HttpResponse:
    """Let the change stay aboard after all."""
    found = withdrawal_for(request, pk, number)
    actions.take_back_withdrawal(found, by=request.user, now=clock.now())
    return done(request, pk, f"“{found.change.title}” stays aboard.")


def withdrawal_for(request: Request, pk: int, number: int) -> Withdrawal:
    """Return a request of a departure for somebody who may see that.

    :raises NotFound: there is none
    """
    departure = departure_for(request.user, pk, roles=request.roles)
    rows = Withdrawal.objects.select_related("change__service__team", "departure__train__team")
    found = rows.filter(departure=departure, pk=number).first()
    if found is None:
        raise NotFound(f"{departure} has no such request.")
    found.departure = departure
    return found


def form_of(
    request: Request, pk: int, *, kept: Repointed | None = None, needs_reason: bool = True
) -> LeaveForm:
    """Build the form that asks why, and what becomes of who needs it."""
    change = change_for(request.user, pk, roles=request.roles)
    aboard = aboard_with_people(change.departure_id) if change.departure_id else []
    chosen = {f"of_{one}": NOTHING if needed is None else str(needed) for one, needed in (kept or {}).items()}
    return LeaveForm(
        request.POST if request.method == "POST" else None,
        dependants=dependants(change),
        others=[one for one in aboard if one.pk != pk],
        needs_reason=needs_reason,
        initial=chosen,
    )


def _kept(form: LeaveForm) -> list[int]:
    """Return who stays by what is chosen so far."""
    return list(form.repointed()) if form.is_bound and (form.is_valid() or form.cleaned_data) else []


def _act(
    request: Request,
    leaving: Leaving,
    form: LeaveForm,
    do: Callable[[str, Repointed, datetime], str],
    departure: int | None,
) -> HttpResponse:
    """Ask, saying what it would do; then do it, or show the form again with what was typed."""
    status, is_asked = 200, request.method == "GET" or "show" in request.POST
    if not is_asked:
        status = 422
        if form.is_valid():
            try:
                sentence = do(form.cleaned_data["reason"], form.repointed(), clock.now())
            except Refused as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                return done(request, departure, sentence)
    context = {"leaving": leaving, "form": form, "now": clock.now()}
    return render(request, "changes/leave.html", context, status=status)


def done(request: Request, departure: int | None, sentence: str) -> HttpResponse:
    """Say that it is done, on the page of the departure."""
    messages.success(request, sentence)
    return redirect("departures-detail", pk=departure) if departure else redirect("changes")
