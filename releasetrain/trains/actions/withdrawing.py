"""Take changes off a departure with whatever falls with them, and answer those who ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.words import listed
from releasetrain.trains.actions.boarding import promote
from releasetrain.trains.actions.locking import locked_change, locked_departure
from releasetrain.trains.actions.placing import take_off
from releasetrain.trains.actions.refusals import CannotLeave, refuse, refuse_unless
from releasetrain.trains.actions.sealing import mend
from releasetrain.trains.models import Change, Departure, Need, Withdrawal
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.bundling import Fallen, reachable, repointed_pks, tied, what_falls
from releasetrain.trains.rules.bundling import why_not_met, why_not_need
from releasetrain.trains.rules.states import ChangeState, WithdrawalState

LONGEST_REASON = 300
MOVED = "Somebody moved this change at the same moment; look at where it is now."
Repointed = Mapping[int, int | None]


@dataclass(frozen=True, slots=True)
class TakenOff:
    """What has left a departure: the change that was named, and what fell with it."""

    change: Change
    fallen: list[Fallen]
    departure: Departure


@transaction.atomic
def eject(
    change: Change, *, reason: str, by: By, now: datetime, repointed: Repointed | None = None
) -> TakenOff:
    """Take a change off its departure for its author; what needs it or is bundled with it gets off too.

    Aboard a sealed departure that makes a new revision, or cancels it where nothing is left.

    :param repointed: dependants that stay, with the change that they need instead, or None
    :raises CannotLeave: it is aboard no departure, that has left, or a dependant cannot be re-pointed so
    :raises Invalid: no reason
    :raises NotAllowed: this person does not run the departure
    """
    locked, leaving = _locked(change)
    refuse_unless(verdict(Action.EJECT, leaving, by, now), CannotLeave)
    if locked is None:
        raise CannotLeave(MOVED, code="stale")
    said = _said(reason, "Say why it is taken off; its author and everybody aboard will read it.")
    fallen = _take_off(
        leaving, locked, state=ChangeState.EJECTED, reason=said, repointed=repointed or {}, by=by, now=now
    )
    record(
        kind="trains.change.ejected",
        subject=locked,
        actor=by,
        now=now,
        change=leaving.pk,
        title=leaving.title,
        reason=said,
        along=listed([f"“{one.change.title}”" for one in fallen]) or "nothing else",
        returned=[leaving.pk, *(one.change.pk for one in fallen)],
    )
    _answer_open(locked, [leaving, *(one.change for one in fallen)], said, by, now)
    mend(locked, by=by, now=now)
    promote(locked, now)
    return TakenOff(leaving, fallen, locked)


@transaction.atomic
def ask_to_withdraw(
    change: Change, *, reason: str, by: By, now: datetime, repointed: Repointed | None = None
) -> Withdrawal:
    """Ask that a change is taken off a departure that is past its cut-off (RULES I3).

    The departure does not leave before somebody who runs it has answered.

    :param repointed: dependants that could stay, with the change that they need instead, or None
    :raises CannotLeave: it can simply be withdrawn, has left, or is asked for already
    :raises Invalid: no reason
    :raises NotAllowed: this person does not answer for the change
    """
    locked, leaving = _locked(change)
    refuse_unless(verdict(Action.ASK_WITHDRAWAL, leaving, by, now), CannotLeave)
    if locked is None:
        raise CannotLeave(MOVED, code="stale")
    said = _said(reason, "Say why it has to get off; whoever runs the departure decides by that.")
    kept = dict(repointed or {})
    _refuse_repointed(leaving, locked, kept, what_falls(leaving, staying=kept))
    request = Withdrawal.objects.create(
        departure=locked,
        change=leaving,
        reason=said,
        requested_by=by if isinstance(by, User) else None,
        requested_by_label=str(by)[:200],
        requested_at=now,
        repointed={str(one): needed for one, needed in kept.items()},
    )
    record(
        kind="trains.withdrawal.asked",
        subject=locked,
        actor=by,
        now=now,
        change=leaving.pk,
        title=leaving.title,
        reason=said,
    )
    return request


@transaction.atomic
def accept_withdrawal(
    withdrawal: Withdrawal,
    *,
    by: By,
    now: datetime,
    decision: str = "",
    repointed: Repointed | None = None,
) -> TakenOff:
    """Take a change off as was asked, with what falls with it; the manifest gets a new revision (RULES I3).

    :param repointed: dependants that stay, with what they need instead; None for what was asked
    :raises CannotLeave: it is answered already, has left, or a dependant cannot be re-pointed so
    :raises NotAllowed: this person does not run the departure
    """
    locked, request = _locked_request(withdrawal)
    refuse_unless(verdict(Action.DECIDE_WITHDRAWAL, request, by, now), CannotLeave)
    kept = repointed if repointed is not None else repointed_pks(request.repointed)
    leaving = request.change
    fallen = _take_off(
        leaving,
        locked,
        state=ChangeState.WITHDRAWN,
        reason=request.reason,
        repointed=kept,
        by=by,
        now=now,
    )
    _answer(request, WithdrawalState.ACCEPTED, decision, by, now)
    _answer_open(locked, [one.change for one in fallen], f"falls with “{leaving.title}”", by, now)
    record(
        kind="trains.withdrawal.accepted",
        subject=locked,
        actor=by,
        now=now,
        change=leaving.pk,
        title=leaving.title,
        reason=request.reason,
        along=listed([f"“{one.change.title}”" for one in fallen]) or "nothing else",
        returned=[leaving.pk, *(one.change.pk for one in fallen)],
    )
    mend(locked, by=by, now=now)
    promote(locked, now)
    request.revision = locked.manifests.order_by("-revision").values_list("revision", flat=True).first()
    request.save(update_fields=["revision"])
    return TakenOff(leaving, fallen, locked)


@transaction.atomic
def refuse_withdrawal(withdrawal: Withdrawal, *, reason: str, by: By, now: datetime) -> Withdrawal:
    """Keep a change aboard although it was asked to get off.

    :raises CannotLeave: it is answered already, or has left
    :raises Invalid: no reason
    :raises NotAllowed: this person does not run the departure
    """
    locked, request = _locked_request(withdrawal)
    refuse_unless(verdict(Action.DECIDE_WITHDRAWAL, request, by, now), CannotLeave)
    said = _said(reason, "Say why it stays aboard; whoever asked will read it.")
    _answer(request, WithdrawalState.REFUSED, said, by, now)
    _record_answer("trains.withdrawal.refused", locked, request, by, now, said)
    return request


@transaction.atomic
def take_back_withdrawal(withdrawal: Withdrawal, *, by: By, now: datetime) -> Withdrawal:
    """Let a change stay aboard after all.

    :raises CannotLeave: it is answered already, or has left
    :raises NotAllowed: this person neither asked nor answers for the change
    """
    locked, request = _locked_request(withdrawal)
    refuse_unless(verdict(Action.TAKE_BACK_WITHDRAWAL, request, by, now), CannotLeave)
    _answer(request, WithdrawalState.TAKEN_BACK, "", by, now)
    _record_answer("trains.withdrawal.taken_back", locked, request, by, now, request.reason)
    return request


def _record_answer(
    kind: str, locked: Departure, request: Withdrawal, by: By, now: datetime, reason: str
) -> None:
    record(
        kind=kind,
        subject=locked,
        actor=by,
        now=now,
        change=request.change_id,
        title=request.change.title,
        reason=reason,
        requested_by_id=request.requested_by_id,
    )


def _locked(change: Change) -> tuple[Departure | None, Change]:
    current = Change.objects.values_list("departure_id", flat=True).get(pk=change.pk)
    locked = locked_departure(current) if current else None
    leaving = locked_change(change.pk)
    if leaving.departure_id != current:
        raise CannotLeave(MOVED, code="stale")
    return locked, leaving


def _locked_request(withdrawal: Withdrawal) -> tuple[Departure, Withdrawal]:
    locked = locked_departure(withdrawal.departure_id)
    request = Withdrawal.objects.select_for_update(no_key=True, of=("self",)).get(pk=withdrawal.pk)
    request.departure, request.change = locked, locked_change(request.change_id)
    return locked, request


def _said(reason: str, why: str) -> str:
    said = reason.strip()
    if not said:
        raise Invalid(why, field="reason")
    if len(said) > LONGEST_REASON:
        raise Invalid(f"A reason has at most {LONGEST_REASON} characters.", field="reason")
    return said


def _answer(request: Withdrawal, state: WithdrawalState, decision: str, by: By, now: datetime) -> None:
    request.state, request.decision = state.value, decision.strip()[:LONGEST_REASON]
    request.decided_by_label, request.decided_at = str(by)[:200], now
    request.save(update_fields=["state", "decision", "decided_by_label", "decided_at"])


def _answer_open(locked: Departure, gone: list[Change], decision: str, by: By, now: datetime) -> None:
    """Answer whoever asked for what has happened by now anyway."""
    for request in locked.withdrawals.filter(change__in=gone, state=WithdrawalState.ASKED):
        _answer(request, WithdrawalState.ACCEPTED, decision, by, now)


def _take_off(
    change: Change,
    locked: Departure,
    *,
    state: ChangeState,
    reason: str,
    repointed: Repointed,
    by: By,
    now: datetime,
) -> list[Fallen]:
    """Take a locked change off a locked departure with everything that falls with it; tell what that was.

    What falls is returned to its authors: it may board again.
    """
    fallen = what_falls(change, staying=repointed)
    _refuse_repointed(change, locked, repointed, fallen)
    gone = [change, *(locked_change(one.change.pk) for one in fallen)]
    for pk, needed in repointed.items():
        Need.objects.filter(change=pk, needed__in=gone).delete()
        if needed is not None:
            Need.objects.get_or_create(
                change_id=pk,
                needed_id=needed,
                defaults={"noted_by_label": str(by)[:200], "noted_at": now},
            )
    whys = {one.change.pk: f"{one.why}. {reason}" for one in fallen}
    for one in gone:
        why = whys.get(one.pk, reason)
        end = state if one.pk == change.pk else ChangeState.RETURNED
        take_off(one, end, by=by, now=now, reason=why)
        if one.pk in whys or state is ChangeState.WITHDRAWN:
            _record_left(one, locked, by, now, why)
    locked.bundles.filter(changes__isnull=True).delete()
    return fallen


def _record_left(change: Change, locked: Departure, by: By, now: datetime, reason: str) -> None:
    record(
        kind="trains.change.left",
        subject=locked,
        actor=by,
        now=now,
        change=change.pk,
        title=change.title,
        reason=reason[:500],
    )


def _refuse_repointed(change: Change, locked: Departure, repointed: Repointed, fallen: list[Fallen]) -> None:
    """Refuse to keep what cannot stay: bundled with what leaves, or needing what is not there either."""
    leaving = {change.pk: change, **{one.change.pk: one.change for one in fallen}}
    for pk, needed in repointed.items():
        if pk in leaving:
            title = leaving[pk].title
            raise CannotLeave(f"“{title}” goes all or nothing with what leaves.", code="bundle")
        staying = locked.changes.filter(pk=pk, state=ChangeState.ABOARD).first()
        if staying is None or not staying.needs.filter(needed__in=leaving).exists():
            raise CannotLeave("Only what needs a change that leaves can need another instead.", code="ties")
        if needed is not None:
            _refuse_needed(staying, needed, leaving, locked)


def _refuse_needed(staying: Change, needed: int, leaving: Mapping[int, Change], locked: Departure) -> None:
    other = Change.objects.select_related("departure").filter(pk=needed).first()
    if other is None or other.pk in leaving:
        named = f"“{other}” leaves as well" if other else f"There is no change {needed}"
        raise CannotLeave(f"{named}; “{staying}” cannot need that instead.", code="needs")
    why = why_not_met(
        tied(other),
        departure=locked.pk,
        departs_at=locked.departs_at,
        zone=locked.train.time_zone,
        is_sealing=True,
    )
    if why:
        raise CannotLeave(f"“{staying}” cannot need “{other}” instead: that {why}.", code="needs")
    edges = [edge for edge in reachable([other.pk]) if not leaving.keys() & set(edge)]
    known = Change.objects.select_related("departure").in_bulk({pk for edge in edges for pk in edge})
    ties = {pk: tied(row) for pk, row in {**known, staying.pk: staying, other.pk: other}.items()}
    if circle := why_not_need(ties[staying.pk], ties[other.pk], edges, ties):
        raise refuse(CannotLeave, circle)
