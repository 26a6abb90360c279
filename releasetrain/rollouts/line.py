"""Read who has a target and who waits for it, in which order (RULES H1, H2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Target
from releasetrain.rollouts.loaded import held_by
from releasetrain.rollouts.locks import occupied, open_lock, stands
from releasetrain.rollouts.models import UNBOUND_STATES, Hold, Lock, Rollout
from releasetrain.rollouts.rules.line import Turn, free_at, place_words, time_left
from releasetrain.rollouts.rules.states import RolloutKind, RolloutState
from releasetrain.rollouts.rules.way import MAKING_WAY
from releasetrain.trains.rules.states import DepartureState

R = RolloutState
ON_ITS_WAY = {R.BAKING.value, R.SOAKING.value}


@dataclass(frozen=True, slots=True)
class Line:
    """A target with whoever has it, by lock or by moving it, and those who wait, in their order."""

    target: Target
    lock: Lock | None
    mover: Rollout | None
    waiting: tuple[Rollout, ...]

    def before(self, row: Rollout) -> list[Rollout]:
        """Return who would take the target before a rollout; what is held lets others pass."""
        own = rank(row)
        return [one for one in self.waiting if one.pk != row.pk and rank(one) < own and is_ready(one)]


def rank(row: Rollout) -> tuple[int, datetime, int]:
    """Return the place of a rollout in the line: hotfixes first, then as they came."""
    return (0 if is_hotfix(row) else 1, row.queued_at or row.created_at, row.pk)


def is_hotfix(row: Rollout) -> bool:
    return row.departure is not None and row.departure.train.lane == Lane.HOTFIX


def is_ready(row: Rollout) -> bool:
    """Tell whether a waiting rollout would start if its target were free."""
    departure = row.departure
    is_go = departure is None or departure.state == DepartureState.ROLLING
    return is_go and not held_by(row)


def _rows() -> QuerySet[Rollout]:
    is_open = Hold.objects.filter(cleared_at__isnull=True)
    rows = Rollout.objects.select_related("departure__train", "target__service", "target__environment")
    return rows.prefetch_related(Prefetch("holds", is_open, to_attr="open_holds"))


def line_of(target: Target, now: datetime) -> Line:
    """Return who has a target and who waits for it."""
    rows = _rows().filter(target=target, kind=RolloutKind.FORWARD)
    mover = rows.exclude(state__in=UNBOUND_STATES).first()
    waiting = sorted(rows.filter(state=R.QUEUED), key=rank)
    lock = open_lock(target.pk)
    return Line(target, lock if stands(lock, now) else None, mover, tuple(waiting))


def last_arrived(target: Target) -> Rollout | None:
    """Return the rollout that ended last on a target, if it has arrived: everybody has its version."""
    rows = Rollout.objects.filter(target=target, finished_at__isnull=False, seq__gt=1)
    last = rows.exclude(state=R.CANCELLED).order_by("-finished_at", "-pk").first()
    is_forward = last is not None and last.kind == RolloutKind.FORWARD
    return last if last is not None and is_forward and last.state == R.SUCCEEDED else None


def turn_of_mover(row: Rollout, now: datetime) -> Turn:
    """Say how long whoever moves a target still needs."""
    name = row.departure.code if row.departure else "another rollout"
    if row.state == R.ROLLING_BACK:
        doing = "making way" if row.makes_way else "coming back"
        return Turn(name, doing, None if row.stuck_at else timedelta())
    left = time_left(
        row.ladder,
        stage_index=row.stage_index,
        credit_seconds=row.bake_credit_seconds,
        needed_seconds=row.bake_needed_seconds if row.state in ON_ITS_WAY else None,
    )
    return Turn(name, f"at {row.desired_weight} %", _after_holds(left, held_by(row), now))


def _after_holds(left: timedelta, holds: Iterable[Hold], now: datetime) -> timedelta | None:
    ends = [hold.until for hold in holds if hold.until is not None]
    if len(ends) < len(list(holds)):
        return None
    return left + max((end - now for end in ends if end > now), default=timedelta())


def turns_before(line: Line, row: Rollout, now: datetime) -> list[Turn]:
    """Return everybody who comes before a waiting rollout, whoever has the target first."""
    turns = []
    if line.mover is not None and line.mover.pk != row.pk:
        turns.append(turn_of_mover(line.mover, now))
    elif line.lock is not None and line.lock.rollout_id is None:
        left = line.lock.expires_at - now if line.lock.expires_at else None
        turns.append(Turn(line.lock.holder_label, "by hand", left))
    return [*turns, *(_turn_of_waiting(one) for one in line.before(row))]


def _turn_of_waiting(row: Rollout) -> Turn:
    name = row.departure.code if row.departure else "another rollout"
    return Turn(name, "waiting", time_left(row.ladder, stage_index=row.stage_index))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rollout stands in the line: whether it may start, the sentence, and when it is free."""

    is_free: bool
    words: str
    free_at: datetime | None
    may_take: bool


def place_in_line(row: Rollout, now: datetime) -> Place:
    """Return the place of a waiting rollout; a way back stands in no line, nor does what moves already."""
    if row.state != R.QUEUED:  # it has its target already
        return Place(is_free=True, words="", free_at=None, may_take=False)
    if row.kind == RolloutKind.ROLLBACK:
        return Place(is_free=not occupied(row.target_id, row.pk), words="", free_at=None, may_take=False)
    line = line_of(row.target, now)
    turns = turns_before(line, row, now)
    zone = row.departure.train.time_zone if row.departure else "UTC"
    words = place_words(turns, target=str(row.target), zone=zone, now=now)
    return Place(not turns, words, free_at(turns, now), may_take=_may_take(line, row))


def _may_take(line: Line, row: Rollout) -> bool:
    """Tell whether whoever moves the target makes way for this one: a train for a hotfix (RULES H2)."""
    mover = line.mover
    if mover is None or mover.pk == row.pk or not is_hotfix(row) or is_hotfix(mover):
        return False
    return RolloutState(mover.state) in MAKING_WAY and not line.before(row)
