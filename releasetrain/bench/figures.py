"""Carry what was measured: rows beside their yardsticks, and aims with what was found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Number = float | int | None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the values do not exceed.

    :raises ValueError: there are no values, or the share is not one
    """
    if not values:
        raise ValueError("There is no percentile of nothing.")
    if not 0 <= share <= 1:
        raise ValueError(f"A share lies between 0 and 1, not at {share}.")
    rank = max(1, math.ceil(share * len(values)))
    return sorted(values)[rank - 1]


def spread(values: Sequence[float], *, scale: float = 1.0) -> dict[str, Number]:
    """Sum up values as p50, p99 and max, each times `scale`; nothing measured is None, never 0."""
    if not values:
        return {"p50": None, "p99": None, "max": None}
    return {
        "p50": percentile(values, 0.5) * scale,
        "p99": percentile(values, 0.99) * scale,
        "max": max(values) * scale,
    }


def median(values: Sequence[float]) -> float | None:
    """Return the middle of the values, or None if there are none."""
    return percentile(values, 0.5) if values else None


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of each row: under which key it is kept, how it is headed, with how many decimals."""

    key: str
    heading: str
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured for one way of doing it."""

    what: str
    figures: Mapping[str, Number]
    is_yardstick: bool = False


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that the design asks for, and what was found; `found` is None if it was not measured."""

    what: str
    unit: str
    limit: float
    found: Number
    is_floor: bool = False

    @property
    def is_met(self) -> bool | None:
        """Say whether the aim was met, or None if nobody can tell."""
        if self.found is None:
            return None
        return self.found >= self.limit if self.is_floor else self.found <= self.limit


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark: its rows, its aims, and what a reader must know to trust them."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    aims: Sequence[Aim] = ()
    notes: Sequence[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain values; each aim says whether it was met."""
        plain = asdict(self)
        plain["rows"] = [{**asdict(row), "figures": dict(row.figures)} for row in self.rows]
        plain["aims"] = [{**asdict(aim), "is_met": aim.is_met} for aim in self.aims]
        return plain


def result_from_json(plain: Mapping[str, Any]) -> Result:
    """Read back what `as_json` wrote."""
    aims = [{key: value for key, value in aim.items() if key != "is_met"} for aim in plain["aims"]]
    return Result(
        name=plain["name"],
        title=plain["title"],
        columns=[Column(**column) for column in plain["columns"]],
        rows=[Row(**row) for row in plain["rows"]],
        aims=[Aim(**aim) for aim in aims],
        notes=plain["notes"],
    )
