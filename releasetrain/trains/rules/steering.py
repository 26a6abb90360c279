"""Say in which state a departure may still be steered, skipped, restored or checked in for."""

from datetime import datetime

from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState

D = DepartureState


def why_not_steer(state: DepartureState) -> Reason | None:
    """Return why nobody can change a departure's course any more, or None."""
    if state not in GONE:
        return None
    instead = " Pause or roll back its rollout instead." if state is D.ROLLING else ""
    return Reason("gone", f"This departure {GONE[state]}.{instead}")


def why_not_boarding(
    state: DepartureState, *, cut_off_at: datetime, zone: str, now: datetime
) -> Reason | None:
    """Return why what a departure carries, and in which order, cannot be changed any more, or None."""
    if state in GONE:
        return why_not_steer(state)
    if state not in BOARDING_STATES or now >= cut_off_at:
        when = at_words(cut_off_at, zone)
        return Reason("sealed", f"Its cut-off was on {when}; the departure keeps what it was sealed with.")
    return None


def why_not_skip(state: DepartureState) -> Reason | None:
    """Return why a departure cannot be left out of the timetable, or None."""
    if state in GONE or state in BOARDING_STATES:
        return why_not_steer(state)
    return Reason("sealed", "This departure is sealed; cancel it instead, which places every change aboard.")


def why_not_place(state: DepartureState) -> Reason | None:
    """Return why there is nothing to place afterwards, or None: what is cancelled was placed then."""
    if state is D.ROLLED_BACK:
        return None
    return Reason("not_back", "Only what came back with a rollback is placed afterwards.")


def why_not_restore(
    state: DepartureState, *, cut_off_at: datetime, zone: str, is_retired: bool, now: datetime
) -> Reason | None:
    """Return why a skipped departure cannot be put back on the timetable, or None."""
    if state is not D.SKIPPED:
        return Reason("not_skipped", "This departure was not skipped, so there is nothing to restore.")
    if is_retired:
        return Reason("retired", "Its train is off the timetable.")
    if now >= cut_off_at:
        return Reason("cut_off", f"Its cut-off was on {at_words(cut_off_at, zone)}; nobody could board it.")
    return None


def why_not_check_in(
    state: DepartureState, *, opens_at: datetime | None, is_checked_in: bool, zone: str, now: datetime
) -> Reason | None:
    """Return why nobody can check in for a change aboard, or None.

    :param opens_at: None where the train asks for no check-in
    """
    if state in GONE:
        return Reason("gone", f"This departure {GONE[state]}.")
    if opens_at is None:
        return Reason("not_asked", "This train asks nobody to check in.")
    if is_checked_in:
        return Reason("checked_in", "This change is checked in already.")
    if now < opens_at:
        return Reason("too_early", f"Check-in opens on {at_words(opens_at, zone)}.", until=opens_at)
    return None
