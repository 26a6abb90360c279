"""Answer "open now?", "open when?" and "until when?" for what somebody asks about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.calendars.queries import openness_of, place, windows_at
from releasetrain.calendars.rules.judging import Openness, judge
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service, Target
from releasetrain.lib.verdict import Reason
from releasetrain.panels.reasons import worst_first


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """Whether something may move now, why not, and when that changes."""

    service: str
    environment: str
    lane: str
    state: str
    reasons: Sequence[Reason]
    opens_at: datetime | None
    closes_at: datetime | None
    why_closes: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class OpenRow:
    """One service in one environment: open or shut at this moment, and the worst reason."""

    service: str
    environment: str
    state: str
    url: str
    reason: Reason | None = None


def answer_of(service: Service, environment: Environment, lane: Lane, now: datetime) -> OpenAnswer:
    """Answer for one service in one environment."""
    found: Openness = openness_of([place(service, environment)], now, lane=lane)
    return OpenAnswer(
        service=service.name,
        environment=environment.name,
        lane=lane.words,
        state="open" if found.is_open else "shut",
        reasons=found.reasons,
        opens_at=found.next_open_at,
        closes_at=found.next_close_at,
        why_closes=found.why_closes,
    )


def rows_of(targets: Sequence[Target], lane: Lane, now: datetime) -> list[OpenRow]:
    """Say each target, open or shut at this moment, in as many queries as for one of them."""
    freezes = windows_at(now)
    rows = []
    for target in targets:
        verdict = judge(freezes, [place(target.service, target.environment)], now, lane=lane)
        query = f"service={target.service_id}&environment={target.environment_id}&lane={lane}"
        rows.append(
            OpenRow(
                service=target.service.name,
                environment=target.environment.name,
                state="open" if verdict.is_allowed else "shut",
                url=f"/calendar/open/?{query}",
                reason=None if verdict.is_allowed else worst_first(verdict.reasons)[0],
            )
        )
    return rows
