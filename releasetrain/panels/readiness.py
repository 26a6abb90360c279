"""Gather what is checked before a departure leaves, and what blocks it; all of it stands on its own row."""

from datetime import datetime
from typing import Any

from releasetrain.lib.spans import in_words
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.departures import departure_of
from releasetrain.panels.shapes import BlockerLine, CheckLine, Readiness
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.readiness import LOOKED_AT_FROM, Asks, Sample, is_stale
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState


def load_readiness(pk: int, audience: Audience, now: datetime) -> Readiness | None:
    """Gather the checks and blockers of a departure."""
    departure = departure_of(pk)
    return None if departure is None else readiness_of(departure, audience, now)


def readiness_of(departure: Departure, audience: Audience, now: datetime) -> Readiness:
    """Say what every check said in the newest sample, and what blocks; a stakeholder reads no names."""
    asks, sample = Plan.from_json(departure.plan).checks, Sample.from_json(departure.readiness)
    is_over = DepartureState(departure.state) in GONE
    sees = audience.sees_people
    since = sample.since if sample and asks and not is_over else None
    return Readiness(
        pk=departure.pk,
        state=_state(asks, sample, now) if asks and not is_over else "",
        checks=_checks(asks, sample, audience),
        blockers=[_blocker(departure, one, audience) for one in departure.blocking],
        minimum=in_words(asks.minimum) if asks else "",
        sampled_at=sample.at if sample and asks else None,
        since_at=since,
        ready_at=since + asks.minimum if since and since + asks.minimum > now else None,
        note=_note(departure, asks, sample, now) if not is_over else "",
        url=links.readiness(departure.pk) if sees else "",
    )


def _state(asks: Asks, sample: Sample | None, now: datetime) -> str:
    is_ready = (
        sample is not None
        and sample.since is not None
        and not is_stale(sample, now)
        and sample.at - sample.since >= asks.minimum
    )
    return "ready" if is_ready else "not_ready"


def _checks(asks: Asks, sample: Sample | None, audience: Audience) -> list[CheckLine]:
    """Show every check that is asked for; without a sample of it there is no data."""
    known = {one.key: one for one in sample.results} if sample else {}
    sees, found = audience.sees_people, []
    for key, label in asks.labels.items():
        if (one := known.get(key)) is None:
            found.append(CheckLine(label, "no_data", key=key))
            continue
        state = "waived" if one.waived else one.state.value
        found.append(
            CheckLine(
                label,
                state,
                text=one.text if sees else "",
                who=one.who if sees and not one.is_fine else "",
                waived=one.waived if sees else "",
                key=key,
            )
        )
    return found


def _blocker(departure: Departure, one: dict[str, Any], audience: Audience) -> BlockerLine:
    state = "blocks" if one["blocks"] else "watching"
    if not audience.sees_people:
        return BlockerLine(one["id"], "Something has to be put right first", state)
    return BlockerLine(
        pk=one["id"],
        title=one["title"],
        state=state,
        text=one["text"],
        who=one["who"],
        opened_by=one["by"],
        opened_at=datetime.fromisoformat(one["at"]),
        url=links.blocker(departure.pk, one["id"]),
    )


def _note(departure: Departure, asks: Asks, sample: Sample | None, now: datetime) -> str:
    if not asks:
        return ""
    if sample is not None:
        return "The samples have stopped; no data is not green." if is_stale(sample, now) else ""
    is_early = departure.state in BOARDING_STATES and now < departure.departs_at - LOOKED_AT_FROM
    lead = in_words(LOOKED_AT_FROM)
    return (
        f"It is looked at once it is sealed, or from {lead} before it departs."
        if is_early
        else "No sample yet."
    )
