"""Create flags and move them; every write is a numbered revision, an event and a notification, or nothing.

Locks are taken in one order: the flag's row, then the environment's sequence. A kill asks for nothing else.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Environment
from releasetrain.events.actions import SYSTEM, Actor, record
from releasetrain.flags.models import Flag, FlagEnvironment, FlagKind, FlagRevision
from releasetrain.flags.queries import last_revision, state_of, verdicts_on
from releasetrain.flags.rules import percent, why_not_key, why_not_percentage
from releasetrain.lib.errors import Invalid, Refused
from releasetrain.lib.transactions import brief
from releasetrain.lib.verdict import Decision

CHANNEL = "flags"
REASON_LENGTH = 300


class FenceTooOld(Refused):
    """Refuse a writer that has been overtaken by a newer one."""

    code = "fence_too_old"


class FlagExists(Refused):
    """Refuse a key that another flag has."""

    code = "flag_exists"


class FlagFrozen(Refused):
    """Refuse a person who would reach more users while a window is open over a flag."""

    code = "flag_frozen"


class NotKilled(Refused):
    """Refuse to revive a flag that is not killed."""

    code = "not_killed"


def create_flag(
    *,
    key: str,
    owner: Team,
    environments: Iterable[Environment],
    description: str = "",
    kind: FlagKind = FlagKind.RELEASE,
    percentage: int = 0,
    enabled: bool = True,
    actor: Actor | None,
    now: datetime,
) -> Flag:
    """Create a boolean flag and place it in environments, off for everybody unless a percentage is given.

    :param percentage: thousandths of a percent
    :raises Invalid: the key or the percentage cannot be used
    :raises FlagExists: the key is taken
    :raises FlagFrozen: it would be on for somebody at once, and a window is open there
    """
    if why := why_not_key(key):
        raise Invalid(why, field="key")
    if why := why_not_percentage(percentage):
        raise Invalid(why, field="percentage")
    with brief():
        try:
            with transaction.atomic():
                flag = Flag.objects.create(key=key, description=description[:300], kind=kind, owner=owner)
        except IntegrityError as error:
            raise FlagExists(f"There is already a flag “{key}”: choose another key.") from error
        record(kind="flags.flag.created", subject=flag, actor=actor, now=now, owner=owner.name)
        for environment in sorted(environments, key=lambda one: one.pk):
            _place(flag, environment, percentage=percentage, enabled=enabled, actor=actor, now=now)
    return flag


def add_to_environment(
    flag: Flag,
    environment: Environment,
    *,
    percentage: int = 0,
    enabled: bool = True,
    actor: Actor | None,
    now: datetime,
) -> FlagEnvironment:
    """Place an existing flag in one more environment.

    :raises FlagExists: it is there already
    :raises FlagFrozen: it would be on for somebody at once, and a window is open there
    """
    if why := why_not_percentage(percentage):
        raise Invalid(why, field="percentage")
    with brief():
        try:
            with transaction.atomic():
                return _place(flag, environment, percentage=percentage, enabled=enabled, actor=actor, now=now)
        except IntegrityError as error:
            raise FlagExists(f"The flag “{flag.key}” is in {environment} already.") from error


def set_percentage(
    flag_environment: FlagEnvironment,
    thousandths: int,
    *,
    fence: int,
    key: str,
    reason: str,
    actor: Actor | None,
    now: datetime,
    segments: Sequence[tuple[str, int]] = (),
) -> FlagRevision | None:
    """Set the share of users for whom a flag is on; None where it was set so already.

    :param thousandths: of a percent, 0 to 100000
    :param fence: the writer's generation: the highest that was ever seen here stands, a lower one is refused
    :param key: the writer's own name for this write, kept in the log
    :param segments: who is let in before all others, e.g. [("region=eu", 50_000)]
    :raises FenceTooOld: a newer writer has been here
    :raises FlagFrozen: a person would raise it while a window is open
    """
    for share in (thousandths, *(share for _, share in segments)):
        if why := why_not_percentage(share):
            raise Invalid(why, field="percentage")
    with brief():
        locked = _lock(flag_environment)
        if fence < locked.fence:
            raise FenceTooOld(
                f"{locked} was written under fence {locked.fence}; "
                f"the write “{key}” has {fence} and comes too late."
            )
        before, old = _facts(locked), locked.percentage
        wanted = [list(one) for one in segments]
        is_as_before = (thousandths, wanted) == (old, locked.segments)
        if is_as_before and fence == locked.fence:
            return None
        if thousandths > old or (wanted and wanted != locked.segments):
            _refuse_frozen(locked, reason, actor, now)
        locked.fence, locked.percentage, locked.segments = fence, thousandths, wanted
        locked.save(update_fields=["fence", "percentage", "segments"])
        if is_as_before:
            return None
        return _revise(
            locked,
            before,
            kind="flags.percentage.set",
            actor=actor,
            reason=reason,
            now=now,
            key=key,
            before_percent=percent(old),
            after_percent=percent(thousandths),
        )


def kill(
    flag_environment: FlagEnvironment, *, reason: str = "", actor: Actor | None, now: datetime
) -> FlagRevision | None:
    """Switch a flag off for everybody at once; no fence, window, freeze or missing reason stands in the way.

    None where it was killed already.
    """
    with brief():
        locked = _lock(flag_environment)
        if locked.killed_at is not None:
            return None
        before = _facts(locked)
        locked.killed_at, locked.killed_reason = now, reason[:REASON_LENGTH]
        locked.save(update_fields=["killed_at", "killed_reason"])
        said = reason.strip() or "no reason was given"
        return _revise(locked, before, kind="flags.flag.killed", actor=actor, reason=said, now=now)


def unkill(
    flag_environment: FlagEnvironment, *, reason: str = "", actor: Actor | None, now: datetime
) -> FlagRevision:
    """Let a killed flag answer again, at the percentage that it has.

    :raises NotKilled: it is not killed
    :raises FlagFrozen: a window is open
    """
    with brief():
        locked = _lock(flag_environment)
        if locked.killed_at is None:
            raise NotKilled(f"{locked} is not killed: there is nothing to revive.")
        _refuse_frozen(locked, reason, actor, now)
        before = _facts(locked)
        locked.killed_at, locked.killed_reason = None, ""
        locked.save(update_fields=["killed_at", "killed_reason"])
        return _revise(locked, before, kind="flags.flag.revived", actor=actor, reason=reason, now=now)


def enable(
    flag_environment: FlagEnvironment, *, reason: str = "", actor: Actor | None, now: datetime
) -> FlagRevision | None:
    """Let a flag be evaluated; None where it is already.

    :raises FlagFrozen: a window is open
    """
    return _switch(flag_environment, enabled=True, reason=reason, actor=actor, now=now)


def disable(
    flag_environment: FlagEnvironment, *, reason: str = "", actor: Actor | None, now: datetime
) -> FlagRevision | None:
    """Answer “off” for everybody without evaluating; None where it is so already."""
    return _switch(flag_environment, enabled=False, reason=reason, actor=actor, now=now)


def _switch(
    flag_environment: FlagEnvironment, *, enabled: bool, reason: str, actor: Actor | None, now: datetime
) -> FlagRevision | None:
    with brief():
        locked = _lock(flag_environment)
        if locked.enabled == enabled:
            return None
        if enabled:
            _refuse_frozen(locked, reason, actor, now)
        before = _facts(locked)
        locked.enabled = enabled
        locked.save(update_fields=["enabled"])
        kind = "flags.flag.enabled" if enabled else "flags.flag.disabled"
        return _revise(locked, before, kind=kind, actor=actor, reason=reason, now=now)


def _refuse_frozen(placed: FlagEnvironment, reason: str, actor: Actor | None, now: datetime) -> None:
    """Refuse a person who would reach more users while a window is open (RULES W12).

    Parts of this software are not asked here: the engine has asked the windows itself. A soft window is
    acknowledged by giving a reason, which the revision keeps.
    """
    if not isinstance(actor, User):
        return
    verdict = verdicts_on([placed], now)[placed.pk]
    reasons = [one for one in verdict.reasons if one.code == "window_hard"]
    if verdict.decision is Decision.HOLD and not reason.strip():
        reasons = [one for one in verdict.reasons if one.code == "window_soft"]
    if not reasons:
        return
    ends = [one.until for one in reasons if one.until is not None]
    said = " ".join(one.text for one in reasons)
    asked = " Give a reason." if verdict.decision is Decision.HOLD else " It can still be switched off."
    raise FlagFrozen(
        f"{placed} cannot reach more users now. {said}{asked}",
        until=max(ends) if len(ends) == len(reasons) else None,
        who=reasons[0].who,
    )


def _lock(flag_environment: FlagEnvironment) -> FlagEnvironment:
    return (
        FlagEnvironment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("flag", "environment")
        .get(pk=flag_environment.pk)
    )


def _place(
    flag: Flag,
    environment: Environment,
    *,
    percentage: int,
    enabled: bool,
    actor: Actor | None,
    now: datetime,
) -> FlagEnvironment:
    """Add a flag to one environment, with a salt of its own that stays for good."""
    placed = FlagEnvironment.objects.create(
        flag=flag,
        environment=environment,
        percentage=percentage,
        enabled=enabled,
        salt=f"{flag.key[:80]}.{secrets.token_hex(8)}",
    )
    if enabled and percentage:
        _refuse_frozen(placed, "", actor, now)
    _revise(placed, {}, kind="flags.flag.placed", actor=actor, reason="", now=now)
    return placed


def _facts(state: FlagEnvironment) -> dict[str, Any]:
    """Write down what a revision compares."""
    return {
        "enabled": state.enabled,
        "killed": state.killed_at is not None,
        "killed_reason": state.killed_reason,
        "percentage": state.percentage,
        **({"segments": state.segments} if state.segments else {}),
    }


def _revise(
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
    revision = FlagRevision.objects.create(
        environment=state.environment,
        number=_next_number(state.environment_id),
        flag=state.flag,
        at=now,
        actor=actor if isinstance(actor, User) else None,
        actor_label=str(actor or SYSTEM)[:200],
        reason=reason[:REASON_LENGTH],
        before=before,
        after=_facts(state),
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
    message = {"environment": state.environment.slug, "flag": state_of(state, revision.number).as_json()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps(message)])
    return revision


def _next_number(environment_id: int) -> int:
    """Take the environment's next number; its lock lasts to the commit, so numbers commit in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('flags.revision:' || %s, 0))",
            [str(environment_id)],
        )
    return last_revision(environment_id) + 1
