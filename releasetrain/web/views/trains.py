"""Show trains, make them and edit them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.catalog.models import Service
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.panels.shapes import Preview
from releasetrain.trains import actions
from releasetrain.trains.access import train_for
from releasetrain.trains.models import Train
from releasetrain.trains.queries.settings import schedule_notes
from releasetrain.web.contexts.climb import climb_of
from releasetrain.web.contexts.timetable import preview_of, words_of
from releasetrain.web.contexts.trains import EDIT_ROLES, may_make, page_of, rows_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.ladders import LADDERS
from releasetrain.web.forms.trains import PRESETS, TrainForm, pressed
from releasetrain.web.request import Request


@signed_in
def train_list(request: Request) -> HttpResponse:
    """List every train."""
    refuse_strangers(request.roles, "see the trains")
    trains = Train.objects.select_related("team").prefetch_related("services").order_by("name")
    context = {
        "trains": rows_of(list(trains)),
        "new_train_url": "/trains/new/" if may_make(request.roles) else "",
        "now": clock.now(),
    }
    return render(request, "trains/list.html", context)


@signed_in
def train_detail(request: Request, slug: str) -> HttpResponse:
    """Show one train: its terms, its next dates, its past."""
    train, now = train_for(request.user, slug, roles=request.roles), clock.now()
    page = page_of(train, person=request.user, roles=request.roles, now=now)
    return render(request, "trains/detail.html", {"train": page, "now": now})


@require_http_methods(["GET", "POST"])
@signed_in
def train_new(request: Request) -> HttpResponse:
    """Make a train."""
    if not may_make(request.roles):
        who = " or ".join(role.label for role in EDIT_ROLES)
        raise NotAllowed(f"To make a train one needs the role {who} somewhere.", who="an administrator")
    return edit(request, None, "New train", "/trains/")


@require_http_methods(["GET", "POST"])
@signed_in
def train_edit(request: Request, slug: str) -> HttpResponse:
    """Edit a train; departures that are sealed keep the plan they were made with."""
    train = train_for(request.user, slug, "edit", roles=request.roles)
    return edit(request, train, f"Edit {train.name}", f"/trains/{slug}/")


@require_POST
@signed_in
def train_words(request: Request) -> HttpResponse:
    """Say in words what somebody is typing."""
    refuse_strangers(request.roles, "see the trains")
    now = clock.now()
    form = TrainForm(request.POST, train=None, now=now)
    return render(request, "trains/_words.html", {"words": words_of(form, now)})


@require_POST
@signed_in
def train_climb(request: Request) -> HttpResponse:
    """Say how the ladder that somebody is typing would be climbed at the next departures."""
    refuse_strangers(request.roles, "see the trains")
    now = clock.now()
    train = Train.objects.filter(slug=request.POST.get("slug", "")[:50]).first()
    climb = climb_of(TrainForm(request.POST, train=train, now=now), now)
    return render(request, "trains/_climb.html", {"climb": climb, "now": now})


def edit(request: Request, train: Train | None, heading: str, cancel_url: str) -> HttpResponse:
    """Show the form, one row more of it, what saving would move, or save."""
    now = clock.now()
    if request.method != "POST":
        return show(request, TrainForm(None, train=train, now=now), heading, cancel_url)
    if (typed := pressed(request.POST)) is not None:
        form = TrainForm(typed, train=train, now=now)
        form.hush()
        return show(request, form, heading, cancel_url)
    form = TrainForm(request.POST, train=train, now=now)
    if not form.is_valid():
        return show(request, form, heading, cancel_url, status=422)
    preview = preview_of(train, form.settings(), now)
    is_seen = preview.is_new or request.POST.get("seen", "") == preview.digest
    if "save" not in request.POST or not is_seen:
        must_look = "save" in request.POST
        return show(request, form, heading, cancel_url, preview=preview, must_look=must_look)
    if (saved := save(request, train, form)) is None:
        return show(request, form, heading, cancel_url, preview=preview, status=422)
    tell(request, saved, form)
    return redirect("trains-detail", slug=saved.slug)


def show(
    request: Request,
    form: TrainForm,
    heading: str,
    cancel_url: str,
    *,
    preview: Preview | None = None,
    must_look: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Draw the form with everything that was typed, and what it means in words."""
    now = clock.now()
    categories = Service.objects.exclude(category="").values_list("category", flat=True)
    context: dict[str, Any] = {
        "heading": heading,
        "form": form,
        "action": request.path,
        "cancel_url": cancel_url,
        "words": (words := words_of(form, now)),
        "preview": preview,
        "must_look": must_look,
        "presets": PRESETS,
        "climb": climb_of(form, now),
        "ladders": LADDERS,
        "categories": categories.distinct().order_by("category"),
        "zone": words.zone,
        "now": now,
    }
    return render(request, "trains/form.html", context, status=status)


def save(request: Request, train: Train | None, form: TrainForm) -> Train | None:
    """Hand the settings to the one action that saves; a refusal stands in the form."""
    try:
        if train is None:
            return actions.create_train(form.settings(), by=request.user, now=clock.now())
        actions.save_train(train, form.settings(), by=request.user, now=clock.now())
        return Train.objects.get(pk=train.pk)
    except Refused as refusal:
        form.blame(getattr(refusal, "field", ""), refusal.message)
        return None


def tell(request: Request, train: Train, form: TrainForm) -> None:
    """Say that it is saved, and where the clocks will not let a date be what was typed (RULES T2, T3)."""
    messages.success(request, f"{train.name} is saved.")
    for note in schedule_notes(form.settings(), clock.now())[:2]:
        messages.warning(request, note)
