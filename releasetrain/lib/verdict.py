"""Answer "may this happen?" the same way for page, API, worker and forecast."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Decision(StrEnum):
    """How a question was answered, mildest first."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


SEVERITY = {Decision.ALLOW: 0, Decision.HOLD: 1, Decision.DENY: 2}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something waits or is refused, until when, and who can change it."""

    code: str
    text: str
    until: datetime | None = None
    who: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decide with every reason there is, not only the first one found."""

    decision: Decision = Decision.ALLOW
    reasons: tuple[Reason, ...] = ()

    @property
    def is_allowed(self) -> bool:
        return self.decision is Decision.ALLOW

    @property
    def until(self) -> datetime | None:
        """Return the latest known end of the reasons, or None when one of them has no end."""
        ends = [reason.until for reason in self.reasons]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def sentence(self) -> str:
        """Join the reasons for people."""
        return " ".join(reason.text for reason in self.reasons)


ALLOWED = Verdict()


def hold(code: str, text: str, *, until: datetime | None = None, who: str = "") -> Verdict:
    """Build a verdict that waits for one reason."""
    return Verdict(Decision.HOLD, (Reason(code, text, until, who),))


def deny(code: str, text: str, *, until: datetime | None = None, who: str = "") -> Verdict:
    """Build a verdict that refuses for one reason."""
    return Verdict(Decision.DENY, (Reason(code, text, until, who),))


def denied(reason: Reason | None) -> Verdict:
    """Build a verdict that refuses for a rule's reason, or allows where the rule has none."""
    return Verdict(Decision.DENY, (reason,)) if reason else ALLOWED


def combine(*verdicts: Verdict) -> Verdict:
    """Unite verdicts: the worst decision wins and every reason is kept (RULES W5)."""
    worst = max((verdict.decision for verdict in verdicts), key=SEVERITY.__getitem__, default=Decision.ALLOW)
    return Verdict(worst, tuple(reason for verdict in verdicts for reason in verdict.reasons))
