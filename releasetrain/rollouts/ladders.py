"""Know by which drivers a target can be brought back: its own first, then the fallbacks that it names (T11).

`driver_config["fallbacks"]` is a list of {"driver": kind, "config": {...}}, in the order in which they are
tried.
"""

import copy
import logging
from dataclasses import dataclass

from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import Ack, Answers, Driver, Sync
from releasetrain.rollouts.drivers.base import Observed as Seen
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.snapshot import PATIENCE_SECONDS, Observed

logger = logging.getLogger(__name__)

OBSERVE_SECONDS = 1.0
# A target that cannot refuse a late write is told 0 for so long after it was read back: longer than any call.
SETTLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Rung:
    """One driver of a target, with the target as it is configured for it."""

    kind: str
    target: Target

    def driver(self) -> Driver:
        """Return the driver.

        :raises Invalid: there is none of that name
        """
        return driver_for(self.kind)


def rungs_of(target: Target) -> list[Rung]:
    """Return the drivers of a target, its own first; what is no fallback at all is left out."""
    fallbacks = target.driver_config.get("fallbacks")
    named = [one for one in fallbacks if isinstance(one, dict)] if isinstance(fallbacks, list) else []
    return [Rung(target.driver, target), *(_rung(target, one) for one in named)]


def _rung(target: Target, fallback: dict[str, object]) -> Rung:
    config, own = fallback.get("config"), copy.copy(target)
    own.driver = str(fallback.get("driver", ""))
    own.driver_config = config if isinstance(config, dict) else {}
    return Rung(own.driver, own)


def settle_seconds(target: Target) -> float:
    """Return how long 0 is re-asserted after a rollback: fenced targets refuse late writes alone (R6)."""
    try:
        return 0.0 if driver_for(target.driver).capabilities.is_fenced else SETTLE_SECONDS
    except Exception:
        logger.exception("The driver of %s cannot say what it can do.", target)
        return SETTLE_SECONDS


def patience_seconds(target: Target) -> float:
    """Return how long a share of users may take to arrive; a command or a webhook takes minutes."""
    try:
        return driver_for(target.driver).capabilities.patience_seconds
    except Invalid:
        return PATIENCE_SECONDS


def answer_of(target: Target, key: str) -> Ack | None:
    """Ask what has become of a call that was only accepted; None where its driver cannot tell."""
    driver = driver_for(target.driver)
    return (
        driver.answer_of(target, key=key, deadline=OBSERVE_SECONDS) if isinstance(driver, Answers) else None
    )


Place = tuple[Ladder, int]


def observe(target: Target, at: Place | None = None) -> Observed:
    """Read a target back; an unreadable one is an observation without a weight.

    :param at: the ladder and the stage that should stand; without it, the largest share of anybody is meant
    """
    return _observe(Rung(target.driver, target), at)


def observe_return(target: Target, *, fence: int) -> Observed:
    """Read a target back on its way to 0: where a fallback holds it at 0 under this fence, users are back.

    :param fence: the one under which 0 was decided
    """
    own = observe(target)
    if own.weight == 0:
        return own
    for rung in rungs_of(target)[1:]:
        seen = _observe(rung)
        if seen.weight == 0 and seen.fence is not None and seen.fence >= fence:
            return seen
    return own


def _observe(rung: Rung, at: Place | None = None) -> Observed:
    try:
        driver = rung.driver()
        seen = driver.observe(rung.target, deadline=OBSERVE_SECONDS)
    except Exception:
        logger.exception("The driver %s of %s could not be read.", rung.kind, rung.target)
        return Observed(at=clock.now(), weight=None)
    return as_observed(driver, seen, at)


def as_observed(driver: Driver, seen: Seen, at: Place | None = None) -> Observed:
    """Put what a driver saw into the terms of the stage that should stand."""
    if seen.state is Sync.PARTIAL:
        # A fleet of which one endpoint is missing is nowhere yet, neither at a stage nor back at 0 %.
        return Observed(at=seen.at or clock.now(), weight=None)
    mirror = seen.mirror if driver.capabilities.can_mirror else None
    weight = _as_seen(seen.weight, dict(seen.segments), at)
    return Observed(at=seen.at or clock.now(), weight=weight, fence=seen.fence, mirror=mirror)


def _as_seen(weight: int | None, segments: dict[str, int], at: Place | None) -> int | None:
    """Put shares of segments into one number: that of the stage which wants them, else the largest."""
    if weight is None or (not segments and at is None):
        return weight
    return at[0].seen(at[1], weight, segments) if at is not None else max(weight, *segments.values())


def why_not_climb(target: Target, ladder: Ladder) -> str:
    """Say which stages the driver of a target cannot do, "" where it can do them all."""
    if any(stage.mirror for stage in ladder.stages) and not driver_for(target.driver).capabilities.can_mirror:
        return (
            f"The driver “{target.driver}” of {target} cannot copy requests to a shadow. "
            "Take the shadow stages out of the ladder, or move it by a driver that can mirror."
        )
    named = [stage.segment for stage in ladder.stages if stage.segment]
    if not named or driver_for(target.driver).capabilities.has_segments:
        return ""
    return (
        f"The driver “{target.driver}” of {target} cannot send {named[0]} before everybody. "
        "Take the stages for segments out of the ladder, or move it by a flag."
    )
