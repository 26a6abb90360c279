"""Gather everything that rolls, from PostgreSQL alone: the page for whoever is on call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Min, QuerySet

from releasetrain.accounts.rules import Roles
from releasetrain.lib.hashing import digest
from releasetrain.lib.words import listed
from releasetrain.panels import links
from releasetrain.panels.afterwards import back_words
from releasetrain.panels.audience import Audience
from releasetrain.panels.driving import drain_words
from releasetrain.panels.reasons import shown
from releasetrain.panels.rollouts import hold_reason
from releasetrain.panels.shapes import Action, Rolling, RollingGroup, RollingLine, Tone
from releasetrain.panels.stages import Moving, mirror_now, moving_of, segment_now, stages_of
from releasetrain.rollouts.access import may_operate
from releasetrain.rollouts.models import Intent, Rollout, Transition
from releasetrain.rollouts.rolling import RETURNED, returning, revertible, unfinished
from releasetrain.rollouts.rules.states import MOVING_STATES, WAITING_STATES, RolloutKind, RolloutState

R = RolloutState
MOST, MOST_NAMED = 100, 5
# The first so many groups are those that are not over.
NOT_OVER = 3
# A rollout that is due for so long is looked at by nobody: beat, broker or workers are away.
LATE = timedelta(seconds=30)
LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Return:
    """How the way back of one rollout went: when it was decided, and what the driver said last."""

    asked_at: datetime
    intent: Intent | None = None


def groups_of(now: datetime) -> Sequence[tuple[str, QuerySet[Rollout]]]:
    """Return what the page lists, by heading, the most urgent first; each rollout stands in one of them."""
    forward = unfinished()
    is_back = Rollout.objects.filter(state__in=RETURNED, finished_at__gt=now - LATELY)
    return (
        ("On the way back", returning()),
        ("Users see it", forward.filter(state__in=sorted(MOVING_STATES))),
        ("Waits", forward.filter(state__in=sorted(WAITING_STATES))),
        ("Back within the last hour", is_back),
        ("Arrived, and can be taken back", revertible(now)),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What rolls, by heading; `unlisted` is how many rollouts there are besides."""

    groups: Sequence[tuple[str, Sequence[Moving]]]
    unlisted: int

    @property
    def unfinished(self) -> list[Moving]:
        return [one for _, rows in self.groups[:NOT_OVER] for one in rows]


def load_rolling(roles: Roles, now: datetime) -> Rolling:
    """Gather it as somebody with these roles sees it, in a number of queries that does not grow."""
    found = _found(now)
    mine = [one for one in found.unfinished if may_operate(roles, one.rollout)]
    returns = returns_of([one.rollout for _, rows in found.groups for one in rows])
    groups = [
        RollingGroup(title, [_line(one, returns.get(one.rollout.pk), roles) for one in rows])
        for title, rows in found.groups
        if rows
    ]
    again = _again(mine)
    known = Rolling(
        groups,
        everything=everything_of(mine, unlisted=found.unlisted),
        again=again,
        note=_note(len(found.unfinished) - len(mine)),
        late_since=_late_since(found.unfinished, now),
        more=found.unlisted,
        # An operator's page asks the drivers on by itself while something comes back: the beat may be away.
        follow_url=links.rolling_on() if again else links.rolling_list(),
        presses_on=again is not None,
    )
    return replace(known, seen=_seen(known))


def _found(now: datetime) -> Found:
    wanted = [
        (
            title,
            list(rows.order_by("-desired_weight", "-state_entered_at", "pk").values_list("pk", flat=True)),
        )
        for title, rows in groups_of(now)
    ]
    order = [pk for _, pks in wanted for pk in pks]
    known = {one.rollout.pk: one for one in moving_of(Rollout.objects.filter(pk__in=order[:MOST]))}
    groups = [(title, [known[pk] for pk in pks if pk in known]) for title, pks in wanted]
    return Found(groups, len(order) - len(known))


def returns_of(rollouts: Sequence[Rollout]) -> Mapping[int, Return]:
    """Find when the way back of each was decided, and what its driver was last asked."""
    pks = [one.pk for one in rollouts if one.state not in {*MOVING_STATES, *WAITING_STATES}]
    steps = Transition.objects.filter(rollout__in=pks, to_state=R.ROLLING_BACK).order_by("seq")
    asked = dict(steps.values_list("rollout", "at"))
    calls = Intent.objects.filter(rollout__in=pks, action="rollback").order_by("fence", "pk")
    intents = {intent.rollout_id: intent for intent in calls}
    return {pk: Return(at, intents.get(pk)) for pk, at in asked.items()}


def _line(one: Moving, back: Return | None, roles: Roles) -> RollingLine:
    rollout = one.rollout
    words, tone = way_back(rollout, back)
    if rollout.kind == RolloutKind.ROLLBACK:
        words, tone = f"{rollout.from_version} is taken straight back.", "warn"
    if drained := drain_words(rollout):
        words = f"{words} {drained}".strip()
    departure = rollout.departure
    return RollingLine(
        pk=rollout.pk,
        seq=rollout.seq,
        service=rollout.target.service.name,
        environment=rollout.target.environment.name,
        from_version=rollout.from_version,
        to_version=rollout.to_version,
        state=one.shown_state,
        weight=rollout.desired_weight,
        stages=stages_of(one),
        url=links.live(departure.pk) if departure else "",
        code=departure.code if departure else "",
        segment=segment_now(rollout),
        words=words,
        tone=tone,
        reasons=shown([hold_reason(hold) for hold in one.holds], Audience.MEMBER),
        action=_action(one) if may_operate(roles, rollout) else None,
    )


def _action(one: Moving) -> Action | None:
    url = links.rolling(one.rollout.pk)
    if one.rollout.kind == RolloutKind.ROLLBACK:
        return None
    if one.state is R.SUCCEEDED:
        return _back(one.rollout)
    if one.state in MOVING_STATES:
        return Action("rollback", "Roll back", url, "undo-2", "danger")
    return Action("rollback", "Cancel", url, "ban") if one.state in WAITING_STATES else None


def _back(rollout: Rollout) -> Action:
    """Offer T13; the target and the window are asked on pressing."""
    return Action(
        name="take-back",
        label="Take it back",
        url=links.rolling_back(rollout.pk),
        icon="undo-2",
        asks="optional",
        consequence=back_words(rollout),
    )


def way_back(rollout: Rollout, back: Return | None) -> tuple[str, Tone]:
    """Tell how the way back goes: asked at, what the driver said, 0 % read back after."""
    if back is None:
        return rollout.reason if rollout.is_finished else "", "quiet"
    asked = f"Asked {back.asked_at:%H:%M:%S} UTC"
    if rollout.state == R.ROLLING_BACK:
        return f"{asked}: {_waiting_for(rollout, back.intent)}", "bad" if rollout.stuck_at else "warn"
    if rollout.agreed_at is None or rollout.agreed_at < back.asked_at:
        return f"{asked}. {rollout.reason}", "warn"
    seconds = (rollout.agreed_at - back.asked_at).total_seconds()
    return f"{asked} → traffic at 0 %, read back after {seconds:.2f} s.", "ok"


def _waiting_for(rollout: Rollout, intent: Intent | None) -> str:
    tries = f" Attempt {rollout.rollback_attempts}, and on without end."
    if rollout.agreed_at is not None:
        return "0 % was read back once; a second time makes it certain."
    if intent is None or not intent.outcome:
        return f"the driver has not answered yet.{tries}"
    if intent.outcome in ("confirmed", "accepted"):
        return f"the driver {intent.outcome} 0 %, which is not read back yet.{tries}"
    detail = f": {intent.detail}" if intent.detail else ""
    word = "refused" if intent.outcome == "refused" else "failed"
    return f"the driver {word}{detail}.{tries}"


def everything_of(mine: Sequence[Moving], *, unlisted: int = 0) -> Action | None:
    """Offer to bring everything back that is this person's, saying in numbers what that does."""
    forward = [one for one in mine if one.rollout.kind == RolloutKind.FORWARD]
    seen = [one for one in forward if one.state in MOVING_STATES]
    waiting = [one for one in forward if one.state in WAITING_STATES]
    if not seen and not waiting:
        return None
    named = [f"{one.rollout.target} ({_share(one.rollout)})" for one in seen[:MOST_NAMED]]
    if len(seen) > MOST_NAMED:
        named.append(f"{len(seen) - MOST_NAMED} more")
    back = f"{_rollouts(len(seen))} to 0 % at once: {listed(named)}." if seen else ""
    off = f"{_rollouts(len(waiting))} that no user has seen will not start." if waiting else ""
    rest = f"The same goes for {unlisted} that are not listed here." if unlisted else ""
    why = "No window, hold or lock stops this."
    return Action(
        name="everything",
        label="Roll everything back",
        url=links.rolling_all(),
        icon="undo-2",
        kind="danger",
        asks="optional",
        consequence=" ".join(part for part in (back, off, rest, why) if part),
    )


def _share(rollout: Rollout) -> str:
    segment = segment_now(rollout)
    if mirror := mirror_now(rollout):
        return f"shadow {mirror} %"
    return f"{rollout.desired_weight} %{f' of {segment}' if segment else ''}"


def _rollouts(count: int) -> str:
    return f"{count} rollout{'' if count == 1 else 's'}"


def _again(mine: Sequence[Moving]) -> Action | None:
    if not any(one.state is R.ROLLING_BACK or one.rollout.kind == RolloutKind.ROLLBACK for one in mine):
        return None
    return Action("again", "Ask again now", links.rolling_on(), "refresh-cw")


def _note(others: int) -> str:
    if not others:
        return ""
    return f"{_rollouts(others)} here can be brought back by the on-call people of their own teams only."


def _late_since(open_rows: Sequence[Moving], now: datetime) -> datetime | None:
    pks = [one.rollout.pk for one in open_rows]
    found = Rollout.objects.filter(pk__in=pks).aggregate(at=Min("next_due_at"))["at"]
    return found if found is not None and now - found > LATE else None


def _seen(known: Rolling) -> str:
    """Tell pages apart by what they say; how far a bake has come is no news to who looks for the brake."""
    still = [[replace(line, stages=()) for line in group.lines] for group in known.groups]
    return digest([repr(replace(known, groups=())), repr(still)])[:16]
