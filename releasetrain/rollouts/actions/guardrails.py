"""Say what a target must keep, by hand or from a template; never while a rollout is judged by it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.models import Team, User
from releasetrain.catalog.access import roles_of
from releasetrain.catalog.models import Target
from releasetrain.events.actions import Actor, record
from releasetrain.lib.errors import Invalid, NotAllowed, Refused, Stale
from releasetrain.rollouts.guarding import KEEPERS, known_metrics, may_keep, moving_rollout, shortest_bake
from releasetrain.rollouts.models import Guardrail, GuardrailTemplate
from releasetrain.rollouts.promises import Promise
from releasetrain.rollouts.rules import guardrails as rules
from releasetrain.rollouts.rules.guardrails import GuardrailKind, NoData
from releasetrain.rollouts.store import PROMISED, promise_of


class GuardrailRefused(Refused):
    """Refuse to change what a rollout is judged by, or what is not there any more."""

    code = "guardrail_refused"


@transaction.atomic
def save_guardrail(
    target: Target,
    promise: rules.Guardrail,
    *,
    by: Actor,
    now: datetime,
    guardrail: Guardrail | None = None,
    revision: int | None = None,
    template: GuardrailTemplate | None = None,
) -> Guardrail:
    """Promise something about a target, or change what is promised.

    :param guardrail: the one to change; None makes a new one
    :param revision: of the guardrail that was read; another one is refused
    :param template: the one that it comes from, where it is taken as it is
    :raises Invalid: it promises nothing, on a metric that nothing reports, or by a name that is taken
    :raises GuardrailRefused: a rollout of this target is judged right now
    :raises Stale: somebody else has saved it since
    :raises NotAllowed: this person runs no trains of the service
    """
    _lock(target, by)
    saved = _locked(guardrail, revision) if guardrail else Guardrail(target=target)
    promise = tidy(promise)
    others = Guardrail.objects.filter(target=target, name__iexact=promise.name)
    if others.exclude(pk=saved.pk).exists():
        raise Invalid(f"{target} has a guardrail called “{promise.name}” already.", field="name")
    _refuse(promise, known_metrics(target, now), shortest_bake(target))
    _write(saved, promise)
    saved.template = template
    saved.save()
    record(
        kind="rollouts.guardrail.saved",
        subject=saved,
        actor=by,
        now=now,
        target=str(target),
        metric=saved.metric,
        level=level_of(saved),
    )
    return saved


@transaction.atomic
def remove_guardrail(guardrail: Guardrail, *, reason: str, by: Actor, now: datetime) -> None:
    """Take a promise back; the judgements that it made stay.

    :raises Invalid: no reason
    :raises GuardrailRefused: a rollout of this target is judged right now
    :raises NotAllowed: this person runs no trains of the service
    """
    if not reason.strip():
        raise Invalid("Say why it is no longer needed: it brings nobody back any more.", field="reason")
    _lock(guardrail.target, by)
    locked = _locked(guardrail, None)
    locked.removed_at = now
    locked.save(update_fields=["removed_at"])
    record(
        kind="rollouts.guardrail.removed",
        subject=locked,
        actor=by,
        now=now,
        target=str(locked.target),
        reason=reason.strip()[:500],
    )


@transaction.atomic
def save_template(
    team: Team,
    promise: rules.Guardrail,
    *,
    by: Actor,
    now: datetime,
    description: str = "",
    template: GuardrailTemplate | None = None,
    revision: int | None = None,
) -> GuardrailTemplate:
    """Write a promise once, to be given to services; those that have it keep theirs until it is given again.

    :raises Invalid: it promises nothing, or its name is taken in the team
    :raises Stale: somebody else has saved it since
    :raises NotAllowed: this person runs no trains of the team
    """
    for one in {team, template.team if template else team}:
        _refuse_strangers(by, one)
    saved = GuardrailTemplate(team=team)
    if template is not None:
        saved = GuardrailTemplate.objects.select_for_update(no_key=True, of=("self",)).get(pk=template.pk)
        _refuse_stale(saved, revision)
    promise = tidy(promise)
    others = GuardrailTemplate.objects.filter(team=team, name__iexact=promise.name)
    if others.exclude(pk=saved.pk).exists():
        raise Invalid(f"{team} has a template called “{promise.name}” already.", field="name")
    _refuse(promise, None, None)
    _write(saved, promise)
    saved.team, saved.description = team, description.strip()[:500]
    saved.save()
    record(
        kind="rollouts.guardrail_template.saved",
        subject=saved,
        actor=by,
        now=now,
        team=team.name,
        metric=saved.metric,
    )
    return saved


@transaction.atomic
def remove_template(template: GuardrailTemplate, *, by: Actor, now: datetime) -> None:
    """Take a template off the list; the guardrails made from it stay.

    :raises NotAllowed: this person runs no trains of the team
    """
    _refuse_strangers(by, template.team)
    record(
        kind="rollouts.guardrail_template.removed",
        subject=template,
        actor=by,
        now=now,
        team=template.team.name,
    )
    template.delete()


def give_template(
    template: GuardrailTemplate, targets: Iterable[Target], *, by: Actor, now: datetime
) -> dict[Target, Refused | None]:
    """Give a template to targets, each by itself: one that refuses stops no other.

    A target that has it already gets it as it stands now.

    :return: what each target refused; None where it has the promise
    """
    answers: dict[Target, Refused | None] = {}
    for target in targets:
        has = Guardrail.objects.filter(target=target, template=template).first()
        try:
            save_guardrail(target, promise_of(template), by=by, now=now, guardrail=has, template=template)
        except Refused as refusal:
            answers[target] = refusal
        else:
            answers[target] = None
    return answers


def tidy(promise: rules.Guardrail) -> rules.Guardrail:
    """Leave out what a kind does not use: the share of users and error lines have no limit of their own."""
    promise = replace(promise, name=promise.name.strip(), metric=promise.metric.strip())
    if promise.kind is GuardrailKind.SAMPLE_RATIO:
        return replace(promise, absolute_limit=None, fewer_is_worse=False, excludes=None)
    if promise.kind is GuardrailKind.NEW_ERRORS:
        return replace(
            promise, absolute_limit=None, fewer_is_worse=False, excludes=None, no_data=NoData.INCONCLUSIVE
        )
    return promise


def level_of(row: Promise) -> str:
    """Name how much a promise weighs."""
    if row.is_critical:
        return "critical"
    return "required" if row.is_required else "advisory"


def _lock(target: Target, by: Actor) -> None:
    """Keep rollouts of a target from starting meanwhile, and refuse where one has started."""
    if isinstance(by, User) and not may_keep(roles_of(by), target):
        named = " or ".join(role.label for role in KEEPERS)
        raise NotAllowed(
            f"To say what {target} must keep one needs the role {named} there.", who="an administrator"
        )
    Target.objects.select_for_update(no_key=True).get(pk=target.pk)
    moving = moving_rollout(target)
    if moving is not None:
        raise GuardrailRefused(
            f"{moving.to_version} is on its way through {target} at {moving.desired_weight} %: what it is "
            "judged by stays as it is until that is over.",
            who="whoever is on call, by rolling it back",
        )


def _refuse_strangers(by: Actor, team: Team) -> None:
    if isinstance(by, User):
        refuse_without(roles_of(by), KEEPERS, f"write templates of {team.name}", team=team.pk)


def _locked(guardrail: Guardrail, revision: int | None) -> Guardrail:
    rows = Guardrail.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "target__service", "target__environment"
    )
    locked = rows.filter(pk=guardrail.pk).first()
    if locked is None:
        raise GuardrailRefused(f"{guardrail.name} was removed in the meantime.")
    _refuse_stale(locked, revision)
    return locked


def _refuse_stale(row: Promise, revision: int | None) -> None:
    if revision is not None and row.revision != revision:
        raise Stale(f"{row.name} was saved by somebody else since your page was drawn; look at it again.")


def _refuse(promise: rules.Guardrail, metrics: set[str] | None, bake: float | None) -> None:
    if not promise.name:
        raise Invalid("A guardrail has a name.", field="name")
    problems = rules.problems_of(promise, known_metrics=metrics, shortest_bake_seconds=bake)
    if problems:
        raise Invalid(problems[0].sentence, field=problems[0].field)


def _write(row: Promise, promise: rules.Guardrail) -> None:
    """Put a promise into its row."""
    for name in PROMISED:
        setattr(row, name, getattr(promise, name))
    if row.pk is not None:
        row.revision += 1
