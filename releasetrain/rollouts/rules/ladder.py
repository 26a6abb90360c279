"""Hold the stages that traffic climbs; whether they protect anybody is checked in one place below trains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from releasetrain.trains.rules import ladder as checks
from releasetrain.trains.rules.ladder import (
    SHORTEST_BAKE_SECONDS,
    mirror_of,
    problems_of_shape,
    rows_of,
    segment_of,
    share_words,
)
from releasetrain.trains.rules.ladder import problems_of as problems_of

# A whole rollout may take this many times its bake before it is brought back.
PATIENCE = 6
SHORTEST_PATIENCE = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Stage:
    """Send `weight` percent of users to the candidate and watch it for `bake_seconds`.

    `needs_approval` asks a person before this stage is entered. `segment` ("region=eu") names the users that
    the weight is a share of; "" means everybody. A shadow stage sends nobody, and copies `mirror` percent of
    all requests.
    """

    weight: int
    bake_seconds: float
    needs_approval: bool = False
    segment: str = ""
    mirror: int = 0

    @property
    def words(self) -> str:
        """Say whom it sends, e.g. "5 % of region=eu"."""
        return share_words({"weight": self.weight, "segment": self.segment, "mirror": self.mirror})

    def to_json(self) -> dict[str, object]:
        row: dict[str, object] = {"weight": self.weight, "bake_seconds": self.bake_seconds}
        row["approval"] = self.needs_approval
        row |= {"mirror": self.mirror} if self.mirror else {}
        return row | {"segment": self.segment} if self.segment else row


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

    def shares(self, index: int) -> tuple[int, tuple[tuple[str, int], ...]]:
        """Return what a stage sends: the percentage of everybody, and of each segment opened up to there."""
        opened = {one.segment: one.weight for one in self.stages[: index + 1] if one.segment}
        stage = self.stage(index)
        return 0 if stage.segment else stage.weight, tuple(opened.items())

    def seen(self, index: int, everybody: int, segments: Mapping[str, int]) -> int:
        """Return a read-back in the terms of a stage: its own weight only where all shares are as wanted."""
        own, (wanted, opened) = self.stage(index), self.shares(index)
        shares = [(wanted, everybody), *((weight, segments.get(name, 0)) for name, weight in opened)]
        wrong = [have for want, have in shares if have != want]
        if not wrong:
            return own.weight
        return next((have for have in wrong if have != own.weight), 0)

    def to_json(self) -> list[dict[str, object]]:
        return [stage.to_json() for stage in self.stages]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what `to_json` wrote.

        :raises LadderError: the shape is wrong; whether the ladder is *safe* is asked of `problems_of`
        """
        if problems := problems_of_shape(value):
            raise LadderError(problems)
        return cls(tuple(_read_stage(row) for row in rows_of(value)))


def _read_stage(row: checks.Row) -> Stage:
    return Stage(
        row["weight"], row["bake_seconds"], bool(row.get("approval", False)), segment_of(row), mirror_of(row)
    )


DEFAULT_LADDER = Ladder(tuple(_read_stage(row) for row in checks.DEFAULT_LADDER))
# T13: one click and straight back; only the soak is left.
ROLLBACK_LADDER = Ladder((Stage(100, SHORTEST_BAKE_SECONDS),))
