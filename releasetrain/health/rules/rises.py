"""Tell error lines that a candidate brought from those that were always there."""

from dataclasses import dataclass
from enum import StrEnum

RISE = 2.0
FEWEST = 3


class Standing(StrEnum):
    """How an error line of the candidate stands to the baseline."""

    NEW = "new"
    RISEN = "risen"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a line came in each arm, of how many requests there."""

    candidate: int
    candidate_units: int
    baseline: int
    baseline_units: int


def standing_of(tally: Tally, *, is_known_to_baseline: bool) -> Standing:
    """Call a line new when the baseline never had it, risen when it came at least twice as often, else known.

    Fewer than three in the candidate are never a rise; where one arm's requests are not known, only a line
    that the baseline has not had lately can be one.
    """
    if not is_known_to_baseline:
        return Standing.NEW
    if tally.candidate < FEWEST:
        return Standing.KNOWN
    if tally.baseline == 0:
        return Standing.RISEN
    if not tally.candidate_units or not tally.baseline_units:
        return Standing.KNOWN
    rate = tally.candidate / tally.candidate_units
    usual = tally.baseline / tally.baseline_units
    return Standing.RISEN if rate >= RISE * usual else Standing.KNOWN
