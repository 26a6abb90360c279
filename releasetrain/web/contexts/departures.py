"""Gather what one person may do about a departure; what everybody sees is the panels'."""

from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.panels.shapes import Action, Choice, NextStep
from releasetrain.rollouts.access import may_operate
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.decision import Standing, standing_of, tally_with
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import seats_of, verdict
from releasetrain.trains.rules.decision import go_words
from releasetrain.trains.rules.states import FINISHED_STATES, DepartureState


@dataclass(frozen=True, slots=True)
class PersonalBallot:
    """What one person may vote, or why they may not; nothing at all before the seal and after departure."""

    pk: int
    vote_url: str = ""
    digest: str = ""
    go_label: str = "Say go"
    roles: list[Choice] = field(default_factory=list)
    my_choice: str = ""
    error: str = ""
    reason: Reason | None = None


def ballot_of(
    departure: Departure, *, person: User, roles: Roles, now: datetime, error: str = ""
) -> PersonalBallot:
    """Say what this person may vote, with what their go would do on its button (RULES D10)."""
    if departure.state not in {"deciding", "cleared"}:
        return PersonalBallot(departure.pk)
    answer = verdict(Ask.VOTE, departure, person, now, roles=roles)
    if not answer.is_allowed:
        return PersonalBallot(departure.pk, reason=answer.reasons[0])
    standing = standing_of(departure, now)
    seats = seats_of(standing, person)
    mine = next((one for one in standing.ballots if one.user == person.pk), None)
    return PersonalBallot(
        pk=departure.pk,
        vote_url=f"/departures/{departure.pk}/vote/",
        digest=standing.manifest.digest if standing.manifest else "",
        go_label=_go_label(standing, person, now),
        roles=[Choice(role.value, role.label) for role in seats],
        my_choice=mine.choice.value if mine else "",
        error=error,
    )


def _go_label(standing: Standing, person: User, now: datetime) -> str:
    departure = standing.departure
    with_mine = tally_with(standing, person, seats_of(standing, person)[0])
    return go_words(
        clears=bool(with_mine and with_mine.is_go and not (standing.tally and standing.tally.is_go)),
        departs_at=departure.departs_at,
        zone=departure.train.time_zone,
        is_held=departure.held_at is not None,
        now=now,
    )


def next_of(departure: Departure, *, person: User, roles: Roles, now: datetime) -> NextStep:
    """Name the one next thing about a departure, with what this person can do about it."""
    state = DepartureState(departure.state)
    steer = _steering(departure, person=person, roles=roles, now=now)
    if departure.held_at is not None and state not in FINISHED_STATES:
        text = departure.held_reason
        return NextStep(departure.pk, "It is held", text, until_at=departure.held_until, actions=steer)
    if state is DepartureState.SCHEDULED:
        return NextStep(departure.pk, "Boarding opens", until_at=departure.boards_at, actions=steer)
    if state is DepartureState.BOARDING:
        text = "Whatever is aboard at the cut-off leaves together; then the manifest is sealed."
        return NextStep(departure.pk, "Board before the cut-off", text, departure.cut_off_at, steer)
    if state is DepartureState.DECIDING:
        return _deciding(departure, person=person, roles=roles, now=now, steer=steer)
    if state is DepartureState.CLEARED:
        standing = standing_of(departure, now)
        reasons = list(standing.verdict.reasons)
        heading = "It waits" if reasons else "It departs by itself"
        return NextStep(departure.pk, heading, "", departure.departs_at, steer, reasons)
    if state is DepartureState.ROLLING:
        text = "Each stage is watched before the next. One press brings everybody back."
        return NextStep(departure.pk, "Traffic is moving", text, actions=_brake(departure, roles))
    return NextStep(departure.pk, ENDS[state], departure.outcome)


def _deciding(
    departure: Departure, *, person: User, roles: Roles, now: datetime, steer: list[Action]
) -> NextStep:
    standing = standing_of(departure, now)
    if verdict(Ask.VOTE, departure, person, now, roles=roles).is_allowed:
        text = "Read the manifest, then say go or no-go. Your vote is bound to what is sealed."
        return NextStep(departure.pk, "Your vote is asked", text, departure.departs_at, steer)
    names = listed(standing.missing) or "nobody yet"
    text = f"Waiting for {names}."
    return NextStep(departure.pk, "Others decide", text, departure.departs_at, steer)


def _steering(departure: Departure, *, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Offer to hold, release or cancel to those who may; others are not shown buttons that are not theirs."""
    offers = (
        (
            Ask.RELEASE,
            "Release",
            "play",
            "primary",
            "optional",
            "It leaves at its time, or at once if that has passed.",
        ),
        (
            Ask.HOLD,
            "Hold",
            "octagon-pause",
            "secondary",
            "required",
            "It does not leave until somebody releases it.",
        ),
        (
            Ask.CANCEL,
            "Cancel",
            "ban",
            "quiet",
            "required",
            "It does not run. What is aboard goes to the next departure of this train; votes do not travel.",
        ),
    )
    return [
        Action(str(ask), label, f"/departures/{departure.pk}/{ask}/", icon, kind, None, asks, consequence)
        for ask, label, icon, kind, asks, consequence in offers
        if verdict(ask, departure, person, now, roles=roles).is_allowed
    ]


def _brake(departure: Departure, roles: Roles) -> list[Action]:
    rollouts = departure.rollouts.select_related("target__service")
    if not any(may_operate(roles, rollout) and not rollout.is_finished for rollout in rollouts):
        return []
    return [
        Action(
            "rollback", "Roll everything back", f"/departures/{departure.pk}/rollback/", "undo-2", "danger"
        )
    ]


ENDS = {
    DepartureState.ARRIVED: "It has arrived",
    DepartureState.ROLLED_BACK: "It came back",
    DepartureState.CANCELLED: "It was cancelled",
    DepartureState.SKIPPED: "It was skipped",
}
