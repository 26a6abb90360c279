"""List policies, edit them, and decide about editions that ask less (RULES D2, D4, D11)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from releasetrain.accounts.access import refuse_strangers
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, NotFound, Refused
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import PolicyRefused
from releasetrain.trains.models import Policy, Proposal
from releasetrain.trains.queries.permissions import RUNNERS
from releasetrain.trains.queries.policies import open_proposal, what_is_weaker
from releasetrain.trains.rules.states import Choice
from releasetrain.web.contexts.policies import policy_page, policy_rows, proposal_page
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.policies import PolicyForm, pressed
from releasetrain.web.request import Request
from releasetrain.web.views.departures import read


@signed_in
def policy_list(request: Request) -> HttpResponse:
    """List who must say go where."""
    refuse_strangers(request.roles, "see the policies")
    context = {"policies": policy_rows(), "may_add": may_edit(request), "now": clock.now()}
    return render(request, "policies/list.html", context)


def may_edit(request: Request) -> bool:
    return any(request.roles.has_any(role) for role in RUNNERS)


@require_http_methods(["GET", "POST"])
@signed_in
def policy_new(request: Request) -> HttpResponse:
    """Make a policy."""
    if not may_edit(request):
        named = " or ".join(role.label for role in RUNNERS)
        raise NotAllowed(f"To make policies one needs the role {named}.", who="an administrator")
    return edit(request, None)


@signed_in
def policy_detail(request: Request, pk: int) -> HttpResponse:
    """Show what a policy asks, who could fill its seats, and which trains run under it."""
    policy, now = policy_for(request, pk), clock.now()
    context = {"policy": policy_page(policy, now), "may_edit": may_edit(request), "now": now}
    if proposal := open_proposal(policy):
        context["proposal"] = proposal_page(proposal, request.user, now)
    return render(request, "policies/detail.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def policy_edit(request: Request, pk: int) -> HttpResponse:
    """Edit a policy; what asks less is proposed to those whom it asks now."""
    return edit(request, policy_for(request, pk))


def edit(request: Request, policy: Policy | None) -> HttpResponse:
    """Show the form, one requirement more of it, what it would give up, or save."""
    form, status = PolicyForm(request.POST if request.method == "POST" else None, policy=policy), 200
    weaker: list[str] = []
    if request.method == "POST":
        if (typed := pressed(request.POST)) is not None:
            form = PolicyForm(typed, policy=policy)
            form.hush()
        elif form.is_valid():
            try:
                return save(request, policy, form)
            except Refused as refusal:
                status, field = refusal.status, getattr(refusal, "field", "")
                if policy is not None and isinstance(refusal, PolicyRefused):
                    weaker = what_is_weaker(policy, form.settings())
                form.add_error(field if field in form.fields else None, refusal.message)
        else:
            status = 422
    context = {
        "form": form,
        "policy": policy,
        "heading": f"Edit {policy.name}" if policy else "New policy",
        "action": request.path,
        "weaker": weaker,
        "typed": request.POST.get("reason", ""),
        "revision": request.POST.get("revision", policy.revision if policy else ""),
        "now": clock.now(),
    }
    return render(request, "policies/form.html", context, status=status)


def save(request: Request, policy: Policy | None, form: PolicyForm) -> HttpResponse:
    """Save what was typed, or propose it where that was pressed.

    :raises Refused: with the field that it is about
    """
    settings, now = form.settings(), clock.now()
    if policy is not None and "propose" in request.POST:
        reason = request.POST.get("reason", "")
        actions.propose_policy(policy, settings, reason=reason, by=request.user, now=now)
        messages.success(request, "Those whom the policy asks now decide about it; they are told.")
        return redirect("policies-detail", pk=policy.pk)
    revision = request.POST.get("revision", "")
    saved = actions.save_policy(
        **{name: getattr(settings, name) for name in settings.__dataclass_fields__},
        by=request.user,
        now=now,
        policy=policy,
        revision=int(revision) if policy and revision.isdecimal() and len(revision) < 9 else None,
    )
    messages.success(request, f"{saved.name} is saved; departures that board already keep what they have.")
    return redirect("policies-detail", pk=saved.pk)


@require_POST
@signed_in
def proposal_vote(request: Request, pk: int, number: int) -> HttpResponse:
    """Say something about an edition that asks less."""
    proposal = proposal_for(request, pk, number)
    try:
        voted = actions.vote_on_policy(
            proposal,
            choice=read(Choice, request.POST.get("choice", ""), "choice"),
            by=request.user,
            now=clock.now(),
            seat=request.POST.get("seat", ""),
            reason=request.POST.get("reason", ""),
        )
    except Refused as refusal:
        return again(request, proposal, refusal)
    if voted.not_counted:
        messages.warning(request, f"Your vote is on record but does not count. {voted.not_counted}")
    else:
        messages.success(request, "It counts from now on." if voted.is_adopted else "Your vote is on record.")
    return redirect("policies-detail", pk=pk)


@require_POST
@signed_in
def proposal_withdraw(request: Request, pk: int, number: int) -> HttpResponse:
    """Take an edition that asks less back."""
    actions.withdraw_proposal(proposal_for(request, pk, number), by=request.user, now=clock.now())
    messages.success(request, "The weaker edition is off.")
    return redirect("policies-detail", pk=pk)


def again(request: Request, proposal: Proposal, refusal: Refused) -> HttpResponse:
    """Show the policy again with why not and with what was typed."""
    now = clock.now()
    context = {
        "policy": policy_page(proposal.policy, now),
        "proposal": proposal_page(proposal, request.user, now),
        "may_edit": may_edit(request),
        "error": refusal.message,
        "typed": request.POST.get("reason", ""),
        "now": now,
    }
    return render(request, "policies/detail.html", context, status=refusal.status)


def policy_for(request: Request, pk: int) -> Policy:
    """Return a policy for somebody who may see it.

    :raises NotFound: there is none
    """
    refuse_strangers(request.roles, "see the policies")
    found = Policy.objects.select_related("owner").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such policy.")
    return found


def proposal_for(request: Request, pk: int, number: int) -> Proposal:
    """Return an edition that was proposed for a policy.

    :raises NotFound: there is none
    """
    policy = policy_for(request, pk)
    found = policy.proposals.select_related("policy__owner").filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no such edition of {policy}.")
    return found
