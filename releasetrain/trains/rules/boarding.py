"""Say when a change may come aboard and when it may leave again; deadlines are half-open (RULES T10, T13)."""

from datetime import datetime, timedelta

from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.states import ChangeState, DepartureState

D = DepartureState

# A request is judged by when it was received. One received in time may still find the manifest sealed by
# a tick that ran while it was under way; it comes aboard with a new revision (T10).
OPEN_STATES = frozenset({D.SCHEDULED, D.BOARDING, D.DECIDING, D.CLEARED})
MAY_COME_ABOARD = frozenset(
    {ChangeState.SUBMITTED, ChangeState.WITHDRAWN, ChangeState.RETURNED, ChangeState.EJECTED}
)
# What waits for somebody to take it along; after a while it expires, and its people are told a while before.
WAITING_STATES = frozenset(
    {ChangeState.DRAFT, ChangeState.SUBMITTED, ChangeState.RETURNED, ChangeState.EJECTED}
)
EXPIRES_AFTER, TOLD_BEFORE = timedelta(days=60), timedelta(days=7)
GONE = {
    D.ROLLING: "has departed",
    D.ARRIVED: "has arrived",
    D.ROLLED_BACK: "was rolled back",
    D.CANCELLED: "was cancelled",
    D.SKIPPED: "was skipped",
}
ANOTHER_DEPARTURE = "choose another departure"


def why_not_board(
    state: DepartureState,
    *,
    boards_at: datetime,
    cut_off_at: datetime,
    zone: str,
    now: datetime,
    category: str = "",
) -> Reason | None:
    """Return why nothing may come aboard a departure, or None.

    :param cut_off_at: that of the change's category
    :param category: the one that has a cut-off of its own, to be named
    :param now: when the request was received; at the cut-off itself one is late
    """
    if state not in OPEN_STATES:
        return Reason("gone", f"This departure {GONE[state]}; {ANOTHER_DEPARTURE}.")
    if now < boards_at:
        return Reason("not_boarding", f"Boarding opens on {at_words(boards_at, zone)}.", until=boards_at)
    if now >= cut_off_at:
        what = f"The cut-off of {category}" if category else "The cut-off"
        return Reason(
            "cut_off", f"{what} was on {at_words(cut_off_at, zone)}; {ANOTHER_DEPARTURE}.", who="nobody"
        )
    return None


def why_not_come_aboard(
    state: ChangeState,
    *,
    elsewhere: str,
    service: str,
    is_served: bool,
    is_archived: bool,
    train: str,
    is_standing_by: bool = False,
) -> Reason | None:
    """Return why this change may not come aboard this train, or None (RULES I7, I15).

    :param elsewhere: the departure that the change is on already, empty where there is none
    :param is_standing_by: it stands by for this very departure
    """
    if elsewhere:
        what = "stands by for" if state is ChangeState.STAND_BY else "is aboard"
        return Reason(
            "elsewhere", f"This change {what} {elsewhere}; withdraw it there first, or move it in one step."
        )
    if state is ChangeState.DRAFT:
        return Reason("draft", "This change is a draft; submit it first.")
    if is_standing_by:
        state = ChangeState.SUBMITTED
    if state not in MAY_COME_ABOARD:
        return Reason(
            "ended", f"This change is {state.value.replace('_', ' ')} and cannot come aboard again."
        )
    if is_archived:
        return Reason("archived", f"{service} is archived; an administrator can bring it back.")
    if not is_served:
        return Reason("not_served", f"{train} does not carry {service}; choose a train that does.")
    return None


def why_not_ready(
    *, awaits_ready: bool, cut_off_at: datetime | None, zone: str, captain: str, now: datetime
) -> Reason | None:
    """Return why nobody can say that a change is ready, or None (real case O7).

    :param cut_off_at: that of its category where it is aboard, else None
    """
    if not awaits_ready:
        return Reason("ready", "This change is ready already.")
    if cut_off_at is not None and now >= cut_off_at:
        return Reason(
            "cut_off",
            f"Its departure's cut-off was on {at_words(cut_off_at, zone)}, and it was not ready then.",
            who=captain,
        )
    return None


def why_not_withdraw(
    state: DepartureState, *, cut_off_at: datetime, zone: str, captain: str, now: datetime
) -> Reason | None:
    """Return why a change may not simply leave a departure, or None (RULES I2 to I4)."""
    if state is D.ROLLING:
        return Reason(
            "rolling",
            "This departure has departed. Switch the change's flag off, roll the departure back, or mend it "
            "with a hotfix.",
            who=captain,
        )
    if state not in OPEN_STATES:
        return Reason("gone", f"This departure {GONE[state]}.")
    if now >= cut_off_at:
        return Reason(
            "cut_off",
            f"The manifest was sealed on {at_words(cut_off_at, zone)}. Ask with a reason to take it off; "
            f"{captain} decides.",
            who=captain,
        )
    return None


def is_to_tell(expires_at: datetime, told_at: datetime | None, now: datetime) -> bool:
    """Tell whether people should hear that something expires soon, and have not heard of that end."""
    soon = expires_at - TOLD_BEFORE
    return now >= soon and (told_at is None or told_at < soon)
