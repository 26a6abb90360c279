"""Answer what may be done about what ties changes together, for `verdict` (RULES I3, I4, I8, I9)."""

from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.lib.verdict import ALLOWED, Reason, Verdict, combine, denied, deny
from releasetrain.trains.models import Change, Departure, Withdrawal
from releasetrain.trains.queries.leaving import runner_words
from releasetrain.trains.queries.permissions import By, answers_for, may_run
from releasetrain.trains.rules.bundling import why_not_ask, why_not_decide, why_not_eject, why_not_tie
from releasetrain.trains.rules.states import ChangeState, DepartureState, WithdrawalState

D = DepartureState


def about_ties(change: Change, actor: By, roles: Roles | None, at: datetime, *, words: str) -> Verdict:
    """Say whether somebody may say what a change needs; after the cut-off, whoever runs its departure."""
    departure = _on(change)
    why = _why_not_tie(change, departure, actor, roles, at) if departure else None
    return combine(_may_answer(change, actor, roles, words), denied(why))


def about_ejecting(change: Change, actor: By, roles: Roles | None, *, words: str) -> Verdict:
    """Say whether somebody may take a change off its departure for its author."""
    departure = _on(change)
    state = D(departure.state) if departure else None
    permission = (
        may_run(departure.train, actor, roles, words, departure=departure)
        if departure
        else _may_answer(change, actor, roles, words)
    )
    return combine(permission, denied(why_not_eject(ChangeState(change.state), state)))


def about_asking(change: Change, actor: By, roles: Roles | None, at: datetime, *, words: str) -> Verdict:
    """Say whether somebody may ask that a change is taken off a sealed departure (RULES I3)."""
    departure = _on(change)
    asked = change.withdrawals.filter(departure=departure, state=WithdrawalState.ASKED)
    why = why_not_ask(
        ChangeState(change.state),
        D(departure.state) if departure else None,
        cut_off_at=departure.cut_off_at if departure else None,
        is_asked=departure is not None and asked.exists(),
        zone=departure.train.time_zone if departure else "UTC",
        now=at,
    )
    return combine(_may_answer(change, actor, roles, words), denied(why))


def about_withdrawal(
    withdrawal: Withdrawal, actor: By, roles: Roles | None, *, takes_back: bool, words: str
) -> Verdict:
    """Say whether somebody may answer a request to leave, or take it back; whoever asked takes it back."""
    departure, change = withdrawal.departure, withdrawal.change
    permission = may_run(departure.train, actor, roles, words, departure=departure)
    if takes_back and isinstance(actor, User):
        is_own = actor.pk == withdrawal.requested_by_id or answers_for(change, actor, roles)
        permission = ALLOWED if is_own else permission
    # Once it is elsewhere it has left already.
    here = ChangeState(change.state) if change.departure_id == departure.pk else ChangeState.RETURNED
    why = why_not_decide(WithdrawalState(withdrawal.state), D(departure.state), here)
    return combine(permission, denied(why))


def about_bundles(
    departure: Departure, actor: By, roles: Roles | None, at: datetime, *, words: str
) -> Verdict:
    """Say whether somebody may say what goes together on a departure; each change is asked about as well."""
    runs = may_run(departure.train, actor, roles, words, departure=departure)
    may_submit = roles is not None and roles.has_any(Role.SUBMITTER)
    why = why_not_tie(
        D(departure.state),
        runs_it=runs.is_allowed,
        cut_off_at=departure.cut_off_at,
        zone=departure.train.time_zone,
        who=runner_words(departure),
        now=at,
    )
    return combine(ALLOWED if may_submit else runs, denied(why))


def _why_not_tie(
    change: Change, departure: Departure, actor: By, roles: Roles | None, at: datetime
) -> Reason | None:
    return why_not_tie(
        D(departure.state),
        runs_it=may_run(departure.train, actor, roles, "", departure=departure).is_allowed,
        cut_off_at=departure.cut_off_for(change.boarding_category),
        zone=departure.train.time_zone,
        who=runner_words(departure),
        now=at,
    )


def _on(change: Change) -> Departure | None:
    return change.departure if change.state == ChangeState.ABOARD else None


def _may_answer(change: Change, actor: By, roles: Roles | None, words: str) -> Verdict:
    if not isinstance(actor, User) or answers_for(change, actor, roles):
        return ALLOWED
    text = (
        f"To {words} one must have written or submitted it, be a submitter of {change.service.name}, or run "
        f"its departure."
    )
    return deny("role", text, who=change.author_label)
