"""Gather where a rollout stands: its track, and what holds it."""

from datetime import datetime

from releasetrain.calendars.rules.judging import WHO_ENDS_IT
from releasetrain.lib.verdict import Reason
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.driving import cut_of, drain_words, warnings_of
from releasetrain.panels.reasons import shown
from releasetrain.panels.shapes import Action, HoldLine, Holds, RolloutTrack
from releasetrain.panels.stages import Moving, clock_words, mirror_now, moving_of, segment_now, stages_of
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.rollouts.rules.snapshot import VERIFIED_AFTER
from releasetrain.rollouts.rules.states import (
    CLEARING,
    MOVING_STATES,
    HoldKind,
    RolloutKind,
    RolloutState,
)
from releasetrain.rollouts.rules.watch import comes_back_at
from releasetrain.rollouts.store import hold_of

R = RolloutState
HOLD_WORDS = {
    HoldKind.OPERATOR: "Paused by a person",
    HoldKind.APPROVAL: "Waits for an approval",
    HoldKind.INCONCLUSIVE: "Not clear yet",
    HoldKind.METRICS_OUTAGE: "No measurements",
    HoldKind.BLACKOUT: "Window",
    HoldKind.DEPENDENCY: "Waits for another service",
    HoldKind.BARRIER: "Waits for its bundle",
    HoldKind.HOTFIX: "Hotfix",
    HoldKind.DRIFT: "Something else moves this traffic",
    HoldKind.ERROR: "Trouble",
}
OPERATORS = "A release manager or on-call"
# Whom to ask: who commands rollouts, or whoever can mend what is waited for.
WHO_CLEARS = {
    HoldKind.OPERATOR: OPERATORS,
    HoldKind.APPROVAL: OPERATORS,
    HoldKind.INCONCLUSIVE: OPERATORS,
    HoldKind.METRICS_OUTAGE: "Whoever runs the source of its metrics",
    HoldKind.BLACKOUT: WHO_ENDS_IT.capitalize(),
    HoldKind.DEPENDENCY: "Whoever rolls out the service it waits for",
    HoldKind.BARRIER: "Whoever rolls out the rest of its bundle",
    HoldKind.HOTFIX: OPERATORS,
    HoldKind.DRIFT: OPERATORS,
    HoldKind.ERROR: OPERATORS,
}
SAME_SOURCE = "Not while many rollouts have lost the same source at once."


def moving(pk: int) -> Moving | None:
    """Load one rollout with its open holds."""
    return next(iter(moving_of(Rollout.objects.filter(pk=pk))), None)


def load_track(pk: int, audience: Audience, now: datetime) -> RolloutTrack | None:
    """Gather where one rollout stands."""
    one = moving(pk)
    return None if one is None else track_of(one, audience)


def track_of(one: Moving, audience: Audience) -> RolloutTrack:
    """Say where a rollout stands, what was read back, and what comes next."""
    rollout = one.rollout
    is_baking = one.state in {R.BAKING, R.SOAKING}
    return RolloutTrack(
        pk=rollout.pk,
        service=rollout.target.service.name,
        environment=rollout.target.environment.name,
        from_version=rollout.from_version,
        to_version=rollout.to_version,
        state=one.shown_state,
        stages=stages_of(one),
        weight=rollout.desired_weight,
        segment=segment_now(rollout),
        note=_note(one, audience),
        next_weight=one.next_weight,
        bake_started_at=rollout.state_entered_at if is_baking else None,
        bake_ends_at=one.bake_ends_at,
        bake_left=clock_words(one.seconds_left) if is_baking and one.bake_ends_at is None else "",
        read_back=_read_back(rollout),
        is_accelerated=rollout.is_accelerated,
        warnings=warnings_of(one) if audience.sees_people else (),
        drained=drain_words(rollout),
        cut=cut_of(rollout, audience),
        reasons=shown([hold_reason(hold) for hold in one.holds], audience),
    )


def _note(one: Moving, audience: Audience) -> str:
    if mirror := mirror_now(one.rollout):
        return f"A copy of {mirror} % of all requests goes to the new version; no user sees its answers."
    if one.state is R.SHIFTING:
        share = f"{one.rollout.desired_weight} % of {segment_now(one.rollout) or 'users'}"
        return f"Sending {share} to the new version."
    if one.state is R.PREFLIGHT:
        return "Checks run before the first user sees it."
    if one.state is R.QUEUED:
        return "Made way; comes again at its stage." if one.rollout.makes_way else "Waits for its turn."
    if one.state is R.ROLLING_BACK and one.rollout.makes_way:
        return "Makes way: everybody goes back to the version before, and its stage is kept."
    is_explained = one.state in {R.ROLLING_BACK, R.ROLLED_BACK, R.SUPERSEDED, R.CANCELLED}
    if is_explained and one.rollout.stuck_at is not None and one.state is R.ROLLING_BACK:
        return f"The driver does not answer; attempt {one.rollout.rollback_attempts}, and on without end."
    return one.rollout.reason if is_explained and audience.sees_people else ""


def _read_back(rollout: Rollout) -> str:
    """Say what the target itself answered, as far as it can be trusted."""
    if rollout.observed_at is None or rollout.observed_weight is None:
        return "not read back yet"
    if rollout.observed_weight != rollout.desired_weight:
        return f"read back {rollout.observed_weight} %, on the way to {rollout.desired_weight} %"
    is_sure = rollout.agreed_at is not None and rollout.observed_at - rollout.agreed_at >= VERIFIED_AFTER
    return f"read back {rollout.observed_weight} % {'twice' if is_sure else 'once'}"


def hold_reason(hold: Hold) -> Reason:
    """Say why it waits, until when, and who can change it."""
    return Reason(hold.kind, hold.reason, hold.until, WHO_CLEARS[HoldKind(hold.kind)])


def load_holds(pk: int, audience: Audience, now: datetime) -> Holds | None:
    """Gather every open hold of a rollout."""
    one = moving(pk)
    return None if one is None else Holds(pk, [_line(one, hold, audience) for hold in one.holds])


def _line(one: Moving, hold: Hold, audience: Audience) -> HoldLine:
    kind = HoldKind(hold.kind)
    by = f" {hold.opened_by}" if hold.opened_by and audience.sees_people else ""
    reason = shown([hold_reason(hold)], audience)[0]
    returns_at = _returns_at(one, hold)
    return HoldLine(
        word=HOLD_WORDS[kind],
        text=f"{reason.text}{by} {CLEARING[kind].sentence}" if audience.sees_people else reason.text,
        since_at=hold.opened_at,
        until_at=hold.until,
        who=reason.who,
        clear=_clear(one, kind, audience),
        returns_at=returns_at,
        but=SAME_SOURCE if returns_at is not None and kind is HoldKind.METRICS_OUTAGE else "",
    )


def _returns_at(one: Moving, hold: Hold) -> datetime | None:
    """Say when users go back by themselves, where any are on a new version."""
    rollout = one.rollout
    if rollout.kind != RolloutKind.FORWARD or one.state not in MOVING_STATES or not rollout.desired_weight:
        return None
    return comes_back_at(
        hold_of(hold),
        [hold_of(other) for other in one.holds],
        weight=rollout.desired_weight,
        overall_deadline_at=rollout.overall_deadline_at,
    )


def _clear(one: Moving, kind: HoldKind, audience: Audience) -> Action | None:
    is_resumable = "resume" in CLEARING[kind].commands and one.state in MOVING_STATES
    if audience is not Audience.OPERATOR or not is_resumable:
        return None
    return Action("resume", "Resume", links.command(one.rollout.pk, "resume"), "play")
