"""Gather one decision about a rollout: the rollout after it, and everything it causes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releasetrain.lib.values import changed
from releasetrain.rollouts.rules.guardrails import Judgement
from releasetrain.rollouts.rules.snapshot import (
    EventKind,
    Hold,
    Intent,
    IntentAction,
    Snapshot,
    Step,
    StepEvent,
    Transition,
)
from releasetrain.rollouts.rules.states import TRANSITIONS, HoldKind, RolloutState


class Draft:
    """Build a step; lives for one decision and never leaves the functions that make it."""

    def __init__(self, before: Snapshot, now: datetime) -> None:
        self.before = before
        # Two instants of one zone subtract as wall clocks do; bake and deadlines are elapsed time (RULES T6).
        self.now = now.astimezone(UTC)
        self.rollout = before
        self.waiting = ""
        self.takes_target = False
        self._transitions: list[Transition] = []
        self._intents: list[Intent] = []
        self._events: list[StepEvent] = []
        self._judgements: dict[tuple[str, int], Judgement] = {}

    def step(self) -> Step:
        return Step(
            before=self.before,
            snapshot=self.rollout,
            transitions=tuple(self._transitions),
            intents=tuple(self._intents),
            events=tuple(self._events),
            judgements=tuple(self._judgements.values()),
            waiting=self.waiting,
            takes_target=self.takes_target,
        )

    @property
    def in_state(self) -> timedelta:
        """Return how long this state has lasted; a clock that steps back gives nothing, not less."""
        return max(self.now - self.rollout.state_entered_at, timedelta())

    def change(self, **fields: Any) -> None:
        if any(getattr(self.rollout, name) is not value for name, value in fields.items()):
            self.rollout = changed(self.rollout, **fields)

    def due(self, at: datetime | None) -> None:
        self.change(next_due_at=at)

    def due_in(self, seconds: float) -> None:
        self.due(self.now + timedelta(seconds=seconds))

    def move(self, state: RolloutState, rule: str, reason: str, **fields: Any) -> None:
        """Go to another state; weight and fence are set before, so that the log shows them."""
        left = self.rollout
        assert state in TRANSITIONS[left.state], f"{left.state} → {state}"  # noqa: S101 - ours, not input
        self.change(
            state=state,
            state_entered_at=self.now,
            seq=left.seq + 1,
            deadline_at=None,
            reason=reason,
            **fields,
        )
        self._transitions.append(
            Transition(
                seq=self.rollout.seq,
                rule=rule,
                from_state=left.state,
                to_state=state,
                stage_index=self.rollout.stage_index,
                weight=self.rollout.desired_weight,
                fence=self.rollout.fence,
                bake_credit_seconds=left.bake_credit_seconds,
                reason=reason,
                at=self.now,
            )
        )

    def set_weight(self, weight: int, action: IntentAction, *, above: int | None = None) -> None:
        """Decide a weight under a new fence and ask for it.

        `above` is a fence that the target has stored: a lower one would be refused.
        """
        fence = max(self.rollout.fence, above or 0) + 1
        self.change(desired_weight=weight, weight_fence=fence, fence=fence, agreed_at=None)
        self._intents.append(Intent(action=action, weight=weight, fence=fence))

    def set_again(self, action: IntentAction, *, above: int | None = None, rung: int = 0) -> None:
        """Ask for the wanted weight once more; the same fence again would be a no-op to the target."""
        fence = max(self.rollout.fence, above or 0) + 1
        self.change(fence=fence, agreed_at=None)
        weight = self.rollout.desired_weight
        self._intents.append(Intent(action=action, weight=weight, fence=fence, rung=rung))

    def tell(self, kind: EventKind, *, pages: bool = False, **data: str | int | float) -> None:
        self._events.append(StepEvent(kind=kind, data=data, pages=pages))

    def open_hold(
        self,
        kind: HoldKind,
        reason: str,
        *,
        until: datetime | None = None,
        resumes_at: datetime | None = None,
        by: str = "",
        pages: bool = False,
    ) -> None:
        """Open a hold, or bring the words of an open one up to date."""
        if (open_one := self.rollout.hold(kind)) is not None:
            self._replace_hold(replace(open_one, reason=reason, until=until, resumes_at=resumes_at))
            return
        hold = Hold(
            kind=kind,
            reason=reason,
            opened_at=self.now,
            until=until,
            opened_by=by,
            resumes_at=resumes_at,
        )
        self.change(holds=(*self.rollout.holds, hold))
        self.tell(EventKind.HOLD_OPENED, pages=pages, hold=kind.value, reason=reason)

    def _replace_hold(self, hold: Hold) -> None:
        self.change(holds=tuple(hold if other.kind is hold.kind else other for other in self.rollout.holds))

    def clear_hold(self, kind: HoldKind, reason: str) -> None:
        """Clear a hold where it is open; what the hold covered is never credited as bake."""
        if (cleared := self.rollout.hold(kind)) is None:
            return
        if cleared.stops_the_clock and self.rollout.overall_deadline_at is not None:
            stood = self.now - cleared.opened_at
            self.change(overall_deadline_at=self.rollout.overall_deadline_at + stood)
        self.change(
            holds=tuple(hold for hold in self.rollout.holds if hold.kind is not kind), last_credit_at=self.now
        )
        self.tell(EventKind.HOLD_CLEARED, hold=kind.value, reason=reason)

    def record(self, judgements: Iterable[Judgement]) -> None:
        """Keep judgements; a later one of the same guardrail and stage takes the place of an earlier one."""
        self._judgements.update({(one.guardrail, one.stage_index): one for one in judgements})
