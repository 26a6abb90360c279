"""Offer what is no plain command: take back what is over, try it again, agree, pass over a finding."""

from collections.abc import Sequence
from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels import links
from releasetrain.panels.shapes import Action, Seconding
from releasetrain.rollouts.actions.again import arrived_since, way_back_of, why_not_again
from releasetrain.rollouts.actions.operate import waiting_for_second
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.rollouts.rules.dismissing import why_not_dismiss
from releasetrain.rollouts.rules.refusals import why_not_revert
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.rules.states import RolloutState


def take_back(rollout: Rollout, snapshot: Snapshot, now: datetime) -> Action:
    """Offer to take what has arrived straight back (ENGINE T13); the target itself is asked on pressing."""
    why_not = _why_not_back(rollout, snapshot, now)
    return Action(
        name="take-back",
        label="Take it back",
        url=links.command(rollout.pk, "take-back"),
        icon="undo-2",
        kind="danger",
        reason=Reason("take_back", why_not) if why_not else None,
        asks="optional",
        consequence=back_words(rollout),
    )


def back_words(rollout: Rollout) -> str:
    """Say what taking it back does."""
    return (
        f"All users get {rollout.from_version or 'the version before'} again at once, without stages or a "
        "vote, and it is watched from there. No window, hold or lock stops this."
    )


def _why_not_back(rollout: Rollout, snapshot: Snapshot, now: datetime) -> str | None:
    if way_back_of(rollout) is not None:
        return "It is taken back already."
    since = arrived_since(rollout)
    finished_at = rollout.finished_at or now
    why_not = why_not_revert(snapshot, now, finished_at=finished_at, versions_since=len(since))
    if why_not is None and since:
        return f"{since[0].to_version} arrived after it: take that back first."
    return why_not


def try_again(rollout: Rollout, now: datetime) -> Action:
    """Offer another attempt of what did not arrive."""
    why_not = why_not_again(rollout, now)
    return Action(
        name="retry",
        label="Try again",
        url=links.command(rollout.pk, "retry"),
        icon="rotate-cw",
        reason=Reason("retry", why_not) if why_not else None,
    )


def afterwards(rollout: Rollout, snapshot: Snapshot, now: datetime) -> Sequence[Action]:
    """Offer what makes sense once a rollout is over; the one that ends it for users stands first."""
    if snapshot.state is RolloutState.SUCCEEDED:
        return [take_back(rollout, snapshot, now)]
    return [try_again(rollout, now)]


def dismissing(snapshot: Snapshot) -> Sequence[Action]:
    """Lead to where a finding is passed over, while there is one that can be."""
    if all(why_not_dismiss(snapshot, one.name) is not None for one in snapshot.guardrails):
        return []
    url = links.command(snapshot.id, "dismiss")
    return [Action("dismiss", "Dismiss a finding", url, "bell-off", opens=True)]


def to_second(rollout: Rollout, now: datetime) -> list[Seconding]:
    """Say what waits for a second person, and let somebody agree."""
    return [
        Seconding(
            words=_asked(str(one.actor or "Somebody"), one.kind, one.reason),
            until_at=one.waits_until,
            action=Action(
                name=f"second-{one.pk.hex[:8]}",
                label="Agree",
                url=links.second(rollout.pk, one.pk),
                icon="handshake",
                kind="primary",
            ),
        )
        for one in waiting_for_second(rollout.pk, now)
    ]


def _asked(who: str, kind: str, reason: str) -> str:
    what = SECONDED.get(kind, kind.replace("_", " "))
    return f"{who} asks to {what}: {reason}" if reason else f"{who} asks to {what}."


SECONDED = {
    CommandKind.PROMOTE_FULL.value: "send it straight to 100 %",
    "dismiss": "dismiss what a guardrail has found",
}
