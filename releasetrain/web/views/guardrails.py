"""Say what services must keep, try it on the last day's data, and write templates of it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, NotFound, Refused
from releasetrain.rollouts import actions
from releasetrain.rollouts.guarding import KEEPERS, may_keep
from releasetrain.rollouts.models import Guardrail, GuardrailTemplate
from releasetrain.rollouts.rehearsals import rehearse_on
from releasetrain.web.contexts.guardrails import (
    kept_targets,
    kept_teams,
    receivers,
    rehearsal_page,
    target_rows,
    template_row,
    template_rows,
)
from releasetrain.web.contexts.sources import team_tabs
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.guardrails import GuardrailForm, PromiseForm, RemoveForm, TemplateForm, initial_of
from releasetrain.web.request import Request
from releasetrain.web.views.teams import team_for


@signed_in
def guardrail_list(request: Request) -> HttpResponse:
    """List every service with what it must keep."""
    refuse_strangers(request.roles, "see the guardrails")
    rows = target_rows(request.roles)
    context = {"targets": rows, "may_add": any(one.may_keep for one in rows), "now": clock.now()}
    return render(request, "guardrails/list.html", context)


@signed_in
def team_guardrails(request: Request, slug: str) -> HttpResponse:
    """List the services of one team with what they must keep."""
    team = team_for(request, slug)
    rows = target_rows(request.roles, team)
    context = {
        "team": team,
        "tabs": team_tabs(team, "guardrails"),
        "targets": rows,
        "may_add": any(one.may_keep for one in rows),
        "now": clock.now(),
    }
    return render(request, "guardrails/list.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def guardrail_new(request: Request) -> HttpResponse:
    """Promise something about a service, from nothing or from a template."""
    template = wanted(request.GET.get("template", ""))
    initial = initial_of(template) if template else {}
    if request.GET.get("target", "").isdecimal():
        initial["target"] = request.GET["target"][:9]
    return edit(request, None, initial)


@require_http_methods(["GET", "POST"])
@signed_in
def guardrail_edit(request: Request, pk: int) -> HttpResponse:
    """Show and change a promise."""
    guardrail = guardrail_for(request, pk)
    return edit(request, guardrail, {**initial_of(guardrail), "target": guardrail.target_id})


def edit(request: Request, guardrail: Guardrail | None, initial: dict[str, object]) -> HttpResponse:
    """Show the form, try what was typed, or save it."""
    is_sent = request.method == "POST"
    targets = kept_targets(request.roles)
    if not targets:
        named = " or ".join(role.label for role in KEEPERS)
        raise NotAllowed(
            f"To say what a service must keep one needs the role {named} there, and a service.",
            who="an administrator",
        )
    if guardrail is not None:
        targets = [*targets, guardrail.target_id]
    form = GuardrailForm(
        request.POST if is_sent else None, initial=initial, targets=targets, fixed=guardrail is not None
    )
    context: dict[str, object] = {}
    status = 200
    if is_sent and form.is_valid():
        if "save" in request.POST:
            try:
                return save(request, guardrail, form)
            except Refused as refusal:
                status = refuse(form, refusal)
        else:
            target: Target = form.cleaned_data["target"]
            context["rehearsal"] = rehearsal_page(rehearse_on(target, form.promise(), clock.now()))
    elif is_sent:
        status = 422
    context |= {
        "form": form,
        "guardrail": guardrail,
        "heading": f"{guardrail.name}, {guardrail.target}" if guardrail else "New guardrail",
        "action": request.path,
        "templates": template_rows(request.roles) if guardrail is None and not is_sent else [],
        "remove": RemoveForm(auto_id="remove_%s") if guardrail else None,
        "may_keep": guardrail is None or may_keep(request.roles, guardrail.target),
        "revision": request.POST.get("revision", str(guardrail.revision) if guardrail else ""),
        "now": clock.now(),
    }
    return render(request, "guardrails/form.html", context, status=status)


def save(request: Request, guardrail: Guardrail | None, form: GuardrailForm) -> HttpResponse:
    """Save a promise.

    :raises Refused: with the field that it is about
    """
    saved = actions.save_guardrail(
        form.cleaned_data["target"],
        form.promise(),
        by=request.user,
        now=clock.now(),
        guardrail=guardrail,
        revision=revision_in(request) if guardrail else None,
    )
    messages.success(request, f"{saved.name} watches {saved.target} from its next rollout on.")
    return redirect("guardrails")


def refuse(form: PromiseForm, refusal: Refused) -> int:
    """Write a refusal beside the field that it names; return its status."""
    who = f" Who can change that: {refusal.who}." if refusal.who else ""
    form.add_error(form.field_of(getattr(refusal, "field", "")), f"{refusal.message}{who}")
    return refusal.status


def revision_in(request: Request) -> int | None:
    typed = request.POST.get("revision", "")
    return int(typed) if typed.isdecimal() and len(typed) < 9 else None


@require_POST
@signed_in
def guardrail_remove(request: Request, pk: int) -> HttpResponse:
    """Take a promise back, with the reason."""
    guardrail = guardrail_for(request, pk)
    actions.remove_guardrail(
        guardrail, reason=request.POST.get("reason", ""), by=request.user, now=clock.now()
    )
    messages.success(request, f"{guardrail.name} watches {guardrail.target} no more.")
    return redirect("guardrails")


@signed_in
def template_list(request: Request) -> HttpResponse:
    """List the templates of all teams."""
    refuse_strangers(request.roles, "see the templates of guardrails")
    context = {
        "templates": template_rows(request.roles),
        "may_add": bool(kept_teams(request.roles)),
        "now": clock.now(),
    }
    return render(request, "guardrails/templates.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def template_new(request: Request) -> HttpResponse:
    """Write a template."""
    return edit_template(request, None)


@require_http_methods(["GET", "POST"])
@signed_in
def template_edit(request: Request, pk: int) -> HttpResponse:
    """Show and change a template, and give it to services."""
    return edit_template(request, template_for(request, pk))


def edit_template(request: Request, template: GuardrailTemplate | None) -> HttpResponse:
    """Show the form of a template, or save it."""
    teams = kept_teams(request.roles)
    if not teams and template is None:
        named = " or ".join(role.label for role in KEEPERS)
        raise NotAllowed(f"To write a template one needs the role {named} in a team.", who="an administrator")
    is_sent, status = request.method == "POST", 200
    initial = (
        {**initial_of(template), "team": template.team_id, "description": template.description}
        if template
        else {}
    )
    known = [*teams, template.team_id] if template else teams
    form = TemplateForm(request.POST if is_sent else None, initial=initial, teams=known)
    if is_sent and form.is_valid():
        try:
            return save_template(request, template, form)
        except Refused as refusal:
            status = refuse(form, refusal)
    elif is_sent:
        status = 422
    context = {
        "form": form,
        "template": template_row(template, teams) if template else None,
        "heading": template.name if template else "New template",
        "action": request.path,
        "receivers": receivers(template, request.roles) if template else [],
        "revision": request.POST.get("revision", str(template.revision) if template else ""),
        "now": clock.now(),
    }
    return render(request, "guardrails/template.html", context, status=status)


def save_template(request: Request, template: GuardrailTemplate | None, form: TemplateForm) -> HttpResponse:
    """Save a template.

    :raises Refused: with the field that it is about
    """
    saved = actions.save_template(
        form.cleaned_data["team"],
        form.promise(),
        description=form.cleaned_data["description"],
        by=request.user,
        now=clock.now(),
        template=template,
        revision=revision_in(request) if template else None,
    )
    messages.success(
        request, f"{saved.name} is saved. Services that have it keep theirs until you give it again."
    )
    return redirect("guardrails-template", pk=saved.pk)


@require_POST
@signed_in
def template_give(request: Request, pk: int) -> HttpResponse:
    """Give a template to the services that were ticked; each says for itself whether it took it."""
    template = template_for(request, pk)
    ticked = [int(one) for one in request.POST.getlist("target") if one.isdecimal() and len(one) < 12]
    targets = Target.objects.filter(pk__in=ticked).select_related("service", "environment")
    answers = actions.give_template(template, targets, by=request.user, now=clock.now())
    for target, refusal in answers.items():
        if refusal is None:
            messages.success(request, f"{target} must keep it from its next rollout on.")
        else:
            messages.error(request, f"{target} did not take it. {refusal.message}")
    if not answers:
        messages.warning(request, "Tick the services that shall have it.")
    return redirect("guardrails-template", pk=pk)


@require_POST
@signed_in
def template_remove(request: Request, pk: int) -> HttpResponse:
    """Take a template off the list."""
    template = template_for(request, pk)
    actions.remove_template(template, by=request.user, now=clock.now())
    messages.success(request, f"{template.name} is off the list; the services that have it keep it.")
    return redirect("guardrails-templates")


def guardrail_for(request: Request, pk: int) -> Guardrail:
    """Return a guardrail to somebody who may see it.

    :raises NotFound: there is none
    """
    refuse_strangers(request.roles, "see the guardrails")
    rows = Guardrail.objects.select_related("target__service__team", "target__environment", "template")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such guardrail; it may have been removed.")
    return found


def template_for(request: Request, pk: int) -> GuardrailTemplate:
    """Return a template to somebody who may see it.

    :raises NotFound: there is none
    """
    refuse_strangers(request.roles, "see the templates of guardrails")
    found = GuardrailTemplate.objects.select_related("team").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such template; it may have been removed.")
    return found


def wanted(typed: str) -> GuardrailTemplate | None:
    """Return the template that a new guardrail starts from."""
    if not (typed.isdecimal() and len(typed) < 12):
        return None
    return GuardrailTemplate.objects.filter(pk=typed).first()
