"""Open windows, edit them with a rehearsal before each saving, end and delete them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.calendars import actions
from releasetrain.calendars.models import Window
from releasetrain.calendars.queries import WindowSettings
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, NotFound, Refused, Stale
from releasetrain.trains.queries.rehearsal import rehearse
from releasetrain.web.contexts.calendar.line import OPEN_ROLES, why_not_anywhere
from releasetrain.web.contexts.calendar.rehearsal import departures_hit, rehearsal_panel
from releasetrain.web.contexts.calendar.sections import sections
from releasetrain.web.contexts.calendar.window_actions import why_not_window
from releasetrain.web.contexts.calendar.windows import window_page
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.parts import load_parts
from releasetrain.web.forms.windows import WindowForm, initial_of, pressed, print_of, taken_over
from releasetrain.web.request import Request


@signed_in
def window_detail(request: Request, pk: int) -> HttpResponse:
    """Show one window: what it stops, when it opens next, and who was let through."""
    refuse_strangers(request.roles, "see the windows")
    window, now = window_or_refusal(pk), clock.now()
    is_over = window.deleted_at is not None
    rehearsal = None if is_over else rehearse(WindowSettings.of(window), now, window=window)
    zone = timezone.get_current_timezone()
    hits = departures_hit(rehearsal) if rehearsal else []
    context = {
        "window": window_page(window, [hit.code for hit in hits], roles=request.roles, zone=zone, now=now),
        "hits": hits,
        "sections": sections("calendar"),
        "now": now,
    }
    return render(request, "calendar/window.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def window_new(request: Request) -> HttpResponse:
    """Open a window, once its rehearsal was seen."""
    if why := why_not_anywhere(request.roles, OPEN_ROLES, "open a window"):
        raise NotAllowed(why.text, who=why.who)
    return edit(request, None)


@require_http_methods(["GET", "POST"])
@signed_in
def window_edit(request: Request, pk: int) -> HttpResponse:
    """Edit a window, once its rehearsal was seen."""
    refuse_strangers(request.roles, "edit a window")
    window = window_or_refusal(pk)
    if why := why_not_window(WindowSettings.of(window), request.roles, OPEN_ROLES, "edit this window"):
        raise NotAllowed(why.text, who=why.who)
    return edit(request, window)


def edit(request: Request, window: Window | None) -> HttpResponse:
    """Show the form; add or take away a row; rehearse; or save what was rehearsed (RULES W10)."""
    now = clock.now()
    if request.method != "POST":
        given = initial_of(window) if window else {}
        form = WindowForm(
            initial=given, parts=load_parts(), window=window, now=now, zone=request.user.time_zone
        )
        return draw(request, form, window, now)
    if (typed := pressed(request.POST)) is not None:
        form = bound(request, typed, window, now)
        form.is_valid()
        form.hush()
        return draw(request, form, window, now)
    typed = taken_over(request.POST, request.POST["take"]) if "take" in request.POST else request.POST
    form = bound(request, typed, window, now)
    if not form.is_valid():
        return draw(request, form, window, now, status=422)
    seen = print_of(typed)
    if "save" in request.POST and request.POST.get("rehearsed") == seen:
        if (saved := save(request, form, window, now)) is not None:
            messages.success(request, f"The window “{saved.name}” is saved.")
            return redirect("calendar-windows-detail", pk=saved.pk)
        return draw(request, form, window, now, seen=seen, status=409 if form.is_stale else 422)
    return draw(request, form, window, now, seen=seen, wanted_to_save="save" in request.POST)


def bound(request: Request, typed: Mapping[str, Any], window: Window | None, now: datetime) -> WindowForm:
    """Bind what was typed."""
    return WindowForm(typed, parts=load_parts(), window=window, now=now, zone=request.user.time_zone)


def save(request: Request, form: WindowForm, window: Window | None, now: datetime) -> Window | None:
    """Hand the settings to the one action that saves; a refusal or a doubt stands in the form."""
    unconfirmed = form.unconfirmed()
    for name, sentence in unconfirmed.items():
        form.add_error(form.field_of(name), sentence)
    if unconfirmed:
        form.add_error("is_confirmed", "Confirm it, or put it right.")
        return None
    settings, is_confirmed = form.settings, form.cleaned_data["is_confirmed"]
    try:
        if window is None:
            return actions.open_window(settings, by=request.user, now=now, is_confirmed=is_confirmed)
        seen = form.cleaned_data["seen"] or None
        return actions.save_window(
            window, settings, by=request.user, now=now, is_confirmed=is_confirmed, seen=seen
        )
    except Stale as refusal:
        form.add_error(None, refusal.message)
        form.look_again(WindowSettings.of(window_or_refusal(window.pk)).fingerprint if window else "")
        return None
    except Refused as refusal:
        form.add_error(form.field_of(getattr(refusal, "field", "")), refusal.message)
        return None


def draw(
    request: Request,
    form: WindowForm,
    window: Window | None,
    now: datetime,
    *,
    seen: str = "",
    wanted_to_save: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Draw the form, with the rehearsal of what stands in it where it was seen whole."""
    panel = None
    if seen:
        settings = form.settings
        why = why_not_window(settings, request.roles, OPEN_ROLES, "save this")
        zone = timezone.get_current_timezone()
        found = rehearse(settings, now, window=window)
        panel = rehearsal_panel(found, settings, list(form.doubts.values()), why, zone=zone)
    context = {
        "form": form,
        "window": window,
        "heading": f"Edit {window.name}" if window else "New window",
        "action": request.path,
        "cancel_url": f"/calendar/windows/{window.pk}/" if window else "/calendar/",
        "rehearsal": panel,
        "rehearsed": seen,
        "wanted_to_save": wanted_to_save,
        "sections": sections("calendar"),
        "now": now,
    }
    name = "calendar/_window_form.html" if request.htmx else "calendar/window_form.html"
    return render(request, name, context, status=status)


@require_POST
@signed_in
def window_end(request: Request, pk: int, *, only_this_time: bool = False) -> HttpResponse:
    """End a window early, for good or only this time."""
    window = window_or_refusal(pk)
    reason = request.POST.get("reason", "")[:500]
    actions.end_window(window, reason=reason, by=request.user, now=clock.now(), only_this_time=only_this_time)
    said = "The line runs again for {}." if window.stops_the_line else "The window “{}” is ended."
    return done(request, said.format(window.name), "/calendar/" if window.stops_the_line else home(pk))


@require_POST
@signed_in
def window_delete(request: Request, pk: int) -> HttpResponse:
    """Take a window off the calendar."""
    window = window_or_refusal(pk)
    actions.delete_window(
        window, reason=request.POST.get("reason", "")[:500], by=request.user, now=clock.now()
    )
    return done(request, f"The window “{window.name}” is deleted.", "/calendar/")


def window_or_refusal(pk: int) -> Window:
    """Return a window with its feed and its author.

    :raises NotFound: there is none
    """
    window = Window.objects.select_related("feed", "created_by", "holidays").filter(pk=pk).first()
    if window is None:
        raise NotFound(f"There is no window {pk}.")
    return window


def home(pk: int) -> str:
    """Return the address of a window's page."""
    return f"/calendar/windows/{pk}/"


def done(request: Request, sentence: str, url: str) -> HttpResponse:
    """Say that it is done, where it can be seen."""
    messages.success(request, sentence)
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)
