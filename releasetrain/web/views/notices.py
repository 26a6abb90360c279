"""Show a person what they were told, and note what they have read."""

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from releasetrain.lib import clock
from releasetrain.notifications.actions import mark_read
from releasetrain.notifications.models import Notice
from releasetrain.notifications.queries import notices_of, unread
from releasetrain.notifications.rules import TOLD
from releasetrain.panels.shapes import NoticeList, NoticeRow, Tab
from releasetrain.panels.words import look_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request

VOTES = ("trains.departure.sealed", "trains.departure.reopened", "trains.departure.cleared")
TIMES = ("trains.departure.moved", "trains.departure.postponed", "trains.deadline.moved")
ABOUT = (
    ("votes", "Decisions", VOTES),
    ("times", "Times that moved", TIMES),
    ("overrides", "Overrides", tuple(kind for kind in TOLD if kind.startswith("trains.override."))),
    ("calendars", "Calendars", tuple(kind for kind in TOLD if kind.startswith("calendars."))),
)
KINDS_ABOUT = {name: kinds for name, _, kinds in ABOUT}


class NoticeFilter(forms.Form):
    """Narrow the notices down."""

    q = forms.CharField(
        required=False,
        max_length=100,
        label="Search",
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Train, departure or person"}),
    )
    about = forms.ChoiceField(
        required=False,
        choices=[("", "Everything"), *((name, label) for name, label, _ in ABOUT)],
    )


@signed_in
def notice_list(request: Request) -> HttpResponse:
    """List what this person was told, newest first."""
    return listed(request)


def listed(request: Request) -> HttpResponse:
    """Draw the list that the address asks for: the whole page, or its list alone for htmx."""
    filters = NoticeFilter(request.GET or None)
    only_unread = request.GET.get("show") == "unread"
    rows = narrowed(notices_of(request.user), filters)
    waiting = unread(request.user)
    page = paged(request, rows.filter(read_at__isnull=True) if only_unread else rows)
    shown = NoticeList(
        rows=[row_of(notice) for notice in page],
        tabs=[
            Tab("All", "/notices/", not only_unread),
            Tab("Unread", "/notices/?show=unread", only_unread, waiting),
        ],
        unread=waiting,
        pager=pager(request, page),
        is_filtered=only_unread
        or bool(filters.is_bound and any(filters.data.get(f) for f in filters.fields)),
    )
    context = {"notices": shown, "filters": filters, "show": request.GET.get("show", ""), "now": clock.now()}
    return render(request, "notices/_list.html" if request.htmx else "notices/list.html", context)


def narrowed(notices: QuerySet[Notice], filters: NoticeFilter) -> QuerySet[Notice]:
    """Apply the filters that were filled in."""
    if not filters.is_valid():
        return notices
    if search := filters.cleaned_data["q"]:
        notices = notices.filter(text__icontains=search)
    if about := filters.cleaned_data["about"]:
        notices = notices.filter(event__kind__in=KINDS_ABOUT[about])
    return notices


def row_of(notice: Notice) -> NoticeRow:
    """Say a notice in one line."""
    icon, tone = look_of(notice.event.kind)
    return NoticeRow(
        pk=notice.pk,
        text=notice.text,
        at=notice.created_at,
        url=f"/notices/{notice.pk}/",
        icon=icon,
        tone=tone,
        is_unread=notice.read_at is None,
    )


@signed_in
def notice_open(request: Request, pk: int) -> HttpResponse:
    """Note that a notice was read, and go to what it is about."""
    notice = get_object_or_404(notices_of(request.user), pk=pk)
    mark_read(request.user, now=clock.now(), notices=[pk])
    return redirect(notice.url or "notices")


@require_POST
@signed_in
def notices_read(request: Request) -> HttpResponse:
    """Note that everything was read, or one notice."""
    one = request.POST.get("notice", "")
    count = mark_read(request.user, now=clock.now(), notices=[int(one)] if one.isdecimal() else None)
    if not one:
        messages.success(request, f"{count} notice{'' if count == 1 else 's'} marked as read.")
    if request.htmx:
        answer = listed(request)
        answer["HX-Trigger"] = "notices-read"
        return answer
    return redirect("notices")


@signed_in
def badge(request: Request) -> HttpResponse:
    """Draw again how much is unread."""
    return render(request, "notices/_badge.html", {"unread": unread(request.user)})
