"""List the holidays that this house counts by, and add some."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from releasetrain.accounts.access import refuse_strangers
from releasetrain.calendars import actions
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.web.contexts.calendar.holidays import holiday_rows, holidays_in_use
from releasetrain.web.contexts.calendar.line import OPEN_ROLES, why_not_anywhere
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.calendar import HolidaysForm
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


@require_http_methods(["GET", "POST"])
@signed_in
def holiday_list(request: Request) -> HttpResponse:
    """Show whose holidays are known with the next of them, and take others in."""
    refuse_strangers(request.roles, "see the holidays")
    why = why_not_anywhere(request.roles, OPEN_ROLES, "add holidays")
    now, status = clock.now(), 200
    form = HolidaysForm(request.POST or None)
    if request.method == "POST":
        if why:
            raise NotAllowed(why.text, who=why.who)
        status = 422
        if form.is_valid():
            try:
                made = actions.add_holidays(**form.cleaned_data, by=request.user, now=now)
            except Refused as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, f"The holidays of {made} are in the calendar.")
                return redirect("calendar-holidays")
    page = paged(request, holidays_in_use())
    context = {
        "rows": holiday_rows(list(page), now.astimezone(timezone.get_current_timezone()).date()),
        "pager": pager(request, page),
        "form": form,
        "why_not": why,
        "sections": sections("holidays"),
        "now": now,
    }
    return render(request, "calendar/holidays.html", context, status=status)
