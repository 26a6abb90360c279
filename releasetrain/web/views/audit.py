"""Show the log to people: searched, filtered and paged by the database."""

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from releasetrain.accounts.access import refuse_strangers
from releasetrain.events.kinds import KINDS
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.lib import clock
from releasetrain.panels.shapes import AuditRow
from releasetrain.web.decorators import signed_in
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


class AuditFilter(forms.Form):
    """Narrow the log down."""

    q = forms.CharField(required=False, max_length=100, label="Search", help_text="Who, or what it was about")
    kind = forms.ChoiceField(
        required=False, choices=[("", "Every kind"), *[(kind, kind) for kind in sorted(KINDS)]]
    )
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))


@signed_in
def audit_list(request: Request) -> HttpResponse:
    """List what happened, newest first."""
    refuse_strangers(request.roles, "read the audit log")
    filters = AuditFilter(request.GET or None)
    events = Event.objects.filter(link__isnull=False).select_related("link").order_by("-link__position")
    if filters.is_valid():
        events = narrowed(events, filters)
    page = paged(request, events)
    context = {
        "rows": [row_of(event) for event in page],
        "pager": pager(request, page),
        "filters": filters,
        "verified": "",
        "now": clock.now(),
    }
    return render(request, "audit/_list.html" if request.htmx else "audit/list.html", context)


def narrowed(events: QuerySet[Event], filters: AuditFilter) -> QuerySet[Event]:
    """Apply the filters that were filled in."""
    wanted = filters.cleaned_data
    if wanted["kind"]:
        events = events.filter(kind=wanted["kind"])
    if search := wanted["q"]:
        events = events.filter(Q(actor_label__icontains=search) | Q(subject_label__icontains=search))
    if wanted["since"]:
        events = events.filter(at__date__gte=wanted["since"])
    if wanted["until"]:
        events = events.filter(at__date__lte=wanted["until"])
    return events


def row_of(event: Event) -> AuditRow:
    """Say an event with its place in the chain."""
    departure = next((topic for topic in event.topics if topic.startswith("departure:")), "")
    return AuditRow(
        position=event.link.position,
        at=event.at,
        text=sentence(event),
        kind=event.kind,
        actor=event.actor_label,
        subject=event.subject_label,
        digest=event.link.hash,
        url=f"/departures/{departure.removeprefix('departure:')}/" if departure else "",
        details=[(key, str(value)) for key, value in event.data.items()],
    )
