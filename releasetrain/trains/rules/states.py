"""Name the states of departures and changes and the ways between them."""

from enum import StrEnum


class DepartureState(StrEnum):
    """Where a departure stands."""

    SCHEDULED = "scheduled"
    BOARDING = "boarding"
    DECIDING = "deciding"
    CLEARED = "cleared"
    ROLLING = "rolling"
    ARRIVED = "arrived"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class ChangeState(StrEnum):
    """Where a change stands; the last four are the ledger's ends (RULES I16)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    STAND_BY = "stand_by"
    ABOARD = "aboard"
    WITHDRAWN = "withdrawn"
    SHIPPED = "shipped"
    ROLLED_OVER = "rolled_over"
    RETURNED = "returned"
    EJECTED = "ejected"


class Choice(StrEnum):
    """What a vote says."""

    GO = "go"
    NO_GO = "no_go"
    NEEDS_WORK = "needs_work"
    NOT_APPLICABLE = "not_applicable"
    ABSTAIN = "abstain"

    @property
    def words(self) -> str:
        """Say it, to follow "said"."""
        return CHOICE_WORDS[self]

    @property
    def needs_a_reason(self) -> bool:
        return self in (Choice.NO_GO, Choice.NEEDS_WORK, Choice.NOT_APPLICABLE)


class Part(StrEnum):
    """What the go of a seat is about: everything aboard, or the services of a team (RULES D1)."""

    WHOLE = "whole"
    OWN = "own"

    @property
    def words(self) -> str:
        return "the whole manifest" if self is Part.WHOLE else "the team’s own services"


CHOICE_WORDS = {
    Choice.GO: "go",
    Choice.NO_GO: "no-go",
    Choice.NEEDS_WORK: "needs work",
    Choice.NOT_APPLICABLE: "not applicable",
    Choice.ABSTAIN: "nothing (abstained)",
}


class WithdrawalState(StrEnum):
    """How far a request to leave a sealed departure has come (RULES I3)."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


class Turns(StrEnum):
    """When the next captain takes over."""

    DEPARTURE = "departure"
    WEEK = "week"


class OnNewVersion(StrEnum):
    """What a new version of a service does while another one is on its way to the same users (ENGINE 2)."""

    QUEUE = "queue"
    SUPERSEDE = "supersede"
    REJECT = "reject"

    @property
    def words(self) -> str:
        return ON_NEW_VERSION_WORDS[self]


ON_NEW_VERSION_WORDS = {
    OnNewVersion.QUEUE: "waits until that has ended",
    OnNewVersion.SUPERSEDE: "takes its place: that goes back first",
    OnNewVersion.REJECT: "does not start, and its departure ends",
}


class MovementKind(StrEnum):
    """What a past departure did; a repetition set the same reach once more."""

    PROMOTION = "promotion"
    REPETITION = "repetition"
    ROLLBACK = "rollback"


D = DepartureState

DEPARTURE_TRANSITIONS: dict[DepartureState, frozenset[DepartureState]] = {
    D.SCHEDULED: frozenset({D.BOARDING, D.DECIDING, D.CANCELLED, D.SKIPPED}),
    D.BOARDING: frozenset({D.DECIDING, D.CANCELLED, D.SKIPPED}),
    D.DECIDING: frozenset({D.BOARDING, D.CLEARED, D.CANCELLED}),
    D.CLEARED: frozenset({D.BOARDING, D.DECIDING, D.ROLLING, D.CANCELLED}),
    D.ROLLING: frozenset({D.ARRIVED, D.ROLLED_BACK}),
    D.ARRIVED: frozenset({D.ROLLED_BACK}),
    D.ROLLED_BACK: frozenset(),
    D.CANCELLED: frozenset(),
    D.SKIPPED: frozenset({D.SCHEDULED, D.BOARDING}),
}

BOARDING_STATES = frozenset({D.SCHEDULED, D.BOARDING})
FINISHED_STATES = frozenset({D.ARRIVED, D.ROLLED_BACK, D.CANCELLED, D.SKIPPED})
