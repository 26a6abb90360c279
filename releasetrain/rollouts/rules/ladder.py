"""Describe the stages that traffic climbs, and refuse ladders that would not protect anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Self

from releasetrain.lib.spans import in_words

SHORTEST_BAKE_SECONDS = 600
LONGEST_BAKE_SECONDS = 14 * 24 * 3600
# A whole rollout may take this many times its bake before it is brought back.
PATIENCE = 6
SHORTEST_PATIENCE = timedelta(hours=4)

StageRow = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Stage:
    """Send `weight` percent of users to the candidate and watch it for `bake_seconds`.

    `needs_approval` asks a person before this stage is entered.
    """

    weight: int
    bake_seconds: float
    needs_approval: bool = False

    def to_json(self) -> dict[str, object]:
        return {"weight": self.weight, "bake_seconds": self.bake_seconds, "approval": self.needs_approval}


class LadderError(ValueError):
    """Refuse a ladder that cannot be climbed, with every reason in words."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Order the stages from the first weight to 100 %; the bake of the last one is the soak."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if not self.stages:
            raise LadderError(["A ladder needs at least one stage."])

    @property
    def last_index(self) -> int:
        return len(self.stages) - 1

    @property
    def patience(self) -> timedelta:
        """Return how long a whole rollout may take once it has its target, before it comes back."""
        return max(PATIENCE * timedelta(seconds=sum(s.bake_seconds for s in self.stages)), SHORTEST_PATIENCE)

    def stage(self, index: int) -> Stage:
        """Return a stage; an index outside the ladder means the nearest end."""
        return self.stages[min(max(index, 0), self.last_index)]

    def to_json(self) -> list[dict[str, object]]:
        return [stage.to_json() for stage in self.stages]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what `to_json` wrote.

        :raises LadderError: the shape is wrong; whether the ladder is *safe* is asked of `problems_of`
        """
        if problems := _problems_of_shape(value):
            raise LadderError(problems)
        return cls(tuple(_read_stage(row) for row in _rows(value)))


DEFAULT_LADDER = Ladder(tuple(Stage(weight, SHORTEST_BAKE_SECONDS) for weight in (1, 5, 10, 25, 50, 100)))
# T13: one click and straight back; only the soak is left.
ROLLBACK_LADDER = Ladder((Stage(100, SHORTEST_BAKE_SECONDS),))


def problems_of(value: object, *, is_accelerated: bool = False, break_glass_reason: str = "") -> list[str]:
    """Return a sentence for each thing wrong with a ladder as it was typed or sent; none means it is good.

    :param value: a list of {"weight": whole percent, "bake_seconds": number, "approval": bool, optional}
    :param is_accelerated: the rollout says everywhere that its bake is shortened (demonstrations)
    :param break_glass_reason: why this one may bake for less than ten minutes
    """
    if problems := _problems_of_shape(value):
        return problems
    stages = [_read_stage(row) for row in _rows(value)]
    may_be_short = is_accelerated or bool(break_glass_reason.strip())
    return [*_problems_of_weights(stages), *_problems_of_bakes(stages, may_be_short=may_be_short)]


def _rows(value: object) -> list[StageRow]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []


def _problems_of_shape(value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not value:
        return ["A ladder is a list of stages, and needs at least one."]
    return [problem for number, row in enumerate(value, 1) for problem in _problems_of_row(number, row)]


def _problems_of_row(number: int, row: object) -> list[str]:
    if not isinstance(row, Mapping):
        return [f"Stage {number} must say its weight and its bake time."]
    problems = []
    # A JSON true is an int to Python; it is no weight.
    weight, bake, approval = row.get("weight"), row.get("bake_seconds"), row.get("approval", False)
    if type(weight) is not int or not 1 <= weight <= 100:
        problems.append(f"The weight of stage {number} must be a whole number from 1 to 100.")
    if type(bake) not in (int, float) or not _is_bake(bake):
        problems.append(
            f"The bake time of stage {number} must be a number of seconds, "
            f"at most {in_words(LONGEST_BAKE_SECONDS)}."
        )
    if type(approval) is not bool:
        problems.append(f"The approval of stage {number} must be true or false.")
    return problems


def _is_bake(bake: object) -> bool:
    return isinstance(bake, int | float) and 0 < bake <= LONGEST_BAKE_SECONDS


def _read_stage(row: StageRow) -> Stage:
    weight, bake = row["weight"], row["bake_seconds"]
    assert isinstance(weight, int) and isinstance(bake, int | float)  # noqa: S101 - shape was checked
    return Stage(weight, bake, bool(row.get("approval", False)))


def _problems_of_weights(stages: Sequence[Stage]) -> list[str]:
    problems = [
        f"Stage {number} ({after.weight} %) must send more users than the one before it ({before.weight} %)."
        for number, (before, after) in enumerate(pairwise(stages), 2)
        if after.weight <= before.weight
    ]
    if stages[-1].weight != 100:
        problems.append(f"The last stage must be 100 %, not {stages[-1].weight} %.")
    return problems


def _problems_of_bakes(stages: Sequence[Stage], *, may_be_short: bool) -> list[str]:
    if may_be_short:
        return []
    return [
        f"The stage at {stage.weight} % bakes for {in_words(stage.bake_seconds)}; "
        f"less than {in_words(SHORTEST_BAKE_SECONDS)} needs break-glass with a reason."
        for stage in stages
        if stage.bake_seconds < SHORTEST_BAKE_SECONDS
    ]
