"""Show teams and who is on call for them, and plan their shifts."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers, refuse_without
from releasetrain.accounts.actions import remove_shift, save_shift
from releasetrain.accounts.actions.rota import MAY_PLAN, FromAFeed
from releasetrain.accounts.models import Shift, Team
from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.panels.shapes import TeamList
from releasetrain.web.contexts.sources import team_tabs
from releasetrain.web.contexts.teams import rota_of, shift_words, team_rows
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.teams import PRESETS, ShiftForm, pressed
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request


@signed_in
def team_list(request: Request) -> HttpResponse:
    """List the teams with who is on call for them now."""
    refuse_strangers(request.roles, "see the teams")
    page, now = paged(request, Team.objects.order_by("name")), clock.now()
    teams = TeamList(team_rows(list(page), now), pager(request, page))
    return render(request, "teams/list.html", {"teams": teams, "now": now})


@signed_in
def team(request: Request, slug: str) -> HttpResponse:
    """Lead to the one page that a team has so far."""
    return redirect("teams-on-call", slug=team_for(request, slug).slug)


@signed_in
def on_call(request: Request, slug: str) -> HttpResponse:
    """Show who is on call for a team, now and next, and when nobody is."""
    team, now = team_for(request, slug), clock.now()
    context = {
        "rota": rota_of(team, request.roles, now),
        "tabs": team_tabs(team, "on-call"),
        "now": now,
    }
    return render(request, "teams/on_call.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def shift_new(request: Request, slug: str) -> HttpResponse:
    """Add a shift."""
    team = team_for(request, slug)
    refuse_without(request.roles, MAY_PLAN, f"plan the on-call shifts of {team}", team=team.pk)
    return edit(request, team, None)


@require_http_methods(["GET", "POST"])
@signed_in
def shift_edit(request: Request, slug: str, pk: int) -> HttpResponse:
    """Change a shift; who was on duty until now stays on record."""
    team = team_for(request, slug)
    refuse_without(request.roles, MAY_PLAN, f"plan the on-call shifts of {team}", team=team.pk)
    shift = shift_of(team, pk)
    if shift.feed is not None:
        sentence = "This shift comes from a calendar that the team subscribes to; change it there."
        raise FromAFeed(sentence, who="whoever keeps that calendar")
    return edit(request, team, shift)


@require_POST
@signed_in
def shift_words_view(request: Request, slug: str) -> HttpResponse:
    """Say in words what somebody is typing, with its next times."""
    team = team_for(request, slug)
    form = ShiftForm(request.POST, team=team, shift=None)
    context = {"shift": shift_words(form, clock.now()), "words_url": request.path}
    return render(request, "teams/_words.html", context)


@require_POST
@signed_in
def shift_remove(request: Request, slug: str, pk: int) -> HttpResponse:
    """Take a shift out of the rota."""
    team = team_for(request, slug)
    remove_shift(shift_of(team, pk), by=request.user, now=clock.now())
    messages.success(request, "The shift is out of the rota.")
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": f"/teams/{slug}/on-call/"})
    return redirect("teams-on-call", slug=slug)


def edit(request: Request, team: Team, shift: Shift | None) -> HttpResponse:
    """Show the form, one row more of it, the next times, or save."""
    now, status = clock.now(), 200
    form = ShiftForm(request.POST if request.method == "POST" else None, team=team, shift=shift)
    if request.method == "POST":
        if (typed := pressed(request.POST)) is not None:
            form = ShiftForm(typed, team=team, shift=shift)
            form.hush()
        elif not form.is_valid():
            status = 422
        elif "save" in request.POST and save(request, team, shift, form):
            messages.success(request, "The rota is saved.")
            return redirect("teams-on-call", slug=team.slug)
        elif form.errors:
            status = 422
    context = {
        "team": team,
        "heading": "Change the shift" if shift else "Add a shift",
        "form": form,
        "action": request.path,
        "shift": shift_words(form, now),
        "words_url": f"/teams/{team.slug}/on-call/words/",
        "presets": PRESETS,
        "now": now,
    }
    return render(request, "teams/form.html", context, status=status)


def save(request: Request, team: Team, shift: Shift | None, form: ShiftForm) -> Shift | None:
    """Hand what was typed to the one action that saves; a refusal stands in the form."""
    try:
        return save_shift(**form.values(), team=team, by=request.user, now=clock.now(), shift=shift)
    except Refused as refusal:
        field = getattr(refusal, "field", "")
        form.add_error(field if field in form.fields else None, refusal.message)
        return None


def team_for(request: Request, slug: str) -> Team:
    """Return a team for somebody who may see it.

    :raises NotFound: there is none
    """
    refuse_strangers(request.roles, "see the teams")
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no team “{slug}”.")
    return found


def shift_of(team: Team, pk: int) -> Shift:
    """Return a shift of a team that still counts.

    :raises NotFound: there is none
    """
    rows = Shift.objects.select_related("team").filter(team=team, pk=pk, removed_at__isnull=True)
    found = rows.first()
    if found is None:
        raise NotFound("This shift is not in the rota any more.")
    return found
