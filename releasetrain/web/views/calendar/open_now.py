"""Answer whether something is open, for any service, environment and lane."""

from django.http import HttpResponse
from django.shortcuts import render

from releasetrain.accounts.access import refuse_strangers
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.web.contexts.calendar.open_now import answer_of, rows_of
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.calendar import OpenForm
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


@signed_in
def open_now(request: Request) -> HttpResponse:
    """Show what is open and shut at this moment, and answer for what was chosen."""
    refuse_strangers(request.roles, "ask what is open")
    now = clock.now()
    form = OpenForm(request.GET if "service" in request.GET else None)
    lane = Lane.TRAIN
    answer = None
    if form.is_bound and form.is_valid():
        lane = form.cleaned_data["lane"]
        answer = answer_of(form.cleaned_data["service"], form.cleaned_data["environment"], lane, now)
    targets = Target.objects.filter(service__archived_at__isnull=True)
    page = paged(request, targets.select_related("service", "environment"))
    context = {
        "form": form,
        "answer": answer,
        "rows": rows_of(list(page), lane, now),
        "lane": lane.words,
        "pager": pager(request, page),
        "sections": sections("open"),
        "now": now,
    }
    return render(request, "calendar/_open.html" if request.htmx else "calendar/open.html", context)
