"""Tell error lines that a candidate brought from those that were always there."""

import math
from dataclasses import dataclass
from enum import StrEnum

RISE = 2.0
FEWEST = 3
# A rise is told once chance alone would bring it less often than this.
LIKELY = 0.01


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

    @property
    def share(self) -> float | None:
        """Return the share of requests that the candidate got; None where one arm's are not known."""
        if not self.candidate_units or not self.baseline_units:
            return None
        return self.candidate_units / (self.candidate_units + self.baseline_units)


def standing_of(tally: Tally, *, is_known_to_baseline: bool) -> Standing:
    """Call a line new when the baseline never had it, risen when it came clearly more often, else known.

    Fewer than three in the candidate are never a rise; where one arm's requests are not known, only a line
    that the baseline has not had lately can be one. A rise is twice the rate, and more than chance explains.
    """
    if not is_known_to_baseline:
        return Standing.NEW
    if tally.candidate < FEWEST:
        return Standing.KNOWN
    share = tally.share
    if share is None:
        return Standing.KNOWN if tally.baseline else Standing.RISEN
    rate, usual = tally.candidate / tally.candidate_units, tally.baseline / tally.baseline_units
    is_clear = chance_of(tally.candidate, tally.baseline, share) <= LIKELY
    return Standing.RISEN if rate >= RISE * usual and is_clear else Standing.KNOWN


def chance_of(candidate: int, baseline: int, share: float) -> float:
    """Bound the chance of so many in the candidate if the line came as often per request in both.

    Of n lines that fall to the candidate with its share p of the requests, k or more do so with a chance of
    at most e^(−n·KL(k/n ‖ p)) (Chernoff). With none in the baseline that is p^k, and may be looked at on
    every tick: it is the chance that the first k of them all fall to the candidate.

    :param share: the candidate's share of the requests, 0 to 1
    """
    total = candidate + baseline
    if total == 0 or not 0 < share < 1 or candidate / total <= share:
        return 1.0
    part = candidate / total
    apart = part * math.log(part / share)
    if baseline:
        apart += (1 - part) * math.log((1 - part) / (1 - share))
    return math.exp(-total * apart)
