"""Hand flags out as flagd's definition, and take such a definition in."""

import json

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from releasetrain.accounts.access import refuse_strangers, refuse_without
from releasetrain.catalog.models import Environment
from releasetrain.flags import actions
from releasetrain.flags.access import EDITORS
from releasetrain.flags.flagd.export import export
from releasetrain.flags.flagd.reading import Imported, read_definition
from releasetrain.flags.flagd.refusals import CannotImport
from releasetrain.flags.queries import segments_in_force, states_in
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.web.contexts.targeting import preview_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.flags import ImportForm
from releasetrain.web.request import Request


@signed_in
def definition(request: Request, environment: str) -> HttpResponse:
    """Give the flags of an environment as a file that flagd serves."""
    refuse_strangers(request.roles, "see the flags")
    place = get_object_or_404(Environment, slug=environment)
    found = export(states_in(place), segments_in_force())
    said = "; ".join(f"{key}: {why}" for key, why in found.left_out.items())
    left_out = {"metadata": {"leftOut": said}} if said else {}
    text = json.dumps({**found.definition, **left_out}, indent=2, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="flags-{place.slug}.json"'}
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)


@require_http_methods(["GET", "POST"])
@signed_in
def take_in(request: Request) -> HttpResponse:
    """Show what a definition holds, then create its flags, all off until somebody enables them."""
    refuse_strangers(request.roles, "see the flags")
    form, found, status = ImportForm(request.POST or None), None, 200
    if request.method == "POST" and not form.is_valid():
        status = 422
    elif request.method == "POST":
        refuse_without(request.roles, EDITORS, "import flags", team=form.cleaned_data["owner"].pk)
        try:
            found = read_definition(form.cleaned_data["definition"])
            if "save" in request.POST:
                return save(request, form, found)
        except CannotImport as refusal:
            form.add_error("definition", str(refusal))
            status = 422
        except Refused as refusal:
            form.add_error(None, refusal.message)
            status = refusal.status
    context = {"form": form, "preview": preview_of(found) if found else None, "now": clock.now()}
    return render(request, "flags/import.html", context, status=status)


def save(request: Request, form: ImportForm, found: Imported) -> HttpResponse:
    """Create what a definition holds.

    :raises Refused: a key is taken, or a window is open
    """
    typed = form.cleaned_data
    made = actions.take_over(
        found, owner=typed["owner"], environment=typed["environment"], actor=request.user, now=clock.now()
    )
    messages.success(request, f"{len(made)} flags were imported into {typed['environment']}.")
    return redirect("flags")
