"""Name what the trains refuse; each sentence says what, why, until when, and who can change it."""

from typing import TypeVar

from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.lib.verdict import Reason, Verdict

Refusal = TypeVar("Refusal", bound=Refused)


class BoardingClosed(Refused):
    """Refuse to put a change aboard: too early, too late, elsewhere, or not this train's."""


class CannotLeave(Refused):
    """Refuse to take a change off a departure that is sealed or has gone."""


class VoteRefused(Refused):
    """Refuse a vote that could not count or would count for something else than was read."""


class PolicyRefused(Refused):
    """Refuse an edit of a policy that others decide about."""


class SteeringRefused(Refused):
    """Refuse to steer a departure in its present state."""


class OverrideRefused(Refused):
    """Refuse an override that could not count, or that a second person has to decide about."""


class BlockerRefused(Refused):
    """Refuse to block what has gone, or to clear what is cleared."""


class CheckRefused(Refused):
    """Refuse to tick or waive a check that cannot be."""


class PassRefused(Refused):
    """Refuse a late pass that could not be used, or that somebody else has to decide about."""


class HotfixRefused(Refused):
    """Refuse what a hotfix cannot do: go twice, break a glass that is not there, undo another one."""


class NotDue(Refused):
    """Refuse to open, seal or depart before its time, or once it has been done."""


class ScheduleRefused(Refused):
    """Refuse an edit that would leave people standing on the platform."""


class SealRefused(Refused):
    """Refuse what would leave a sealed manifest without an order in which it could move."""


class TieRefused(Refused):
    """Refuse to tie changes together, or to take them apart, as it was asked."""


class UnknownRepository(Refused):
    """Refuse a message about a repository that is no service here."""

    status = 422
    code = "unknown_repository"


def refuse(kind: type[Refusal], reason: Reason) -> Refusal:
    """Build a refusal from the rule's reason."""
    return kind(reason.text, code=reason.code, until=reason.until, who=reason.who)


def refuse_unless(verdict: Verdict, kind: type[Refused]) -> None:
    """Raise a refusal with every reason, unless the verdict allows it; a missing role is named as such.

    :raises Refused: of the kind, or NotAllowed
    """
    if verdict.is_allowed:
        return
    lacking = [reason for reason in verdict.reasons if reason.code in ("role", "not_a_person")]
    first = lacking[0] if lacking else verdict.reasons[0]
    if lacking:
        raise NotAllowed(first.text, code=first.code, who=first.who)
    raise kind(verdict.sentence(), code=first.code, until=verdict.until, who=first.who)
