"""Show who gets which variant of a flag in one environment, try somebody, and change it."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers, refuse_without
from releasetrain.flags import actions
from releasetrain.flags.access import EDITORS
from releasetrain.flags.actions.targeting import last_of
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.web.contexts.flags import revision_of, rows_of
from releasetrain.web.contexts.targeting import trial_of, variant_words, who_gets_what
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms import rows
from releasetrain.web.forms.flags import RULES, TargetingForm, TryForm, refuse
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


@signed_in
def targeting(request: Request, key: str, environment: str) -> HttpResponse:
    """Show who gets what, and why somebody would get what they get."""
    placed, now = placed_for(request, key, environment), clock.now()
    form = TryForm(request.GET if "user" in request.GET else None)
    page = paged(request, revisions_of(placed))
    context = {
        "flag": placed.flag,
        "environment": placed.environment,
        "flags": rows_of([placed], request.roles, now),
        "parts": who_gets_what(placed),
        "form": form,
        "trial": trial_of(placed, form.context) if form.is_bound and form.is_valid() else None,
        "may_edit": may_edit(request, placed),
        "revisions": [revision_of(one) for one in page],
        "pager": pager(request, page),
        "now": now,
    }
    return render(request, "flags/targeting.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: Request, key: str, environment: str) -> HttpResponse:
    """Say who gets what."""
    placed = placed_for(request, key, environment)
    refuse_without(request.roles, EDITORS, "change who gets a flag", team=placed.flag.owner_id)
    data, status = (request.POST if request.method == "POST" else None), 200
    form = TargetingForm(data, placed=placed, base=last_of(placed))
    if data is not None:
        if (typed := rows.pressed(data, (RULES,))) is not None:
            form = TargetingForm(typed, placed=placed, base=last_of(placed))
            form.hush()
        elif not form.is_valid():
            status = 422
        else:
            try:
                return save(request, placed, form)
            except actions.TargetingRefused as refusal:
                status = refusal.status
                refuse(form, refusal.problems)
            except Refused as refusal:
                status = refusal.status
                form.add_error(None, refusal.message)
    context = {
        "placed": placed,
        "variants": variant_words(placed.flag),
        "form": form,
        "action": request.path,
        "now": clock.now(),
    }
    return render(request, "flags/edit.html", context, status=status)


def save(request: Request, placed: FlagEnvironment, form: TargetingForm) -> HttpResponse:
    """Save what was typed.

    :raises Refused: it cannot be served, others were faster, or a window is open
    """
    revision = actions.retarget(
        placed,
        form.targeting(),
        base=form.cleaned_data["base"],
        reason=form.cleaned_data["reason"],
        actor=request.user,
        now=clock.now(),
    )
    if revision is None:
        messages.success(request, "Everybody gets what they got before: nothing was changed.")
    else:
        messages.success(request, f"Revision {revision.number} is served from now on.")
    return redirect("flags-targeting", key=placed.flag.key, environment=placed.environment.slug)


@require_POST
@signed_in
def revert(request: Request, key: str, environment: str, number: int) -> HttpResponse:
    """Target a flag as it was before a revision."""
    placed = placed_for(request, key, environment)
    refuse_without(request.roles, EDITORS, "change who gets a flag", team=placed.flag.owner_id)
    revision = get_object_or_404(revisions_of(placed), number=number)
    reason = request.POST.get("reason", "")[:300]
    made = actions.revert(revision, reason=reason, actor=request.user, now=clock.now())
    said = f"Revision {number} is taken back." if made else "It is as it was before that already."
    messages.success(request, said)
    return redirect("flags-targeting", key=key, environment=environment)


def may_edit(request: Request, placed: FlagEnvironment) -> bool:
    return any(request.roles.has(role, team=placed.flag.owner_id) for role in EDITORS)


def revisions_of(placed: FlagEnvironment) -> QuerySet[FlagRevision]:
    """Return what has changed about a flag here, newest first."""
    found = FlagRevision.objects.filter(flag=placed.flag, environment=placed.environment)
    return found.select_related("environment").order_by("-number")


def placed_for(request: Request, key: str, environment: str) -> FlagEnvironment:
    """Return a flag in an environment for somebody who may see it."""
    refuse_strangers(request.roles, "see the flags")
    return get_object_or_404(
        FlagEnvironment.objects.select_related("flag__owner", "environment"),
        flag__key=key,
        flag__archived_at=None,
        environment__slug=environment,
    )
