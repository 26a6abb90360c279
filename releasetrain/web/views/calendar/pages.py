"""Show the calendar as month, week or agenda."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from releasetrain.accounts.access import refuse_strangers
from releasetrain.events.queries import clock_and_position
from releasetrain.web.contexts.calendar.line import OPEN_ROLES, STOP_ROLES, may_anywhere, why_not_anywhere
from releasetrain.web.contexts.calendar.page import calendar_page, url_of
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.calendar import CalendarFilter
from releasetrain.web.forms.parts import load_parts
from releasetrain.web.live import watching
from releasetrain.web.request import Request


@signed_in
def calendar(request: Request) -> HttpResponse:
    """Show departures, cut-offs, milestones, windows and holidays in the reader's zone."""
    refuse_strangers(request.roles, "see the calendar")
    (now, position), zone = clock_and_position(), timezone.get_current_timezone()
    parts = load_parts()
    filters = CalendarFilter(request.GET, parts=parts, today=now.astimezone(zone).date())
    chosen = filters.chosen()
    context = {
        "page": calendar_page(chosen, parts, roles=request.roles, zone=zone, now=now),
        "filters": filters,
        "chosen": chosen,
        "self_url": url_of(chosen),
        "looks": ("line", "hard", "soft", "notice", "allow"),
        "sections": sections("calendar"),
        "new_url": "/calendar/windows/new/" if may_anywhere(request.roles, OPEN_ROLES) else "",
        "why_no_window": why_not_anywhere(request.roles, OPEN_ROLES, "open a window"),
        "stop_url": "/calendar/stop/" if may_anywhere(request.roles, STOP_ROLES) else "",
        "why_no_stop": why_not_anywhere(request.roles, STOP_ROLES, "stop the line"),
        "live": watching(request, ["board"], now, position=position),
        "now": now,
    }
    return render(request, "calendar/_panel.html" if request.htmx else "calendar/page.html", context)
