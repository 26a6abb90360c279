"""Show the private addresses under which somebody's calendars can be subscribed to."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.actions import renew_calendar_link
from releasetrain.lib import clock
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.contexts.calendar.subscribing import subscriptions_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request


@signed_in
def addresses(request: Request) -> HttpResponse:
    """Show a person's calendar addresses, or offer to make some."""
    refuse_strangers(request.roles, "subscribe to calendars")
    context = {
        "subscriptions": subscriptions_of(request.user),
        "sections": sections("subscribe"),
        "now": clock.now(),
    }
    return render(request, "calendar/subscribe.html", context)


@require_POST
@signed_in
def renew(request: Request) -> HttpResponse:
    """Make new addresses; the old ones are dead from then on."""
    refuse_strangers(request.roles, "subscribe to calendars")
    renew_calendar_link(request.user, now=clock.now())
    messages.success(request, "These are your calendar addresses now; earlier ones no longer work.")
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": "/calendar/subscribe/"})
    return redirect("calendar-subscribe")
