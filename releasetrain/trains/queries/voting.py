"""Say who may vote about a departure, and who may overrule an objection (RULES D5, D6, D8, D15)."""

from datetime import datetime

from django.db.models import QuerySet

from releasetrain.accounts.models import User
from releasetrain.events.actions import SystemActor
from releasetrain.lib.verdict import ALLOWED, Verdict, deny
from releasetrain.trains.models import Departure, Vote
from releasetrain.trains.queries.decision import Standing, standing_of
from releasetrain.trains.queries.overrides import authors_aboard
from releasetrain.trains.rules.ballots import Seat, seats_for
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.overruling import Objection, why_not_agree, why_not_overrule
from releasetrain.trains.rules.states import Choice, DepartureState

OPEN = (DepartureState.DECIDING, DepartureState.CLEARED)


def may_vote(departure: Departure, actor: User | SystemActor, at: datetime) -> Verdict:
    """Answer whether somebody may vote now; only people who sit in a seat, or stand in for one, do."""
    if not isinstance(actor, User):
        return deny("not_a_person", "Only people vote; tokens and system accounts cannot.")
    if departure.state not in OPEN:
        state = DepartureState(departure.state)
        text = (
            f"This departure {GONE[state]}."
            if state in GONE
            else "Votes are cast once the manifest is sealed."
        )
        return deny("not_deciding", text, until=None if state in GONE else departure.cut_off_at)
    standing = standing_of(departure, at)
    if not seats_of(standing, actor):
        asked = " or ".join(dict.fromkeys(ask.label or ask.role.label for ask in standing.plan.asks))
        text = (
            f"This departure asks for {asked}, which you do not hold for it." if asked else "Nobody is asked."
        )
        return deny("role", text, who="an administrator")
    return ALLOWED


def seats_of(standing: Standing, person: User) -> list[Seat]:
    """Return the seats in which a person may vote; they choose one (RULES D6)."""
    return seats_for(standing.seats, person.pk)


def may_overrule(vote: Vote, actor: User | SystemActor, *, agrees: bool) -> Verdict:
    """Answer whether somebody who runs the departure may ask to overrule an objection, or agree to it."""
    if not isinstance(actor, User):
        return deny("not_a_person", "Only people overrule a vote; tokens and system accounts cannot.")
    one = objection_of(vote)
    why = why_not_agree if agrees else why_not_overrule
    reason = why(one, person=actor.pk, authors=authors_aboard(vote.departure))
    return deny(reason.code, reason.text, who=reason.who) if reason else ALLOWED


def objection_of(vote: Vote) -> Objection:
    """Return a vote as the rules of overruling see it."""
    return Objection(
        choice=Choice(vote.choice),
        voter=vote.user_id,
        voter_name=vote.user_label,
        is_open=vote.replaced_at is None and DepartureState(vote.departure.state) in OPEN,
        asked_by=vote.overrule_asked_by_id,
        asked_by_name=vote.overrule_asked_by_label,
        is_overruled=vote.overruled_at is not None,
    )


def votes_with_departure() -> QuerySet[Vote]:
    """Return votes with everything that a page about one of them names."""
    return Vote.objects.select_related("departure__train__team", "departure__train__captain")
