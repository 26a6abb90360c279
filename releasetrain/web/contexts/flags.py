"""Gather what the flag pages show."""

from dataclasses import dataclass
from datetime import datetime

from releasetrain.accounts.rules import Role, Roles
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.flags.rules import percent
from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import Action

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


def row_of(flag: FlagEnvironment, roles: Roles) -> FlagRow:
    """Say how a flag stands and what this person may do with it; it needs its flag, owner and environment."""
    killed = flag.killed_at is not None
    state = "killed" if killed else ("on" if flag.percentage and flag.enabled else "off")
    return FlagRow(
        url=f"/flags/{flag.flag.key}/",
        key=flag.flag.key,
        description=flag.flag.description,
        environment=flag.environment.name,
        owner=flag.flag.owner.name,
        kind=flag.flag.get_kind_display(),
        state=state,
        share="0 %" if killed or not flag.enabled else f"{percent(flag.percentage)} %",
        switch=_switch(flag, roles, killed=killed),
        killed_reason=flag.killed_reason,
    )


def _switch(flag: FlagEnvironment, roles: Roles, *, killed: bool) -> Action:
    name = "revive" if killed else "kill"
    may = any(roles.has(role, team=flag.flag.owner_id) for role in KILL_ROLES)
    why = None if may else Reason("role", "You are not on call here.", who="An administrator")
    return Action(
        name=name,
        label="Revive" if killed else "Kill",
        url=f"/flags/{flag.flag.key}/{flag.environment.slug}/{name}/",
        icon="play" if killed else "power",
        kind="secondary" if killed else "danger",
        reason=why,
        asks="optional",
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
        changes=[(name.replace("_", " "), f"{before.get(name, '–')} → {after.get(name)}") for name in names],
    )
