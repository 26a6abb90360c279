"""Check a ladder: the one place that says which stages protect anybody (ENGINE sections 2, 4 and 5).

Trains ask before anything is promised with a ladder, rollouts before one is climbed. A ladder is a list of
{"weight": whole percent, "bake_seconds": number, "approval": bool, "segment": "attribute=value",
"mirror": whole percent}; the last three may be left out. A stage with a segment sends that percentage of the
segment alone, e.g. "region=eu" or "ring=internal"; once it is passed, its users stay on the new version. A
shadow stage has the weight 0 and a mirror: so many of all requests are copied to the new version, whose
answers nobody sees.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from releasetrain.lib.spans import in_words

SHORTEST_BAKE_SECONDS = 600
LONGEST_BAKE_SECONDS = 14 * 24 * 3600
DEFAULT_LADDER = [
    {"weight": weight, "bake_seconds": SHORTEST_BAKE_SECONDS} for weight in (1, 5, 10, 25, 50, 100)
]
SEGMENT_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}=[A-Za-z0-9][A-Za-z0-9_.-]{0,59}\Z")

Row = Mapping[str, Any]


def why_not_ladder(ladder: Any, *, is_accelerated: bool) -> str | None:
    """Return everything that is wrong with the ladder of a train in words, or None."""
    return " ".join(problems_of(ladder, is_accelerated=is_accelerated)) or None


def problems_of(value: object, *, is_accelerated: bool = False, break_glass_reason: str = "") -> list[str]:
    """Return a sentence for each thing wrong with a ladder as it was typed or sent; none means it is good.

    :param is_accelerated: the rollout says everywhere that its bake is shortened (demonstrations)
    :param break_glass_reason: why this one may bake for less than ten minutes
    """
    if problems := problems_of_shape(value):
        return problems
    stages = rows_of(value)
    may_be_short = is_accelerated or bool(break_glass_reason.strip())
    shadows = [stage for stage in stages if mirror_of(stage)]
    seen = [stage for stage in stages if not mirror_of(stage)]
    if not seen:
        return ["A ladder ends at 100 % of everybody; it has shadow stages alone."]
    return [
        *(["Shadow stages come before all others."] if shadows != list(stages[: len(shadows)]) else []),
        *_problems_of_segments(seen),
        *_problems_of_weights(seen),
        *([] if may_be_short else _problems_of_bakes(stages)),
    ]


def rows_of(value: object) -> list[Row]:
    """Return the stages of a ladder whose shape is good."""
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []


def segment_of(row: Row) -> str:
    """Return the segment that a stage is for, "" where it is for everybody."""
    return str(row.get("segment") or "")


def mirror_of(row: Row) -> int:
    """Return the percentage of requests that a shadow stage copies, 0 where it is no shadow stage."""
    return int(row.get("mirror") or 0)


def share_words(row: Row) -> str:
    """Say whom a stage sends, e.g. "5 %", "5 % of region=eu", "shadow 50 %"."""
    if mirror := mirror_of(row):
        return f"shadow {mirror} %"
    segment = segment_of(row)
    return f"{row['weight']} %{f' of {segment}' if segment else ''}"


def problems_of_shape(value: object) -> list[str]:
    """Return what keeps a ladder from being read at all; whether it is safe is asked of `problems_of`."""
    if not isinstance(value, list | tuple) or not value:
        return ["A ladder is a list of stages, and needs at least one."]
    return [problem for number, row in enumerate(value, 1) for problem in _problems_of_row(number, row)]


def _problems_of_row(number: int, row: object) -> list[str]:
    if not isinstance(row, Mapping):
        return [f"Stage {number} must say its weight and its bake time."]
    problems = []
    # A JSON true is an int to Python; it is no weight.
    weight, bake, approval = row.get("weight"), row.get("bake_seconds"), row.get("approval", False)
    mirror = row.get("mirror", 0)
    is_shadow = mirror != 0
    if type(mirror) is not int or not 0 <= mirror <= 100:
        problems.append(f"The shadow of stage {number} must be a whole number of percent from 1 to 100.")
    if is_shadow and (weight != 0 or row.get("segment")):
        problems.append(f"Stage {number} is a shadow: it sends 0 % of users, and knows no segment.")
    if not is_shadow and (type(weight) is not int or not 1 <= weight <= 100):
        problems.append(f"The weight of stage {number} must be a whole number from 1 to 100.")
    if type(bake) not in (int, float) or not _is_bake(bake):
        problems.append(
            f"The bake time of stage {number} must be a number of seconds, "
            f"at most {in_words(LONGEST_BAKE_SECONDS)}."
        )
    if type(approval) is not bool:
        problems.append(f"The approval of stage {number} must be true or false.")
    if not _is_segment(row.get("segment", "")):
        problems.append(
            f"The segment of stage {number} must look like region=eu: an attribute, =, and its value."
        )
    return problems


def _is_bake(bake: object) -> bool:
    return isinstance(bake, int | float) and 0 < bake <= LONGEST_BAKE_SECONDS


def _is_segment(segment: object) -> bool:
    return isinstance(segment, str) and (not segment or SEGMENT_PATTERN.match(segment) is not None)


def _problems_of_segments(stages: Sequence[Row]) -> list[str]:
    """Ask for the segments before everybody, each in one piece."""
    order = [segment for segment, _ in groupby(segment_of(stage) for stage in stages)]
    if "" in order[:-1]:
        return ["Stages for a segment come before those for everybody."]
    again = sorted({segment for segment in order if order.count(segment) > 1})
    problems = [f"The stages for {segment} must follow one another." for segment in again]
    if order[-1]:
        problems.append(f"The last stage must be for everybody, not for {order[-1]} alone.")
    return problems


def _problems_of_weights(stages: Sequence[Row]) -> list[str]:
    problems = [
        f"Stage {number} ({after['weight']} %) must send more users than the one before it "
        f"({before['weight']} %)."
        for number, (before, after) in enumerate(pairwise(stages), 2)
        if segment_of(before) == segment_of(after) and after["weight"] <= before["weight"]
    ]
    if not segment_of(stages[-1]) and stages[-1]["weight"] != 100:
        problems.append(f"The last stage must be 100 %, not {stages[-1]['weight']} %.")
    return problems


def _problems_of_bakes(stages: Sequence[Row]) -> list[str]:
    return [
        f"The stage at {share_words(stage)} bakes for {in_words(stage['bake_seconds'])}; "
        f"less than {in_words(SHORTEST_BAKE_SECONDS)} needs break-glass with a reason, or a train that says "
        "that it is accelerated."
        for stage in stages
        if stage["bake_seconds"] < SHORTEST_BAKE_SECONDS
    ]
