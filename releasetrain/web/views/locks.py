"""Show who has a target and who waits, lock it, and take it over (RULES H1, H6)."""

from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused, Stale
from releasetrain.rollouts import actions
from releasetrain.rollouts.locks import open_lock
from releasetrain.rollouts.models import Lock
from releasetrain.web.contexts.hotfixes import LockLine, lock_line
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.hotfixes import LockForm, RenewForm, SettleForm, TakeOverForm
from releasetrain.web.request import Request
from releasetrain.web.views.hotfixes import blame

PAST = 20


@signed_in
def lock_list(request: Request) -> HttpResponse:
    """List every target with whoever has it."""
    refuse_strangers(request.roles, "see the locks")
    now = clock.now()
    rows = Target.objects.select_related("service__team", "environment").order_by("service__name", "pk")[:200]
    lines = [lock_line(one, person=request.user, roles=request.roles, now=now) for one in rows]
    return render(request, "hotfixes/locks.html", {"locks": lines, "now": now})


@signed_in
def lock_detail(request: Request, pk: int) -> HttpResponse:
    """Show one target: who has it, who waits, who had it."""
    return draw(request, target_for(request, pk))


@require_POST
@signed_in
def lock_act(request: Request, pk: int, verb: str) -> HttpResponse:
    """Lock it, renew, release, take over, or settle it; 409 where the page was stale."""
    target = target_for(request, pk)
    form = FORMS[verb](request.POST)
    if not form.is_valid():
        return draw(request, target, typed={verb: form}, status=422)
    try:
        said = act(request, target, verb, form, clock.now())
    except Refused as refusal:
        blame(form, refusal)
        return draw(request, target, typed={verb: form}, error=refusal.message, status=refusal.status)
    messages.success(request, said)
    return redirect("hotfixes-lock", pk=pk)


def act(request: Request, target: Target, verb: str, form: forms.Form, now: datetime) -> str:
    """Do what was asked; return what to say about it."""
    by = request.user
    if isinstance(form, LockForm):
        actions.lock_target(
            target, reason=form.cleaned_data["reason"], until=now + form.length, by=by, now=now
        )
        return f"You have {target}; rollbacks go through all the same."
    if isinstance(form, TakeOverForm):
        until = now + form.length if form.length else None
        typed = form.cleaned_data
        actions.take_over(target, fence=typed["fence"], reason=typed["reason"], until=until, by=by, now=now)
        return f"You took {target} over; what the one before still writes is refused."
    if isinstance(form, SettleForm):
        actions.settle_target(target, reason=form.cleaned_data["reason"], by=by, now=now)
        return f"{target} is settled; the next version can begin."
    lock, fence = lock_shown(target), form.cleaned_data["fence"]
    if verb == "release":
        actions.release_lock(lock, fence=fence, by=by, now=now)
        return f"{target} is free again."
    length = form.length if isinstance(form, RenewForm) else None
    actions.renew_lock(lock, fence=fence, until=now + length if length else now, by=by, now=now)
    return "You keep it for longer."


def lock_shown(target: Target) -> Lock:
    """Return the lock that stands.

    :raises Stale: nobody has the target any more
    """
    lock = open_lock(target.pk)
    if lock is None:
        raise Stale("This lock has ended; nobody has it.")
    return lock


FORMS: dict[str, type[forms.Form]] = {
    "lock": LockForm,
    "renew": RenewForm,
    "release": RenewForm,
    "take-over": TakeOverForm,
    "settle": SettleForm,
}


def target_for(request: Request, pk: int) -> Target:
    """Return a target to somebody who may see it.

    :raises NotFound: there is none
    """
    refuse_strangers(request.roles, "see the locks")
    target = Target.objects.select_related("service__team", "environment").filter(pk=pk).first()
    if target is None:
        raise NotFound("There is no such target.")
    return target


def draw(
    request: Request,
    target: Target,
    *,
    typed: dict[str, forms.Form] | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    """Draw one target with the forms that make sense now."""
    now = clock.now()
    line = lock_line(target, person=request.user, roles=request.roles, now=now, looks=True)
    offers = [
        {"verb": verb, "form": (typed or {}).get(verb) or form_of(verb, line)} for verb in offered(line)
    ]
    past = Lock.objects.filter(target=target, ended_at__isnull=False).order_by("-ended_at")[:PAST]
    context = {"line": line, "offers": offers, "past": past, "error": error, "now": now}
    return render(request, "hotfixes/lock.html", context, status=status)


def form_of(verb: str, line: LockLine) -> forms.Form:
    return FORMS[verb](initial={"fence": line.fence}, auto_id=f"id_{verb}_%s")


def offered(line: LockLine) -> list[str]:
    """Choose what somebody may do about a target."""
    if not line.may_lock:
        return []
    settles = ["settle"] if line.to_settle else []
    if not line.holder:
        return ["lock", *settles]
    return (
        ["renew", "release", *settles] if line.is_mine else ["take-over", *settles] if line.fence else settles
    )
