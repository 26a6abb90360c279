"""Start hotfixes, attest what contains them, and settle what a broken glass owes (RULES H2 to H4)."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, NotFound, Refused
from releasetrain.trains import actions
from releasetrain.trains.access import departure_for
from releasetrain.trains.models import BreakGlass, Departure
from releasetrain.trains.queries.glasses import glasses, glasses_open
from releasetrain.trains.queries.hotfixes import hotfixes_under_way, live_fixes, undone_by, versions_aboard
from releasetrain.trains.queries.verdicts import Action, verdict
from releasetrain.trains.rules.states import Choice
from releasetrain.web.contexts.hotfixes import fix_lines, glass_line, lock_line, targets_of_interest
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.hotfixes import AttestForm, BreakForm, HotfixForm, ReviewForm, SayForm
from releasetrain.web.request import Request


@signed_in
def hotfix_list(request: Request) -> HttpResponse:
    """Show what is under way, what is live, what is owed, and who has which target."""
    refuse_strangers(request.roles, "see the hotfixes")
    now = clock.now()
    context = {
        "under_way": list(hotfixes_under_way()[:50]),
        "fixes": fix_lines(live_fixes()[:50]),
        "glasses": [glass_line(one, now) for one in glasses_open()[:50]],
        "locks": [
            lock_line(one, person=request.user, roles=request.roles, now=now) for one in targets_of_interest()
        ],
        "new_url": "/hotfixes/new/" if request.roles.has_any(Role.SUBMITTER) else "",
        "now": now,
    }
    return render(request, "hotfixes/list.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def hotfix_new(request: Request) -> HttpResponse:
    """Start a hotfix on one page; nothing that was typed is lost where it cannot go."""
    if not request.roles.has_any(Role.SUBMITTER):
        text = "To start a hotfix one needs the role submitter, on-call or release manager somewhere."
        raise NotAllowed(text, who="an administrator")
    form, status = HotfixForm(request.POST or None, roles=request.roles), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                started = actions.start_hotfix(asked(form), by=request.user, now=clock.now())
            except Refused as refusal:
                blame(form, refusal)
                status = refusal.status
            else:
                messages.success(request, f"{started.code} is sealed and asks for its votes.")
                return redirect("departures-detail", pk=started.pk)
    now = clock.now()
    busy = [
        lock_line(one, person=request.user, roles=request.roles, now=now) for one in targets_of_interest()
    ]
    return render(request, "hotfixes/new.html", {"form": form, "busy": busy, "now": now}, status=status)


def asked(form: HotfixForm) -> actions.Hotfix:
    """Read what somebody wants to send."""
    typed = form.cleaned_data
    target = typed["target"]
    return actions.Hotfix(
        service=target.service,
        environment=target.environment,
        version=typed["version"],
        title=typed["title"],
        reason=typed["reason"],
        url=typed["url"],
        break_glass=typed["break_glass"],
    )


def blame(form: forms.Form, refusal: Refused) -> None:
    """Write a refusal beside the field that it names."""
    field = getattr(refusal, "field", "")
    form.add_error(field if field in form.fields else None, refusal.message)


@require_http_methods(["GET", "POST"])
@signed_in
def contains(request: Request, pk: int) -> HttpResponse:
    """Show which live hotfixes a departure would undo, and take somebody's word that it does not."""
    departure = departure_for(request.user, pk, roles=request.roles)
    if request.method != "POST":
        return draw_contains(request, departure)
    form = AttestForm(request.POST)
    if not form.is_valid():
        return draw_contains(request, departure, typed=form, status=422)
    said = form.cleaned_data
    service = Service.objects.filter(pk=said["service"]).first()
    if service is None:
        raise NotFound("There is no such service.")
    try:
        actions.attest(
            service=service,
            version=said["version"],
            contains=said["contains"],
            reason=said["reason"],
            by=request.user,
            now=clock.now(),
        )
    except Refused as refusal:
        blame(form, refusal)
        return draw_contains(request, departure, typed=form, status=refusal.status)
    messages.success(request, f"Your word is on record: {said['version']} contains {said['contains']}.")
    return redirect("departures-contains", pk=pk)


def draw_contains(
    request: Request, departure: Departure, *, typed: AttestForm | None = None, status: int = 200
) -> HttpResponse:
    """Draw a form for each hotfix that the departure would undo; a refused one keeps what was typed."""
    versions = versions_aboard(departure)
    offers = []
    for fix, why in undone_by(departure, versions):
        about = {"service": fix.service, "version": versions[fix.service], "contains": fix.version}
        is_typed = typed is not None and typed.data.get("service") == str(fix.service)
        form = typed if is_typed and typed else AttestForm(initial=about, auto_id=f"id_{fix.service}_%s")
        offers.append({"fix": fix, "why": why, "form": form})
    context = {"departure": departure, "offers": offers, "now": clock.now()}
    return render(request, "hotfixes/contains.html", context, status=status)


@signed_in
def glass(request: Request, pk: int) -> HttpResponse:
    """Show the glass of a hotfix: to be broken, or what it owes."""
    return draw_glass(request, departure_for(request.user, pk, roles=request.roles))


@require_POST
@signed_in
def glass_act(request: Request, pk: int, verb: str) -> HttpResponse:
    """Break it, give a vote that it owes, or review it."""
    departure = departure_for(request.user, pk, roles=request.roles)
    form = FORMS[verb](request.POST)
    if not form.is_valid():
        return draw_glass(request, departure, typed={verb: form}, status=422)
    try:
        ACTS[verb](request, departure, form.cleaned_data, clock.now())
    except Refused as refusal:
        blame(form, refusal)
        return draw_glass(request, departure, typed={verb: form}, status=refusal.status)
    messages.success(request, SAID[verb])
    return redirect("departures-glass", pk=pk)


def glass_of(departure: Departure) -> BreakGlass:
    """Return the broken glass of a departure.

    :raises NotFound: it is whole
    """
    found = glasses().filter(departure=departure).first()
    if found is None:
        raise NotFound(f"Nobody has broken the glass of {departure.code}.")
    return found


def break_it(request: Request, departure: Departure, said: dict[str, Any], now: datetime) -> None:
    actions.break_glass(departure, reason=said["reason"], by=request.user, now=now)


def say_it(request: Request, departure: Departure, said: dict[str, Any], now: datetime) -> None:
    choice = Choice(said["choice"])
    actions.say_afterwards(
        glass_of(departure), choice=choice, reason=said["reason"], by=request.user, now=now
    )


def review_it(request: Request, departure: Departure, said: dict[str, Any], now: datetime) -> None:
    actions.review_glass(glass_of(departure), review=said["review"], by=request.user, now=now)


FORMS: dict[str, type[forms.Form]] = {"break": BreakForm, "say": SayForm, "review": ReviewForm}
ACTS = {"break": break_it, "say": say_it, "review": review_it}
SAID = {
    "break": "The glass is broken: the small quorum decides now, the rest is owed within 24 hours.",
    "say": "Your vote is on record.",
    "review": "The review is on record.",
}


def draw_glass(
    request: Request, departure: Departure, *, typed: dict[str, forms.Form] | None = None, status: int = 200
) -> HttpResponse:
    """Draw what this person may do about the glass, and why not the rest."""
    now, kept = clock.now(), typed or {}
    broken = glasses().filter(departure=departure).first()
    asks = (
        (Action.BREAK_GLASS, "break", departure)
        if broken is None
        else (Action.SAY_AFTERWARDS, "say", broken),
        (Action.REVIEW_GLASS, "review", broken),
    )
    offers = []
    for action, verb, subject in asks:
        if subject is None:
            continue
        answer = verdict(action, subject, request.user, now, roles=request.roles)
        form = kept.get(verb) or FORMS[verb](auto_id=f"id_{verb}_%s")
        offers.append({"verb": verb, "form": form, "why": "" if answer.is_allowed else answer.sentence()})
    context = {
        "departure": departure,
        "line": glass_line(broken, now) if broken else None,
        "offers": offers,
        "zone": departure.train.time_zone,
        "now": now,
    }
    return render(request, "hotfixes/glass.html", context, status=status)
