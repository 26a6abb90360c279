"""Postpone, skip and restore departures, move one deadline once, and hand departures over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import roles_of
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.actions.checking_in import ask_again
from releasetrain.trains.actions.holding import end_hold
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.onward import Placement, locked_with_platforms, place
from releasetrain.trains.actions.refusals import SteeringRefused, refuse, refuse_unless
from releasetrain.trains.actions.sealing import open_boarding
from releasetrain.trains.actions.timetable import TIMES, set_times
from releasetrain.trains.actions.turns import seat_captains
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action, By, plan_of, runner_words, verdict
from releasetrain.trains.queries.neighbours import neighbours_of, why_not_postpone_to
from releasetrain.trains.queries.timetable import times_of
from releasetrain.trains.rules.departing import HoldKind
from releasetrain.trains.rules.moving import why_not_among, why_not_cut_off_at, why_not_milestone_at
from releasetrain.trains.rules.states import DepartureState
from releasetrain.trains.rules.times import cut_off_words, moved_deadlines, with_cut_off, with_milestone
from releasetrain.trains.rules.timetable import CAPTAIN, CUT_OFF, DEPARTS_AT, MILESTONE

D = DepartureState
LONGEST_REASON, LONGEST_NOTE = 300, 1000


@transaction.atomic
def postpone(
    departure: Departure,
    *,
    to: datetime,
    reason: str,
    by: By,
    now: datetime,
    moves_deadlines: bool = False,
) -> Departure:
    """Let a departure go at another time, once; an edit of its train leaves it alone from then on (RULES T9).

    After the seal it stays sealed and its votes stand (I13). One that was held because it was late goes on.
    Where check-in opens later for the new time, people are asked again.

    :param moves_deadlines: cut-offs and milestones that are ahead go along, to where the train sets them for
        the new time; else they stay. No cut-off moves after the seal
    :raises SteeringRefused: it has left or ended
    :raises Invalid: no reason; or the time has passed, lies before a cut-off or too near to another departure
    :raises NotAllowed: it is not this person's to move
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.POSTPONE, locked, by, now), SteeringRefused)
    said = _said(reason, "Say why it goes at another time; everybody aboard will read it.")
    before = times_of(locked)
    after, why = why_not_postpone_to(locked, to, moves_deadlines=moves_deadlines, now=now)
    _refuse_value(why, "to")
    set_times(locked, after)
    _note_moved(locked, DEPARTS_AT, before.departs_at, by, said, now)
    # Its decision is due at another time, too: the next tick works that out.
    locked.decide_at = now if locked.sealed_at else None
    locked.save(update_fields=[*TIMES, "moved", "decide_at"])
    record(
        kind="trains.departure.postponed",
        subject=locked,
        actor=by,
        now=now,
        reason=said,
        to=at_words(after.departs_at, locked.train.time_zone),
        from_at=before.departs_at.isoformat(),
        to_at=after.departs_at.isoformat(),
        deadlines=[one.what for one in moved_deadlines(before, after)],
        is_sealed=locked.sealed_at is not None,
    )
    ask_again(locked, now)
    if locked.held_kind == HoldKind.LATE:
        end_hold(locked, by=by, now=now, reason="it goes at another time")
    return locked


@transaction.atomic
def skip(
    departure: Departure,
    *,
    reason: str,
    by: By,
    now: datetime,
    placements: Mapping[int, Placement] | None = None,
) -> Departure:
    """Leave one date of a train out; every change aboard is placed as if it were cancelled (RULES I12).

    :param placements: by change id
    :raises SteeringRefused: it is sealed, has left or ended
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to skip
    """
    locked, platforms = locked_with_platforms(departure, placements or {}, now)
    refuse_unless(verdict(Action.SKIP, locked, by, now), SteeringRefused)
    said = _said(reason, "Say why it is skipped; everybody aboard will read it.")
    placed = place(locked, platforms, placements or {}, by=by, now=now, reason=f"skipped: {said}")
    locked.state, locked.finished_at, locked.outcome = D.SKIPPED.value, now, said
    locked.save(update_fields=["state", "finished_at", "outcome"])
    record(
        kind="trains.departure.skipped",
        subject=locked,
        actor=by,
        now=now,
        reason=said,
        captain=runner_words(locked),
        **placed.to_json(),
    )
    return locked


@transaction.atomic
def restore(departure: Departure, *, reason: str, by: By, now: datetime) -> Departure:
    """Put a skipped departure back on the timetable, open at once where its boarding would be.

    What was aboard has its place elsewhere and stays there.

    :raises SteeringRefused: it was not skipped, its cut-off has passed, or another departure goes then
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to restore
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.RESTORE, locked, by, now), SteeringRefused)
    said = _said(reason, "Say why it goes after all.")
    if why := why_not_among(locked.departs_at, neighbours_of(locked), locked.train.time_zone):
        raise refuse(SteeringRefused, why)
    locked.state, locked.finished_at, locked.outcome = D.SCHEDULED.value, None, ""
    locked.plan = plan_of(locked.train).to_json()
    locked.save(update_fields=["state", "finished_at", "outcome", "plan"])
    record(kind="trains.departure.restored", subject=locked, actor=by, now=now, reason=said)
    return open_boarding(locked, now=now) if locked.boards_at <= now else locked


@transaction.atomic
def move_deadline(
    departure: Departure, *, what: str, to: datetime, reason: str, by: By, now: datetime
) -> Departure:
    """Move one cut-off or milestone of one departure; an edit of its train leaves that alone (RULES T9).

    The manifest is sealed at the latest cut-off, so moving that moves the seal.

    :param what: "cut_off:CATEGORY", "cut_off:" being that of everything else, or "milestone:NAME"
    :raises SteeringRefused: the departure has left or ended
    :raises Invalid: there is no such deadline, no reason, or it cannot fall on that time
    :raises NotAllowed: it is not this person's to move
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.MOVE, locked, by, now), SteeringRefused)
    said = _said(reason, "Say why it moves; everybody aboard will read it.")
    zone, before = locked.train.time_zone, times_of(locked)
    is_sealed = locked.sealed_at is not None
    if what.startswith(CUT_OFF) and (name := what.removeprefix(CUT_OFF)) in before.cut_offs:
        words, old = cut_off_words(name), before.cut_offs[name]
        why = why_not_cut_off_at(to, before, category=name, is_sealed=is_sealed, zone=zone, now=now)
        after = with_cut_off(before, name, to)
    elif what.startswith(MILESTONE) and (name := what.removeprefix(MILESTONE)) in dict(before.milestones):
        words, old = f"the milestone {name}", dict(before.milestones)[name]
        why = why_not_milestone_at(to, before, name=name, zone=zone, now=now)
        after = with_milestone(before, name, to)
    else:
        raise Invalid(f"{locked} has no such deadline.", field="what")
    _refuse_value(why, "to")
    set_times(locked, after)
    _note_moved(locked, what, old, by, said, now)
    locked.save(update_fields=[*TIMES, "moved"])
    record(
        kind="trains.deadline.moved",
        subject=locked,
        actor=by,
        now=now,
        what=words,
        reason=said,
        to=at_words(to, zone),
        from_at=old.isoformat(),
        to_at=to.isoformat(),
    )
    return locked


@transaction.atomic
def hand_over(
    departure: Departure, *, captain: User, deputy: User | None, note: str, by: By, now: datetime
) -> Departure:
    """Let somebody else run a departure, with what they have to know about it.

    Whoever is captain now is the deputy of the turn that follows, unless a person has said otherwise there.

    :raises SteeringRefused: it has ended, or they run it already
    :raises Invalid: no note, or somebody who cannot run it
    :raises NotAllowed: it is not this person's to hand over
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.HAND_OVER, locked, by, now), SteeringRefused)
    said = note.strip()
    if not said or len(said) > LONGEST_NOTE:
        raise Invalid(f"Write what they have to know, in at most {LONGEST_NOTE} characters.", field="note")
    _refuse_stranger(captain, "captain")
    if deputy is not None:
        _refuse_stranger(deputy, "deputy")
    if captain == deputy:
        raise Invalid("Captain and deputy are two people.", field="deputy")
    before = (locked.captain, locked.deputy)
    if before == (captain, deputy):
        raise SteeringRefused(f"{captain} runs {locked} already.", code="same")
    was = before[0] or locked.train.captain
    locked.captain, locked.deputy, locked.handover_note = captain, deputy, said
    in_turn = locked.moved.get(CAPTAIN, {}).get("from_id", was.pk if was else None)
    _note_moved(locked, CAPTAIN, was, by, said, now)
    locked.moved[CAPTAIN]["from_id"] = in_turn
    locked.save(update_fields=["captain", "deputy", "handover_note", "moved"])
    seat_captains(locked.train, max(now, locked.planned_at))
    record(
        kind="trains.departure.handed_over",
        subject=locked,
        actor=by,
        now=now,
        captain=str(captain),
        captain_id=captain.pk,
        deputy=str(deputy or ""),
        deputy_id=deputy.pk if deputy else None,
        before=str(was or ""),
        before_captain_id=was.pk if was else None,
        before_deputy_id=before[1].pk if before[1] else None,
        note=said,
    )
    return locked


def _said(reason: str, ask: str) -> str:
    said = reason.strip()
    if not said:
        raise Invalid(ask, field="reason")
    return said[:LONGEST_REASON]


def _refuse_value(why: Reason | None, field: str) -> None:
    if why is not None:
        raise Invalid(why.text, field=field, code=why.code, who=why.who)


def _refuse_stranger(person: User, field: str) -> None:
    if not person.is_active or not roles_of(person).has_any(Role.VIEWER):
        raise Invalid(f"{person} has no role here, so they could not even see it.", field=field)


def _note_moved(locked: Departure, what: str, before: object, by: By, reason: str, now: datetime) -> None:
    """Write down what a person has decided by hand; the first value is what the schedule had said."""
    was: Any = before.isoformat() if isinstance(before, datetime) else str(before or "")
    first = locked.moved.get(what, {}).get("from", was)
    entry = {"from": first, "by": str(by)[:200], "at": now.isoformat(), "reason": reason[:LONGEST_REASON]}
    locked.moved = {**locked.moved, what: entry}
