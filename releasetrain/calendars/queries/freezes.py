"""Read windows, with their scopes and times, into what the rules know.

This is asked before anything moves: it is one statement, written out, and read without model instances.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from releasetrain.calendars.rules.judging import WHO_ENDS_IT
from releasetrain.calendars.rules.windows import Behaviour, Effect, Freeze, Lane, Place, Scope, Stops, Time
from releasetrain.lib.spans import Span
from releasetrain.lib.words import listed

# So many regions at most have a next day of their own in a window that allows.
MOST_NEXT = 40
WHO_LETS_THE_LINE_RUN = "somebody on call, a release manager or an administrator"

# `met` is what is open within the spans; in between, too, where it allows: when it opens next may be asked.
# Ranges are ordered by their start.
_MET = """
WITH met AS (
    SELECT window_id, array_agg(lower(during)) AS starts, array_agg(upper(during)) AS ends,
        array_agg(region_id) AS regions
    FROM calendars_occurrence
    WHERE during && %(whole)s::tstzrange AND (
        during && %(spans)s::tstzmultirange
        OR window_id IN (SELECT id FROM calendars_window WHERE effect = 'allow')
    )
    GROUP BY window_id
)
"""
_READ = """
SELECT w.id, w.name, w.level, w.reason, w.effect, w.behaviour, w.lanes, w.stops_the_line, w.capacity,
    w.is_all_day, least(w.ends_at, w.ended_early_at),
    (SELECT problem FROM calendars_feed WHERE id = w.feed_id),
    met.starts, met.ends, met.regions, following.starts, following.ends, following.regions, (
        SELECT json_agg(json_build_array(
            s.is_exclusion, s.team_id, s.service_id, s.environment_id, s.region_id, team.name
        ) ORDER BY s.id)
        FROM calendars_windowscope s
        LEFT JOIN catalog_service service ON service.id = s.service_id
        LEFT JOIN accounts_team team ON team.id = coalesce(service.team_id, s.team_id)
        WHERE s.window_id = w.id
    )
FROM calendars_window w
LEFT JOIN met ON met.window_id = w.id
LEFT JOIN LATERAL (
    SELECT array_agg(lower(during)) AS starts, array_agg(upper(during)) AS ends,
        array_agg(region_id) AS regions
    FROM (
        SELECT during, region_id FROM calendars_occurrence
        WHERE window_id = w.id AND during > tstzrange(%(last)s::timestamptz, NULL)
        ORDER BY during
        LIMIT CASE WHEN w.is_all_day AND w.day_mode = 'regions' THEN %(most_next)s ELSE 1 END
    ) later
) following ON w.effect = 'allow'
WHERE w.deleted_at IS NULL AND (
    met.window_id IS NOT NULL OR (
        w.effect = 'allow'
        AND (w.ends_at IS NULL OR w.ends_at > %(first)s)
        AND (w.ended_early_at IS NULL OR w.ended_early_at > %(first)s)
    )
)
"""
# Windows that name nothing, or something that at least one of the places may be part of.
_NEAR = """
AND (
    NOT EXISTS (SELECT FROM calendars_windowscope s WHERE s.window_id = w.id AND NOT s.is_exclusion)
    OR EXISTS (
        SELECT FROM calendars_windowscope s
        WHERE s.window_id = w.id AND NOT s.is_exclusion
            AND (s.team_id IS NULL OR s.team_id = ANY(%(teams)s::bigint[]))
            AND (s.service_id IS NULL OR s.service_id = ANY(%(services)s::bigint[]))
            AND (s.environment_id IS NULL OR s.environment_id = ANY(%(environments)s::bigint[]))
            AND (s.region_id IS NULL OR s.region_id = ANY(%(regions)s::bigint[]))
    )
)
"""

_Column = Sequence[Any] | None


class _Row(NamedTuple):
    """One row of the statement; times are three columns side by side: starts, ends, regions."""

    id: int
    name: str
    level: str
    reason: str
    effect: str
    behaviour: str
    lanes: Sequence[str]
    stops_the_line: bool
    capacity: int | None
    is_all_day: bool
    over_at: datetime | None
    problem: str | None
    starts: _Column
    ends: _Column
    regions: _Column
    next_starts: _Column
    next_ends: _Column
    next_regions: _Column
    scopes: Sequence[Sequence[Any]] | None


def freezes_within(spans: Sequence[Span], places: Sequence[Place]) -> list[Freeze]:
    """Read what may stop something within any of the spans (at least one; both ends count), in one query.

    :param places: leave out what surely concerns none of them; everything counts where none is named
    """
    first, last = min(one.start for one in spans), max(one.end for one in spans)
    asked: dict[str, str | int | datetime | list[int]] = {
        "whole": _range(Span(first, last)),
        "spans": f"{{{','.join(map(_range, spans))}}}",
        "first": first,
        "last": last,
        "most_next": MOST_NEXT,
    }
    if places:
        asked["teams"] = list({one.team for one in places})
        asked["services"] = list({one.service for one in places})
        asked["environments"] = list({one.environment for one in places})
        asked["regions"] = list({one.region for one in places if one.region is not None})
    with connection.cursor() as cursor:
        cursor.execute(_MET + _READ + (_NEAR if places else ""), asked)
        found = [_freeze(_Row._make(row)) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: (not one.times, one.times[-1].span.end if one.times else 0, one.id))


def _range(span: Span) -> str:
    return f"[{span.start.isoformat()},{span.end.isoformat()}]"


def _freeze(row: _Row) -> Freeze:
    named = row.scopes or ()
    includes = [one for one in named if not one[0]]
    times = {
        *_times(row.starts, row.ends, row.regions),
        *_times(row.next_starts, row.next_ends, row.next_regions),
    }
    return Freeze(
        id=row.id,
        name=row.name,
        level=Stops(row.level),
        reason=row.reason,
        times=tuple(sorted(times, key=lambda one: (one.span.start, one.span.end))),
        effect=Effect(row.effect),
        behaviour=Behaviour(row.behaviour),
        lanes=frozenset(map(Lane, row.lanes)),
        includes=tuple(Scope(*one[1:5]) for one in includes),
        excludes=tuple(Scope(*one[1:5]) for one in named if one[0]),
        stops_the_line=row.stops_the_line,
        capacity=row.capacity,
        is_all_day=row.is_all_day,
        is_stale=bool(row.problem),
        over_at=row.over_at,
        who=_who([one[5] for one in includes], stops_the_line=row.stops_the_line),
    )


def _times(starts: _Column, ends: _Column, regions: _Column) -> Iterable[Time]:
    for start, end, region in zip(starts or (), ends or (), regions or (), strict=True):
        yield Time(Span(start, end), region)


def _who(owners: Sequence[str | None], *, stops_the_line: bool) -> str:
    """Say who can end a window: the people of the teams that own its places, or those of the house."""
    roles = WHO_LETS_THE_LINE_RUN if stops_the_line else WHO_ENDS_IT
    teams = [team for team in dict.fromkeys(owners) if team is not None]
    if not teams or None in owners:
        return roles
    return f"{roles} of {listed(teams)} or of the house"
