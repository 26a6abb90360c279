"""Read the record of past trains: which versions there were, and each promotion and rollback of them.

Columns as in the files of derived facts about Wikimedia's trains: the trains by `version` and `task`, the
movements by `version`, `utc`, `kind`, `from_stage`, `to_stage` and `config_commit`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from releasetrain.trains.rules.states import DepartureState, MovementKind

TRAIN_COLUMNS = ("version",)
MOVEMENT_COLUMNS = ("version", "utc", "kind", "from_stage", "to_stage", "config_commit")
KINDS = {
    "promote": MovementKind.PROMOTION,
    "repeat": MovementKind.REPETITION,
    "rollback": MovementKind.ROLLBACK,
}
EVERYBODY = "group2"
LONGEST = {"version": 60, "from_stage": 100, "to_stage": 100, "config_commit": 40, "task": 60}

Row = Mapping[str | None, object]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A line that was left out, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class PastTrain:
    """One line of the trains: a version that went out, with its task where it had one."""

    line: int
    version: str
    task: str


@dataclass(frozen=True, slots=True)
class PastMovement:
    """One line of the movements: a version that went from one reach to another."""

    line: int
    version: str
    at: datetime
    kind: MovementKind
    from_reach: str
    reach: str
    commit: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a train's movements say of it as a departure."""

    departed_at: datetime
    finished_at: datetime
    state: DepartureState
    outcome: str


class BadLine(ValueError):
    """Refuse one line, in a sentence."""


def read_trains(rows: Iterable[tuple[int, Row]]) -> tuple[list[PastTrain], list[Flaw]]:
    """Read the lines of the trains; a bad one is a flaw and stops nothing.

    :param rows: line number and columns
    """
    found: dict[str, PastTrain] = {}
    flaws: list[Flaw] = []
    for line, row in rows:
        try:
            version = _text(row, "version")
            if version in found:
                raise BadLine(f"The version {version} stands on line {found[version].line} already.")  # noqa: TRY301
            found[version] = PastTrain(line, version, _text(row, "task", required=False))
        except BadLine as bad:
            flaws.append(Flaw(line, str(bad)))
    return list(found.values()), flaws


def read_movements(rows: Iterable[tuple[int, Row]]) -> tuple[list[PastMovement], list[Flaw]]:
    """Read the lines of the movements, earliest first; a bad one is a flaw and stops nothing.

    :param rows: line number and columns
    """
    found: dict[tuple[str, str, str, str], PastMovement] = {}
    flaws: list[Flaw] = []
    for line, row in rows:
        try:
            one = _movement(line, row)
            key = (one.commit, one.kind.value, one.reach, one.version)
            if key in found:
                raise BadLine(f"The same movement stands on line {found[key].line} already.")  # noqa: TRY301
            found[key] = one
        except BadLine as bad:
            flaws.append(Flaw(line, str(bad)))
    return sorted(found.values(), key=lambda one: (one.at, one.line)), flaws


def _movement(line: int, row: Row) -> PastMovement:
    kind = _text(row, "kind")
    if kind not in KINDS:
        raise BadLine(f"“{kind[:40]}” is neither promote, repeat nor rollback.")
    return PastMovement(
        line=line,
        version=_text(row, "version"),
        at=_instant(_text(row, "utc")),
        kind=KINDS[kind],
        from_reach=_text(row, "from_stage"),
        reach=_text(row, "to_stage"),
        commit=_text(row, "config_commit"),
    )


def _text(row: Row, column: str, *, required: bool = True) -> str:
    if None in row:
        raise BadLine("The line has more columns than the first one.")
    value = row.get(column)
    if value is None and required:
        raise BadLine(f"The line ends before its column {column}.")
    text = str(value or "").strip()
    if required and not text:
        raise BadLine(f"The column {column} is empty.")
    if len(text) > LONGEST.get(column, 40):
        raise BadLine(f"The column {column} has more than {LONGEST.get(column, 40)} characters.")
    if not text.isprintable():
        raise BadLine(f"The column {column} holds signs that cannot be printed.")
    return text


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadLine(f"“{text}” is not an instant such as 2026-08-18T03:01:59Z.") from None
    if instant.tzinfo is None:
        raise BadLine(f"“{text}” does not say its zone; an instant ends in Z.")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise BadLine(f"“{text}” is not an instant that anybody has seen.") from None


def facts_of(movements: list[PastMovement]) -> Facts:
    """Say how a version went: it arrived, came back, or the record stops before everybody had it.

    :param movements: of one version, earliest first, at least one
    """
    last = movements[-1]
    rollbacks = sum(one.kind is MovementKind.ROLLBACK for one in movements)
    if last.kind is MovementKind.ROLLBACK:
        outcome = f"Rolled back from {last.from_reach} to {last.reach}."
        return Facts(movements[0].at, last.at, DepartureState.ROLLED_BACK, outcome)
    if last.reach != EVERYBODY:
        outcome = f"The record ends at {last.reach}."
        return Facts(movements[0].at, last.at, DepartureState.CANCELLED, outcome)
    arrived = [one for one in movements if one.reach == EVERYBODY and one.kind is MovementKind.PROMOTION]
    times = "a rollback" if rollbacks == 1 else f"{rollbacks} rollbacks"
    outcome = f"Reached everybody after {times}." if rollbacks else "Reached everybody."
    return Facts(movements[0].at, (arrived or [last])[-1].at, DepartureState.ARRIVED, outcome)
