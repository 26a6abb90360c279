"""Number each change of a flag, log it, and tell every serving process, all in one transaction.

Locks are taken in one order: the flag's row, then the environment's sequence. A kill asks for nothing else.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Environment
from releasetrain.events.actions import SYSTEM, Actor, record
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.flags.queries import last_revision, state_of
from releasetrain.flags.rules import FlagState
from releasetrain.flags.rules.variants import SWITCH

CHANNEL = "flags"
REASON_LENGTH = 300
# PostgreSQL carries less than 8,000 bytes.
LONGEST_MESSAGE = 7_900
TARGETING = ("rules", "overrides", "default", "prerequisites")


def lock(flag_environment: FlagEnvironment) -> FlagEnvironment:
    return (
        FlagEnvironment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("flag", "environment")
        .get(pk=flag_environment.pk)
    )


def facts_of(state: FlagEnvironment) -> dict[str, Any]:
    """Write down what a revision compares; of the flag itself only what is no switch's."""
    targeting = {name: value for name in (*TARGETING, "segments") if (value := getattr(state, name))}
    flag = state.flag
    kept = {"type": flag.type, "variants": flag.variants, "off_variant": flag.off_variant}
    return {
        "enabled": state.enabled,
        "killed": state.killed_at is not None,
        "killed_reason": state.killed_reason,
        "percentage": state.percentage,
        **({"taken_back": True} if state.taken_back_at else {}),
        **targeting,
        **(kept if flag.variants != SWITCH else {}),
        **({"client_visible": True} if flag.is_client_visible else {}),
    }


def revise(
    state: FlagEnvironment,
    before: dict[str, Any],
    *,
    kind: str,
    actor: Actor | None,
    reason: str,
    now: datetime,
    **data: Any,
) -> FlagRevision:
    """Number the change, log it and tell every serving process, all in the caller's transaction."""
    revision = number_change(
        state.environment,
        actor=actor,
        reason=reason,
        now=now,
        flag=state.flag,
        before=before,
        after=facts_of(state),
    )
    record(
        kind=kind,
        subject=state,
        actor=actor,
        now=now,
        revision=revision.number,
        reason=reason[:REASON_LENGTH],
        **data,
    )
    tell(state.environment, state_of(state, revision.number))
    return revision


def number_change(
    environment: Environment, *, actor: Actor | None, reason: str, now: datetime, **fields: Any
) -> FlagRevision:
    """Take the environment's next number for a change."""
    return FlagRevision.objects.create(
        environment=environment,
        number=_next_number(environment.pk),
        at=now,
        actor=actor if isinstance(actor, User) else None,
        actor_label=str(actor or SYSTEM)[:200],
        reason=reason[:REASON_LENGTH],
        **fields,
    )


def tell(environment: Environment, state: FlagState | None) -> None:
    """Tell every serving process, at the commit; what is too long for a message is read again by each.

    Of a killed flag only what is served goes along, so that a kill always fits.
    """
    message: dict[str, Any] = {"environment": environment.slug}
    if state is not None:
        served = _reduced(state) if state.killed else state
        message["flag"] = served.as_json()
    text = json.dumps(message)
    if len(text.encode()) > LONGEST_MESSAGE:
        text = json.dumps({"environment": environment.slug})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, text])


def _reduced(state: FlagState) -> FlagState:
    off = state.off_variant
    only = {off: state.variants[off]}
    return replace(state, variants=only, ramp_variant=off, rules=(), overrides={}, prerequisites=())


def _next_number(environment_id: int) -> int:
    """Take the environment's next number; its lock lasts to the commit, so numbers commit in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('flags.revision:' || %s, 0))",
            [str(environment_id)],
        )
    return last_revision(environment_id) + 1
