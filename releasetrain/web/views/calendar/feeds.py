"""Subscribe to somebody else's calendar, look after it, and let it go (RULES W11)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.models import Feed
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotAllowed, NotFound, Refused, Stale
from releasetrain.web.contexts.calendar.feeds import feed_page, feed_row, feeds_in_use, why_not_feed
from releasetrain.web.contexts.calendar.line import OPEN_ROLES, why_not_anywhere
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.feeds import FeedForm, FeedSettingsForm, initial_of, read_file
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request

ADD_ROLES = (Role.ON_CALL, *OPEN_ROLES)


@signed_in
def feed_list(request: Request) -> HttpResponse:
    """List the calendars that this one takes in."""
    refuse_strangers(request.roles, "see the calendars")
    page = paged(request, feeds_in_use())
    why = why_not_anywhere(request.roles, ADD_ROLES, "add a calendar")
    context = {
        "feeds": [feed_row(feed) for feed in page],
        "pager": pager(request, page),
        "new_url": "" if why else "/calendar/feeds/new/",
        "why_not": why,
        "sections": sections("feeds"),
        "now": clock.now(),
    }
    return render(request, "calendar/feeds.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def feed_new(request: Request) -> HttpResponse:
    """Subscribe to a calendar, or take in a file."""
    if why := why_not_anywhere(request.roles, ADD_ROLES, "add a calendar"):
        raise NotAllowed(why.text, who=why.who)
    form = FeedForm(request.POST or None, request.FILES or None, initial={"zone": request.user.time_zone})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                feed = actions.add_feed(**form.wanted(), by=request.user, now=clock.now())
            except Refused as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, f"The calendar “{feed}” is added.")
                return redirect("calendar-feeds-detail", pk=feed.pk)
    return draw_form(request, form, None, status)


@require_http_methods(["GET", "POST"])
@signed_in
def feed_edit(request: Request, pk: int) -> HttpResponse:
    """Change how a calendar is read and meant; nothing typed is lost where somebody else was first."""
    feed = feed_for(request, pk)
    form = FeedSettingsForm(request.POST or None, initial=initial_of(feed))
    if request.method != "POST":
        return draw_form(request, form, feed, 200)
    if not form.is_valid():
        return draw_form(request, form, feed, 422)
    try:
        seen = form.cleaned_data["seen"] or None
        actions.change_feed(feed, **form.settings(), seen=seen, by=request.user, now=clock.now())
    except Refused as refusal:
        field = getattr(refusal, "field", "")
        form.add_error(field if field in form.fields else None, refusal.message)
        if isinstance(refusal, Stale):
            form.look_again(str(initial_of(feed_or_refusal(pk))["seen"]))
        return draw_form(request, form, feed, refusal.status)
    messages.success(request, f"The calendar “{form.cleaned_data['name']}” is saved.")
    return redirect("calendar-feeds-detail", pk=pk)


def draw_form(request: Request, form: FeedSettingsForm, feed: Feed | None, status: int) -> HttpResponse:
    """Draw the form of a new calendar, or of one that is kept."""
    context = {"form": form, "feed": feed, "sections": sections("feeds"), "now": clock.now()}
    return render(request, "calendar/feed_form.html", context, status=status)


@signed_in
def feed_detail(request: Request, pk: int) -> HttpResponse:
    """Show one calendar: how fresh it is, and what could not be taken over."""
    refuse_strangers(request.roles, "see the calendars")
    feed = feed_or_refusal(pk)
    windows = feed.windows.filter(deleted_at__isnull=True).order_by("starts_at", "pk")
    page = paged(request, windows)
    context = {
        "feed": feed_page(feed, request.roles),
        "windows": page,
        "pager": pager(request, page),
        "now": clock.now(),
    }
    return render(request, "calendar/feed.html", context)


@require_POST
@signed_in
def feed_refresh(request: Request, pk: int) -> HttpResponse:
    """Let a calendar be read again now; the worker does it, and the page says when it has."""
    feed = feed_for(request, pk)
    actions.ask_for_feed(feed, by=request.user, now=clock.now())
    messages.success(request, f"“{feed}” is being fetched.")
    return back(request, pk)


@signed_in
def feed_state(request: Request, pk: int) -> HttpResponse:
    """Draw again how fresh a calendar is; once it was fetched, the whole page says what came of it."""
    refuse_strangers(request.roles, "see the calendars")
    feed = feed_or_refusal(pk)
    if request.htmx and not feed.is_being_fetched:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "calendar/_feed_state.html", {"feed": feed_page(feed, request.roles)})


@require_POST
@signed_in
def feed_file(request: Request, pk: int) -> HttpResponse:
    """Take in a newer file of a calendar; a bad one leaves everything as it was."""
    feed, upload = feed_for(request, pk), request.FILES.get("body")
    if upload is None:
        raise Invalid("Choose a file first.", field="body")
    actions.replace_file(feed, read_file(upload), by=request.user, now=clock.now())
    messages.success(request, f"“{feed}” is up to date.")
    return back(request, pk)


@require_POST
@signed_in
def feed_remove(request: Request, pk: int) -> HttpResponse:
    """Let a calendar go, with what it brings from now on."""
    feed = feed_for(request, pk)
    actions.remove_feed(feed, reason=request.POST.get("reason", "")[:500], by=request.user, now=clock.now())
    messages.success(request, f"The calendar “{feed}” is removed.")
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": "/calendar/feeds/"})
    return redirect("calendar-feeds")


def feed_or_refusal(pk: int) -> Feed:
    """Return a calendar with everything that its page names.

    :raises NotFound: there is none
    """
    rows = Feed.objects.select_related("team", "service", "environment", "created_by")
    feed = rows.filter(pk=pk).first()
    if feed is None:
        raise NotFound(f"There is no calendar {pk}.")
    return feed


def feed_for(request: Request, pk: int) -> Feed:
    """Return a calendar for somebody who may decide about it.

    :raises NotAllowed: this person may not
    """
    feed = feed_or_refusal(pk)
    if why := why_not_feed(feed, request.roles):
        raise NotAllowed(why.text, who=why.who)
    return feed


def back(request: Request, pk: int) -> HttpResponse:
    """Lead back to the calendar's page."""
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": f"/calendar/feeds/{pk}/"})
    return redirect("calendar-feeds-detail", pk=pk)
