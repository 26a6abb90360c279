"""Pass over what a guardrail has found, for a time: with a reason, and with two people above 10 %."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.panels import links
from releasetrain.rollouts.access import rollout_for
from releasetrain.rollouts.actions import operate
from releasetrain.rollouts.actions.operate import Order
from releasetrain.rollouts.models import Command, Rollout
from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.rollouts.rules.dismissals import ALONE_UP_TO
from releasetrain.rollouts.rules.dismissing import needs_second, why_not_dismiss
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.windows import snapshot_now
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.dismissing import DismissForm
from releasetrain.web.request import Request

NOBODY_WATCHES = "No guardrail watches this rollout."


@require_http_methods(["GET", "POST"])
@signed_in
def dismiss(request: Request, pk: int) -> HttpResponse:
    """Show what was found, and pass over one finding; nothing typed is lost where that is refused."""
    rollout = rollout_for(request.roles, pk, to="operate")
    now = clock.now()
    snapshot = snapshot_now(rollout, now)
    form, status = DismissForm(request.POST or None, findings=findings_of(snapshot)), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                operate(rollout, order_of(request, form), by=request.user, now=now)
            except Refused as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                tell(request, rollout, form)
                return redirect(links.live(rollout.departure_id) if rollout.departure_id else "rolling")
    return render(request, "rollouts/dismiss.html", context_of(rollout, snapshot, form), status=status)


def findings_of(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return what can be dismissed: the guardrail, and what it found in words."""
    return [
        (one.name, snapshot.state_of(one).failed)
        for one in snapshot.guardrails
        if why_not_dismiss(snapshot, one.name) is None
    ]


def order_of(request: Request, form: DismissForm) -> Order:
    typed, seq = form.cleaned_data, request.POST.get("expected_seq", "")
    return Order(
        kind=CommandKind.DISMISS,
        id=uuid.uuid4(),
        expected_seq=int(seq) if seq.isdecimal() and len(seq) < 10 else None,
        reason=typed["reason"],
        guardrail=typed["guardrail"],
        minutes=typed["minutes"],
    )


def tell(request: Request, rollout: Rollout, form: DismissForm) -> None:
    """Say that it is done, or that it waits for a second person."""
    newest = Command.objects.filter(rollout=rollout, kind=CommandKind.DISMISS).order_by("-at").first()
    if newest is not None and newest.waits_until is not None:
        messages.warning(request, "It waits for a second person, who agrees beside the controls.")
        return
    name, minutes = form.cleaned_data["guardrail"], form.cleaned_data["minutes"]
    messages.success(request, f"{name} is passed over for {minutes} min. Anything worse arms it again.")


def context_of(rollout: Rollout, snapshot: Snapshot, form: DismissForm) -> dict[str, object]:
    why = [why_not_dismiss(snapshot, one.name) for one in snapshot.guardrails]
    return {
        "rollout": rollout,
        "form": form,
        "seq": snapshot.seq,
        "refusals": [] if None in why else [one for one in why if one] or [NOBODY_WATCHES],
        "needs_second": needs_second(snapshot),
        "alone_up_to": ALONE_UP_TO,
        "back_url": links.live(rollout.departure_id) if rollout.departure_id else links.rolling_list(),
        "now": clock.now(),
    }
