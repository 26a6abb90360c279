"""Say events in words: to whom, with which icon, and whether aloud."""

import re

from releasetrain.events.kinds import KINDS
from releasetrain.events.models import Event
from releasetrain.events.queries import Missing, sentence
from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import Tone

OF_VOTES = ("person", "taker", "giver", "asker", "missing", "weaker", "in_place_of")
# What people type or are called stays inside the house.
PRIVATE = (
    "reason",
    "why",
    "title",
    "titles",
    "along",
    "needed",
    "bundle",
    "what",
    "changed",
    "note",
    "review",
    "captain",
    "deputy",
    "windows",
    *OF_VOTES,
)
PUBLIC_KINDS = ("rollouts.", "trains.departure.", "trains.vote.", "calendars.line.")
SPOKEN = re.compile(
    r"trains\.departure\.(sealed|cleared|held|released|departed|arrived|rolled_back|cancelled|postponed|skipped|restored)"
    r"|rollouts\.(bake\.started|soak\.started|rollout\.succeeded|rollback\.\w+|hold\.\w+)"
    r"|calendars\.line\.stopped"
)
URGENT = re.compile(
    r"rollouts\.(rollback|hold)\.|trains\.departure\.(held|rolled_back)|calendars\.line\.stopped"
)

LOOKS: tuple[tuple[str, str, Tone], ...] = (
    ("rollouts.rollback.stuck", "octagon-alert", "bad"),
    ("rollouts.rollback.finished", "undo-2", "ok"),
    ("rollouts.rollback.", "undo-2", "bad"),
    ("rollouts.hold.opened", "octagon-pause", "warn"),
    ("rollouts.hold.cleared", "play", "ok"),
    ("rollouts.preflight.", "clipboard-check", "accent"),
    ("rollouts.shift.", "arrow-right-left", "accent"),
    ("rollouts.bake.", "timer", "accent"),
    ("rollouts.soak.", "timer", "ok"),
    ("rollouts.rollout.succeeded", "circle-check-big", "ok"),
    ("rollouts.rollout.cancelled", "ban", "quiet"),
    ("rollouts.weight.", "repeat-2", "warn"),
    ("rollouts.stage.approved", "circle-check", "ok"),
    ("rollouts.", "list-ordered", "quiet"),
    ("trains.vote.aged", "hourglass", "warn"),
    ("trains.vote.expired", "hourglass", "warn"),
    ("trains.vote.", "scale", "think"),
    ("trains.decision.", "alarm-clock", "warn"),
    ("trains.change.left", "log-out", "quiet"),
    ("trains.change.withdrawn", "x", "quiet"),
    ("trains.change.ejected", "log-out", "warn"),
    ("trains.need.", "route", "quiet"),
    ("trains.bundle.", "package", "quiet"),
    ("trains.withdrawal.", "log-out", "think"),
    ("trains.departure.boarding_reopened", "door-open", "warn"),
    ("trains.change.drifted", "git-pull-request", "warn"),
    ("trains.change.stood", "hourglass", "think"),
    ("trains.change.left_behind", "log-out", "warn"),
    ("trains.change.expire", "hourglass", "warn"),
    ("trains.stand_by.", "hourglass", "think"),
    ("trains.change.", "ticket", "quiet"),
    ("trains.departure.sealed", "lock", "think"),
    ("trains.departure.cleared", "ticket-check", "ok"),
    ("trains.departure.reopened", "scale", "think"),
    ("trains.departure.held", "octagon-pause", "warn"),
    ("trains.departure.departed", "train-front", "ok"),
    ("trains.departure.arrived", "circle-check-big", "ok"),
    ("trains.departure.rolled_back", "undo-2", "bad"),
    ("trains.departure.cancelled", "ban", "warn"),
    ("trains.departure.boarding", "door-open", "accent"),
    ("trains.departure.postponed", "calendar-clock", "warn"),
    ("trains.departure.moved", "calendar-clock", "warn"),
    ("trains.departure.skipped", "skip-forward", "warn"),
    ("trains.departure.restored", "undo-2", "ok"),
    ("trains.departure.handed_over", "user-round-check", "accent"),
    ("trains.departure.hold_accepted", "octagon-pause", "warn"),
    ("trains.departure.check_in", "hand", "think"),
    ("trains.deadline.", "calendar-clock", "warn"),
    ("trains.blocker.cleared", "shield-check", "ok"),
    ("trains.blocker.calmed", "shield-check", "ok"),
    ("trains.blocker.", "construction", "bad"),
    ("trains.check.waived", "shield-alert", "warn"),
    ("trains.check.", "clipboard-check", "quiet"),
    ("trains.readiness.", "clipboard-check", "think"),
    ("trains.evidence.", "clipboard-check", "quiet"),
    ("trains.departure.placed", "redo-2", "ok"),
    ("trains.late_pass.granted", "ticket-check", "ok"),
    ("trains.late_pass.refused", "octagon-x", "bad"),
    ("trains.late_pass.lapsed", "timer-off", "warn"),
    ("trains.late_pass.", "hourglass", "think"),
    ("trains.override.review_overdue", "clipboard-check", "bad"),
    ("trains.override.", "shield-alert", "think"),
    ("trains.", "train-front", "quiet"),
    ("incidents.", "siren", "warn"),
    ("calendars.line.", "octagon-x", "bad"),
    ("health.outage.opened", "cloud-off", "bad"),
    ("health.source.failed", "unplug", "bad"),
    ("calendars.feed.failed", "unplug", "bad"),
    ("calendars.feed.recovered", "plug", "ok"),
    ("calendars.", "calendar-clock", "warn"),
)


def look_of(kind: str) -> tuple[str, Tone]:
    """Return icon and tone of a kind of event."""
    return next(((icon, tone) for prefix, icon, tone in LOOKS if kind.startswith(prefix)), ("info", "quiet"))


def is_public(kind: str) -> bool:
    """Tell whether a stakeholder hears of this kind at all."""
    return kind.startswith(PUBLIC_KINDS)


def say(event: Event, audience: Audience) -> str:
    """Say an event; a stakeholder reads no names and nothing that people typed."""
    if audience.sees_people:
        return sentence(event)
    facts = {key: "" if key in PRIVATE else str(value) for key, value in event.data.items()}
    named = Missing({**facts, "actor": "Somebody", "subject": event.subject_label})
    return KINDS.get(event.kind, "{subject}").format_map(named).rstrip(" :.(") or event.subject_label


def is_spoken(kind: str) -> bool:
    """Tell whether this is read aloud to whoever does not look: stage changes are, details are not."""
    return SPOKEN.fullmatch(kind) is not None


def is_urgent(kind: str) -> bool:
    """Tell whether this must not wait for calmer times: rollbacks and holds."""
    return URGENT.match(kind) is not None
