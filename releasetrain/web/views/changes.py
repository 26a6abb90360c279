"""Submit changes, board them, and see where they are."""

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.panels.feed import change_feed
from releasetrain.panels.shapes import Tab
from releasetrain.trains import actions
from releasetrain.trains.access import change_for, departure_for
from releasetrain.trains.actions.changes import Submitted
from releasetrain.trains.models import Change
from releasetrain.trains.queries import open_for_boarding
from releasetrain.trains.rules.states import ChangeState
from releasetrain.web.contexts.changes import page_of, row_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.changes import ChangeForm
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request

VIEWS = (("mine", "Mine"), ("teams", "My teams’"), ("all", "Everybody’s"))


class ChangeFilter(forms.Form):
    """Narrow the changes down."""

    q = forms.CharField(required=False, max_length=100, label="Search", help_text="Title, author or version")
    service = forms.ModelChoiceField(Service.objects.all(), required=False, empty_label="Every service")
    state = forms.ChoiceField(
        required=False,
        choices=[("", "Every state"), *[(s.value, s.value.replace("_", " ")) for s in ChangeState]],
    )


@signed_in
def change_list(request: Request) -> HttpResponse:
    """List changes: mine, my teams', everybody's."""
    refuse_strangers(request.roles, "see the changes")
    filters = ChangeFilter(request.GET or None)
    chosen = request.GET.get("whose") if request.GET.get("whose") in dict(VIEWS) else "all"
    page = paged(request, narrowed(whose(request, str(chosen)), filters))
    context = {
        "changes": [row_of(change) for change in page],
        "pager": pager(request, page),
        "tabs": [Tab(label, f"/changes/?whose={name}", name == chosen) for name, label in VIEWS],
        "filters": filters,
        "submit_url": "/changes/new/" if request.roles.has_any(Role.SUBMITTER) else "",
        "now": clock.now(),
    }
    return render(request, "changes/_list.html" if request.htmx else "changes/list.html", context)


def whose(request: Request, chosen: str) -> QuerySet[Change]:
    """Return the changes of one of the tabs."""
    changes = Change.objects.select_related("service", "departure__train").order_by("-submitted_at", "-pk")
    if chosen == "mine":
        return changes.filter(author=request.user)
    if chosen == "teams":
        return changes.filter(service__team__memberships__user=request.user).distinct()
    return changes


def narrowed(changes: QuerySet[Change], filters: ChangeFilter) -> QuerySet[Change]:
    """Apply the filters that were filled in."""
    if not filters.is_valid():
        return changes
    wanted = filters.cleaned_data
    if search := wanted["q"]:
        text = Q(title__icontains=search) | Q(author_label__icontains=search) | Q(version__icontains=search)
        changes = changes.filter(text)
    if wanted["service"]:
        changes = changes.filter(service=wanted["service"])
    if wanted["state"]:
        changes = changes.filter(state=wanted["state"])
    return changes


@require_http_methods(["GET", "POST"])
@signed_in
def change_new(request: Request) -> HttpResponse:
    """Submit a change; where it cannot board, nothing that was typed is lost."""
    if not request.roles.has_any(Role.SUBMITTER):
        raise NotAllowed(
            "To submit a change one must be a submitter of a team or service.", who="an administrator"
        )
    form = ChangeForm(
        request.POST or None, roles=request.roles, initial={"departure": request.GET.get("departure")}
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                submitted = actions.submit_change(**form.cleaned_data, by=request.user, now=clock.now())
            except Refused as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                tell(request, submitted)
                return redirect("changes-detail", pk=submitted.change.pk)
    context = {
        "heading": "Submit a change",
        "form": form,
        "action": "/changes/new/",
        "cancel_url": "/changes/",
        "submit_label": "Submit",
        "now": clock.now(),
    }
    return render(request, "changes/form.html", context, status=status)


def tell(request: Request, submitted: Submitted) -> None:
    """Say that it is saved, and why it is not aboard where it is not."""
    change = submitted.change
    if submitted.why_not_aboard:
        messages.warning(
            request, f"“{change.title}” is saved, but not aboard. {submitted.why_not_aboard.text}"
        )
    elif submitted.is_aboard and change.departure:
        messages.success(request, f"“{change.title}” is aboard {change.departure.code}.")
    else:
        messages.success(request, f"“{change.title}” is submitted.")


@signed_in
def change_detail(request: Request, pk: int) -> HttpResponse:
    """Answer "where is my change?"."""
    change, now = change_for(request.user, pk, roles=request.roles), clock.now()
    offers = open_for_boarding(now, [change.service])
    page = page_of(
        change,
        user=request.user,
        roles=request.roles,
        now=now,
        offers=list(offers[:3]),
    )
    context = {"change": page, "feed": change_feed(change), "now": now}
    return render(request, "changes/detail.html", context)


@require_POST
@signed_in
def change_board(request: Request, pk: int, departure: int) -> HttpResponse:
    """Put a change on a departure."""
    change = change_for(request.user, pk, roles=request.roles)
    to = departure_for(request.user, departure, roles=request.roles)
    actions.board(change, to, by=request.user, now=clock.now())
    return done(request, change, f"It is aboard {to.code}.")


@require_POST
@signed_in
def change_withdraw(request: Request, pk: int) -> HttpResponse:
    """Take a change off its departure."""
    change = change_for(request.user, pk, roles=request.roles)
    actions.withdraw(change, reason=request.POST.get("reason", "")[:500], by=request.user, now=clock.now())
    return done(request, change, "It got off.")


def done(request: Request, change: Change, sentence: str) -> HttpResponse:
    """Say that it is done, on the change's own page."""
    messages.success(request, sentence)
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": f"/changes/{change.pk}/"})
    return redirect("changes-detail", pk=change.pk)
