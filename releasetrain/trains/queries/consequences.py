"""Foretell what steering a departure would do: what moves, which votes lapse, and who is told."""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.events.actions import SYSTEM
from releasetrain.lib.moments import moment, move
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason, Verdict, combine, deny
from releasetrain.lib.words import listed
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries.decision import standing_of
from releasetrain.trains.queries.departures import changes_of, next_to_board
from releasetrain.trains.queries.forecast import Forecast, forecast_of
from releasetrain.trains.queries.neighbours import neighbours_of, why_not_postpone_to
from releasetrain.trains.queries.permissions import By
from releasetrain.trains.queries.placing import shared_out
from releasetrain.trains.queries.timetable import times_of
from releasetrain.trains.queries.verdicts import Action, verdict
from releasetrain.trains.rules.departing import MAX_HOLD
from releasetrain.trains.rules.moving import why_not_among
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState, Choice
from releasetrain.trains.rules.times import Times, moved_deadlines


@dataclass(frozen=True, slots=True)
class Consequences:
    """What an action would do, in sentences, and the names of those who would be told."""

    verdict: Verdict
    sentences: list[str]
    told: list[str]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: one departure with the changes aboard, now, and the time that was typed."""

    departure: Departure
    aboard: list[Change]
    now: datetime
    to: datetime | None
    moves_deadlines: bool

    @property
    def zone(self) -> str:
        return self.departure.train.time_zone

    @property
    def is_sealed(self) -> bool:
        return self.departure.state not in BOARDING_STATES

    def on(self, instant: datetime) -> str:
        return moment(instant, self.zone)


def consequences(
    action: Action,
    departure: Departure,
    now: datetime,
    *,
    to: datetime | None = None,
    by: By = SYSTEM,
    roles: Roles | None = None,
    moves_deadlines: bool = False,
) -> Consequences:
    """Foretell what it does to postpone, cancel, hold, skip or restore a departure.

    :param to: when it would go instead, or until when it would be held
    :param by: who asks; the verdict is about that person, and nobody is told what they do themselves
    :param roles: those of who asks, where they are loaded already
    :param moves_deadlines: whether its deadlines go along
    """
    aboard = [one for one in changes_of(departure.pk) if one.state == ChangeState.ABOARD]
    question = Question(departure, aboard, now, to, moves_deadlines)
    answer = combine(verdict(action, departure, by, now, roles=roles), _denied(_why_not(action, question)))
    foretell = FORETELLERS.get(action)
    return Consequences(
        verdict=answer,
        sentences=list(foretell(question)) if foretell and answer.is_allowed else [],
        told=_told(question, by),
    )


def _denied(reason: Reason | None) -> Verdict:
    return deny(reason.code, reason.text, until=reason.until, who=reason.who) if reason else Verdict()


def _why_not(action: Action, question: Question) -> Reason | None:
    """Return why it cannot be done at the time that was typed, or None."""
    departure, to = question.departure, question.to
    if action is Action.RESTORE:
        return why_not_among(departure.departs_at, neighbours_of(departure), question.zone)
    if to is None:
        return None
    if action is Action.POSTPONE:
        _, why = why_not_postpone_to(
            departure, to, moves_deadlines=question.moves_deadlines, now=question.now
        )
        return why
    if action is Action.HOLD and to <= question.now:
        return Reason("past", "That time has passed; choose a later one, or none.")
    return None


def _told(question: Question, by: By) -> list[str]:
    """Return the names of who runs it and who answers for a change aboard, each once."""
    departure = question.departure
    people: list[User | None] = [departure.captain or departure.train.captain, departure.deputy]
    people += [person for one in question.aboard for person in (one.author, one.submitted_by)]
    named = {person.pk: str(person) for person in people if person is not None and person.is_active}
    return [name for pk, name in named.items() if not (isinstance(by, User) and by.pk == pk)]


def _postponed(question: Question) -> Iterator[str]:
    departure, to = question.departure, question.to
    if to is None:
        return
    before = times_of(departure)
    after, _ = why_not_postpone_to(departure, to, moves_deadlines=question.moves_deadlines, now=question.now)
    yield f"It goes {move(before.departs_at, to, question.zone)}."
    yield from _deadlines(question, before, after)
    if question.is_sealed:
        yield from _votes_at(question, to)
    yield _goes_along(question)
    lead = departure.train.check_in_lead
    if lead is not None and question.now < to - lead and any(one.checked_in_at for one in question.aboard):
        yield f"Who has checked in is asked again from {question.on(to - lead)} on."
    yield from _on_its_way(question, to)


def _deadlines(question: Question, before: Times, after: Times) -> Iterator[str]:
    if question.is_sealed:
        yield "Its manifest stays sealed as it is; nothing more comes aboard."
    moved = moved_deadlines(before, after)
    if not moved and not question.is_sealed:
        yield f"It is sealed at its cut-off on {question.on(after.cut_off_at)} as before."
    for one in moved:
        what = f"{one.what[:1].upper()}{one.what[1:]}"
        yield f"{what} moves {move(one.before, one.after, question.zone)}."


def _votes_at(question: Question, at: datetime) -> Iterator[str]:
    """Say whose go would not count any more when it goes, and who keeps theirs."""
    standing = standing_of(question.departure, question.now)
    if standing.tally is None or standing.counting is None:
        return
    later = standing_of(_gone_at(question.departure, at), at)
    lost = {one.ballot.name for one in (later.tally.not_counted if later.tally else ())}
    lost -= {one.ballot.name for one in standing.tally.not_counted}
    stand = [one.name for one in standing.ballots if one.choice is Choice.GO and one.name not in lost]
    if lost:
        yield f"The go of {listed(sorted(lost))} will be too old by then and is asked for again."
    if stand:
        yield f"The go of {listed(stand)} stands."


def _gone_at(departure: Departure, at: datetime) -> Departure:
    moved = copy(departure)
    moved.departs_at = at
    return moved


def _goes_along(question: Question) -> str:
    if not question.aboard:
        return "Nothing is aboard yet."
    return f"{_counted(question.aboard)} of {_whose(question.aboard)} {_verb(question.aboard)} aboard."


def _verb(changes: list[Change]) -> str:
    return "stays" if len(changes) == 1 else "stay"


def _counted(changes: list[Change]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes)} changes"


def _whose(changes: list[Change]) -> str:
    return listed(list(dict.fromkeys(str(one.author or one.author_label) for one in changes)))


def _on_its_way(question: Question, to: datetime) -> Iterator[str]:
    """Say which windows it meets then, and who is on call for it, where that differs from now."""
    now = forecast_of(question.departure, question.now)
    then = forecast_of(_gone_at(question.departure, to), question.now)
    if then.leaves_at is not None and then.leaves_at > to and then.stages:
        blocked = then.stages[0].blocked
        yield f"It would wait then until {question.on(then.leaves_at)}{_because(blocked)}"
    if then.will_hold is not None:
        end = f" until {question.on(then.will_hold.until)}" if then.will_hold.until else ""
        where = f"at {then.will_hold.weight} % of {then.will_hold.service}"
        what = (
            "It would come back from there" if then.will_hold.comes_back else f"It would be held {where}{end}"
        )
        yield f"{what}{_because(then.will_hold.reason)}"
    elif now.will_hold is not None:
        yield "No window that is known holds it on its way any more."
    yield from _uncovered(now, then)


def _because(reason: Reason | None) -> str:
    return f": {reason.text}" if reason else "."


def _uncovered(now: Forecast, then: Forecast) -> Iterator[str]:
    known = {one.service for one in now.uncovered}
    services = list(dict.fromkeys(one.service for one in then.uncovered))
    if services:
        again = " as before" if set(services) <= known else ""
        yield f"Nobody would be on call for {listed(services)} while it rolls out{again}."
    elif known:
        yield "Somebody is on call for every stage then."


def _cancelled(question: Question) -> Iterator[str]:
    yield f"It does not depart on {question.on(question.departure.departs_at)}."
    yield from _placed(question)
    if question.is_sealed:
        yield "Votes do not travel: people decide again about wherever its changes go."


def _placed(question: Question) -> Iterator[str]:
    """Say where each change aboard goes (RULES I12)."""
    if not question.aboard:
        yield "Nothing is aboard, so nothing has to be placed."
        return
    following = next_to_board(question.departure, question.now)
    in_time = {
        one.pk: following
        for one in question.aboard
        if following is not None and question.now < following.cut_off_for(one.boarding_category)
    }
    shared = shared_out(question.aboard, in_time)
    going = [one for one in question.aboard if one.pk in shared.aboard]
    waiting = [one for one in question.aboard if one.pk in shared.standing]
    staying = [one for one in question.aboard if one not in going and one not in waiting]
    if following is not None and going:
        goes = "goes" if len(going) == 1 else "go"
        where = f"{following.code} on {question.on(following.departs_at)}"
        yield f"{_counted(going)} of {_whose(going)} {goes} to {where}, unless placed otherwise."
    if following is not None and waiting:
        stands = "stands" if len(waiting) == 1 else "stand"
        count = f"{_counted(waiting)} of {_whose(waiting)}"
        yield f"{count} {stands} by for {following.code}, which has no more room."
    if staying:
        verb = "is" if len(staying) == 1 else "are"
        why = _why_returned(staying, following, in_time)
        yield f"{_counted(staying)} of {_whose(staying)} {verb} returned: {why}."


def _why_returned(
    staying: list[Change], following: Departure | None, in_time: Mapping[int, Departure | None]
) -> str:
    if following is None:
        return "there is no next departure"
    late = "no cut-off of the next departure is ahead for it"
    if all(one.pk not in in_time for one in staying):
        return late
    return f"{late}, or for what it needs or goes all or nothing with"


def _skipped(question: Question) -> Iterator[str]:
    yield from _cancelled(question)
    yield f"It can be restored until its cut-off on {question.on(question.departure.cut_off_at)}."


def _restored(question: Question) -> Iterator[str]:
    departure = question.departure
    yield f"It departs on {question.on(departure.departs_at)} after all."
    yield f"Changes may board it until its cut-off on {question.on(departure.cut_off_at)}."
    yield "What was aboard before stays where it has been placed."


def _held(question: Question) -> Iterator[str]:
    departure, to = question.departure, question.to
    when = question.on(departure.departs_at)
    if to is None:
        yield f"It does not depart on {when} unless somebody releases it before."
    elif to <= departure.departs_at:
        yield f"The hold ends on {question.on(to)}, before its departure on {when}, which stays as it is."
    else:
        late = in_words(to - max(departure.departs_at, question.now))
        yield f"It departs on {question.on(to)} at the earliest, {late} later, unless somebody releases it."
    if to is not None and to - question.now > MAX_HOLD:
        yield f"After more than {in_words(MAX_HOLD)} a person must say that it goes on."
    if not question.is_sealed:
        yield f"Boarding and the seal on {question.on(departure.cut_off_at)} go on meanwhile."
    elif to is not None and to > departure.departs_at:
        yield from _votes_at(question, to)
    yield _goes_along(question)


FORETELLERS: dict[Action, Callable[[Question], Iterator[str]]] = {
    Action.POSTPONE: _postponed,
    Action.CANCEL: _cancelled,
    Action.HOLD: _held,
    Action.SKIP: _skipped,
    Action.RESTORE: _restored,
}
