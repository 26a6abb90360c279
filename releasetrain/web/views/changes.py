"""Submit changes, board them, and see where they are."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.panels import links
from releasetrain.panels.feed import change_feed
from releasetrain.panels.shapes import Tab
from releasetrain.trains import actions
from releasetrain.trains.access import change_for, departure_for
from releasetrain.trains.actions.changes import Submitted
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import open_for_boarding
from releasetrain.trains.queries.changes import changes_found, changes_in_order, known_pull_request
from releasetrain.trains.rules.states import ChangeState
from releasetrain.web.contexts.changes import page_of, row_of
from releasetrain.web.contexts.late import late_offer
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.changes import ChangeFilter, ChangeForm, filled_in, initial_of
from releasetrain.web.lists import paged, pager
from releasetrain.web.request import Request

VIEWS = (("mine", "Mine"), ("teams", "My teams’"), ("all", "Everybody’s"))
NARROWING = ("q", "team", "service", "state", "risk")


@signed_in
def change_list(request: Request) -> HttpResponse:
    """List changes: mine, my teams', everybody's."""
    refuse_strangers(request.roles, "see the changes")
    filters = ChangeFilter(request.GET or None)
    chosen = str(request.GET.get("whose")) if request.GET.get("whose") in dict(VIEWS) else "all"
    found, total = found_changes(request.user, chosen, filters)
    # Only their keys are walked through: a page far back then costs an index alone.
    page = paged(request, found.values_list("pk", flat=True), total=total)
    context = {
        "changes": [row_of(change) for change in changes_in_order(page)],
        "pager": pager(request, page),
        "tabs": [Tab(label, f"/changes/?whose={name}", name == chosen) for name, label in VIEWS],
        "filters": filters,
        "is_narrowed": filters.is_bound and any(filters.cleaned_data.get(name) for name in NARROWING),
        "submit_url": "/changes/new/" if request.roles.has_any(Role.SUBMITTER) else "",
        "now": clock.now(),
    }
    return render(request, "changes/_list.html" if request.htmx else "changes/list.html", context)


def found_changes(user: User, whose: str, filters: ChangeFilter) -> tuple[QuerySet[Change], int]:
    """Return the changes of a tab that the filters let through, and how many; nonsense lets all through."""
    filters.is_valid()
    wanted = filters.cleaned_data if filters.is_bound else {}
    return changes_found(
        user,
        whose=whose,
        text=wanted.get("q", ""),
        team=wanted.get("team"),
        service=wanted.get("service"),
        state=wanted.get("state", ""),
        level=wanted.get("risk", ""),
        sort=wanted.get("sort", ""),
    )


@require_http_methods(["GET", "POST"])
@signed_in
def change_new(request: Request) -> HttpResponse:
    """Submit a change; where it cannot board, nothing that was typed is lost."""
    return change_form(request, None)


@require_http_methods(["GET", "POST"])
@signed_in
def change_edit(request: Request, pk: int) -> HttpResponse:
    """Go on with a draft."""
    draft = change_for(request.user, pk, roles=request.roles)
    if draft.state != ChangeState.DRAFT:
        return redirect("changes-detail", pk=draft.pk)
    return change_form(request, draft)


def change_form(request: Request, draft: Change | None) -> HttpResponse:
    """Show the form, look a pasted pull request up, keep a draft, or submit."""
    if not request.roles.has_any(Role.SUBMITTER):
        raise NotAllowed(
            "To submit a change one must be a submitter of a team or service.", who="an administrator"
        )
    if request.method != "POST":
        return show_form(request, asked_form(request, draft), draft)
    if "look" in request.POST:
        known = known_pull_request(request.POST.get("url", ""))
        form = ChangeForm(filled_in(request.POST, known), roles=request.roles)
        form.hush()
        return show_form(request, form, draft, known=known)
    form = ChangeForm(request.POST, roles=request.roles)
    is_draft = "draft" in request.POST
    if is_draft:
        form.for_draft()
    if not form.is_valid():
        return show_form(request, form, draft, status=422)
    try:
        if is_draft:
            kept = actions.save_draft(**form.typed_draft(), draft=draft, by=request.user, now=clock.now())
            messages.success(request, f"“{kept.title}” is kept as a draft.")
            return redirect("changes-detail", pk=kept.pk)
        submitted = actions.submit_change(**form.typed(), draft=draft, by=request.user, now=clock.now())
    except Refused as refusal:
        field = getattr(refusal, "field", "")
        form.add_error(field if field in form.fields else None, refusal.message)
        known = known_pull_request(request.POST.get("url", "")) if refusal.code == "elsewhere" else None
        return show_form(request, form, draft, known=known, status=refusal.status)
    return after_submitting(request, submitted, form.cleaned_data["departure"])


def after_submitting(request: Request, submitted: Submitted, wanted: Departure | None) -> HttpResponse:
    """Lead to what was saved; where the cut-off of its departure has passed, that is saved all the same.

    :param wanted: the departure that was asked for; `submitted.why_not_aboard` says why it is not aboard
    """
    tell(request, submitted)
    if submitted.late is not None:
        return redirect(links.ask_late(submitted.change.pk, submitted.late.departure_id))
    return redirect("changes-detail", pk=submitted.change.pk)


def asked_form(request: Request, draft: Change | None) -> ChangeForm:
    """Return the form as somebody opens it: a draft, a pull request by its address, or nothing yet."""
    if draft is not None:
        return ChangeForm(roles=request.roles, initial=initial_of(draft))
    url = request.GET.get("url", "")
    known = known_pull_request(url)
    initial = {**(initial_of(known) if known else {}), "url": url}
    return ChangeForm(roles=request.roles, initial={**initial, "departure": request.GET.get("departure")})


def show_form(
    request: Request,
    form: ChangeForm,
    draft: Change | None,
    *,
    known: Change | None = None,
    status: int = 200,
) -> HttpResponse:
    """Draw the form; a pull request that is known already is named, with a link to where it is."""
    context = {
        "heading": "Go on with a draft" if draft else "Submit a change",
        "form": form,
        "known": row_of(known) if known else None,
        "action": f"/changes/{draft.pk}/edit/" if draft else "/changes/new/",
        "cancel_url": f"/changes/{draft.pk}/" if draft else "/changes/",
        "now": clock.now(),
    }
    return render(request, "changes/form.html", context, status=status)


def tell(request: Request, submitted: Submitted) -> None:
    """Say that it is saved, and why it is not aboard where it is not."""
    change = submitted.change
    if submitted.stands_by and submitted.why_not_aboard:
        why = submitted.why_not_aboard.text
        messages.warning(request, f"“{change.title}” stands by for {change.stand_by_for}. {why}")
    elif submitted.why_not_aboard:
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
    context = {
        "change": page,
        "offer": late_offer(change, person=request.user, roles=request.roles, now=now),
        "feed": change_feed(change),
        "now": now,
    }
    return render(request, "changes/detail.html", context)


@require_POST
@signed_in
def change_board(request: Request, pk: int, departure: int) -> HttpResponse:
    """Put a change on a departure."""
    change = change_for(request.user, pk, roles=request.roles)
    to = departure_for(request.user, departure, roles=request.roles)
    seated = actions.board(change, to, by=request.user, now=clock.now())
    stands_by = seated.state == ChangeState.STAND_BY
    return done(request, change, f"It {'stands by for' if stands_by else 'is aboard'} {to.code}.")


@require_POST
@signed_in
def change_move(request: Request, pk: int, departure: int) -> HttpResponse:
    """Take a change to another departure at once, or leave it where it is."""
    change = change_for(request.user, pk, roles=request.roles)
    to = departure_for(request.user, departure, roles=request.roles)
    seated = actions.move(change, to, by=request.user, now=clock.now())
    stands_by = seated.state == ChangeState.STAND_BY
    return done(request, change, f"It {'stands by for' if stands_by else 'is aboard'} {to.code} now.")


@require_POST
@signed_in
def change_ready(request: Request, pk: int) -> HttpResponse:
    """Say that a change is ready."""
    change = change_for(request.user, pk, roles=request.roles)
    actions.make_ready(change, by=request.user, now=clock.now())
    return done(request, change, "It is ready.")


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
