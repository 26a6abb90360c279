"""Compare what a departure keeps with what its train says by now (RULES I14)."""

from releasetrain.lib.hashing import digest
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.timetable import plan_of
from releasetrain.trains.rules.applying import Difference, differences
from releasetrain.trains.rules.plan import Plan


def offered(departure: Departure) -> tuple[list[Difference], str]:
    """Return what the train's settings would change of a departure, and the digest of what is offered."""
    kept, now = Plan.from_json(departure.plan), plan_of(departure.train)
    return differences(kept, now), digest([kept.to_json(), now.to_json()])
