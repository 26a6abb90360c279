"""Say what a window would do before it is saved (RULES W10, T7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from releasetrain.calendars.queries import WindowSettings
from releasetrain.calendars.rules.windows import Effect, Stops
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Reason
from releasetrain.trains.queries.rehearsal import Hit, Rehearsal
from releasetrain.web.contexts.calendar.days import span_words

MOST_TIMES, MOST_HITS = 6, 40


@dataclass(frozen=True, slots=True)
class DepartureHit:
    """One departure that a window meets, with everything of it that it meets."""

    code: str
    train: str
    url: str
    departs_at: datetime
    lines: Sequence[Hit]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Another slot of the same length; `value` is what its button sends."""

    words: str
    value: str


@dataclass(frozen=True, slots=True)
class RehearsalPanel:
    """What saving would do, in words and figures."""

    where: str
    length: str
    union: str
    lines: Sequence[str]
    times: Sequence[str]
    more: int
    notes: Sequence[str]
    warnings: Sequence[str]
    doubts: Sequence[str]
    hits: Sequence[DepartureHit]
    more_hits: int
    proposals: Sequence[Proposal]
    verb: str
    hits_words: str
    why_not: Reason | None = None


def rehearsal_panel(
    found: Rehearsal, settings: WindowSettings, doubts: Sequence[str], why_not: Reason | None, *, zone: tzinfo
) -> RehearsalPanel:
    """Draw up a rehearsal for the person who is about to save."""
    reach, hits = found.reach, departures_hit(found)
    is_by_zone = len(reach.per_zone) > 1
    return RehearsalPanel(
        where=settings.where,
        length=reach.length_words,
        union=reach.union_words if is_by_zone else "",
        lines=reach.per_zone if is_by_zone else (),
        times=[one.words for one in reach.stretches[:MOST_TIMES]],
        more=max(len(reach.stretches) - MOST_TIMES, 0),
        notes=reach.notes,
        warnings=list(dict.fromkeys([*reach.warnings, *found.warnings])),
        doubts=doubts,
        hits=hits[:MOST_HITS],
        more_hits=max(len(hits) - MOST_HITS, 0),
        proposals=[_proposal(span, settings, zone) for span in found.proposals],
        verb=_verb(settings),
        hits_words=departures_words(len(hits)),
        why_not=why_not,
    )


def _verb(settings: WindowSettings) -> str:
    """Say what it does to departures; a notice does nothing."""
    if settings.level is Stops.NOTICE:
        return ""
    return "Outside it, it stops" if settings.effect is Effect.ALLOW else "It stops"


def departures_words(count: int) -> str:
    """Say how many departures; nothing for none."""
    return "" if count == 0 else f"{count} departure{'' if count == 1 else 's'}"


def departures_hit(found: Rehearsal) -> list[DepartureHit]:
    """Gather what a window meets by departure, soonest first."""
    by_departure: dict[int, list[Hit]] = {}
    for hit in found.hits:
        by_departure.setdefault(hit.departure_id, []).append(hit)
    rows = [_departure(pk, hits) for pk, hits in by_departure.items()]
    return sorted(rows, key=lambda one: (one.departs_at, one.code))


def _departure(pk: int, hits: Sequence[Hit]) -> DepartureHit:
    first = hits[0]
    return DepartureHit(first.code, first.train, f"/departures/{pk}/", first.departs_at, hits)


def _proposal(span: Span, settings: WindowSettings, zone: tzinfo) -> Proposal:
    words = span_words(span, zone, is_all_day=settings.is_all_day)
    return Proposal(words, f"{span.start.isoformat()}/{span.end.isoformat()}")
