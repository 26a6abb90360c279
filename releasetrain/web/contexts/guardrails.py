"""Gather what pages show of guardrails, of their templates, and of a rehearsal."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Roles
from releasetrain.catalog.models import Target
from releasetrain.lib.spans import in_words
from releasetrain.rollouts.actions.guardrails import level_of
from releasetrain.rollouts.guarding import KEEPERS, may_keep
from releasetrain.rollouts.models import Guardrail, GuardrailTemplate
from releasetrain.rollouts.promises import Promise
from releasetrain.rollouts.rehearsals import Rehearsed
from releasetrain.rollouts.rules.findings import promised, ratio_words
from releasetrain.rollouts.rules.guardrails import SEVERITY
from releasetrain.rollouts.rules.rehearsal import Rehearsal, StageRehearsal, cries_wolf
from releasetrain.rollouts.store import promise_of


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """One promise in a list."""

    name: str
    url: str
    metric: str
    promise: str
    level: str
    template: str = ""


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target with what it must keep."""

    pk: int
    name: str
    team: str
    promises: list[PromiseRow] = field(default_factory=list)
    may_keep: bool = False


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """One template in a list."""

    pk: int
    promise: PromiseRow
    team: str
    description: str
    used: int
    may_write: bool


@dataclass(frozen=True, slots=True)
class RehearsalPage:
    """A rehearsal in words: the answer first, a line for each stage, and what else the day shows."""

    tone: str
    answer: str
    stages: list[tuple[str, str, str, str, str]]
    notes: list[str]
    baked: list[tuple[str, datetime, str, str, str]]


def target_rows(roles: Roles, team: Team | None = None) -> list[TargetRow]:
    """Return every target of services that live, of one team where that is named, with its guardrails.

    Two queries.
    """
    targets = Target.objects.filter(service__archived_at__isnull=True).select_related(
        "service__team", "environment"
    )
    if team is not None:
        targets = targets.filter(service__team=team)
    found: dict[int, TargetRow] = {
        one.pk: TargetRow(one.pk, str(one), one.service.team.name, may_keep=may_keep(roles, one))
        for one in targets
    }
    for guardrail in Guardrail.objects.filter(target__in=found).select_related("template"):
        found[guardrail.target_id].promises.append(_row(guardrail, f"/guardrails/{guardrail.pk}/"))
    return list(found.values())


def _row(row: Promise, url: str) -> PromiseRow:
    template = row.template.name if isinstance(row, Guardrail) and row.template else ""
    return PromiseRow(row.name, url, row.metric, promised(promise_of(row)), level_of(row), template)


def kept_targets(roles: Roles) -> list[int]:
    """Return the targets that somebody may say something about."""
    rows = Target.objects.filter(service__archived_at__isnull=True).select_related("service")
    return [one.pk for one in rows if may_keep(roles, one)]


def kept_teams(roles: Roles) -> list[int]:
    """Return the teams whose templates somebody may write."""
    teams = Team.objects.values_list("pk", flat=True)
    return [pk for pk in teams if any(roles.has(role, team=pk) for role in KEEPERS)]


def template_rows(roles: Roles) -> list[TemplateRow]:
    """Return every template with how many services have it."""
    mine = set(kept_teams(roles))
    rows = GuardrailTemplate.objects.select_related("team").prefetch_related("guardrails")
    return [template_row(one, mine) for one in rows]


def template_row(one: GuardrailTemplate, mine: Collection[int]) -> TemplateRow:
    """Show one template."""
    promise = _row(one, f"/guardrails/templates/{one.pk}/")
    used = len(one.guardrails.all())
    return TemplateRow(one.pk, promise, one.team.name, one.description, used, one.team_id in mine)


def receivers(template: GuardrailTemplate, roles: Roles) -> list[tuple[int, str, bool]]:
    """Return whom a template can be given to: id, name, and whether they have it as it stands."""
    promise = promise_of(template)
    has = {one.target_id: promise_of(one) == promise for one in template.guardrails.all()}
    rows = Target.objects.filter(pk__in=kept_targets(roles)).select_related("service", "environment")
    return [(one.pk, _named(str(one), has.get(one.pk)), bool(has.get(one.pk))) for one in rows]


def _named(name: str, has: bool | None) -> str:  # noqa: FBT001 - a state, no switch
    if has is None:
        return name
    return f"{name} (has it)" if has else f"{name} (has an older one)"


def rehearsal_page(rehearsed: Rehearsed) -> RehearsalPage:
    """Say what a rehearsal has shown."""
    rehearsal = rehearsed.rehearsal
    tone, answer = _answer(rehearsal)
    return RehearsalPage(
        tone=tone,
        answer=answer,
        stages=[_stage(one) for one in rehearsal.stages],
        notes=list(_notes(rehearsed)),
        baked=[
            (
                one.version,
                one.entered_at,
                f"{one.replay.weight} %",
                one.replay.verdict.value,
                one.replay.sentence,
            )
            for one in sorted(rehearsed.baked, key=lambda one: -SEVERITY[one.replay.verdict])
        ],
    )


def _answer(rehearsal: Rehearsal) -> tuple[str, str]:
    """Return the answer that matters most, with its tone."""
    if not rehearsal.points:
        return "bad", "Nothing was reported within the last day, so it could not judge anything."
    if rehearsal.crossed:
        return "bad", (
            f"The old version itself lay beyond the limit in {rehearsal.crossed:,} of {rehearsal.looks:,} "
            "looks: nothing could depart then."
        )
    if cries_wolf(rehearsal):
        failed = sum(one.failed for one in rehearsal.stages)
        bakes = sum(one.bakes for one in rehearsal.stages)
        return (
            "warn",
            f"It would have stopped {failed} of {bakes} versions that are no worse than the old one.",
        )
    unsure = [one for one in rehearsal.stages if one.unsure > one.passed]
    if unsure:
        return "warn", (
            f"At {unsure[0].weight} % most bakes would end without an answer: too little traffic. Bake "
            "longer, begin with more users, or ask it to see larger ratios only."
        )
    return "ok", "It stops no version that is as good as the old one, and every stage gets an answer."


def _stage(one: StageRehearsal) -> tuple[str, str, str, str, str]:
    needed = f"{one.needed:,}" if one.needed is not None else "unknown"
    sees = ratio_words(one.detectable) if one.detectable else "nothing"
    ends = f"{one.passed} pass, {one.unsure} unsure, {one.failed} fail"
    return f"{one.weight} %", ends, f"{one.units:,.0f}", needed, sees


def _notes(rehearsed: Rehearsed) -> Iterable[str]:
    rehearsal = rehearsed.rehearsal
    if not rehearsal.points:
        return
    yield (
        f"{rehearsal.baseline.units:,.0f} units were reported, of which {rehearsal.baseline.rate:.2%} were "
        f"bad; bad ones come in bursts of {rehearsal.dispersion:.1f}."
    )
    if rehearsal.longest_gap:
        yield f"The longest silence lasted {in_words(rehearsal.longest_gap)}; no bake counts during one."
    yield (
        f"Each stage of {rehearsed.ladder} was baked up to 12 times over the day, with users drawn at random "
        "who had the same version as everybody: whatever fails here is a false alarm."
    )
