"""Draw a chart's first paint on the server, with the geometry that js/chart.js uses."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from django import template

register = template.Library()

Point = tuple[float, float | None, float | None]
WIDTH, HEIGHT = 1000, 100
DRAWN = 240
"""More points than pixels help nobody: the first paint shows at most this many."""


def nice_ceiling(top: float) -> float:
    """Find the round number above the largest value, one whose half is short to read."""
    if top <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(top))
    steps = (step * power for step in (1.0, 2.0, 2.5, 4.0, 5.0, 10.0))
    return next(step for step in steps if step >= top * 0.999999)


def figure(value: float | None, unit: str) -> str:
    """Write a value with its unit, always with the same number of decimals for that unit."""
    if value is None:
        return "–"
    decimals = 2 if unit == "%" or value < 10 else 0
    return f"{value:,.{decimals}f}{f' {unit}' if unit else ''}"


def axis_figure(value: float) -> str:
    """Write a value at the axis as short as it goes."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def thin(points: Sequence[Point]) -> Sequence[Point]:
    """Keep every n-th point and the last one, so that the first paint stays small."""
    step = max(1, math.ceil(len(points) / DRAWN))
    return [point for index, point in enumerate(reversed(points)) if index % step == 0][::-1]


def path(values: Iterable[tuple[float, float | None]], start: float, span: float, top: float) -> str:
    """Write the line through the values as SVG path data; a missing value leaves a gap."""
    parts: list[str] = []
    pen = "M"
    for at, value in values:
        if value is None:
            pen = "M"
            continue
        x = (at - start) / span * WIDTH
        y = HEIGHT - min(value / top, 1) * HEIGHT
        parts.append(f"{pen}{x:.0f} {y:.1f}")
        pen = "L"
    return "".join(parts)


def geometry(chart: Any) -> dict[str, Any]:
    """Compute paths, axis and legend of a chart (panels.shapes.Chart)."""
    points: Sequence[Point] = chart.points
    end = points[-1][0] if points else 0.0
    span = float(chart.window_seconds)
    seen = [point for point in points if point[0] >= end - span]
    values = [value for point in seen for value in point[1:] if value is not None]
    top = nice_ceiling(max([*values, chart.threshold or 0.0], default=0.0) * 1.05)
    drawn, start = thin(seen), end - span
    last = next((point for point in reversed(seen) if point[1] is not None), None)
    limit = None if chart.threshold is None else HEIGHT - min(chart.threshold / top, 1) * HEIGHT
    return {
        "chart": chart,
        "candidate_path": path(((at, value) for at, value, _ in drawn), start, span, top),
        "baseline_path": path(((at, value) for at, _, value in drawn), start, span, top),
        "dot_path": path([(last[0], last[1])], start, span, top) + "h0" if last else "",
        "threshold_y": None if limit is None else f"{limit:.2f}",
        "over_y": f"{limit:.2f}" if limit is not None and chart.bad_side == "below" else "0",
        "over_height": None if limit is None else f"{_over(limit, chart.bad_side):.2f}",
        "candidate": figure(last[1] if last else None, chart.unit),
        "baseline": figure(next((p[2] for p in reversed(seen) if p[2] is not None), None), chart.unit),
        "limit": figure(chart.threshold, chart.unit),
        "y_axis": [axis_figure(top), axis_figure(top / 2), "0"],
        "minutes": axis_figure(span / 60),
        "half": axis_figure(span / 120),
        "data": json.dumps(seen, separators=(",", ":")),
    }


def _over(limit: float, bad_side: str) -> float:
    """Return the height of the part of the plot in which the candidate is in trouble."""
    return HEIGHT - limit if bad_side == "below" else limit


@register.inclusion_tag("components/chart.html")
def chart(chart: Any) -> dict[str, Any]:
    """Draw a chart that is whole without script and live with it."""
    return geometry(chart)
