"""Say which events are told to whom, in which words, and when an undelivered message is tried again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.events.kinds import KINDS
from releasetrain.lib.moments import moment, move
from releasetrain.rollouts.rules.states import CLEARING, HoldKind


class Audience(StrEnum):
    """Who is concerned by an event.

    People aboard its departure, who run it, who are asked to vote, whom the event itself names, the release
    managers, who answer for trains and calendars, who is on call for its service, and the release managers of
    the team that owns that.
    """

    ABOARD = "aboard"
    RUNNERS = "runners"
    VOTERS = "voters"
    NAMED = "named"
    MANAGERS = "managers"
    ON_CALL = "on_call"
    OWNERS = "owners"


A = Audience
EVERYBODY = (A.ABOARD, A.RUNNERS)
# Those who can do something about it at once.
PAGED = (A.ON_CALL, A.OWNERS, A.RUNNERS)
TOLD: dict[str, tuple[Audience, ...]] = {
    "trains.departure.sealed": (A.VOTERS, A.ABOARD, A.RUNNERS),
    "trains.departure.reopened": (A.VOTERS, A.RUNNERS),
    "trains.departure.cleared": (A.RUNNERS,),
    "trains.vote.aged": (A.NAMED,),
    "trains.vote.expired": (A.NAMED, A.RUNNERS),
    "trains.vote.overruling_asked": (A.NAMED, A.RUNNERS, A.MANAGERS),
    "trains.vote.overruled": (A.NAMED, *EVERYBODY),
    "trains.decision.overdue": (A.VOTERS, A.NAMED, A.RUNNERS),
    "trains.delegation.given": (A.NAMED,),
    "trains.delegation.ended": (A.NAMED,),
    "trains.policy.proposed": (A.NAMED,),
    "trains.policy.proposal_ended": (A.NAMED,),
    "trains.departure.held": EVERYBODY,
    "trains.departure.released": EVERYBODY,
    "trains.departure.moved": EVERYBODY,
    "trains.departure.postponed": EVERYBODY,
    "trains.deadline.moved": EVERYBODY,
    "trains.departure.departed": EVERYBODY,
    "trains.departure.arrived": EVERYBODY,
    "trains.departure.rolled_back": EVERYBODY,
    "trains.departure.cancelled": EVERYBODY,
    "trains.departure.placed": EVERYBODY,
    "trains.departure.skipped": EVERYBODY,
    "trains.departure.restored": EVERYBODY,
    "trains.departure.boarding_reopened": EVERYBODY,
    "trains.change.ejected": EVERYBODY,
    "trains.withdrawal.asked": (A.RUNNERS,),
    "trains.withdrawal.accepted": EVERYBODY,
    "trains.withdrawal.refused": (A.NAMED, *EVERYBODY),
    "trains.bundle.goes_without": EVERYBODY,
    "trains.departure.handed_over": (A.NAMED, *EVERYBODY),
    "trains.departure.hold_accepted": EVERYBODY,
    "trains.departure.check_in_asked": (A.ABOARD,),
    "trains.override.requested": (A.MANAGERS, A.RUNNERS),
    "trains.override.approved": (A.NAMED, A.MANAGERS, *EVERYBODY),
    "trains.override.withdrawn": (A.NAMED, A.MANAGERS, *EVERYBODY),
    "trains.override.review_overdue": (A.NAMED, A.MANAGERS, A.RUNNERS),
    "trains.blocker.opened": EVERYBODY,
    "trains.blocker.cleared": EVERYBODY,
    "trains.blocker.deferred": EVERYBODY,
    "trains.blocker.flared": EVERYBODY,
    "trains.blocker.calmed": (A.RUNNERS,),
    "trains.check.waived": EVERYBODY,
    "trains.change.stood_by": (A.NAMED,),
    "trains.change.stood_down": (A.NAMED,),
    "trains.change.promoted": (A.NAMED,),
    "trains.change.left_behind": (A.NAMED,),
    "trains.change.expires_soon": (A.NAMED,),
    "trains.change.expired": (A.NAMED,),
    "trains.stand_by.reordered": (A.NAMED, A.RUNNERS),
    "trains.departure.settings_applied": EVERYBODY,
    "trains.late_pass.asked": (A.RUNNERS,),
    "trains.late_pass.backed": (A.NAMED, A.RUNNERS),
    "trains.late_pass.granted": (A.NAMED, A.RUNNERS),
    "trains.late_pass.extended": (A.NAMED, A.RUNNERS),
    "trains.late_pass.refused": (A.NAMED,),
    "trains.late_pass.withdrawn": (A.NAMED, A.RUNNERS),
    "trains.late_pass.used": (A.RUNNERS,),
    "trains.late_pass.lapsed": (A.NAMED, A.RUNNERS),
    "trains.hotfix.started": (A.VOTERS, A.MANAGERS, A.RUNNERS),
    "trains.glass.broken": (A.VOTERS, A.MANAGERS, *EVERYBODY),
    "trains.glass.overdue": (A.NAMED, A.MANAGERS, A.RUNNERS),
    "rollouts.hold.opened": EVERYBODY,
    "rollouts.rollback.started": PAGED,
    "rollouts.rollback.stuck": PAGED,
    "rollouts.rollout.cancelled": (),
    "rollouts.rollout.made_way": PAGED,
    "rollouts.compensation.failed": PAGED,
    "rollouts.target.unsettled": (A.OWNERS, A.RUNNERS),
    "calendars.feed.failed": (A.MANAGERS,),
    "health.outage.opened": (A.NAMED, A.MANAGERS),
    "health.outage.closed": (A.MANAGERS,),
    "calendars.feed.recovered": (A.MANAGERS,),
}
# What a train does by its own plan, and ends by itself a moment later, is shown and not told.
QUIET_HOLDS = frozenset({HoldKind.DEPENDENCY, HoldKind.BARRIER})
# What a person reads where the log's own sentence does not name both times. {moved} needs from_at and to_at.
SAYS = {
    "trains.departure.moved": "{actor} changed the timetable: {subject} moves {moved}",
    "trains.departure.postponed": "{actor} postponed {subject} {moved}: {reason}",
    "trains.deadline.moved": "{actor} moved {what} of {subject} {moved}: {reason}",
}
CLEARS = {kind.value: rule.sentence for kind, rule in CLEARING.items()}

WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600)
)


def audiences(kind: str, facts: Mapping[str, object]) -> tuple[Audience, ...]:
    """Return who is told of an event: who can act where it pages somebody, else whoever follows it."""
    if facts.get("pages"):
        return PAGED
    return () if facts.get("hold") in QUIET_HOLDS else TOLD[kind]


class _Facts(dict[str, str]):
    """Leave a gap readable where old data lacks a key."""

    def __missing__(self, key: str) -> str:
        return "…"


def instant_of(value: object) -> datetime | None:
    """Read an instant as events keep it; None for everything else."""
    if not isinstance(value, str) or len(value) < len("2026-11-24T13:00:00Z"):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def say(kind: str, facts: Mapping[str, object], *, actor: str, subject: str, zone: str) -> str:
    """Say an event to one person: every instant on the clocks of their zone (RULES T8), old and new."""
    before, after = instant_of(facts.get("from_at")), instant_of(facts.get("to_at"))
    words = _Facts({"actor": actor, "subject": subject})
    for key, value in facts.items():
        at = instant_of(value)
        words.setdefault(key, moment(at, zone) if at else str(value))
    template = KINDS[kind]
    if before and after:
        words["moved"] = move(before, after, zone)
        template = SAYS.get(kind, template)
    said = template.format_map(words).rstrip(" .:")
    if not template.startswith("{subject}"):  # a name is written as it is
        said = f"{said[:1].upper()}{said[1:]}"
    return f"{said}. {CLEARS.get(str(facts.get('hold', '')), '')}".rstrip()


def wait_after(attempts: int) -> timedelta | None:
    """Return how long to wait after so many attempts, or None when it is time to give up."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None
