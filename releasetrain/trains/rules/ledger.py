"""Say how a change may end aboard a departure; nothing that was accepted is ever lost (RULES I16)."""

from enum import StrEnum

from releasetrain.trains.rules.states import ChangeState


class End(StrEnum):
    """How a change's stay aboard a departure ended."""

    SHIPPED = "shipped"
    ROLLED_OVER = "rolled_over"
    RETURNED = "returned"
    EJECTED = "ejected"
    WITHDRAWN = "withdrawn"
    MOVED = "moved"
    STOOD_BY = "stood_by"

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS = {
    End.SHIPPED: "shipped",
    End.ROLLED_OVER: "rolled over to the next departure",
    End.RETURNED: "returned to its author",
    End.EJECTED: "ejected",
    End.WITHDRAWN: "withdrawn by its own people",
    End.MOVED: "moved to another departure",
    End.STOOD_BY: "put on stand-by",
}
# Which end a change has that is in such a state and was aboard before; one that waits again was moved.
ENDS = {
    ChangeState.SUBMITTED: End.MOVED,
    ChangeState.STAND_BY: End.STOOD_BY,
    ChangeState.WITHDRAWN: End.WITHDRAWN,
    ChangeState.SHIPPED: End.SHIPPED,
    ChangeState.ROLLED_OVER: End.ROLLED_OVER,
    ChangeState.RETURNED: End.RETURNED,
    ChangeState.EJECTED: End.EJECTED,
}
GOES_ON = frozenset({End.ROLLED_OVER, End.MOVED})


class Loss(StrEnum):
    """In which way something could have been lost."""

    LEFT_BEHIND = "left_behind"
    NOT_WRITTEN = "not_written"
    GHOST = "ghost"
    NOT_PLACED = "not_placed"
    NO_END = "no_end"

    @property
    def words(self) -> str:
        return LOST[self]


LOST = {
    Loss.LEFT_BEHIND: "It is still aboard a departure that has ended.",
    Loss.NOT_WRITTEN: "It is aboard, and the ledger does not say since when.",
    Loss.GHOST: "The ledger says that it is aboard, and it is not.",
    Loss.NOT_PLACED: "It went on to another departure, and never came aboard there.",
    Loss.NO_END: "It was aboard once, and the ledger does not say how that ended.",
}


def for_whom(actor: str, runner: str, *, is_person: bool) -> str:
    """Name who answers for the end of a stay: a person, or this software for the one who runs the departure.

    :param runner: e.g. "the captain Rob"
    """
    return actor if is_person else f"{actor}, for {runner}"
