"""Gather what one person may do about the course of a departure, and what each of it would do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.lib.moments import move
from releasetrain.lib.verdict import Reason
from releasetrain.notifications.queries import told_about
from releasetrain.panels import links
from releasetrain.panels.deadlines import deadlines_in
from releasetrain.panels.shapes import Action, SteerForm, Steering
from releasetrain.trains import actions
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.consequences import consequences
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.states import DepartureState
from releasetrain.web.forms.blockers import BlockForm, WatchForm
from releasetrain.web.forms.bundles import ReopenForm
from releasetrain.web.forms.late import PlaceReturnedForm, PlacingForm
from releasetrain.web.forms.steering import (
    HandOverForm,
    HoldForm,
    MoveForm,
    OverrideForm,
    PostponeForm,
    ReasonForm,
    SteerBase,
)

D = DepartureState
OVERRIDE_LASTS = timedelta(hours=6)
# How long before it departs a departure that is opened again is sealed, unless somebody says otherwise.
REOPENED_BEFORE = timedelta(minutes=30)
FORESEEN = (Ask.POSTPONE, Ask.CANCEL, Ask.HOLD, Ask.SKIP, Ask.RESTORE)


@dataclass(frozen=True, slots=True)
class Verb:
    """One way to steer a departure: its words, its form and the action that does it."""

    ask: Ask
    label: str
    icon: str
    done: str
    form: type[SteerBase]
    do: Callable[..., Any]
    kind: str = "primary"
    text: str = ""


def on_it(do: Callable[..., Any]) -> Callable[..., Any]:
    """Do something to the departure that was chosen in the form: this one, or a later one of its train."""

    def steered(departure: Departure, *, on: Departure | None, **said: Any) -> Any:
        return do(on or departure, **said)

    return steered


VERBS: dict[str, Verb] = {
    "postpone": Verb(
        ask=Ask.POSTPONE,
        label="Postpone",
        icon="calendar-clock",
        done="{code} goes at another time.",
        form=PostponeForm,
        do=actions.postpone,
    ),
    "hold": Verb(
        ask=Ask.HOLD,
        label="Hold",
        icon="octagon-pause",
        done="{code} is held.",
        form=HoldForm,
        do=actions.hold,
    ),
    "move": Verb(
        ask=Ask.MOVE,
        label="Move a deadline",
        icon="calendar-range",
        done="The deadline is moved.",
        form=MoveForm,
        do=actions.move_deadline,
        text="One cut-off or milestone of this one departure; those of its train stay as they are.",
    ),
    "hand-over": Verb(
        ask=Ask.HAND_OVER,
        label="Hand over",
        icon="user-round-check",
        done="{code} is handed over.",
        form=HandOverForm,
        do=actions.hand_over,
    ),
    "override": Verb(
        ask=Ask.OVERRIDE,
        label="Ask for an override",
        icon="shield-alert",
        done="The override is asked for; it counts once a second person has approved it.",
        form=OverrideForm,
        do=actions.request_override,
        text="It counts once a second person approves it, who neither asked nor has a change aboard. "
        "It is announced to everybody aboard and reviewed within five working days.",
    ),
    "block": Verb(
        ask=Ask.BLOCK,
        label="Block it",
        icon="construction",
        done="It is blocked until somebody clears that.",
        form=BlockForm,
        do=on_it(actions.open_blocker),
        text="It does not leave until somebody clears this. Everybody aboard is told.",
    ),
    "watch": Verb(
        ask=Ask.BLOCK,
        label="Watch an error rate",
        icon="eye",
        done="The error rate is watched.",
        form=WatchForm,
        do=on_it(actions.watch_error_rate),
        text="It blocks while both horizons are above the limit, and while nothing is reported.",
    ),
    "reopen": Verb(
        ask=Ask.REOPEN,
        label="Open boarding again",
        icon="door-open",
        done="{code} boards again; the new cut-off seals a new revision.",
        form=ReopenForm,
        do=actions.reopen_boarding,
        text="It stays sealed unless somebody says so here. Changes board and leave freely until the new "
        "cut-off; then it is sealed as a new revision, and people decide about that.",
    ),
    "restore": Verb(
        ask=Ask.RESTORE,
        label="Restore",
        icon="undo-2",
        done="{code} is back on the timetable.",
        form=ReasonForm,
        do=actions.restore,
    ),
    "place": Verb(
        ask=Ask.PLACE,
        label="Place what came back",
        icon="redo-2",
        done="What came back with {code} is placed.",
        form=PlaceReturnedForm,
        do=actions.place_returned,
        text="Each change goes on by the next departure, by an express, or stays with its author. "
        "Votes do not travel.",
    ),
    "skip": Verb(
        ask=Ask.SKIP,
        label="Skip",
        icon="skip-forward",
        done="{code} is skipped.",
        form=PlacingForm,
        do=actions.skip,
        kind="danger",
    ),
    "cancel": Verb(
        ask=Ask.CANCEL,
        label="Cancel",
        icon="ban",
        done="{code} is cancelled; what was aboard is placed.",
        form=PlacingForm,
        do=actions.cancel,
        kind="danger",
    ),
}
SHORT = {
    "override": "Override",
    "reopen": "Board again",
    "move": "Move deadline",
    "watch": "Watch errors",
}
UNNAMED = ("move", "override", "watch", "reopen")
QUIET = ("skip", "cancel")
# One that is rolling may still be handed over or let through a window, a skipped one restored.
ENDED = GONE.keys() - {D.SKIPPED, D.ROLLING, D.ROLLED_BACK}


def steering_of(departure: Departure, *, person: User, roles: Roles, now: datetime) -> Steering:
    """Offer every way to steer it to those who may; what is off for another reason than a role says why."""
    found: list[Action] = []
    if D(departure.state) not in ENDED:
        for name, verb in VERBS.items():
            answer = verdict(verb.ask, departure, person, now, roles=roles)
            reason = answer.reasons[0] if not answer.is_allowed else None
            if reason is None or reason.code not in HIDDEN:
                found.append(_action(departure, name, verb, reason))
    settings = verdict(Ask.APPLY_SETTINGS, departure, person, now, roles=roles)
    url = f"{links.departure(departure.pk)}settings/" if settings.is_allowed else ""
    return Steering(departure.pk, found, settings_url=url)


# Who lacks the role, or for whom it makes no sense at all, is not shown a button that is off.
HIDDEN = ("role", "not_a_person", "not_skipped", "not_back", "gone", "held", "boarding")


def _action(departure: Departure, name: str, verb: Verb, reason: Reason | None) -> Action:
    return Action(
        name=f"steer-{name}",
        label=SHORT.get(name, verb.label),
        url=f"{links.departure(departure.pk)}{name}/",
        icon=verb.icon,
        kind="quiet" if name in QUIET else "secondary",
        reason=reason,
    )


def initial_of(name: str, departure: Departure, query: dict[str, Any]) -> dict[str, Any]:
    """Return what the fields of a form hold at first: what is so now, or what a link asks for."""
    found: dict[str, Any] = {}
    if name == "postpone":
        found = {"to": _wall(departure.departs_at, departure)}
    if name == "move":
        found = {"to": _wall(departure.cut_off_at, departure)}
    if name == "hand-over":
        found = {"captain": departure.deputy_id, "deputy": departure.captain_id or departure.train.captain_id}
    if name == "reopen":
        found = {"until": _wall(max(departure.cut_off_at, departure.departs_at - REOPENED_BEFORE), departure)}
    if name == "override":
        found = {"expires_at": _wall(departure.departs_at + OVERRIDE_LASTS, departure)}
    return {**found, **query}


def steer_form(
    name: str, departure: Departure, form: SteerBase, *, person: User, roles: Roles, now: datetime
) -> SteerForm:
    """Say what steering would do with what is typed so far, and who would be told."""
    verb = VERBS[name]
    answer = verdict(verb.ask, departure, person, now, roles=roles)
    reason = None if answer.is_allowed else answer.reasons[0]
    sentences, warnings = _foreseen(verb, departure, form, person, reason, now)
    if isinstance(form, PlacingForm) and form.rest and reason is None:
        sentences = [*sentences, form.rest]
    return SteerForm(
        pk=departure.pk,
        departure=str(departure),
        verb=name,
        heading=verb.label if name in UNNAMED else f"{verb.label} {departure.code}",
        label=verb.label,
        icon=verb.icon,
        kind=verb.kind,
        url=f"{links.departure(departure.pk)}{name}/",
        back_url=links.departure(departure.pk),
        text=verb.text,
        sentences=sentences,
        told=told_about(departure, but=person, at=now),
        warnings=warnings,
        reason=reason,
        previews=name in ("postpone", "move", "hold"),
    )


def _foreseen(
    verb: Verb, departure: Departure, form: SteerBase, person: User, reason: Reason | None, now: datetime
) -> tuple[list[str], list[Reason]]:
    """Return what it would do in sentences, and what speaks against it."""
    to = form.at("to") if "to" in form.fields else form.at("until") if "until" in form.fields else None
    notes = [note for name in ("to", "until") if (note := form.clock_note(name))]
    warnings = [Reason("clocks", note) for note in notes]
    if verb.ask in FORESEEN:
        moved = None if verb.ask is Ask.POSTPONE and to == departure.departs_at else to
        goes_along = bool(form["moves_deadlines"].value()) if "moves_deadlines" in form.fields else False
        found = consequences(verb.ask, departure, now, to=moved, by=person, moves_deadlines=goes_along)
        return found.sentences, [*warnings, *(one for one in found.verdict.reasons if one != reason)]
    zone = departure.train.time_zone
    if verb.ask is Ask.MOVE and to is not None:
        chosen = str(form["what"].value() or "")
        known = {what: (label, at) for what, label, at in deadlines_in(departure)}
        label, at = known.get(chosen) or next(iter(known.values()))
        same = at == to
        return ([] if same else [f"{label} moves {move(at, to, zone)}."]), warnings
    return [], warnings


def _wall(at: datetime, departure: Departure) -> datetime:
    """Return an instant as the train's own clocks show it, as the fields of a form take it."""
    return at.astimezone(ZoneInfo(departure.train.time_zone)).replace(tzinfo=None)
