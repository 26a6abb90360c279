"""Say what taking a change off would do, to whoever asks for it, answers, or does it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.lib.verdict import Reason
from releasetrain.panels import links
from releasetrain.panels.shapes import Action
from releasetrain.trains.models import Change, Departure, Withdrawal
from releasetrain.trains.queries.bundling import Fallen, what_falls
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.rules.states import BOARDING_STATES

ASK = "Ask to take it off"


@dataclass(frozen=True, slots=True)
class Leaving:
    """The page on which a change gets off: what that does, and what stands around its form.

    `reason` says why this person cannot do it now; `story` what was asked, where somebody has asked.
    """

    change: Change
    heading: str
    label: str
    url: str
    back_url: str
    sentences: Sequence[str]
    fallen: Sequence[Fallen]
    reason: Reason | None
    story: str = ""
    state: str = ""
    decision: str = ""
    actions: Sequence[Action] = ()
    is_over: bool = False


def asking(change: Change, *, person: User, roles: Roles, now: datetime, staying: Iterable[int]) -> Leaving:
    """Gather the form that asks for it."""
    return _leaving(
        Ask.ASK_WITHDRAWAL, change, "Ask to take it off", "ask-to-leave", person, roles, now, staying
    )


def ejecting(change: Change, *, person: User, roles: Roles, now: datetime, staying: Iterable[int]) -> Leaving:
    """Gather the form that does it."""
    return _leaving(Ask.EJECT, change, "Take it off", "eject", person, roles, now, staying)


def _leaving(
    ask: Ask,
    change: Change,
    label: str,
    verb: str,
    person: User,
    roles: Roles,
    now: datetime,
    staying: Iterable[int],
) -> Leaving:
    answer = verdict(ask, change, person, now, roles=roles)
    fallen = what_falls(change, staying=staying)
    return Leaving(
        change=change,
        heading=f"{label}: {change.title}",
        label=label,
        url=links.leave(change.pk, verb),
        back_url=links.change(change.pk),
        sentences=_sentences(change.departure, fallen, is_asking=ask is Ask.ASK_WITHDRAWAL),
        fallen=fallen,
        reason=None if answer.is_allowed else answer.reasons[0],
    )


def answering(
    withdrawal: Withdrawal, *, person: User, roles: Roles, now: datetime, staying: Iterable[int]
) -> Leaving:
    """Gather the page of a request: what was asked, what it would do, and what this person may answer."""
    change, departure = withdrawal.change, withdrawal.departure
    answer = verdict(Ask.DECIDE_WITHDRAWAL, withdrawal, person, now, roles=roles)
    back = verdict(Ask.TAKE_BACK_WITHDRAWAL, withdrawal, person, now, roles=roles)
    url = links.withdrawal(departure.pk, withdrawal.pk)
    fallen = what_falls(change, staying=staying) if change.departure_id == departure.pk else []
    actions = []
    if answer.is_allowed:
        actions.append(
            Action(
                "refuse",
                "Keep it aboard",
                f"{url}refuse/",
                "ticket",
                asks="required",
                consequence=f"It stays aboard {departure.code}. Whoever asked reads why.",
            )
        )
    if back.is_allowed and not answer.is_allowed:
        actions.append(Action("take-back", "Take the request back", f"{url}take-back/", "undo-2"))
    is_over = withdrawal.decided_at is not None
    return Leaving(
        change=change,
        heading=f"Take it off: {change.title}",
        label="Take it off",
        url=url,
        back_url=links.departure(departure.pk),
        sentences=[] if is_over else _sentences(departure, fallen, is_asking=False),
        fallen=fallen,
        reason=None if answer.is_allowed else answer.reasons[0],
        story=f"{withdrawal.requested_by_label} asks to take it off: {withdrawal.reason}",
        state=f"leave_{withdrawal.state}",
        decision=_decision(withdrawal),
        actions=actions,
        is_over=is_over,
    )


def _decision(withdrawal: Withdrawal) -> str:
    if withdrawal.decided_at is None:
        return ""
    why = f": {withdrawal.decision}" if withdrawal.decision else ""
    made = f" It made revision {withdrawal.revision}." if withdrawal.revision else ""
    return f"Answered by {withdrawal.decided_by_label}{why}.{made}"


def _sentences(departure: Departure | None, fallen: Sequence[Fallen], *, is_asking: bool) -> list[str]:
    if departure is None:
        return []
    said = [f"Nothing happens before somebody who runs {departure.code} has answered."] if is_asking else []
    first = "If that is a yes, it" if is_asking else "It"
    along = "nothing else" if not fallen else f"{len(fallen)} more, named below"
    said.append(f"{first} gets off {departure.code}, and with it {along}.")
    left = departure.changes.filter(state="aboard").count() - 1 - len(fallen)
    if left <= 0:
        said.append(f"Nothing is left aboard {departure.code} then, and it is cancelled.")
    elif departure.state not in BOARDING_STATES:
        said.append(f"{left} stay aboard. The manifest gets a new revision, which people decide about again.")
    else:
        said.append(f"{left} stay aboard. It is not sealed yet, so no vote is lost.")
    return said
