"""Read what a benchmark is asked to do, and refuse what would not measure anything."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from releasetrain.bench.errors import CannotMeasure

BENCHMARKS = (
    "rollback",
    "live",
    "ofrep",
    "memory",
    "calendar",
    "decision",
    "guardrails",
    "ingest",
    "engine",
    "drivers",
)
LONGEST_SECONDS = 60
MOST_WATCHERS = 100_000
MOST_ROLLBACKS = 500
MOST_RATE = 2_000
SMALLEST_SCALE = 0.001


@dataclass(frozen=True, slots=True)
class Options:
    """How long each row is measured, and how large the load is."""

    seconds: float = 8.0
    watchers: Sequence[int] = (1_000, 5_000)
    rollbacks: int = 50
    rate: int = 200
    scale: float = 1.0

    def as_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


def checked(
    *,
    seconds: float | None = None,
    watchers: str = "",
    rollbacks: int | None = None,
    rate: int | None = None,
    scale: float | None = None,
) -> Options:
    """Make options of what was typed.

    :raises CannotMeasure: one of them cannot be used
    """
    standard = Options()
    return Options(
        seconds=_between("--seconds", standard.seconds if seconds is None else seconds, 0.2, LONGEST_SECONDS),
        watchers=_sizes(watchers) if watchers else standard.watchers,
        rollbacks=int(
            _between("--rollbacks", standard.rollbacks if rollbacks is None else rollbacks, 1, MOST_ROLLBACKS)
        ),
        rate=int(_between("--rate", standard.rate if rate is None else rate, 1, MOST_RATE)),
        scale=_between("--scale", standard.scale if scale is None else scale, SMALLEST_SCALE, 1),
    )


def _between(name: str, value: float, lowest: float, highest: float) -> float:
    if not lowest <= value <= highest:
        raise CannotMeasure(
            f"{name} {value:g} cannot be used: choose a number from {lowest:g} to {highest:,}."
        )
    return value


def _sizes(typed: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in typed.split(","))
    except ValueError as error:
        raise CannotMeasure(
            f"--watchers “{typed}” cannot be read: write numbers such as 1000,5000."
        ) from error
    for size in sizes:
        _between("--watchers", size, 1, MOST_WATCHERS)
    return sizes
