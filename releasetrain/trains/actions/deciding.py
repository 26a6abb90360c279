"""Look at decisions again as time passes: silence, votes that grow old, deadlines (RULES D7, D16)."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.schedule import at_words
from releasetrain.lib.spans import in_words
from releasetrain.lib.words import listed
from releasetrain.trains.actions.decisions import plan_next_look, settle
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import NotDue
from releasetrain.trains.models import Departure, Vote
from releasetrain.trains.queries import Standing, seat_holders
from releasetrain.trains.queries.deciding import OPEN, aging, decide_by_of
from releasetrain.trains.rules.states import DepartureState

AGED = 100


@transaction.atomic
def look_again(departure: Departure, *, now: datetime) -> Departure:
    """Do what time alone brings about: remind voters, let votes expire, hear silence, pass a deadline on.

    :raises NotDue: nothing is being decided about it
    """
    locked = locked_departure(departure.pk)
    if locked.state not in OPEN:
        raise NotDue(f"{locked} is {locked.state}; nothing is being decided.")
    standing, _ = settle(locked, now)
    _remind(locked, standing, now)
    _escalate(locked, standing, now)
    plan_next_look(locked, standing, now)
    return locked


def _remind(locked: Departure, standing: Standing, now: datetime) -> None:
    """Tell each voter at 50, 75 and 100 % of the lifetime of their go (RULES D7)."""
    for ballot, given in aging(standing):
        share = given.due(now, locked.departs_at)
        if share is None:
            continue
        Vote.objects.filter(pk=ballot.pk).update(reminded=share)
        record(
            kind="trains.vote.expired" if share >= AGED else "trains.vote.aged",
            subject=locked,
            actor=SYSTEM,
            now=now,
            person=ballot.who,
            people_ids=[one for one in (ballot.user, ballot.for_user) if one is not None],
            share=share,
            lasts=in_words(given.lasts),
            expires_at=given.expires_at.isoformat(),
        )


def _escalate(locked: Departure, standing: Standing, now: datetime) -> None:
    """Put a decision that missed its deadline to those whom its policy names, once."""
    due_at = decide_by_of(locked, standing.plan)
    if due_at is None or now < due_at or locked.escalated_at or locked.state != DepartureState.DECIDING:
        return
    locked.escalated_at = now
    locked.save(update_fields=["escalated_at"])
    role, owner = standing.plan.escalates_to, locked.train.policy.owner
    missing = listed(standing.missing)
    objections = (
        [f"{one.who} says {one.choice.words}" for one in standing.tally.no_gos] if standing.tally else []
    )
    record(
        kind="trains.decision.overdue",
        subject=locked,
        actor=SYSTEM,
        now=now,
        due=at_words(due_at, locked.train.time_zone),
        missing=listed([*objections, *([f"waiting for {missing}"] if missing else [])])
        or "nobody can decide",
        escalated_to=f"{role.label} of {owner.name}",
        people_ids=sorted(seat_holders(Role(role), owner.pk)),
    )
