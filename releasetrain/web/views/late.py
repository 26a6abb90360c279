"""Ask for a late pass with its price in sight, decide about it, and read the ledger."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.late import line_of
from releasetrain.trains import actions
from releasetrain.trains.access import change_for, departure_for
from releasetrain.trains.models import LatePass
from releasetrain.trains.queries.late import passes_with_everything, phase_for, price_of
from releasetrain.trains.queries.ledger import ledger_of, lost_property
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.rules.late import OVER, Phase, limit_of
from releasetrain.web.contexts.late import ledger_line, lost_line, may, pass_actions, why_not_granted_by
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.late import AskForm, ExtendForm, GrantForm
from releasetrain.web.forms.steering import SteerBase
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


@require_http_methods(["GET", "POST"])
@signed_in
def ask(request: Request, pk: int, departure: int) -> HttpResponse:
    """Show what it would cost to let a change aboard, and ask for it."""
    change = change_for(request.user, pk, roles=request.roles)
    to = departure_for(request.user, departure, roles=request.roles)
    now, status = clock.now(), 200
    phase = phase_for(change, to, now)
    form = AskForm(request.POST or None, phase=phase)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = actions.ask_pass(change, to, **form.cleaned_data, by=request.user, now=now)
            except Refused as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, f"The late pass is asked for; who runs {to.code} is told.")
                return redirect(links.late_pass(to.pk, row.pk))
    answer = verdict(Ask.ASK_LATE, change, request.user, now, departure=to, roles=request.roles)
    cost = price_of(change, to, now) if phase is not Phase.GONE else None
    context = {
        "change": change,
        "departure": to,
        "form": form,
        "price": cost.sentences() if cost else [],
        "label": f"Ask for the pass: {cost.brief()}" if cost else "Ask for the pass",
        "rule": phase.rule,
        "reasons": answer.reasons,
        "now": now,
    }
    return render(request, "changes/late.html", context, status=status)


@signed_in
def late_pass(request: Request, pk: int, number: int) -> HttpResponse:
    """Show one late pass: what it costs now, who wants it and why, and what this person may do."""
    return page(request, pass_for(request, pk, number))


@require_POST
@signed_in
def grant(request: Request, pk: int, number: int) -> HttpResponse:
    """Grant it until a limit, at the price that was read."""
    row, now = pass_for(request, pk, number), clock.now()
    form = GrantForm(request.POST, departure=row.departure, initial={}, now=now)
    if not form.is_valid():
        return page(request, row, grant_form=form, status=422)
    return act(
        request,
        row,
        lambda at: actions.grant_pass(row, **form.typed(), by=request.user, now=at),
        "It is granted; who asked for it is told.",
        grant_form=form,
    )


@require_POST
@signed_in
def extend(request: Request, pk: int, number: int) -> HttpResponse:
    """Let it be good for longer, once."""
    row, now = pass_for(request, pk, number), clock.now()
    form = ExtendForm(request.POST, departure=row.departure, initial={}, now=now)
    if not form.is_valid():
        return page(request, row, extend_form=form, status=422)
    return act(
        request,
        row,
        lambda at: actions.extend_pass(row, **form.typed(), by=request.user, now=at),
        "It is good for longer; there is no second extension.",
        extend_form=form,
    )


@require_POST
@signed_in
def refuse(request: Request, pk: int, number: int) -> HttpResponse:
    """Refuse it with a reason."""
    row, reason = pass_for(request, pk, number), request.POST.get("reason", "")
    sentence = "It is refused; who asked for it is told why."
    return act(
        request,
        row,
        lambda at: actions.refuse_pass(row, reason=reason, by=request.user, now=at),
        sentence,
    )


@require_POST
@signed_in
def withdraw(request: Request, pk: int, number: int) -> HttpResponse:
    """Take it back."""
    row, reason = pass_for(request, pk, number), request.POST.get("reason", "")
    return act(
        request,
        row,
        lambda at: actions.withdraw_pass(row, reason=reason, by=request.user, now=at),
        "The late pass is taken back.",
    )


@require_POST
@signed_in
def use(request: Request, pk: int, number: int) -> HttpResponse:
    """Bring aboard what it was granted for."""
    row = pass_for(request, pk, number)
    return act(request, row, lambda at: actions.use_pass(row, by=request.user, now=at), "It is aboard.")


def act(
    request: Request,
    row: LatePass,
    do: Callable[[datetime], object],
    sentence: str,
    **forms: SteerBase,
) -> HttpResponse:
    """Do it, or show the page again with why not and with what was typed."""
    try:
        do(clock.now())
    except Refused as refusal:
        fresh = pass_for(request, row.departure_id, row.pk)
        return page(request, fresh, error=refusal.message, status=refusal.status, **forms)
    messages.success(request, sentence)
    return redirect(links.late_pass(row.departure_id, row.pk))


def page(
    request: Request,
    row: LatePass,
    *,
    grant_form: SteerBase | None = None,
    extend_form: SteerBase | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    """Draw a late pass with the forms of what this person may do."""
    now, departure = clock.now(), row.departure
    is_over = row.state in OVER
    cost = None if is_over else price_of(row.change, departure, now)
    zone = ZoneInfo(departure.train.time_zone)
    limit = row.use_by or limit_of(departs_at=departure.departs_at, now=now)
    until = limit.astimezone(zone).replace(tzinfo=None)
    fresh = {"until": until, "seen": cost.seal if cost else ""}
    if may(Ask.GRANT_LATE, row, request.user, request.roles, now):
        grant_form = grant_form or GrantForm(None, departure=departure, initial=fresh, now=now)
    if may(Ask.EXTEND_LATE, row, request.user, request.roles, now):
        extend_form = extend_form or ExtendForm(None, departure=departure, initial=fresh, now=now)
    context = {
        "line": line_of(row, Audience.MEMBER, now, price=cost),
        "then": line_of(row, Audience.MEMBER, now).price,
        "departure": departure,
        "zone": departure.train.time_zone,
        "rule": "" if is_over else phase_for(row.change, departure, now).rule,
        "actions": pass_actions(row, person=request.user, roles=request.roles, now=now),
        "why_not": why_not_granted_by(row, person=request.user, roles=request.roles, now=now),
        "grant_form": grant_form,
        "extend_form": extend_form,
        "error": error,
        "now": now,
    }
    return render(request, "departures/late.html", context, status=status)


def pass_for(request: Request, pk: int, number: int) -> LatePass:
    """Return a late pass of a departure for somebody who may see that.

    :raises NotFound: there is none
    """
    departure_for(request.user, pk, roles=request.roles)
    found = passes_with_everything().filter(departure=pk, pk=number).first()
    if found is None:
        raise NotFound(f"There is no late pass {number} of RT-{pk}.")
    return found


@signed_in
def ledger(request: Request, pk: int) -> HttpResponse:
    """Show every stay aboard a departure, and how each ended."""
    departure = departure_for(request.user, pk, roles=request.roles)
    rows = paged(request, ledger_of(departure))
    context = {
        "departure": departure,
        "lines": [ledger_line(one) for one in rows],
        "pager": pager(request, rows),
        "now": clock.now(),
    }
    return render(request, "departures/ledger.html", context)


@signed_in
def lost(request: Request) -> HttpResponse:
    """Show everything that the ledger cannot account for: nothing."""
    refuse_strangers(request.roles, "see the lost property")
    context = {"lines": [lost_line(one) for one in lost_property()], "now": clock.now()}
    return render(request, "departures/lost.html", context)
