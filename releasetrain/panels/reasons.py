"""Choose which reasons a page shows, and what a stakeholder reads of them."""

from collections.abc import Iterable
from datetime import UTC, datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels.audience import Audience

# The page shows these by a countdown, a tally or a chip already.
SHOWN_OTHERWISE = ("not_sealed", "time", "gone")
# What a person should read first where only a few fit; what is not named here stands in the middle.
WORST_FIRST = (
    "rollback",
    "no_go",
    "line",
    "held",
    "blocker",
    "operator",
    "window_hard",
    "blackout",
    "no_target",
    "nothing_asked",
    "late",
)
MILDEST_LAST = ("will_hold", "window_soft", "check_in", "uncovered", "votes", "window_notice")
FOREVER = datetime.max.replace(tzinfo=UTC)
PUBLIC = {
    "held": "It is held.",
    "will_hold": "It could not finish before a time in which nothing moves.",
    "needs": "It waits for something that it needs.",
    "bundle": "What is aboard is not complete yet.",
    "withdrawal": "People are deciding what stays aboard.",
    "check_in": "Somebody aboard has not checked in yet.",
    "late": "It is late.",
    "blocker": "Something has to be put right first.",
    "unready": "Its checks are not all green yet.",
    "window": "Nothing moves at this time.",
    "votes": "People are still deciding.",
    "no_go": "Somebody has said no-go.",
    "operator": "It is paused.",
    "blackout": "Nothing moves at this time.",
    "inconclusive": "The measurements are not clear yet.",
    "metrics_outage": "The measurements are missing.",
}


def shown(reasons: Iterable[Reason], audience: Audience, *, without: tuple[str, ...] = ()) -> list[Reason]:
    """Return the reasons that a page has to spell out, in words for the audience."""
    spelt = gathered([reason for reason in reasons if reason.code not in (*SHOWN_OTHERWISE, *without)])
    return spelt if audience.sees_people else list(dict.fromkeys(public(reason) for reason in spelt))


def gathered(reasons: list[Reason]) -> list[Reason]:
    """Say several checks that are not green in one line; the page lists them anyway."""
    unready = [reason for reason in reasons if reason.code.startswith("unready_")]
    if len(unready) < 2:
        return reasons
    first = unready[0]
    text = f"{len(unready)} checks are not green, among them: {first.text}"
    at = reasons.index(first)
    rest = [reason for reason in reasons if reason not in unready]
    return [*rest[:at], Reason(first.code, text, who=first.who), *rest[at:]]


def public(reason: Reason) -> Reason:
    """Keep what and until when; leave out names and what people typed."""
    text = next((words for code, words in PUBLIC.items() if reason.code.startswith(code)), "It waits.")
    return Reason(reason.code, text, reason.until)


def worst_first(reasons: Iterable[Reason]) -> list[Reason]:
    """Sort reasons so that those come first that weigh most, and among them those that last longest."""
    return sorted(reasons, key=lambda reason: (_rank(reason.code), -(reason.until or FOREVER).timestamp()))


def _rank(code: str) -> int:
    for rank, prefix in enumerate(WORST_FIRST):
        if code.startswith(prefix):
            return rank
    for rank, prefix in enumerate(MILDEST_LAST):
        if code.startswith(prefix):
            return len(WORST_FIRST) + 1 + rank
    return len(WORST_FIRST)
