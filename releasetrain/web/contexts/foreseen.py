"""Say what steering a departure would do, before it is pressed."""

from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.verdicts import Action as Ask


def foreseen(
    ask: Ask, departure: Departure, now: datetime, *, to: datetime | None = None
) -> tuple[list[str], list[Reason]]:
    """Return what it would do in sentences, and what speaks against it."""
    return [], []
