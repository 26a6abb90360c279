"""Print what was measured so that a person can read it in a terminal 100 columns wide."""

import textwrap
from collections.abc import Mapping, Sequence

from releasetrain.bench.figures import Aim, Column, Number, Result, Row

WIDTH = 100
MISSING = "–"


def shown(value: Number, decimals: int) -> str:
    """Write a figure with thousands apart, or a dash where there is none."""
    return MISSING if value is None else f"{value:,.{decimals}f}"


def table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Lay rows out under their headings; yardsticks carry an asterisk."""
    heads = ["", *(column.heading for column in columns)]
    lines = [
        [_name(row), *(shown(row.figures.get(column.key), column.decimals) for column in columns)]
        for row in rows
    ]
    widths = [max(len(line[index]) for line in [heads, *lines]) for index in range(len(heads))]
    return "\n".join(_aligned(line, widths) for line in [heads, ["─" * width for width in widths], *lines])


def _name(row: Row) -> str:
    return f"{row.what} *" if row.is_yardstick else row.what


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()


def aim_line(aim: Aim) -> str:
    """Say an aim, what was found, and whether it is met."""
    sign = "≥" if aim.is_floor else "≤"
    verdict = {True: "met", False: "NOT met", None: "not measured"}[aim.is_met]
    found = "" if aim.found is None else f"{_number(aim.found)} {aim.unit}".rstrip() + ", "
    return f"{aim.what} {sign} {_number(aim.limit)} {aim.unit}".rstrip() + f": {found}{verdict}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def page(result: Result) -> str:
    """Write one benchmark out: title, table, aims, notes."""
    parts = [f"{result.name}: {result.title} (* is a yardstick)", table(result.columns, result.rows)]
    if result.aims:
        parts.append("\n".join(f"  · {aim_line(aim)}" for aim in result.aims))
    if result.notes:
        parts.append("\n".join(_wrapped(note) for note in result.notes))
    return "\n\n".join(parts)


def _wrapped(note: str) -> str:
    return textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="  ")


def facts(plain: Mapping[str, object]) -> str:
    """Write the block that says where this was measured."""
    width = max(len(key) for key in plain)
    return "\n".join(
        textwrap.fill(
            str(value),
            WIDTH,
            initial_indent=f"{key.ljust(width)}  ",
            subsequent_indent=" " * (width + 2),
            break_on_hyphens=False,
        )
        for key, value in plain.items()
    )
