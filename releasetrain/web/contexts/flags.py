"""Gather what the flag pages show."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from releasetrain.accounts.rules import Role, Roles
from releasetrain.flags.actions.revising import TARGETING
from releasetrain.flags.actions.targeting import is_off
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.flags.queries import state_of, verdicts_on
from releasetrain.flags.rules import percent
from releasetrain.flags.rules.states import taken_back
from releasetrain.lib.verdict import Decision, Reason, Verdict
from releasetrain.panels.shapes import Action
from releasetrain.web.contexts.targeting import served_words

KILL_ROLES = (Role.ON_CALL, Role.RELEASE_MANAGER, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One flag in one environment."""

    url: str
    key: str
    description: str
    environment: str
    owner: str
    kind: str
    state: str
    share: str
    switch: Action
    killed_reason: str = ""


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """One change of a flag."""

    number: int
    at: datetime
    actor: str
    reason: str
    environment: str
    changes: list[tuple[str, str]]
    is_revertible: bool = False


def rows_of(flags: Collection[FlagEnvironment], roles: Roles, now: datetime) -> list[FlagRow]:
    """Say how flags stand and what this person may do with each; they need flag, owner and environment."""
    killed = [one for one in flags if one.killed_at is not None]
    frozen = verdicts_on(killed, now) if killed else {}
    return [_row_of(one, roles, frozen.get(one.pk)) for one in flags]


def _row_of(flag: FlagEnvironment, roles: Roles, frozen: Verdict | None) -> FlagRow:
    killed = flag.killed_at is not None
    serves = flag.enabled and (flag.percentage > 0 or not is_off(taken_back(state_of(flag))))
    state = "killed" if killed else ("on" if serves else "off")
    return FlagRow(
        url=f"/flags/{flag.flag.key}/{flag.environment.slug}/",
        key=flag.flag.key,
        description=flag.flag.description,
        environment=flag.environment.name,
        owner=flag.flag.owner.name,
        kind=flag.flag.get_kind_display(),
        state=state,
        share=_share(flag),
        switch=_switch(flag, roles, frozen),
        killed_reason=flag.killed_reason,
    )


def _share(flag: FlagEnvironment) -> str:
    """Say which share of users is let in; by rules nobody knows how many that are."""
    if flag.killed_at is not None or not flag.enabled:
        return "0 %"
    ramp = f"{percent(flag.percentage)} %"
    return ramp if is_off(taken_back(state_of(flag))) else f"{ramp} and by rules"


def _switch(flag: FlagEnvironment, roles: Roles, frozen: Verdict | None) -> Action:
    killed = flag.killed_at is not None
    name = "revive" if killed else "kill"
    may = any(roles.has(role, team=flag.flag.owner_id) for role in KILL_ROLES)
    why = None if may else Reason("role", "You are not on call here.", who="An administrator")
    if may and frozen is not None and frozen.decision is Decision.DENY:
        why = next(one for one in frozen.reasons if one.code == "window_hard")
    return Action(
        name=name,
        label="Revive" if killed else "Kill",
        url=f"/flags/{flag.flag.key}/{flag.environment.slug}/{name}/",
        icon="play" if killed else "power",
        kind="secondary" if killed else "danger",
        reason=why,
        asks="required" if frozen is not None and frozen.decision is Decision.HOLD else "optional",
        consequence=(
            f"Users get {flag.flag.key} again, as far as its {percent(flag.percentage)} % reach."
            if killed
            else f"Nobody gets {flag.flag.key} any more, at once and everywhere in {flag.environment}."
        ),
    )


def revision_of(revision: FlagRevision) -> RevisionRow:
    """Say what a revision changed, field by field."""
    before, after = revision.before or {}, revision.after or {}
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return RevisionRow(
        number=revision.number,
        at=revision.at,
        actor=revision.actor_label,
        reason=revision.reason,
        environment=revision.environment.name,
        changes=[
            (name.replace("_", " "), f"{_said(name, before.get(name))} → {_said(name, after.get(name))}")
            for name in names
        ],
        is_revertible=any(name in TARGETING for name in names),
    )


def _said(name: str, value: Any) -> str:
    """Say one fact of a revision; of rules only how many, their words stand on the page."""
    if value in (None, "", [], {}):
        return "–"
    if name == "percentage":
        return f"{percent(value)} %"
    if name == "rules":
        return f"{len(value)} rule{'' if len(value) == 1 else 's'}"
    if name == "default":
        return served_words(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return str(value)
