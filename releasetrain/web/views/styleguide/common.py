"""Share what the samples are made of."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from releasetrain.panels.shapes import Feed, FeedItem, Mark, Stage

WEIGHTS = (1, 5, 10, 25, 50, 100)
DIGEST = "7c1f0b9e4ad2c8815f3a6e0d97b24c5511d8ee3f6a0b7749c2d1f08a9b3e6c45"
HERE = "/styleguide/"


def stages(reached: int, mark: Mark, bake: int = 0) -> list[Stage]:
    """Build the track up to a weight; a rollback marks every stage it had reached."""
    before: Mark = "rolled_back" if mark == "rolled_back" else "done"
    return [
        Stage(
            weight,
            before if weight < reached else mark if weight == reached else "pending",
            bake if weight == reached else 0,
        )
        for weight in WEIGHTS
    ]


def feed(now: datetime, key: str = "departure-480") -> Feed:
    """Show what happened lately."""
    lines: Sequence[tuple[str, str, str, str]] = (
        ("timer", "accent", "storefront bakes at 25 %", "verified twice, 1.1 s apart"),
        ("arrow-right-left", "accent", "storefront moves 10 % → 25 %", ""),
        ("circle-check", "ok", "Every guardrail passed at 10 %", "n = 4,812 against 43,377"),
        ("octagon-pause", "warn", "Held: error rate inconclusive", "bake extended by 5 min"),
        ("train-front", "ok", "RT-480 departed", "21 changes, revision 2"),
        ("scale", "think", "Maya Chen says go as release manager", ""),
    )
    made = [
        FeedItem(9120 - index, now - timedelta(minutes=3 * index, seconds=11), text, icon, tone, detail)  # type: ignore[arg-type]
        for index, (icon, tone, text, detail) in enumerate(lines)
    ]
    return Feed(key, made, HERE)
