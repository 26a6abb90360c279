"""Gather what one person may do about late passes, the ledger of a departure, and lost property."""

from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.late import line_of
from releasetrain.panels.shapes import Action, LateOffer, LedgerLine, LostLine
from releasetrain.trains.models import Change, Departure, LatePass, LedgerEntry
from releasetrain.trains.queries.late import (
    late_departures_for,
    live_pass_of,
    passes_with_everything,
    why_not_pass,
)
from releasetrain.trains.queries.ledger import Lost
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.rules.late import PassState
from releasetrain.trains.rules.ledger import End

# The states that an entry of the ledger looks like; the others have looks of their own name.
END_LOOKS = {End.MOVED.value: "rolled_over", End.STOOD_BY.value: "stand_by", "": "aboard"}


def late_offer(change: Change, *, person: User, roles: Roles, now: datetime) -> LateOffer:
    """Say what a change may still do about a departure whose cut-off has passed."""
    row = live_pass_of(change)
    if row is not None:
        line = line_of(row, Audience.MEMBER, now)
        return LateOffer(change.pk, line, row.departure.code, _own_steps(row, person, roles, now))
    offers = []
    for departure in late_departures_for(change, now):
        if verdict(Ask.ASK_LATE, change, person, now, departure=departure, roles=roles).is_allowed:
            label = f"See what {departure.code} would cost"
            url = links.ask_late(change.pk, departure.pk)
            offers.append(Action(f"late-{departure.pk}", label, url, "hourglass", "secondary", opens=True))
    return LateOffer(change.pk, actions=offers)


def _own_steps(row: LatePass, person: User, roles: Roles, now: datetime) -> list[Action]:
    if row.state == PassState.PRICED:
        url = links.ask_late(row.change_id, row.departure_id)
        return [Action("ask-late", "Ask for the pass", url, "hourglass", "primary", opens=True)]
    found = [use_action(row)] if may(Ask.USE_LATE, row, person, roles, now) else []
    url = links.late_pass(row.departure_id, row.pk)
    return [*found, Action("read-late", "Read the late pass", url, "ticket", "secondary", opens=True)]


def use_action(row: LatePass) -> Action:
    """Offer to bring aboard what a pass was granted for."""
    label = f"Board {row.departure.code} with the pass"
    return Action("use", label, f"{links.late_pass(row.departure_id, row.pk)}use/", "ticket-check", "primary")


def may(ask: Ask, row: LatePass, person: User, roles: Roles, now: datetime) -> bool:
    return verdict(ask, row, person, now, roles=roles).is_allowed


def pass_actions(row: LatePass, *, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Offer to use, refuse and take back a pass to those who may; granting and extending have forms."""
    base = links.late_pass(row.departure_id, row.pk)
    found = [use_action(row)] if may(Ask.USE_LATE, row, person, roles, now) else []
    if may(Ask.REFUSE_LATE, row, person, roles, now):
        text = "The change stays where it is and may board another departure. Who asked is told why."
        found.append(
            Action("refuse", "Refuse", f"{base}refuse/", "octagon-x", "secondary", None, "required", text)
        )
    if may(Ask.WITHDRAW_LATE, row, person, roles, now):
        text = "Nothing comes aboard by it any more; it can be asked for again."
        found.append(
            Action("withdraw", "Take it back", f"{base}withdraw/", "undo-2", "quiet", None, "optional", text)
        )
    return found


def why_not_granted_by(row: LatePass, *, person: User, roles: Roles, now: datetime) -> str:
    """Say why this person cannot grant a pass that waits, or what one waits for that costs more by now."""
    if row.state == PassState.GRANTED:
        why = why_not_pass("use_late", row, person.pk, now)
        return why.text if why and why.code == "priced_again" else ""
    answer = verdict(Ask.GRANT_LATE, row, person, now, roles=roles)
    waits = row.state == PassState.ASKED
    return "" if answer.is_allowed or not waits else answer.reasons[0].text


def passes_to_decide(departure: Departure, *, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Lead whoever may grant to the late passes that wait; nothing is read where none was ever asked."""
    if not departure.late_passes_asked:
        return []
    undecided = [PassState.ASKED, PassState.GRANTED]
    waiting = passes_with_everything().filter(departure=departure, state__in=undecided)
    return [
        Action(
            f"late-{row.pk}",
            f"Decide about the late pass of “{row.change.title}”",
            links.late_pass(departure.pk, row.pk),
            "hourglass",
            "primary",
            opens=True,
        )
        for row in waiting
        if may(Ask.GRANT_LATE, row, person, roles, now)
    ]


def ledger_line(entry: LedgerEntry) -> LedgerLine:
    """Say one stay; it needs its change with service, and where it went."""
    return LedgerLine(
        title=entry.change.title,
        url=links.change(entry.change_id),
        service=entry.change.service.name,
        entered_at=entry.entered_at,
        entered_by=entry.entered_by_label,
        end=END_LOOKS.get(entry.end, entry.end),
        end_words=End(entry.end).words.capitalize() if entry.end else "Aboard",
        ended_at=entry.ended_at,
        ended_by=entry.ended_by_label,
        reason=entry.reason,
        to=entry.to.code if entry.to else "",
        to_url=links.departure(entry.to.pk) if entry.to else "",
    )


def lost_line(lost: Lost) -> LostLine:
    """Say one loss."""
    departure = lost.departure
    return LostLine(
        title=lost.change.title,
        url=links.change(lost.change.pk),
        why=lost.loss.words,
        departure=departure.code if departure else "",
        departure_url=links.departure(departure.pk) if departure else "",
    )
