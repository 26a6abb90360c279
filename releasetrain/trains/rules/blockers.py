"""Say what blocks a departure, who may clear it, and when an error rate blocks: over two horizons at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.accounts.rules import Role
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.states import DepartureState

D = DepartureState
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)
SHORT, LONG = timedelta(minutes=5), timedelta(hours=1)


class BlockerKind(StrEnum):
    """What stands in the way."""

    DEFECT = "defect"
    INCIDENT = "incident"
    SECURITY = "security"
    DEPENDENCY = "dependency"
    OTHER = "other"
    ERROR_RATE = "error_rate"

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS = {
    BlockerKind.DEFECT: "defect",
    BlockerKind.INCIDENT: "incident",
    BlockerKind.SECURITY: "security",
    BlockerKind.DEPENDENCY: "waits for something else",
    BlockerKind.OTHER: "another reason",
    BlockerKind.ERROR_RATE: "error rate",
}
# By hand only these; an error rate is watched.
BY_HAND = tuple(kind for kind in BlockerKind if kind is not BlockerKind.ERROR_RATE)
# Who may clear one, where it is not left to its owner and to whoever runs the departure.
CLEARER_WORDS = {
    Role.ON_CALL: "somebody on call",
    Role.RELEASE_MANAGER: "a release manager",
    Role.ADMINISTRATOR: "an administrator",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """How many answers there were over a horizon, and how many were bad; None stands for no report."""

    horizon: timedelta
    bad: int | None
    units: int | None

    @property
    def percent(self) -> float | None:
        """Return the bad ones in percent of all, 0 where there were none at all; None without a report."""
        if self.bad is None or self.units is None:
            return None
        return 100 * self.bad / self.units if self.units else 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a watch over an error rate has found."""

    blocks: bool
    text: str


def find(service: str, limit: float, short: Rate, long: Rate) -> Finding:
    """Say whether the error rate of a service blocks.

    It does while both horizons are above the limit: the long one says that it matters, the short one that it
    goes on. What is not reported is not below (RULES D12).

    :param limit: in percent of bad answers
    """
    silent = next((one for one in (short, long) if one.percent is None), None)
    if silent is not None:
        text = (
            f"{service} has reported nothing for {in_words(silent.horizon)}, so nobody knows its error rate."
        )
        return Finding(blocks=True, text=text)
    now, before = short.percent or 0.0, long.percent or 0.0
    rates = (
        f"{number(now)} % over {in_words(short.horizon)} and {number(before)} % over {in_words(long.horizon)}"
    )
    blocks = now > limit and before > limit
    word = "above" if blocks else "not above"
    return Finding(blocks, f"Errors of {service}: {rates}, {word} {number(limit)} % on both.")


def number(percent: float) -> str:
    """Write a percentage with two significant places at most."""
    return f"{percent:.2f}".rstrip("0").rstrip(".") if percent < 10 else f"{percent:.0f}"


def why_not_watch(*, limit: float, short: timedelta, long: timedelta) -> tuple[str, str] | None:
    """Return the field and why an error rate cannot be watched like this, or None."""
    if not 0 <= limit < 100:
        return "limit", "The limit lies from 0 to below 100 % of bad answers."
    if not SHORTEST <= short <= LONGEST:
        return "short", f"A horizon is {in_words(SHORTEST)} to {in_words(LONGEST)} long."
    if not SHORTEST <= long <= LONGEST:
        return "long", f"A horizon is {in_words(SHORTEST)} to {in_words(LONGEST)} long."
    if short >= long:
        return "long", "The long horizon is longer than the short one."
    return None


def why_not_block(state: DepartureState) -> Reason | None:
    """Return why a departure cannot be blocked any more, or None."""
    if state not in GONE:
        return None
    instead = " Hold or roll back its rollout instead." if state is D.ROLLING else ""
    return Reason("gone", f"This departure {GONE[state]}.{instead}")


def why_cleared(cleared_at: datetime | None, cleared_by: str) -> Reason | None:
    """Return why a blocker can no longer be acted on, or None."""
    if cleared_at is None:
        return None
    return Reason("cleared", f"{cleared_by} has cleared this blocker already; open a new one if it is back.")


def clearer_words(owner: str, clears: str, runner: str) -> str:
    """Name who may clear a blocker.

    :param clears: the role that is needed, "" where its owner or whoever runs the departure may
    """
    if clears:
        return CLEARER_WORDS[Role(clears)]
    return f"{owner} or {runner}" if owner else runner


def blocked_words(title: str, kind: BlockerKind, owner: str) -> str:
    """Say what blocks."""
    whose = f", owned by {owner}" if owner else ""
    return f"Blocked by “{title}” ({kind.words}{whose})."
