"""Gather what one person may do about a departure; what everybody sees is the panels'."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Q

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.lib.moments import day_and_time, moment
from releasetrain.lib.words import listed
from releasetrain.notifications.queries import told_about
from releasetrain.panels import links
from releasetrain.panels.reasons import SHOWN_OTHERWISE
from releasetrain.panels.shapes import Action, NextStep, Offer
from releasetrain.rollouts.access import may_operate
from releasetrain.trains.models import Change, Departure, Withdrawal
from releasetrain.trains.queries.bundling import asked_withdrawals
from releasetrain.trains.queries.consequences import consequences
from releasetrain.trains.queries.decision import Standing, standing_of
from releasetrain.trains.queries.forecast import Forecast, WillHold, forecast_of
from releasetrain.trains.queries.overrides import overrides_with_everything
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.rules.readiness import MANUAL, Sample
from releasetrain.trains.rules.states import FINISHED_STATES, ChangeState, DepartureState
from releasetrain.web.contexts.hotfixes import attest_link, links_of_hotfix
from releasetrain.web.contexts.late import passes_to_decide

MOST_CHECK_INS, MOST_ALTERNATIVES, MOST_REASON = 3, 3, 300
LOCAL_SECONDS = "%Y-%m-%dT%H:%M:%S"


def next_of(departure: Departure, *, person: User, roles: Roles, now: datetime) -> NextStep:
    """Name the one next thing about a departure, with what this person can do about it."""
    state = DepartureState(departure.state)
    if state is DepartureState.ROLLING:
        text = "Each stage is watched before the next. One press brings everybody back."
        actions = [*_brake(departure, roles), *links_of_hotfix(departure)]
        return NextStep(departure.pk, "Traffic is moving", text, actions=actions)
    if state in FINISHED_STATES:
        return NextStep(departure.pk, ENDS[state], actions=links_of_hotfix(departure))
    standing = standing_of(departure, now)
    step = _ahead(standing, person=person, roles=roles, now=now)
    offers = _ways_out(standing, person=person, roles=roles, now=now)
    own = [*_check_ins(departure, person, now), *_to_make_ready(departure, person, roles, now)]
    if standing.load.has_overrides:
        own += _second_person(departure, person, roles, now)
    if standing.load.has_open_ends:
        own += _open_ends(departure, person, roles, now)
    undoes = any(reason.code == "hotfix_undo" for reason in standing.verdict.reasons)
    own += links_of_hotfix(departure, undoes=undoes)
    own += passes_to_decide(departure, person=person, roles=roles, now=now)
    return replace(step, offers=offers, actions=[*own, *step.actions])


def _ahead(standing: Standing, *, person: User, roles: Roles, now: datetime) -> NextStep:
    """Say what a departure that has not left waits for."""
    departure, state = standing.departure, DepartureState(standing.departure.state)
    if departure.held_at is not None:
        release = _release(departure, person=person, roles=roles, now=now)
        text = departure.held_reason
        return NextStep(departure.pk, "It is held", text, until_at=departure.held_until, actions=release)
    if state is DepartureState.SCHEDULED:
        return NextStep(departure.pk, "Boarding opens", until_at=departure.boards_at)
    if state is DepartureState.BOARDING:
        text = "Whatever is aboard at the cut-off leaves together; then the manifest is sealed."
        return NextStep(departure.pk, "Board before the cut-off", text, departure.cut_off_at)
    if state is DepartureState.DECIDING:
        return _deciding(standing, person=person, roles=roles, now=now)
    reasons = [reason for reason in standing.verdict.reasons if reason.code not in SHOWN_OTHERWISE]
    heading = "It waits" if reasons else "It departs by itself"
    return NextStep(departure.pk, heading, "", departure.departs_at, reasons=reasons)


def _deciding(standing: Standing, *, person: User, roles: Roles, now: datetime) -> NextStep:
    departure = standing.departure
    own = person.pk in standing.load.authors and person.pk not in (
        standing.tally.missing if standing.tally and standing.tally.missing else ()
    )
    mine = standing.ballot_of(person)
    if mine is not None and not own and standing.tally is not None and standing.tally.counts(mine):
        text = f"You said {mine.choice.words}. {_waited_for(standing)} You may still change your vote."
        return NextStep(departure.pk, "You have voted", text, departure.departs_at)
    if not own and verdict(Ask.VOTE, departure, person, now, roles=roles).is_allowed:
        text = "Read the manifest, then say go or no-go. Your vote is bound to what is sealed."
        return NextStep(departure.pk, "Your vote is asked", text, departure.departs_at)
    why = "You wrote or submitted some of this, so your vote would not count. " if own else ""
    return NextStep(departure.pk, "Others decide", f"{why}{_waited_for(standing)}", departure.departs_at)


def _waited_for(standing: Standing) -> str:
    return f"Waiting for {listed(standing.missing) or 'nobody yet'}."


def _release(departure: Departure, *, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Offer to end a hold to those who may; others are not shown buttons that are not theirs."""
    if not verdict(Ask.RELEASE, departure, person, now, roles=roles).is_allowed:
        return []
    consequence = "It leaves at its time, or at once if that has passed."
    url = f"{links.departure(departure.pk)}release/"
    return [Action("release", "Release", url, "play", "primary", asks="optional", consequence=consequence)]


def _check_ins(departure: Departure, person: User, now: datetime) -> list[Action]:
    """Ask the authors of what is aboard to say that they are there, once that is open."""
    lead = departure.train.check_in_lead
    if lead is None or now < departure.departs_at - lead:
        return []
    mine = Change.objects.filter(departure=departure, state=ChangeState.ABOARD, checked_in_at=None)
    mine = mine.filter(Q(author=person) | Q(submitted_by=person))
    return [
        Action(
            f"check-in-{one.pk}",
            f"Check in for “{one.title}”",
            f"{links.change(one.pk)}check-in/",
            "hand",
            "primary",
        )
        for one in mine[:MOST_CHECK_INS]
    ]


def _to_make_ready(departure: Departure, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Lead whoever may tick to a checklist that is not ticked, and owners to what they have to clear."""
    sample = Sample.from_json(departure.readiness)
    is_open = sample is not None and any(
        one.key.startswith(MANUAL) and not one.is_fine for one in sample.results
    )
    found = [
        Action(
            f"blocker-{one['id']}",
            f"See to “{one['title']}”",
            links.blocker(departure.pk, one["id"]),
            "construction",
            "primary",
            opens=True,
        )
        for one in departure.blocking
        if one["blocks"] and one["owner"] == person.pk
    ]
    if is_open and verdict(Ask.TICK, departure, person, now, roles=roles).is_allowed:
        url = links.readiness(departure.pk)
        found.append(Action("checklist", "Tick the checklist", url, "clipboard-check", "primary", opens=True))
    return found


def _second_person(departure: Departure, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Lead whoever may approve to an override that waits for a second person."""
    waiting = overrides_with_everything().filter(
        departure=departure, approved_at=None, withdrawn_at=None, expires_at__gt=now
    )
    return [
        Action(
            f"override-{one.pk}",
            "Read the override that waits for you",
            links.override(departure.pk, one.pk),
            "shield-alert",
            "primary",
            opens=True,
        )
        for one in waiting
        if verdict(Ask.APPROVE_OVERRIDE, one, person, now, roles=roles).is_allowed
    ]


def _open_ends(departure: Departure, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Lead to requests to get off that this person may answer, and to what is loose aboard."""
    found = [
        Action(
            f"withdrawal-{one.pk}",
            f"Answer: {one.requested_by_label} asks to take “{one.change.title}” off",
            links.withdrawal(departure.pk, one.pk),
            "log-out",
            "primary",
            opens=True,
        )
        for one in asked_withdrawals([departure.pk])
        if _may_answer(one, departure, person, roles, now)
    ]
    see = Action("bundles", "See what goes together", links.bundles(departure.pk), "route", opens=True)
    return found or [see]


def _may_answer(request: Withdrawal, departure: Departure, person: User, roles: Roles, now: datetime) -> bool:
    request.departure = departure
    return verdict(Ask.DECIDE_WITHDRAWAL, request, person, now, roles=roles).is_allowed


def _ways_out(standing: Standing, *, person: User, roles: Roles, now: datetime) -> list[Offer]:
    """Offer to accept a hold that is foreseen, or to leave when nothing would hold it (RULES W4)."""
    departure = standing.departure
    if not verdict(Ask.POSTPONE, departure, person, now, roles=roles).is_allowed:
        return []
    forecast = forecast_of(departure, now)
    is_asked = any(reason.code == "will_hold" for reason in standing.verdict.reasons)
    times = forecast.alternatives[:MOST_ALTERNATIVES]
    return [
        *([_acceptance(departure, forecast.will_hold)] if is_asked and forecast.will_hold else []),
        *(
            _postponement(departure, number, at, forecast, person, roles, now)
            for number, at in enumerate(times)
        ),
    ]


def _acceptance(departure: Departure, hold: WillHold) -> Offer:
    url = f"{links.departure(departure.pk)}accept-hold/"
    action = Action("accept-hold", "Accept the hold", url, "octagon-pause", "secondary")
    until = f" until {moment(hold.until, departure.train.time_zone)}" if hold.until else ""
    what = "is rolled back from" if hold.comes_back else "is held at"
    return Offer(action, f"It departs at its time, and {hold.service} {what} {hold.weight} %{until}.")


def _postponement(
    departure: Departure,
    number: int,
    at: datetime,
    forecast: Forecast,
    person: User,
    roles: Roles,
    now: datetime,
) -> Offer:
    """Offer another time in one press, with what that would do said beside it."""
    zone = departure.train.time_zone
    why = forecast.will_hold.reason.text if forecast.will_hold else "somebody is on call for every stage then"
    action = Action(
        f"postpone-{number}",
        f"Go {day_and_time(at, zone)}",
        f"{links.departure(departure.pk)}postpone/",
        "calendar-clock",
        "secondary",
        fields=(
            ("to", at.astimezone(ZoneInfo(zone)).strftime(LOCAL_SECONDS)),
            ("moves_deadlines", "on"),
            ("reason", f"So that it goes untouched: {why}"[:MOST_REASON]),
        ),
    )
    said = consequences(Ask.POSTPONE, departure, now, to=at, by=person, roles=roles, moves_deadlines=True)
    first, *more = said.sentences or [""]
    return Offer(action, first, more, told_about(departure, but=person, at=now))


def _brake(departure: Departure, roles: Roles) -> list[Action]:
    rollouts = departure.rollouts.select_related("target__service")
    if not any(may_operate(roles, rollout) and not rollout.is_finished for rollout in rollouts):
        return []
    url = f"/departures/{departure.pk}/rollback/"
    brake = Action("rollback", "Roll everything back", url, "undo-2", "danger")
    away = any(rollout.makes_way and not rollout.is_finished for rollout in rollouts)
    return [brake, *([attest_link(departure)] if away else [])]


ENDS = {
    DepartureState.ARRIVED: "It has arrived",
    DepartureState.ROLLED_BACK: "It came back",
    DepartureState.CANCELLED: "It was cancelled",
    DepartureState.SKIPPED: "It was skipped",
}
