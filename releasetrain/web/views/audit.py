"""Show the log to people: searched, filtered and paged by the database."""

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.rules import Role
from releasetrain.events.kinds import KINDS
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request

PAGE = 50


@signed_in
def audit_list(request: Request) -> HttpResponse:
    """List what happened, newest first."""
    refuse_without(request.roles, (Role.VIEWER,), "read the audit log")
    search, kind = request.GET.get("q", "").strip()[:100], request.GET.get("kind", "")
    events = Event.objects.filter(link__isnull=False).select_related("link").order_by("-link__position")
    if kind in KINDS:
        events = events.filter(kind=kind)
    if search:
        events = events.filter(Q(actor_label__icontains=search) | Q(subject_label__icontains=search))
    page = Paginator(events, PAGE).get_page(request.GET.get("page"))
    rows = [{"event": event, "sentence": sentence(event)} for event in page]
    context = {"page": page, "rows": rows, "search": search, "kind": kind, "kinds": sorted(KINDS)}
    return render(request, "audit/list.html", context)
