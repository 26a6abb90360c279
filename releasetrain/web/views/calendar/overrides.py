"""List overrides, and take their reviews (RULES W7)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound
from releasetrain.trains import actions
from releasetrain.trains.models import Override
from releasetrain.trains.queries.overrides import overrides_with_everything
from releasetrain.web.contexts.calendar.overrides import SHOWS, override_row, override_tabs, overrides_shown
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.decorators import signed_in
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


@signed_in
def override_list(request: Request) -> HttpResponse:
    """List overrides: those to review first."""
    refuse_strangers(request.roles, "see the overrides")
    now = clock.now()
    show = request.GET.get("show", "")
    show = show if show in dict(SHOWS) else SHOWS[0][0]
    page = paged(request, overrides_shown(show, now))
    rows = [override_row(row, now, person=request.user, roles=request.roles) for row in page]
    context = {
        "overrides": rows,
        "pager": pager(request, page),
        "tabs": override_tabs(show, now),
        "show": show,
        "sections": sections("overrides"),
        "now": now,
    }
    return render(request, "calendar/overrides.html", context)


@require_POST
@signed_in
def override_review(request: Request, pk: int) -> HttpResponse:
    """Take what somebody says about an override afterwards."""
    refuse_strangers(request.roles, "review an override")
    override = _override(pk)
    review = request.POST.get("review", "")[:2000]
    actions.review_override(override, review=review, by=request.user, now=clock.now())
    messages.success(request, f"The override for {override.departure.code} is reviewed.")
    return redirect("calendar-overrides")


def _override(pk: int) -> Override:
    override = overrides_with_everything().filter(pk=pk).first()
    if override is None:
        raise NotFound(f"There is no override {pk}.")
    return override
