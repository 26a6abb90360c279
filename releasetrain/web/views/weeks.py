"""Give a train other schedules, and let single weeks run by them."""

from datetime import date

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.trains import actions
from releasetrain.trains.access import train_for
from releasetrain.trains.models import Train, Variant
from releasetrain.web.contexts.weeks import week_page
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.variants import VariantForm
from releasetrain.web.request import Request


@require_http_methods(["GET", "POST"])
@signed_in
def variant_new(request: Request, slug: str) -> HttpResponse:
    """Add another schedule."""
    return edit(request, train_for(request.user, slug, "edit", roles=request.roles), None)


@require_http_methods(["GET", "POST"])
@signed_in
def variant_edit(request: Request, slug: str, pk: int) -> HttpResponse:
    """Change another schedule; the weeks ahead that run by it move with it."""
    train = train_for(request.user, slug, "edit", roles=request.roles)
    return edit(request, train, variant_of(train, pk))


def edit(request: Request, train: Train, variant: Variant | None) -> HttpResponse:
    """Show the form, or save."""
    form = VariantForm(request.POST if request.method == "POST" else None, train=train, variant=variant)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                saved = actions.save_variant(
                    train, **form.values(), by=request.user, now=clock.now(), variant=variant
                )
            except Refused as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, f"{saved.name} is saved. Choose the weeks that run by it.")
                return redirect("trains-detail", slug=train.slug)
    context = {
        "heading": f"Change {variant.name}" if variant else "Add a variant",
        "train": train,
        "form": form,
        "action": request.path,
        "now": clock.now(),
    }
    return render(request, "trains/variant.html", context, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def week(request: Request, slug: str, monday: str) -> HttpResponse:
    """Show every way to run one week, with what each would move; then run it by one of them."""
    train, day = train_for(request.user, slug, "edit", roles=request.roles), read_day(monday)
    error, status = "", 200
    if request.method == "POST":
        chosen = request.POST.get("variant", "")
        variant = variant_of(train, int(chosen)) if chosen.isdecimal() else None
        try:
            actions.choose_week(train, monday=day, variant=variant, by=request.user, now=clock.now())
        except Refused as refusal:
            error, status = refusal.message, refusal.status
        else:
            messages.success(request, f"The week of {day:%-d %B} runs by {variant or 'the usual schedule'}.")
            return redirect("trains-detail", slug=train.slug)
    now = clock.now()
    context = {"week": week_page(train, day, now), "zone": train.time_zone, "error": error, "now": now}
    return render(request, "trains/week.html", context, status=status)


def read_day(text: str) -> date:
    """Read the Monday of an address.

    :raises NotFound: it is no day
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound(f"“{text[:20]}” is no day.") from None


def variant_of(train: Train, pk: int) -> Variant:
    """Return another schedule of a train.

    :raises NotFound: there is none
    """
    found = train.variants.filter(pk=pk).first()
    if found is None:
        raise NotFound(f"{train} has no such variant.")
    return found
