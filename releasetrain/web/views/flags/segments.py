"""Show segments, and let people keep them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.flags import actions
from releasetrain.flags.access import may_keep, refuse_without_team
from releasetrain.flags.actions.segments import used_by
from releasetrain.flags.models import Segment
from releasetrain.lib import clock
from releasetrain.web.contexts.targeting import segment_rows
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.flags import SegmentForm, refuse
from releasetrain.web.request import Request


@signed_in
def segment_list(request: Request) -> HttpResponse:
    """List the parts of the users that rules name."""
    refuse_strangers(request.roles, "see the segments")
    context = {"segments": segment_rows(), "may_add": may_keep(request.roles), "now": clock.now()}
    return render(request, "flags/segments.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def segment_new(request: Request) -> HttpResponse:
    """Add a segment."""
    return edit(request, None)


@require_http_methods(["GET", "POST"])
@signed_in
def segment_edit(request: Request, key: str) -> HttpResponse:
    """Change a segment."""
    return edit(request, segment_for(key))


def edit(request: Request, segment: Segment | None) -> HttpResponse:
    """Show the form, or save what was typed."""
    refuse_without_team(request.roles, "keep segments")
    data, status = (request.POST if request.method == "POST" else None), 200
    form = SegmentForm(data, segment=segment)
    if data is not None:
        if form.is_valid():
            try:
                reason = form.cleaned_data["reason"]
                saved = actions.save_segment(form.draft(), reason=reason, actor=request.user, now=clock.now())
            except actions.TargetingRefused as refusal:
                refuse(form, refusal.problems)
                status = refusal.status
            else:
                messages.success(request, f"{saved.name} is served from now on, wherever rules name it.")
                return redirect("flags-segments")
        else:
            status = 422
    context = {
        "form": form,
        "segment": segment,
        "used": used_by(segment.key) if segment else [],
        "action": request.path,
        "now": clock.now(),
    }
    return render(request, "flags/segment.html", context, status=status)


@require_POST
@signed_in
def segment_remove(request: Request, key: str) -> HttpResponse:
    """Take a segment away."""
    refuse_without_team(request.roles, "keep segments")
    reason = request.POST.get("reason", "")[:300]
    actions.remove_segment(segment_for(key), reason=reason, actor=request.user, now=clock.now())
    messages.success(request, f"The segment {key} is gone.")
    return redirect("flags-segments")


def segment_for(key: str) -> Segment:
    return get_object_or_404(Segment, key=key, removed_at=None)
