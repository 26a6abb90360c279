"""Show where a team's measurements come from, try sources out, and name them."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.models import Team
from releasetrain.health.measuring import Trial, try_out
from releasetrain.health.models import MetricQuery, MetricSource
from releasetrain.health.sourcing import (
    query_problems,
    refuse_others,
    remove_query,
    remove_source,
    save_query,
    save_source,
)
from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound, Refused
from releasetrain.rollouts.measuring import versions_of
from releasetrain.web.contexts.sources import (
    HOUSE,
    SourcePlace,
    may_name,
    metric_rows,
    removal,
    sources_page,
    team_tabs,
    trial_rows,
)
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.sources import QueryForm, SourceForm, initial_of_query, initial_of_source
from releasetrain.web.request import Request
from releasetrain.web.views.teams import team_for


@signed_in
def metrics(request: Request, slug: str) -> HttpResponse:
    """Show each metric of a team's services, where it comes from and how fresh it is."""
    team, now = team_for(request, slug), clock.now()
    may_edit = may_name(request.roles, team)
    context = {
        "team": team,
        "tabs": team_tabs(team, "metrics"),
        "sources": sources_page(SourcePlace(team), request.roles),
        "metrics": metric_rows(team, now, may_edit=may_edit),
        "may_edit": may_edit,
        "now": now,
    }
    return render(request, "metrics/list.html", context)


@signed_in
def house_sources(request: Request) -> HttpResponse:
    """Show the sources that every team may ask."""
    refuse_strangers(request.roles, "see the metric sources")
    context = {"sources": sources_page(HOUSE, request.roles), "now": clock.now()}
    return render(request, "metrics/house.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def source_edit(request: Request, slug: str = "", pk: int | None = None) -> HttpResponse:
    """Add a source of a team, or of the house, or change one."""
    place = place_to_change(request, slug)
    source = source_of(place.team, pk) if pk is not None else None
    initial = initial_of_source(source) if source else {}
    form = SourceForm(request.POST or None, credentials=settings.CREDENTIALS, initial=initial)
    status = 200
    if request.method == "POST":
        save = partial(save_source, source, team=place.team, by=request.user, now=clock.now())
        saved, status = sent(form, save)
        if saved is not None:
            messages.success(request, f"The source “{saved}” is saved.")
            return redirect(place.url)
    remove = "It is asked no more, and rollouts that need it cannot go on."
    context = {
        "place": place,
        "source": source,
        "form": form,
        "removal": removal(f"{request.path}remove/", remove) if source else None,
        "now": clock.now(),
    }
    return render(request, "metrics/source_form.html", context, status=status)


@require_POST
@signed_in
def source_remove(request: Request, pk: int, slug: str = "") -> HttpResponse:
    """Ask a source no more."""
    place = place_of(request, slug)
    source = source_of(place.team, pk)
    remove_source(source, by=request.user, now=clock.now())
    messages.success(request, f"“{source}” is asked no more.")
    return to_list(request, place)


@require_http_methods(["GET", "POST"])
@signed_in
def query_edit(request: Request, slug: str, pk: int | None = None) -> HttpResponse:
    """Say how a metric is asked for; “try” asks at once and saves nothing."""
    place = place_to_change(request, slug)
    team = place.team
    assert team is not None  # noqa: S101 - its address names one
    query = query_of(team, pk) if pk is not None else None
    initial = initial_of_query(query) if query else {}
    form = QueryForm(request.POST or None, team=team, initial=initial)
    status, trials = 200, None
    if "try" in request.POST:
        trials = tried(form, query) if form.is_valid() else None
        status = 200 if trials is not None else 422
    elif request.method == "POST":
        saved, status = sent(form, partial(save_query, query, by=request.user, now=clock.now()))
        if saved is not None:
            messages.success(request, f"“{saved.metric}” of {saved.target} is asked for from now on.")
            return redirect(place.url)
    remove = "Guardrails that need it will lack data."
    context = {
        "team": team,
        "query": query,
        "form": form,
        "trials": trial_rows(trials) if trials is not None else None,
        "removal": removal(f"{request.path}remove/", remove) if query else None,
        "now": clock.now(),
    }
    if request.htmx and "try" in request.POST:
        return render(request, "metrics/_trial.html", context)
    return render(request, "metrics/query_form.html", context, status=status)


Saved = TypeVar("Saved")


def sent(form: SourceForm | QueryForm, save: Callable[..., Saved]) -> tuple[Saved | None, int]:
    """Save what was typed; where that cannot be, the form says why, and the status says so, too."""
    if not form.is_valid():
        return None, 422
    try:
        return save(**form.cleaned_data), 200
    except Refused as refusal:
        return None, explain(form, refusal)


def tried(form: QueryForm, query: MetricQuery | None) -> list[Trial] | None:
    """Ask what was typed; None where it cannot be asked, with the reasons in the form."""
    wanted = MetricQuery(pk=query.pk if query else None, **form.cleaned_data)
    now = clock.now()
    problems = query_problems(wanted, now)
    for field, why in problems.items():
        form.add_error(field, why)
    return None if problems else try_out(wanted, versions_of([wanted.target_id])[wanted.target_id], now)


@require_POST
@signed_in
def query_remove(request: Request, slug: str, pk: int) -> HttpResponse:
    """Ask for a metric no more."""
    team = team_for(request, slug)
    query = query_of(team, pk)
    remove_query(query, by=request.user, now=clock.now())
    messages.success(request, f"“{query.metric}” of {query.target} is asked for no more.")
    return to_list(request, SourcePlace(team))


def explain(form: SourceForm | QueryForm, refusal: Refused) -> int:
    """Put a refusal beside the field that it is about, and return its status."""
    field = getattr(refusal, "field", "")
    form.add_error(field if field in form.fields else None, refusal.message)
    return refusal.status


def to_list(request: Request, place: SourcePlace) -> HttpResponse:
    """Lead back to where the sources are listed."""
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": place.url})
    return redirect(place.url)


def place_of(request: Request, slug: str) -> SourcePlace:
    """Return the place of a team's sources, or without a team that of the house's.

    :raises NotFound: there is no such team
    """
    return SourcePlace(team_for(request, slug)) if slug else HOUSE


def place_to_change(request: Request, slug: str) -> SourcePlace:
    """Return a place for somebody who may say where its metrics come from.

    :raises NotAllowed: with the roles that could
    """
    place = place_of(request, slug)
    refuse_others(request.user, place.team)
    return place


def source_of(team: Team | None, pk: int) -> MetricSource:
    """Return a source of a team, or of the house.

    :raises NotFound: there is none, or it was removed
    """
    found = MetricSource.objects.select_related("team").filter(team=team, pk=pk, removed_at=None).first()
    if found is None:
        raise NotFound("This source is not asked any more.")
    return found


def query_of(team: Team, pk: int) -> MetricQuery:
    """Return a query of a team's service.

    :raises NotFound: there is none, or it was removed
    """
    rows = MetricQuery.objects.select_related("source", "target__service__team", "target__environment")
    found = rows.filter(target__service__team=team, pk=pk, removed_at=None).first()
    if found is None:
        raise NotFound("This metric is not asked for any more.")
    return found
