"""Gather everything that a page of fragments shows at its first paint."""

from datetime import datetime
from typing import Any

from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.board import moving_by_departure, shown_state
from releasetrain.panels.deadlines import deadlines_of
from releasetrain.panels.decisions import decision_of
from releasetrain.panels.departures import departure_of, line_of, load_manifest, summary_of
from releasetrain.panels.errors import load_errors
from releasetrain.panels.feed import feed_of
from releasetrain.panels.forecast import load_forecast
from releasetrain.panels.guardrails import load_guardrails
from releasetrain.panels.late import late_of
from releasetrain.panels.operator import operator_of
from releasetrain.panels.overrides import load_overrides
from releasetrain.panels.readiness import readiness_of
from releasetrain.panels.rollouts import load_holds, track_of
from releasetrain.panels.shadows import load_shadow
from releasetrain.panels.shapes import Errors, Guardrails, Holds, LivePage, LiveRollout, Overrides
from releasetrain.panels.stages import Moving, leading
from releasetrain.trains.queries import standing_of


def departure_context(pk: int, audience: Audience, now: datetime) -> dict[str, Any] | None:
    """Return what departures/page.html is drawn from, without anybody's own next step and buttons.

    :return: one of each fragment by its name, and now; None where there is no such departure
    """
    departure = departure_of(pk)
    if departure is None:
        return None
    standing, moving = standing_of(departure, now), moving_by_departure([pk]).get(pk, [])
    return {
        "summary": summary_of(departure, standing, moving, audience),
        "manifest": load_manifest(pk, audience, now),
        "decision": decision_of(standing, audience),
        "rollouts": [line_of(one) for one in moving],
        "forecast": load_forecast(pk, audience, now),
        "deadlines": deadlines_of(departure, audience, now),
        "readiness": readiness_of(departure, audience, now),
        "late": late_of(departure, audience, now),
        "overrides": load_overrides(pk, audience, now) if standing.load.has_overrides else Overrides(pk, []),
        "feed": feed_of(f"departure:{pk}", audience),
        "now": now,
    }


def live_topics(pk: int) -> list[str]:
    """Name what the live page of a departure watches: itself and each of its rollouts."""
    return [
        f"departure:{pk}",
        *(f"rollout:{one.rollout.pk}" for one in moving_by_departure([pk]).get(pk, [])),
    ]


def live_page_context(pk: int, audience: Audience, now: datetime) -> dict[str, Any] | None:
    """Return what rollouts/live.html is drawn from: the page, and now."""
    departure = departure_of(pk)
    if departure is None:
        return None
    moving = moving_by_departure([pk]).get(pk, [])
    page = LivePage(
        pk=pk,
        code=departure.code,
        url=links.departure(pk),
        train=departure.train.name,
        state=shown_state(departure, leading(moving)),
        rollouts=[_live(one, audience, now) for one in moving],
        feed=feed_of(f"departure:{pk}", audience),
        departed_at=departure.departed_at,
    )
    return {"page": page, "now": now}


def _live(one: Moving, audience: Audience, now: datetime) -> LiveRollout:
    pk = one.rollout.pk
    return LiveRollout(
        track=track_of(one, audience),
        guardrails=load_guardrails(pk, audience, now, with_points=True) or Guardrails(pk, []),
        holds=load_holds(pk, audience, now) or Holds(pk, []),
        errors=load_errors(pk, audience, now) or Errors(pk, []),
        shadow=load_shadow(pk, audience, now),
        operator=operator_of(one, now) if audience is Audience.OPERATOR else None,
    )
