"""Show how the traffic of each target moves, and let administrators say how."""

import copy
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers, refuse_without
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Secret, Target
from releasetrain.catalog.secrets import add_secret, remove_secret, replace_secret
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, NotFound, Refused
from releasetrain.rollouts.actions.configuring import configure_target, may_configure, problems_in
from releasetrain.rollouts.drivers import DRIVERS, driver_for
from releasetrain.rollouts.drivers.command import CommandDriver, last_output
from releasetrain.web.contexts.targets import line_of, page_of, tried
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.targets import FIELDS, NEW, DriverForm, SecretForm
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request

TRY_SECONDS = 2.0


def target_for(request: Request, pk: int, *, to: str = "see") -> Target:
    """Return a target to somebody who may see it, or "configure" it.

    :raises NotFound: there is none
    :raises NotAllowed: the role is missing
    """
    refuse_strangers(request.roles, "see how traffic moves")
    rows = Target.objects.select_related("service__team", "environment", "standing")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such target.")
    if to != "see" and not may_configure(request.user, found):
        raise NotAllowed(
            f"To change how the traffic of {found.service} moves one must be an administrator there.",
            who="an administrator",
        )
    return found


@signed_in
def target_list(request: Request) -> HttpResponse:
    """List every target with how its driver is."""
    refuse_strangers(request.roles, "see how traffic moves")
    rows = Target.objects.filter(service__archived_at=None).select_related(
        "service__team", "environment", "standing"
    )
    page = paged(request, rows.order_by("service__name", "environment__order", "pk"))
    context = {
        "targets": [line_of(one) for one in page],
        "pager": pager(request, page),
        "is_administrator": request.roles.has(Role.ADMINISTRATOR),
        "now": clock.now(),
    }
    return render(request, "targets/list.html", context)


@signed_in
def target_page(request: Request, pk: int) -> HttpResponse:
    """Show one target."""
    target = target_for(request, pk)
    context = {
        "target": page_of(target, may_edit=may_configure(request.user, target)),
        "printed": last_output(target) if target.driver == CommandDriver.kind else "",
        "now": clock.now(),
    }
    return render(request, "targets/page.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def driver_edit(request: Request, pk: int) -> HttpResponse:
    """Change the driver of a target; what is tried or checked is not saved."""
    target = target_for(request, pk, to="configure")
    kind = str(request.POST.get("kind") or request.GET.get("kind") or target.driver)
    if kind not in DRIVERS:
        kind = target.driver if target.driver in DRIVERS else next(iter(DRIVERS))
    config = target.driver_config if kind == target.driver else {}
    data = _with_secrets(request, target, kind) if request.method == "POST" else None
    names = Secret.objects.values_list("name", flat=True)
    form = DriverForm(data, kind=kind, config=config, secrets=names)
    status = 200
    findings: list[tuple[str, str]] = []
    if request.method == "POST":
        status = 422
        if form.is_valid():
            typed = form.result(is_same_driver=kind == target.driver)
            status, findings = _carry_out(request, target, form, typed)
            if status == 302:
                return redirect("target", pk=target.pk)
    context = {
        "target": target,
        "form": form,
        "kind": kind,
        "label": DRIVERS[kind].label,
        "kinds": sorted((one, driver.label) for one, driver in DRIVERS.items()),
        "findings": findings,
        "now": clock.now(),
    }
    return render(request, "targets/driver.html", context, status=status)


def _carry_out(
    request: Request, target: Target, form: DriverForm, typed: dict[str, Any]
) -> tuple[int, list[tuple[str, str]]]:
    """Save, or look only; return the status, 302 once it is saved, and what was found."""
    pressed = next((one for one in ("check", "try", "dry_run") if one in request.POST), "")
    try:
        if pressed:
            return 200, look(target, form.kind, typed, pressed)
        changed = configure_target(target, driver=form.kind, config=typed, by=request.user, now=clock.now())
    except Refused as refusal:
        form.add_error(None, refusal.message)
        return refusal.status, []
    said = f"Saved: {', '.join(changed)}." if changed else "Nothing was different, so nothing was saved."
    messages.success(request, said)
    return 302, []


def look(target: Target, kind: str, config: dict[str, Any], how: str) -> list[tuple[str, str]]:
    """Look at a configuration that is not saved: check it, try its connection, or say what it would set."""
    if problems := problems_in(kind, config):
        return [("bad", one) for one in problems]
    own, driver = copy.copy(target), driver_for(kind)
    own.driver, own.driver_config = kind, config
    if how == "check":
        found = [("bad" if one.is_blocking else "warn", one.text) for one in driver.check(own, config)]
        return found or [("ok", "Nothing was found.")]
    seen = driver.observe(own, deadline=TRY_SECONDS)
    if how == "try":
        return tried(driver.health(own), seen)
    now = "nothing that could be read" if seen.weight is None else f"{seen.weight} %"
    fence = f"above {seen.fence}" if seen.fence is not None else "of the rollout"
    return [
        ("info", f"Now: {now}. Nothing is set by this dry run."),
        ("info", f"A stage would set its percentage on the new side, under a fence {fence}."),
        ("info", f"A rollback would set 0 %: {target.stable_version or 'the old side'} for everybody."),
        *(("warn", one.text) for one in driver.check(own, config) if one.is_blocking),
    ]


def _with_secrets(request: Request, target: Target, kind: str) -> dict[str, Any]:
    """Keep each secret that was typed in at once, and go on with its name: so that nothing typed is lost."""
    data = request.POST.copy()
    form = DriverForm(data, kind=kind, config={}, secrets=())
    for name, value in form.typed_secrets().items():
        base = slugify(f"{target.service.slug}-{target.environment.slug}-{name}")[:44]
        free = base
        number = 1
        while Secret.objects.filter(name=free).exists():
            number += 1
            free = f"{base}-{number}"
        add_secret(name=free, value=value, team=target.service.team, by=request.user, now=clock.now())
        messages.success(request, f"What you typed is kept as the secret “{free}”.")
        data[FIELDS + name] = free
        data[FIELDS + name + NEW] = ""
    return data


@require_http_methods(["GET", "POST"])
@signed_in
def secret_list(request: Request) -> HttpResponse:
    """List the secrets by name, and keep another one, or another value under a name."""
    refuse_without(request.roles, [Role.ADMINISTRATOR], "keep secrets")
    form = SecretForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                _keep_secret(request, form.cleaned_data["name"], form.cleaned_data["value"])
            except Refused as refusal:
                form.add_error("value", refusal.message)
            else:
                return redirect("secrets")
    context = {"secrets": Secret.objects.select_related("team"), "form": form, "now": clock.now()}
    return render(request, "targets/secrets.html", context, status=status)


def _keep_secret(request: Request, name: str, value: str) -> None:
    now, known = clock.now(), Secret.objects.filter(name=name).first()
    if known is None:
        add_secret(name=name, value=value, team=None, by=request.user, now=now)
        messages.success(request, f"The secret “{name}” is kept.")
    else:
        replace_secret(known, value=value, by=request.user, now=now)
        messages.success(request, f"The secret “{name}” holds something else from now on.")


@require_POST
@signed_in
def secret_remove(request: Request, pk: int) -> HttpResponse:
    """Forget a secret that nothing names."""
    refuse_without(request.roles, [Role.ADMINISTRATOR], "keep secrets")
    secret = Secret.objects.filter(pk=pk).first()
    if secret is None:
        raise NotFound("There is no such secret.")
    try:
        remove_secret(secret, by=request.user, now=clock.now())
        messages.success(request, f"The secret “{secret.name}” is forgotten.")
    except Refused as refusal:
        messages.error(request, refusal.message)
    return redirect("secrets")
