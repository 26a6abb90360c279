"""Move a flag's share of users, kill it, revive it, enable and disable it."""

from collections.abc import Sequence
from datetime import datetime

from releasetrain.events.actions import Actor
from releasetrain.flags.actions.freezing import refuse_frozen
from releasetrain.flags.actions.refusals import FenceTooOld, NotKilled
from releasetrain.flags.actions.revising import REASON_LENGTH, facts_of, lock, revise
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.flags.rules import percent, why_not_percentage
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief


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
    takes_back: bool = False,
) -> FlagRevision | None:
    """Set the share of users for whom a flag is on; None where it was set so already.

    :param thousandths: of a percent, 0 to 100000
    :param fence: the writer's generation: the highest that was ever seen here stands, a lower one is refused
    :param key: the writer's own name for this write, kept in the log
    :param segments: who is let in before all others, e.g. [("region=eu", 50_000)]
    :param takes_back: nobody is to have it any more, those whom rules name included, until somebody is let in
    :raises FenceTooOld: a newer writer has been here
    :raises FlagFrozen: a person would raise it while a window is open
    """
    for share in (thousandths, *(share for _, share in segments)):
        if why := why_not_percentage(share):
            raise Invalid(why, field="percentage")
    with brief():
        locked = lock(flag_environment)
        if fence < locked.fence:
            raise FenceTooOld(
                f"{locked} was written under fence {locked.fence}; "
                f"the write “{key}” has {fence} and comes too late."
            )
        before, old = facts_of(locked), locked.percentage
        wanted = [list(one) for one in segments]
        was_back = locked.taken_back_at is not None
        is_back = takes_back or (was_back and not thousandths and not wanted)
        is_as_before = (thousandths, wanted, is_back) == (old, locked.segments, was_back)
        if is_as_before and fence == locked.fence:
            return None
        if thousandths > old or (wanted and wanted != locked.segments):
            refuse_frozen(locked, reason, actor, now)
        locked.fence, locked.percentage, locked.segments = fence, thousandths, wanted
        locked.taken_back_at = (locked.taken_back_at or now) if is_back else None
        locked.save(update_fields=["fence", "percentage", "segments", "taken_back_at"])
        if is_as_before:
            return None
        return revise(
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
        locked = lock(flag_environment)
        if locked.killed_at is not None:
            return None
        before = facts_of(locked)
        locked.killed_at, locked.killed_reason = now, reason[:REASON_LENGTH]
        locked.save(update_fields=["killed_at", "killed_reason"])
        said = reason.strip() or "no reason was given"
        return revise(locked, before, kind="flags.flag.killed", actor=actor, reason=said, now=now)


def unkill(
    flag_environment: FlagEnvironment, *, reason: str = "", actor: Actor | None, now: datetime
) -> FlagRevision:
    """Let a killed flag answer again, at the percentage that it has.

    :raises NotKilled: it is not killed
    :raises FlagFrozen: a window is open
    """
    with brief():
        locked = lock(flag_environment)
        if locked.killed_at is None:
            raise NotKilled(f"{locked} is not killed: there is nothing to revive.")
        refuse_frozen(locked, reason, actor, now)
        before = facts_of(locked)
        locked.killed_at, locked.killed_reason = None, ""
        locked.save(update_fields=["killed_at", "killed_reason"])
        return revise(locked, before, kind="flags.flag.revived", actor=actor, reason=reason, now=now)


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
        locked = lock(flag_environment)
        if locked.enabled == enabled:
            return None
        if enabled:
            refuse_frozen(locked, reason, actor, now)
        before = facts_of(locked)
        locked.enabled = enabled
        locked.save(update_fields=["enabled"])
        kind = "flags.flag.enabled" if enabled else "flags.flag.disabled"
        return revise(locked, before, kind=kind, actor=actor, reason=reason, now=now)
