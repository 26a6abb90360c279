"""Overrule an objection by two people who have no hand in what is decided (RULES D8)."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains.actions.decisions import settle
from releasetrain.trains.actions.locking import locked_with_departure
from releasetrain.trains.actions.refusals import VoteRefused, refuse_unless
from releasetrain.trains.models import Vote
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.rules.states import Choice

LONGEST_REASON = 500


@transaction.atomic
def ask_to_overrule(vote: Vote, *, reason: str, by: By, now: datetime) -> Vote:
    """Ask that an objection no longer blocks; it counts until a second person has agreed.

    Whoever asks does not vote about this departure any more (RULES D5).

    :raises Invalid: no reason
    :raises VoteRefused: it stops nothing, is over, or somebody has asked already
    :raises NotAllowed: this person does not run the departure
    """
    locked = locked_with_departure(vote)
    refuse_unless(verdict(Action.OVERRULE, locked, by, now), VoteRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people overrule a vote; tokens and system accounts cannot.")
    words = reason.strip()
    if not words or len(words) > LONGEST_REASON:
        raise Invalid(
            f"Say why it goes all the same, in at most {LONGEST_REASON} characters; somebody decides by it.",
            field="reason",
        )
    locked.overrule_asked_by, locked.overrule_asked_by_label = by, str(by)[:200]
    locked.overrule_asked_at, locked.overrule_reason = now, words
    locked.save(
        update_fields=[
            "overrule_asked_by",
            "overrule_asked_by_label",
            "overrule_asked_at",
            "overrule_reason",
        ]
    )
    record(
        kind="trains.vote.overruling_asked",
        subject=locked.departure,
        actor=by,
        now=now,
        choice=Choice(locked.choice).words,
        person=locked.user_label,
        people_ids=_voter(locked),
        reason=words,
    )
    settle(locked.departure, now)
    return locked


@transaction.atomic
def agree_to_overrule(vote: Vote, *, by: By, now: datetime) -> Vote:
    """Agree, as the second person: the objection no longer blocks, and stays on record.

    :raises VoteRefused: nobody has asked, it is over, or this person may not be the second one
    :raises NotAllowed: this person does not run the departure
    """
    locked = locked_with_departure(vote)
    refuse_unless(verdict(Action.AGREE_TO_OVERRULE, locked, by, now), VoteRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people overrule a vote; tokens and system accounts cannot.")
    locked.overruled_by, locked.overruled_by_label, locked.overruled_at = by, str(by)[:200], now
    locked.save(update_fields=["overruled_by", "overruled_by_label", "overruled_at"])
    record(
        kind="trains.vote.overruled",
        subject=locked.departure,
        actor=by,
        now=now,
        choice=Choice(locked.choice).words,
        person=locked.user_label,
        asker=locked.overrule_asked_by_label,
        people_ids=_voter(locked),
    )
    settle(locked.departure, now)
    return locked


def _voter(vote: Vote) -> list[int]:
    return [one for one in (vote.user_id, vote.for_user_id) if one is not None]
