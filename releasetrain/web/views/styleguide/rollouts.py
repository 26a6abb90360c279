"""Fill the live page of a rollout: kept, held and broken."""

import math
import random
from datetime import datetime, timedelta

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import (
    Action,
    Chart,
    ErrorKind,
    Errors,
    GuardrailCard,
    Guardrails,
    HoldLine,
    Holds,
    LivePage,
    LiveRollout,
    Operator,
    Point,
    Rolling,
    RollingGroup,
    RollingLine,
    RolloutTrack,
    Seconding,
    ShadowFigures,
    ShadowSample,
)
from releasetrain.web.views.styleguide.common import HERE, feed, stages


def points(now: datetime, baseline: float, lift: float, *, count: int = 300, seed: int = 7) -> list[Point]:
    """Make a plausible pair of lines: noise, a slow wave, and a lift of the candidate over the last third."""
    chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
    start = int(now.timestamp()) - count * 2
    made: list[Point] = []
    low = high = 0.0
    for index in range(count):
        low = 0.8 * low + chance.gauss(0, 0.05) * baseline
        high = 0.8 * high + chance.gauss(0, 0.09) * baseline
        wave = baseline * (1 + 0.12 * math.sin(index / 40))
        rise = lift * max(0.0, index / count - 0.6)
        made.append(
            (start + index * 2, round(max(0.0, wave + high + rise), 3), round(max(0.0, wave + low), 3))
        )
    return made


def guardrails(now: datetime) -> Guardrails:
    """Show four promises: kept, still gathering, broken, and one without an answer."""
    errors = Chart(
        "errors",
        "Error rate",
        "%",
        points(now, 0.22, 0.1),
        0.41,
        summary="The candidate fails 0.24 % of requests, the baseline 0.22 %.",
    )
    slow = Chart(
        "latency",
        "Slow requests",
        "%",
        points(now, 1.6, 7, seed=3),
        2.9,
        summary="The candidate is slow in 4.1 % of requests, the baseline in 1.6 %.",
    )
    orders = Chart(
        "orders", "Baskets left", "%", points(now, 31, 1, seed=5), summary="No difference to be seen."
    )
    return Guardrails(
        5,
        [
            GuardrailCard(
                "errors",
                "Error rate",
                "pass",
                "May be at most ×1.1 of the baseline.",
                detectable="this stage can detect ≥ ×2",
                sample="4,812 of 4,100 requests",
                sample_percent=100,
                evidence="Evidence against it: E = 0.31, fails at 100",
                chart=errors,
            ),
            GuardrailCard(
                "latency",
                "Slow requests",
                "fail",
                "×2.6 of the baseline; ×1.1 is allowed.",
                evidence="Evidence against it: E = 143, fails at 100",
                chart=slow,
            ),
            GuardrailCard(
                "orders",
                "Baskets left",
                "pending",
                "May be at most ×1.1 of the baseline.",
                is_required=False,
                detectable="this stage can detect ≥ ×2",
                sample="812 of 2,300 baskets",
                sample_percent=35,
                chart=orders,
            ),
            GuardrailCard(
                "refunds",
                "Refunds",
                "error",
                "The provider has not answered for 42 s; it is asked again every 10 s.",
            ),
        ],
    )


def track(now: datetime) -> RolloutTrack:
    """Show a rollout in the middle of its bake."""
    return RolloutTrack(
        5,
        "storefront",
        "production",
        "2026.11.23-1",
        "2026.11.24-2",
        "baking",
        stages(25, "current", 62),
        25,
        next_weight=50,
        bake_started_at=now - timedelta(minutes=6),
        bake_ends_at=now + timedelta(minutes=3, seconds=48),
        read_back="read back 25 % twice, 0.4 s ago",
        is_accelerated=True,
        note="Bake 6 min 12 s of 10 min; only healthy, verified time counts.",
    )


def held_track(now: datetime) -> RolloutTrack:
    """Show a rollout that waits."""
    reason = Reason(
        "metrics_outage", "The metrics provider has been silent for 92 s.", None, "The on-call engineer"
    )
    return RolloutTrack(
        6,
        "search",
        "production",
        "8.1.0",
        "8.2.0",
        "held",
        stages(10, "held"),
        10,
        next_weight=25,
        bake_left="07:31",
        read_back="read back 10 % twice, 1.2 s ago",
        reasons=[reason],
    )


def operator(now: datetime) -> Operator:
    """Show the controls, one of them off with its reason."""
    asked = Seconding(
        "Maya Chen asks to send it straight to 100 %: the old version is on fire",
        now + timedelta(minutes=12),
        Action("second", "Agree", HERE, "handshake", "primary"),
    )
    baking = Reason("bake", "The bake is not over and one guardrail is still gathering.", None, "")
    return Operator(
        5,
        41,
        Action("rollback", "Roll back to 0 %", HERE, "undo-2", "danger"),
        [
            Action(
                "pause",
                "Pause",
                HERE,
                "pause",
                asks="optional",
                consequence="It stays at 25 % and keeps what is left of the bake. You can still roll back.",
            ),
            Action("promote", "Promote", HERE, "fast-forward", reason=baking),
            Action("extend", "Extend bake", HERE, "timer"),
            Action(
                "skip_bake",
                "Skip bake",
                HERE,
                "skip-forward",
                asks="required",
                consequence="25 % become 50 % at once, 3 min 48 s early. A failing guardrail still blocks.",
            ),
        ],
        command_id="",
        waiting=[asked],
        last="Asked 14:02:07.120 → traffic at 0 %, verified in 0.31 s.",
    )


def holds(now: datetime) -> Holds:
    """Show one hold that a person can clear and one that clears itself."""
    return Holds(
        6,
        [
            HoldLine(
                "Paused by a person",
                "“Looking at the new error line first.” Jon Park",
                now - timedelta(minutes=4),
                None,
                "A release manager",
                Action("resume", "Resume", HERE, "play"),
            ),
            HoldLine(
                "Window",
                "Black Friday freezes production.",
                now - timedelta(minutes=1),
                now + timedelta(days=4),
                "Maya Chen",
            ),
        ],
    )


def errors(now: datetime) -> Errors:
    """Show a line that only the candidate has, one that it has more often, and one that both have."""
    first, last = now - timedelta(minutes=5), now - timedelta(seconds=12)
    head = "KeyError: 'tax_rate'"
    trace = f'Traceback (most recent call last):\n  File "checkout/totals.py", line 118, in price\n{head}'
    timeout = "ReadTimeout: GET http://inventory.internal/stock/{sku} after 2.0 s"
    return Errors(
        5,
        [
            ErrorKind("a1", head, trace, "new", "critical", 37, 0, first, last),
            ErrorKind(
                "b2", "basket locked by another request", "", "risen", "error", 18, 40, first, last,
                "×4.1 as often per request as on the old version.",
            ),
            ErrorKind("c3", timeout, "", "known", "warning", 4, 31, first, last),
        ],
        "1 new in the candidate, 1 risen, 1 in both or in the baseline",
    )  # fmt: skip


def shadow() -> ShadowFigures:
    """Show copies of which some are answered otherwise, and how often the old version differs from itself."""
    slow = ShadowSample("GET /basket", "time", "200, 1,204 B, 12 ms", "200, 1,204 B, 861 ms")
    broken = ShadowSample("GET /checkout/totals", "status, size", "200, 3,310 B, 40 ms", "500, 61 B, 9 ms")
    return ShadowFigures(
        5,
        "37 of 4,120 differ",
        is_begun=True,
        compared=4120,
        different=37,
        noise="The old version differs from itself in 2 of 4,118.",
        kinds=[("status", 21), ("size", 21), ("time", 16)],
        samples=[broken, slow],
    )


def live_page(now: datetime) -> LivePage:
    """Show the live page of a departure with one service."""
    one = LiveRollout(track(now), guardrails(now), Holds(5, []), errors(now), operator(now))
    return LivePage(
        480, "RT-480", HERE, "Web Platform", "rolling", [one], feed(now), now - timedelta(minutes=38)
    )


def rolling(now: datetime) -> Rolling:
    """Show what is on its way back, what users see, and the one button for all."""
    returning = RollingLine(
        7,
        12,
        "ledger",
        "production",
        "5.0.1",
        "5.1.0",
        "rolling_back",
        0,
        stages(25, "rolled_back"),
        HERE,
        "RT-479",
        "Asked 03:12:07 UTC: the driver has not answered yet. Attempt 4, and on without end.",
        "warn",
    )
    button = Action("rollback", "Roll back", HERE, "undo-2", "danger")
    seen = RollingLine(
        5,
        41,
        "storefront",
        "production",
        "2026.11.23-1",
        "2026.11.24-2",
        "baking",
        25,
        stages(25, "current", 62),
        HERE,
        "RT-480",
        action=button,
    )
    consequence = (
        "1 rollout to 0 % at once: storefront in production (25 %). No window, hold or lock stops this."
    )
    return Rolling(
        [RollingGroup("On the way back", [returning]), RollingGroup("Users see it", [seen])],
        everything=Action(
            "everything",
            "Roll everything back",
            HERE,
            "undo-2",
            "danger",
            asks="optional",
            consequence=consequence,
        ),
        again=Action("again", "Ask again now", HERE, "refresh-cw"),
        note="1 rollout here can be brought back by the on-call people of their own teams only.",
        late_since=now - timedelta(minutes=3),
    )
