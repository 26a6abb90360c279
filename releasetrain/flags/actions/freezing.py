"""Refuse a person who would reach more users while a window is open (RULES W12)."""

from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.events.actions import Actor
from releasetrain.flags.actions.refusals import FlagFrozen
from releasetrain.flags.models import FlagEnvironment
from releasetrain.flags.queries import verdicts_on
from releasetrain.lib.verdict import Decision


def refuse_frozen(placed: FlagEnvironment, reason: str, actor: Actor | None, now: datetime) -> None:
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
