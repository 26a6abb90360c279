"""Stop the line, and let it run again (RULES W12)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from releasetrain.calendars import actions
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.web.contexts.calendar.line import STOP_ROLES, stops_now, why_not_anywhere
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.calendar import StopForm
from releasetrain.web.forms.parts import load_parts
from releasetrain.web.request import Request


@require_http_methods(["GET", "POST"])
@signed_in
def line_stop(request: Request) -> HttpResponse:
    """Ask where, why and until when; then nothing moves forward there."""
    if why := why_not_anywhere(request.roles, STOP_ROLES, "stop the line"):
        raise NotAllowed(why.text, who=why.who)
    now, status = clock.now(), 200
    form = StopForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.stop_the_line(
                    reason=form.cleaned_data["reason"],
                    until=form.until(now),
                    where=form.where(),
                    by=request.user,
                    now=now,
                )
            except Refused as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, f"The line is stopped for {form.where()}.")
                return redirect("calendar")
    context = {
        "form": form,
        "stops": stops_now(request.roles, load_parts(), timezone.get_current_timezone(), now),
        "sections": sections("calendar"),
        "now": now,
    }
    return render(request, "calendar/stop.html", context, status=status)
