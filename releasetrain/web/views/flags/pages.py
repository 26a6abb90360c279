"""Show flags, and let those on call kill and revive them."""

from datetime import UTC, datetime, time

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers, refuse_without
from releasetrain.catalog.models import Environment
from releasetrain.flags import actions
from releasetrain.flags.access import EDITORS, may_keep, refuse_without_team
from releasetrain.flags.models import Flag, FlagEnvironment, FlagKind
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.web.contexts.flags import KILL_ROLES, revision_of, rows_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.flags import FlagForm
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


@signed_in
def flag_list(request: Request) -> HttpResponse:
    """List every flag in every environment."""
    refuse_strangers(request.roles, "see the flags")
    rows = FlagEnvironment.objects.filter(flag__archived_at__isnull=True)
    page = paged(
        request, rows.select_related("flag__owner", "environment").order_by("flag__key", "environment__order")
    )
    now = clock.now()
    flags = rows_of(list(page), request.roles, now)
    context = {
        "flags": flags,
        "pager": pager(request, page),
        "environments": Environment.objects.filter(flags__isnull=False).distinct(),
        "may_add": may_keep(request.roles),
        "now": now,
    }
    return render(request, "flags/list.html", context)


@signed_in
def flag_detail(request: Request, key: str) -> HttpResponse:
    """Show one flag in each environment, with its history."""
    refuse_strangers(request.roles, "see the flags")
    flag = get_object_or_404(Flag.objects.select_related("owner"), key=key)
    rows = flag.environments.select_related("flag__owner", "environment").order_by("environment__order")
    now = clock.now()
    page = paged(request, flag.revisions.select_related("environment").order_by("-at", "-number"))
    context = {
        "flag": flag,
        "flags": rows_of(list(rows), request.roles, now),
        "revisions": [revision_of(revision) for revision in page],
        "pager": pager(request, page),
        "now": now,
    }
    return render(request, "flags/detail.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def flag_new(request: Request) -> HttpResponse:
    """Create a flag, off for everybody."""
    refuse_without_team(request.roles, "create flags")
    form, status = FlagForm(request.POST or None), 200
    if request.method == "POST" and not form.is_valid():
        status = 422
    elif request.method == "POST":
        try:
            return create(request, form)
        except Refused as refusal:
            field = getattr(refusal, "field", "") or (
                "key" if isinstance(refusal, actions.FlagExists) else ""
            )
            form.add_error(field if field in form.fields else None, refusal.message)
            status = refusal.status
    return render(request, "flags/new.html", {"form": form, "now": clock.now()}, status=status)


def create(request: Request, form: FlagForm) -> HttpResponse:
    """Create what was typed.

    :raises Refused: with the field that it is about
    """
    typed = form.cleaned_data
    refuse_without(request.roles, EDITORS, "create a flag", team=typed["owner"].pk)
    expires_on = typed["expires_on"]
    flag = actions.create_flag(
        key=typed["key"].strip(),
        description=typed["description"],
        owner=typed["owner"],
        kind=FlagKind(typed["kind"]),
        environments=typed["environments"],
        values=form.values(),
        is_client_visible=typed["is_client_visible"],
        expires_at=datetime.combine(expires_on, time(), UTC) if expires_on else None,
        actor=request.user,
        now=clock.now(),
    )
    messages.success(request, f"{flag.key} is served, and off for everybody.")
    return redirect("flags-detail", key=flag.key)


@require_POST
@signed_in
def flag_switch(request: Request, key: str, environment: str, verb: str) -> HttpResponse:
    """Kill a flag, or revive it; a kill is never blocked by anything but the role."""
    row = get_object_or_404(
        FlagEnvironment.objects.select_related("flag__owner", "environment"),
        flag__key=key,
        environment__slug=environment,
    )
    refuse_without(request.roles, KILL_ROLES, f"{verb} a flag", team=row.flag.owner_id)
    switch = actions.kill if verb == "kill" else actions.unkill
    switch(row, reason=request.POST.get("reason", "")[:300], actor=request.user, now=clock.now())
    done = "is off for everybody" if verb == "kill" else "follows its percentage again"
    messages.success(request, f"{key} {done} in {row.environment}.")
    if request.htmx:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return redirect("flags-detail", key=key)
