"""Show everything that rolls, and bring it back: PostgreSQL and the drivers are all that is needed."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from releasetrain.accounts.access import refuse_strangers
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.panels.rolling import load_rolling
from releasetrain.rollouts.access import may_operate, rollout_for
from releasetrain.rollouts.actions import bring_back, operate, press_on, revert
from releasetrain.rollouts.actions.everything import Asked
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rolling import returning, unfinished
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request
from releasetrain.web.views.rollouts import read_order, reason_of

NOTHING = "Nothing rolls that you could bring back."
LACKING = "To roll back one must be on call, a release manager or an administrator for what rolls."


@require_safe
@signed_in
def rolling(request: Request) -> HttpResponse:
    """List everything that rolls; a page that follows is answered with the list alone, if it has changed."""
    refuse_strangers(request.roles, "see what rolls")
    return answer(request)


@require_POST
@signed_in
def roll_back_one(request: Request, pk: int) -> HttpResponse:
    """Bring one rollout back, or cancel it where nobody has seen it."""
    rollout = rollout_for(request.roles, pk, to="operate")
    try:
        operate(rollout, read_order(request, "rollback"), by=request.user, now=clock.now())
    except Refused as refusal:
        return answer(request, error=refusal.message, status=refusal.status)
    return answer(request)


@require_POST
@signed_in
def take_back(request: Request, pk: int) -> HttpResponse:
    """Take straight back what has arrived (ENGINE T13)."""
    rollout = rollout_for(request.roles, pk, to="operate")
    try:
        revert(rollout, reason=reason_of(request), by=request.user, now=clock.now())
    except Refused as refusal:
        return answer(request, error=refusal.message, status=refusal.status)
    return answer(request)


@require_POST
@signed_in
def roll_back_all(request: Request) -> HttpResponse:
    """Bring back everything that this person may, each for itself, and say what became of each."""
    now, rollouts = clock.now(), mine(request)
    reason = request.POST.get("reason", "").strip()[:400]
    said = f"{reason} ({request.user})" if reason else f"Everything is rolled back by {request.user}"
    tell(request, bring_back(rollouts, reason=said, by=request.user, now=now))
    return redirect("rolling")


@require_POST
@signed_in
def press(request: Request) -> HttpResponse:
    """Ask the drivers of what comes back again; an open page of an operator does it by itself."""
    refuse_strangers(request.roles, "see what rolls")
    rows = returning().select_related("target__service")
    press_on(one.pk for one in rows if may_operate(request.roles, one))
    return answer(request)


def mine(request: Request) -> list[Rollout]:
    """Return what is not over and this person may bring back.

    :raises NotAllowed: something rolls, and none of it is theirs
    """
    rows = list(unfinished().select_related("target__service", "target__environment"))
    found = [one for one in rows if may_operate(request.roles, one)]
    if rows and not found:
        raise NotAllowed(LACKING, who="an administrator")
    return found


def tell(request: Request, asked: Sequence[Asked]) -> None:
    """Say how many were asked, and name each that could not be; what each driver said stands in the list."""
    fine = [one for one in asked if not one.fault]
    if not asked:
        messages.info(request, NOTHING)
    elif fine:
        back = sum(one.rollout.state == RolloutState.ROLLING_BACK for one in fine)
        off = len(fine) - back
        words = [counted(back, "comes back", "come back"), counted(off, "will not start", "will not start")]
        messages.success(request, f"Asked: {', '.join(word for word in words if word)}.")
    for one in asked:
        if one.fault:
            messages.error(request, f"{one.rollout.target} could not be asked: {one.fault}")


def counted(count: int, one: str, many: str) -> str:
    return f"{count} {f'rollout {one}' if count == 1 else f'rollouts {many}'}" if count else ""


def answer(request: Request, *, error: str = "", status: int = 200) -> HttpResponse:
    """Draw the list for htmx, nothing where it says the same as before, or the whole page without script."""
    now: datetime = clock.now()
    if not request.htmx:
        if error:
            messages.error(request, error)
        if request.method == "POST":
            return redirect("rolling")
    known = load_rolling(request.roles, now)
    if (
        request.htmx
        and not error
        and request.headers.get("HX-Trigger") == "rolling"
        and is_old(request, known.seen)
    ):
        return HttpResponse(status=204)
    context = {"rolling": known, "error": error, "now": now}
    name = "rollouts/_rolling.html" if request.htmx else "rollouts/rolling.html"
    return render(request, name, context, status=status)


def is_old(request: Request, seen: str) -> bool:
    """Tell whether the page that follows shows exactly this."""
    return request.GET.get("seen", request.POST.get("seen", "")) == seen
