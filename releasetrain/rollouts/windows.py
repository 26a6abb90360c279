"""Ask the calendars about one rollout, and what has to be known again once a window is over (RULES W2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q

from releasetrain.calendars.queries import place, windows_at
from releasetrain.calendars.rules.judging import Stop, stops
from releasetrain.calendars.rules.windows import Behaviour, Freeze, Lane, Stops
from releasetrain.rollouts.loaded import held_by
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.rules.states import MOVING_STATES, HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.rules.windows import InLine, OpenWindow, keeping, turn_of
from releasetrain.rollouts.store import snapshot_of
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import standing_of
from releasetrain.trains.queries.overrides import passings_of
from releasetrain.trains.rules.decision import why_waiting
from releasetrain.trains.rules.overrides import Passing, let_through

# Who went on this long ago at most stands in the same line, where a window was over before its announced end.
LINE = timedelta(minutes=10)


def snapshot_now(row: Rollout, now: datetime) -> Snapshot:
    """Read a rollout with the windows that are open over it: what may be done about it depends on both."""
    return replace(snapshot_of(row), windows=windows_over(row, now))


def windows_over(
    row: Rollout,
    now: datetime,
    known: Sequence[Freeze] | None = None,
    passings: Mapping[int, tuple[Passing, ...]] | None = None,
) -> tuple[OpenWindow, ...]:
    """Return the windows that are open over a rollout's lane and target (W8) now, and only now (W6).

    Those that an override lets through (W7) and soft ones that somebody has accepted are left out; nothing
    stands over a way back (W9).

    :param known: what may be open now, where somebody has asked already
    :param passings: the overrides of departures, where somebody has asked already
    """
    if row.kind == RolloutKind.ROLLBACK:
        return ()
    departure = row.departure
    lane = Lane(departure.train.lane) if departure else Lane.TRAIN
    known = windows_at(now) if known is None else known
    found = stops(known, [place(row.target.service, row.target.environment)], now, lane=lane)
    standing = [one for one in found if one.freeze.level is not Stops.NOTICE]
    if not standing:
        return ()
    accepted = {*row.acknowledged_windows, *(departure.acknowledged_windows if departure else ())}
    passed = _let_through(departure, now, passings) if departure else frozenset()
    return tuple(
        _open(one)
        for one in standing
        if (one.freeze.id, one.place.service) not in passed
        and not (one.freeze.level is Stops.SOFT and one.freeze.id in accepted)
    )


def _let_through(
    departure: Departure, now: datetime, passings: Mapping[int, tuple[Passing, ...]] | None
) -> frozenset[tuple[int, int]]:
    known = passings_of([departure.pk]) if passings is None else passings
    return let_through(known.get(departure.pk, ()), now)


def _open(stop: Stop) -> OpenWindow:
    """Read a stop; a window that only asks for an acknowledgement takes nothing back by itself."""
    freeze, reason = stop.freeze, stop.verdict().reasons[0]
    is_soft = freeze.level is Stops.SOFT
    takes_back = freeze.behaviour is Behaviour.ROLL_BACK
    return OpenWindow(
        id=freeze.id,
        behaviour=Behaviour.HOLD if is_soft and takes_back else freeze.behaviour,
        reason=reason.text,
        until=stop.until,
        is_soft=is_soft,
        stops_the_line=freeze.stops_the_line,
        who=reason.who,
    )


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What a rollout has to know once no window keeps it any more; see `Readings`."""

    turn_at: datetime | None = None
    undecided: str = ""


def after_windows(row: Rollout, windows: tuple[OpenWindow, ...], now: datetime) -> Afterwards:
    """Find out when it is the turn of a rollout that a window held, and whether it is still meant to go."""
    held = next((hold for hold in held_by(row) if hold.kind == HoldKind.BLACKOUT), None)
    if held is None or keeping(windows, is_seen=RolloutState(row.state) in MOVING_STATES):
        return Afterwards()
    turn_at = held.resumes_at or turn_of(
        InLine(row.created_at, row.pk), _others_in_line(held, now), ends_at=held.until, now=now
    )
    return Afterwards(turn_at, _why_undecided(row.departure, now) if row.departure else "")


def _others_in_line(held: Hold, now: datetime) -> list[InLine]:
    """Return the rollouts that the same end sets free, and those that have just been set free."""
    is_announced = held.until is not None and held.until <= now
    since = held.until if is_announced else now - LINE
    waiting = Q(cleared_at__isnull=True, resumes_at__isnull=True, until=held.until)
    rows = Hold.objects.filter(waiting | Q(resumes_at__gte=since), kind=HoldKind.BLACKOUT)
    named = rows.exclude(rollout=held.rollout_id).values_list(
        "rollout__created_at", "rollout_id", "resumes_at"
    )
    return [InLine(queued_at, pk, goes_on_at) for queued_at, pk, goes_on_at in named]


def _why_undecided(departure: Departure, now: datetime) -> str:
    """Say why a departure that has left would not be let go now: votes grow old, people leave (D3, D7)."""
    standing = standing_of(departure, now)
    if standing.tally is None or standing.tally.is_go:
        return ""
    plan = standing.plan
    reasons = why_waiting(
        standing.tally, policy=plan.policy, owner=plan.policy_owner or departure.train.team.name
    )
    return " ".join(reason.text for reason in reasons)
