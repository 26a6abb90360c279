"""Show trains, make them and edit them."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from releasetrain.accounts.access import refuse_strangers
from releasetrain.lib import clock, schedule
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.panels.shapes import MovedDate
from releasetrain.trains import actions
from releasetrain.trains.access import train_for
from releasetrain.trains.models import Train
from releasetrain.trains.queries.settings import TrainSettings
from releasetrain.trains.queries.timetable import moves
from releasetrain.web.contexts.trains import EDIT_ROLES, may_make, page_of, rows_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.trains import TrainForm
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
    train = train_for(request.user, slug, roles=request.roles)
    return render(request, "trains/detail.html", {"train": page_of(train, request.roles), "now": clock.now()})


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


def edit(request: Request, train: Train | None, heading: str, cancel_url: str) -> HttpResponse:
    """Show the form, preview what moves, or save."""
    now = clock.now()
    form = TrainForm(request.POST or None, train=train, now=now)
    status, moved = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if "preview" in request.POST:
                moved, status = preview(train, form.settings(), now), 200
            elif (saved := save(request, train, form)) is not None:
                messages.success(request, f"{saved.name} is saved.")
                return redirect("trains-detail", slug=saved.slug)
    context = {
        "heading": heading,
        "form": form,
        "action": request.path,
        "cancel_url": cancel_url,
        "moved": moved,
        "zone": form.data.get("time_zone") or (train.time_zone if train else "UTC"),
        "submit_label": "Save",
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
        field = getattr(refusal, "field", "")
        form.add_error(field if field in form.fields else None, refusal.message)
        return None


def preview(train: Train | None, settings: TrainSettings, now: datetime) -> list[MovedDate]:
    """Say what saving would move, before it moves."""
    if train is None:
        return []
    edited = schedule.read(settings.rule, settings.first_departs_at_local, settings.time_zone)
    table = moves(train, edited, settings.cut_off_lead, now)
    moved = [MovedDate(f"RT-{one.departure}", one.before, one.after, one.aboard) for one in table.moved]
    gone = [MovedDate(f"RT-{one.departure}", one.planned_at, None, one.aboard) for one in table.dropped]
    return [*moved, *gone]
