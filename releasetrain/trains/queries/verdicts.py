"""Answer "may this person do this now?" the same way for page, API and worker."""

from datetime import datetime
from enum import StrEnum

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may, roles_of
from releasetrain.catalog.models import Service
from releasetrain.lib.verdict import ALLOWED, Reason, Verdict, combine, denied, deny
from releasetrain.trains.models import (
    Blocker,
    BreakGlass,
    Change,
    Departure,
    LatePass,
    Override,
    Train,
    Vote,
    Withdrawal,
)
from releasetrain.trains.queries.boarding import may_be_ready, may_board, why_closed
from releasetrain.trains.queries.decision import standing_of
from releasetrain.trains.queries.hotfix_verdicts import about_glass, break_glass, may_know
from releasetrain.trains.queries.late import about_pass
from releasetrain.trains.queries.leaving import runner_words
from releasetrain.trains.queries.overrides import authors_aboard, passing_of
from releasetrain.trains.queries.permissions import HOLDERS, RUNNERS, By, Paper, answers_for, may_run
from releasetrain.trains.queries.ties import (
    about_asking,
    about_bundles,
    about_ejecting,
    about_ties,
    about_withdrawal,
)
from releasetrain.trains.queries.voting import may_overrule, may_vote
from releasetrain.trains.rules.blockers import clearer_words, why_cleared, why_not_block
from releasetrain.trains.rules.boarding import (
    GONE,
    WAITING_STATES,
    why_not_withdraw,
)
from releasetrain.trains.rules.bundling import why_never_reopen
from releasetrain.trains.rules.overrides import why_not_approve, why_not_review, why_over
from releasetrain.trains.rules.states import FINISHED_STATES, ChangeState, DepartureState
from releasetrain.trains.rules.steering import (
    why_not_boarding,
    why_not_check_in,
    why_not_place,
    why_not_restore,
    why_not_skip,
    why_not_steer,
)


class Action(StrEnum):
    """What may be asked about."""

    SUBMIT = "submit"
    BOARD = "board"
    WITHDRAW = "withdraw"
    VOTE = "vote"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    DEPART = "depart"
    EDIT = "edit"
    POSTPONE = "postpone"
    SKIP = "skip"
    RESTORE = "restore"
    MOVE = "move"
    HAND_OVER = "hand_over"
    PLACE = "place"
    CHECK_IN = "check_in"
    ACCEPT_HOLD = "accept_hold"
    OVERRIDE = "override"
    APPROVE_OVERRIDE = "approve_override"
    WITHDRAW_OVERRIDE = "withdraw_override"
    REVIEW_OVERRIDE = "review_override"
    OVERRULE = "overrule"
    AGREE_TO_OVERRULE = "agree_to_overrule"
    BLOCK = "block"
    CLEAR_BLOCKER = "clear_blocker"
    TICK = "tick"
    WAIVE = "waive"
    READY = "ready"
    REORDER = "reorder"
    APPLY_SETTINGS = "apply_settings"
    TIE = "tie"
    EJECT = "eject"
    ASK_WITHDRAWAL = "ask_withdrawal"
    DECIDE_WITHDRAWAL = "decide_withdrawal"
    TAKE_BACK_WITHDRAWAL = "take_back_withdrawal"
    BUNDLE = "bundle"
    REOPEN = "reopen"
    ASK_LATE = "ask_late"
    GRANT_LATE = "grant_late"
    REFUSE_LATE = "refuse_late"
    WITHDRAW_LATE = "withdraw_late"
    EXTEND_LATE = "extend_late"
    USE_LATE = "use_late"
    START_HOTFIX = "start_hotfix"
    ATTEST = "attest"
    BREAK_GLASS = "break_glass"
    SAY_AFTERWARDS = "say_afterwards"
    REVIEW_GLASS = "review_glass"

    @property
    def words(self) -> str:
        """Say what is done, to follow "To"."""
        return WORDS.get(self, f"{self.value} this departure")


WORDS = {
    Action.MOVE: "move a deadline of this departure",
    Action.HAND_OVER: "hand this departure over",
    Action.PLACE: "place what came back with this departure",
    Action.ACCEPT_HOLD: "accept that this departure will be held on its way",
    Action.OVERRIDE: "ask for an override for this departure",
    Action.APPROVE_OVERRIDE: "approve this override",
    Action.WITHDRAW_OVERRIDE: "withdraw this override",
    Action.REVIEW_OVERRIDE: "review this override",
    Action.OVERRULE: "overrule this vote",
    Action.AGREE_TO_OVERRULE: "agree to overrule this vote",
    Action.CLEAR_BLOCKER: "clear this blocker",
    Action.TICK: "tick a check of this departure",
    Action.WAIVE: "waive a check of this departure",
    Action.REORDER: "reorder the stand-by line of this departure",
    Action.APPLY_SETTINGS: "apply the train’s settings to this departure",
    Action.TIE: "say what this change needs",
    Action.EJECT: "take this change off its departure",
    Action.ASK_WITHDRAWAL: "ask that this change is taken off",
    Action.DECIDE_WITHDRAWAL: "answer this request",
    Action.TAKE_BACK_WITHDRAWAL: "take this request back",
    Action.BUNDLE: "say what goes together on this departure",
    Action.REOPEN: "open this departure for changes again",
    Action.GRANT_LATE: "grant this late pass",
    Action.REFUSE_LATE: "refuse this late pass",
    Action.WITHDRAW_LATE: "take this late pass back",
    Action.EXTEND_LATE: "extend this late pass",
    Action.START_HOTFIX: "start a hotfix",
    Action.ATTEST: "attest what a version contains",
    Action.BREAK_GLASS: "break the glass for this hotfix",
}


D = DepartureState


def verdict(
    action: Action,
    subject: Departure | Change | Train | Service | Paper,
    actor: By,
    at: datetime,
    *,
    departure: Departure | None = None,
    roles: Roles | None = None,
) -> Verdict:
    """Answer whether an actor may do something at an instant, with every reason against it.

    BOARD takes the change as subject and names the departure, or takes the departure alone ("may anything
    board?"); it holds with the code "stand_by" where only room is missing. ASK_LATE takes the change and
    names the departure, everything else about a late pass takes that. WITHDRAW, CHECK_IN, READY, TIE, EJECT
    and ASK_WITHDRAWAL take the change; APPROVE_OVERRIDE, WITHDRAW_OVERRIDE and REVIEW_OVERRIDE the override;
    CLEAR_BLOCKER the blocker; OVERRULE and AGREE_TO_OVERRULE the vote; DECIDE_WITHDRAWAL and
    TAKE_BACK_WITHDRAWAL the request; EDIT the train; START_HOTFIX and ATTEST the service; SAY_AFTERWARDS and
    REVIEW_GLASS the broken glass; everything else the departure.

    :param roles: the actor's, where they are loaded already
    """
    held = roles if roles is not None else (roles_of(actor) if isinstance(actor, User) else None)
    if isinstance(subject, Train):
        return may_run(subject, actor, held, "edit this train")
    if isinstance(subject, Vote):
        runs = may_run(subject.departure.train, actor, held, action.words, departure=subject.departure)
        return combine(runs, may_overrule(subject, actor, agrees=action is Action.AGREE_TO_OVERRULE))
    if isinstance(subject, Blocker):
        return _clear_blocker(subject, actor, held)
    if isinstance(subject, Service):
        return may_know(subject, held, action.words)
    if isinstance(subject, BreakGlass):
        return about_glass(subject, actor, held, reviews=action is Action.REVIEW_GLASS)
    if isinstance(subject, Override):
        return _about_override(action, subject, actor, held, at)
    if isinstance(subject, Withdrawal):
        takes_back = action is Action.TAKE_BACK_WITHDRAWAL
        return about_withdrawal(subject, actor, held, takes_back=takes_back, words=action.words)
    if isinstance(subject, LatePass):
        row = subject.departure
        runs = may_run(row.train, actor, held, action.words, departure=row)
        return about_pass(action.value, subject, actor, held, at, runs=runs)
    if isinstance(subject, Change):
        if action is Action.WITHDRAW:
            return _withdraw(subject, actor, held, at)
        if action is Action.CHECK_IN:
            return _check_in(subject, actor, held, at)
        if action is Action.READY:
            return _make_ready(subject, actor, held, at)
        if action is Action.TIE:
            return about_ties(subject, actor, held, at, words=action.words)
        if action is Action.EJECT:
            return about_ejecting(subject, actor, held, words=action.words)
        if action is Action.ASK_WITHDRAWAL:
            return about_asking(subject, actor, held, at, words=action.words)
        return _board_change(subject, departure, actor, held, at, is_late=action is Action.ASK_LATE)
    return _about_departure(action, subject, actor, held, at)


def _about_departure(
    action: Action, departure: Departure, actor: By, roles: Roles | None, at: datetime
) -> Verdict:
    if action in (Action.BOARD, Action.SUBMIT):
        return combine(_may_submit(roles), denied(why_closed(departure, at)))
    if action is Action.VOTE:
        return may_vote(departure, actor, at)
    if action is Action.DEPART:
        return standing_of(departure, at).verdict
    if action in (Action.BLOCK, Action.TICK, Action.WAIVE):
        return _about_readiness(action, departure, actor, roles)
    if action is Action.BUNDLE:
        return about_bundles(departure, actor, roles, at, words=action.words)
    permission = may_run(
        departure.train,
        actor,
        roles,
        action.words,
        HOLDERS if action in (Action.HOLD, Action.OVERRIDE, Action.BREAK_GLASS) else RUNNERS,
        departure=departure,
    )
    if action is Action.OVERRIDE and not permission.is_allowed and _is_author(actor, departure):
        permission = ALLOWED
    if action is Action.BREAK_GLASS:
        return break_glass(departure, permission, roles)
    return combine(permission, denied(_why_not_steer(action, departure, at)))


def _is_author(actor: By, departure: Departure) -> bool:
    return isinstance(actor, User) and actor.pk in authors_aboard(departure)


def _may_submit(roles: Roles | None) -> Verdict:
    if roles is None or roles.has_any(Role.SUBMITTER):
        return ALLOWED
    return deny("role", "To submit changes one needs the role submitter.", who="an administrator")


def _board_change(
    change: Change,
    departure: Departure | None,
    actor: By,
    roles: Roles | None,
    at: datetime,
    *,
    is_late: bool = False,
) -> Verdict:
    """Say whether a change may come aboard; or, after its cut-off, whether a pass may be asked for it."""
    if departure is None:
        return deny("no_departure", "Say which departure the change should be on.")
    permission = ALLOWED
    if isinstance(actor, User) and not (roles and may(roles, Role.SUBMITTER, change.service)):
        text = f"To put changes of {change.service.name} aboard one needs the role submitter there."
        permission = deny("role", text, who="an administrator")
    return combine(permission, may_board(change, departure, at, asks_for_pass=is_late))


def _make_ready(change: Change, actor: By, roles: Roles | None, at: datetime) -> Verdict:
    permission = ALLOWED
    if isinstance(actor, User) and not answers_for(change, actor, roles):
        text = (
            f"To say that this change is ready one must have written or submitted it, be a submitter of "
            f"{change.service.name}, or run its departure."
        )
        permission = deny("role", text, who=change.author_label)
    return combine(permission, may_be_ready(change, at))


def _withdraw(change: Change, actor: By, roles: Roles | None, at: datetime) -> Verdict:
    permission = ALLOWED
    if isinstance(actor, User) and not answers_for(change, actor, roles):
        text = (
            f"To withdraw this change one must have written or submitted it, be a submitter of "
            f"{change.service.name}, or run its departure."
        )
        permission = deny("role", text, who=change.author_label)
    if change.departure is None or change.state != ChangeState.ABOARD:
        if change.state in WAITING_STATES or change.state == ChangeState.STAND_BY:
            return permission
        state = ChangeState(change.state).value.replace("_", " ")
        return combine(permission, deny("ended", f"This change is {state}; there is nothing to withdraw."))
    departure = change.departure
    closed = why_not_withdraw(
        DepartureState(departure.state),
        cut_off_at=departure.cut_off_at,
        zone=departure.train.time_zone,
        captain=runner_words(departure),
        now=at,
    )
    return combine(permission, denied(closed))


def _check_in(change: Change, actor: By, roles: Roles | None, at: datetime) -> Verdict:
    """Say whether somebody may say that the author of a change is there for its departure."""
    departure = change.departure
    if departure is None or change.state != ChangeState.ABOARD:
        return deny("not_aboard", "This change is on no departure, so there is nothing to check in for.")
    permission = ALLOWED
    if isinstance(actor, User) and not answers_for(change, actor, roles):
        text = (
            f"To check in for this change one must have written or submitted it, be a submitter of "
            f"{change.service.name}, or run its departure."
        )
        permission = deny("role", text, who=change.author_label)
    lead = departure.train.check_in_lead
    closed = why_not_check_in(
        DepartureState(departure.state),
        opens_at=departure.departs_at - lead if lead else None,
        is_checked_in=change.checked_in_at is not None,
        zone=departure.train.time_zone,
        now=at,
    )
    return combine(permission, denied(closed))


def _about_override(
    action: Action, override: Override, actor: By, roles: Roles | None, at: datetime
) -> Verdict:
    departure = override.departure
    permission = may_run(departure.train, actor, roles, action.words, departure=departure)
    if action is Action.WITHDRAW_OVERRIDE:
        if isinstance(actor, User) and actor.pk == override.requested_by_id:
            permission = ALLOWED
        return combine(permission, denied(why_over(passing_of(override), at)))
    if not isinstance(actor, User):
        return deny("not_a_person", "Only people answer for an override; tokens and system accounts cannot.")
    if action is Action.REVIEW_OVERRIDE:
        return combine(permission, denied(why_not_review(passing_of(override), person=actor.pk)))
    over = None
    if D(departure.state) in FINISHED_STATES:
        over = Reason("gone", f"This departure {GONE[D(departure.state)]}.")
    second = why_not_approve(passing_of(override), person=actor.pk, authors=authors_aboard(departure), now=at)
    return combine(permission, denied(over or second))


def _about_readiness(action: Action, departure: Departure, actor: By, roles: Roles | None) -> Verdict:
    """Say who may block a departure, or tick or waive a check of it; nobody waives for what they wrote."""
    crew = RUNNERS if action is Action.WAIVE else (Role.SUBMITTER, *HOLDERS)
    permission = may_run(departure.train, actor, roles, action.words, crew, departure=departure)
    if action is Action.WAIVE and _is_author(actor, departure):
        text = "You wrote or submitted a change aboard; somebody else must waive its checks."
        permission = combine(permission, deny("author", text, who=runner_words(departure)))
    return combine(permission, denied(why_not_block(D(departure.state))))


def _clear_blocker(blocker: Blocker, actor: By, roles: Roles | None) -> Verdict:
    """Say who may clear a blocker or move it on: whom it names, else its owner and who runs the departure."""
    departure = blocker.departure
    over = denied(why_cleared(blocker.cleared_at, blocker.cleared_by_label))
    if not isinstance(actor, User):
        return over
    if blocker.clears:
        role = Role(blocker.clears)
        is_fine = bool(roles and roles.has(role, team=departure.train.team_id))
    else:
        runs = may_run(departure.train, actor, roles, Action.CLEAR_BLOCKER.words, departure=departure)
        is_fine = runs.is_allowed or (actor.is_active and actor.pk == blocker.owner_id)
    if is_fine:
        return over
    who = clearer_words(blocker.owner_label, blocker.clears, runner_words(departure))
    return combine(deny("role", f"To clear this blocker one must be {who}.", who=who), over)


def _why_not_steer(action: Action, departure: Departure, at: datetime) -> Reason | None:
    if action is Action.HOLD and departure.held_at is not None and departure.held_kind == "person":
        if D(departure.state) not in GONE:
            return Reason(
                "held", f"It is held already, by {departure.held_by_label}: {departure.held_reason}"
            )
    elif action is Action.RELEASE and D(departure.state) not in GONE and departure.held_at is None:
        return Reason("not_held", "This departure is not held.")
    elif action is Action.RESTORE:
        return why_not_restore(
            D(departure.state),
            cut_off_at=departure.cut_off_at,
            zone=departure.train.time_zone,
            is_retired=departure.train.retired_at is not None,
            now=at,
        )
    elif action is Action.REOPEN:
        return why_never_reopen(D(departure.state))
    elif action is Action.PLACE:
        return why_not_place(D(departure.state))
    elif action is Action.SKIP:
        return why_not_skip(D(departure.state))
    elif action in (Action.REORDER, Action.APPLY_SETTINGS):
        return why_not_boarding(
            D(departure.state), cut_off_at=departure.cut_off_at, zone=departure.train.time_zone, now=at
        )
    elif action in (Action.HAND_OVER, Action.OVERRIDE) and departure.state == D.ROLLING:
        return None
    return why_not_steer(D(departure.state))
