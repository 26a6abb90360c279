"""Say what a command is to do and read how it ended: values in, values out; nothing here starts anything."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from releasetrain.rollouts.rules.snapshot import Outcome

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REFUSED_EXIT = 10
LONGEST_ARGUMENT, MOST_ARGUMENTS = 4000, 100
# Each of these runs whatever its arguments say, so that a form could write a program.
SHELLS = "sh bash dash zsh ksh fish csh tcsh busybox env sudo su doas xargs nohup setsid timeout nice find"
LANGUAGES = "awk perl python ruby node php lua tclsh ssh make git vi vim ed ex"
INTERPRETERS = frozenset([*SHELLS.split(), *LANGUAGES.split()])
DETAIL = 300


@dataclass(frozen=True, slots=True)
class Order:
    """One call of a command: what it is told in its environment, and under which key it runs once only."""

    key: str
    action: str
    service: str
    environment: str
    version: str
    weight: int
    fence: int

    @property
    def variables(self) -> dict[str, str]:
        return {
            "RT_KEY": self.key,
            "RT_ACTION": self.action,
            "RT_SERVICE": self.service,
            "RT_ENVIRONMENT": self.environment,
            "RT_VERSION": self.version,
            "RT_WEIGHT": str(self.weight),
            "RT_FENCE": str(self.fence),
        }

    def wants_the_same(self, other: "Order") -> bool:
        """Tell whether another order asks for the same, only again and so under another fence."""
        return (self.action, self.weight, self.version) == (other.action, other.weight, other.version)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, as its supervisor wrote it down; `lost` is one whose supervisor did not live to."""

    reason: str
    exit: int | None = None
    last_line: str | None = None
    left_behind: int = 0
    bytes: int = 0
    detail: str = ""
    ended_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the end of a run says by itself; a claim still has to be read back."""

    outcome: Outcome
    detail: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def environment_of(order: Order, home: str) -> dict[str, str]:
    """Return the whole environment of a command: nothing of the house's own, which holds its secrets."""
    return {
        "PATH": PATH,
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    } | order.variables


def why_not_argv(argv: Sequence[str], allowed: Sequence[str]) -> str | None:
    """Return why a command may not be run here, or None; its links are followed first.

    :param allowed: folders and files that whoever runs the house allows (RELEASETRAIN_COMMAND_PATHS)
    """
    if not argv or not argv[0]:
        return "No command is named: give its absolute path, and each argument on a line of its own."
    if len(argv) > MOST_ARGUMENTS or any(len(one) > LONGEST_ARGUMENT or "\0" in one for one in argv):
        return f"A command has at most {MOST_ARGUMENTS} arguments of at most {LONGEST_ARGUMENT} signs."
    program = argv[0]
    if not PurePath(program).is_absolute():
        return f"“{program}” is no absolute path; a command is looked for nowhere."
    real = Path(os.path.realpath(program))
    names = {one.rstrip("0123456789.") for one in (PurePath(program).name, real.name)}
    if names & INTERPRETERS:
        return f"“{program}” runs whatever its arguments say. Put what is to be done into a file of its own."
    if not any(_holds(one, real) for one in allowed):
        return (
            f"“{program}” is not among the commands that this server runs. "
            "Whoever runs it can allow its folder (RELEASETRAIN_COMMAND_PATHS)."
        )
    if not real.is_file() or not os.access(real, os.X_OK):
        return f"“{program}” is no file that can be run."
    return None


def _holds(allowed: str, real: Path) -> bool:
    place = Path(os.path.realpath(allowed))
    return real == place or place in real.parents


def read_end(ended: Ended, wanted: int) -> Answer:
    """Return what a run claims: each way to fail is told apart from the others."""
    said = _said(ended)
    match ended.reason:
        case "cannot_start":
            return Answer(Outcome.REFUSED, f"The command cannot be started: {ended.detail}")
        case "timeout":
            return Answer(
                Outcome.UNKNOWN, f"The command did not end in its time and was killed.{_left(ended)}{said}"
            )
        case "flood":
            return Answer(
                Outcome.UNKNOWN, f"The command printed more than 5 MB and was killed.{_left(ended)}"
            )
        case "stopped":
            return Answer(Outcome.UNKNOWN, f"The command was ended for a newer decision.{_left(ended)}")
        case "lost":
            return Answer(Outcome.UNKNOWN, "The command’s supervisor was killed, and the command with it.")
    if ended.exit == REFUSED_EXIT:
        return Answer(Outcome.REFUSED, f"The command refuses (exit {REFUSED_EXIT}).{_left(ended)}{said}")
    if ended.exit != 0:
        how = f"exit {ended.exit}" if (ended.exit or 0) >= 0 else f"signal {-(ended.exit or 0)}"
        return Answer(Outcome.UNKNOWN, f"The command failed ({how}).{_left(ended)}{said}")
    data = read_object(ended.last_line)
    if data is None:
        return Answer(
            Outcome.UNKNOWN,
            f"The command ended well, but its last line is no JSON object.{_left(ended)}{said}",
        )
    if _is_weight(data.get("weight")) and data["weight"] != wanted:
        return Answer(
            Outcome.UNKNOWN, f"The command says that it set {data['weight']} %.{_left(ended)}", data
        )
    return Answer(Outcome.CONFIRMED, _left(ended).strip(), data)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the observe command has printed; no weight means that it cannot be relied upon."""

    weight: int | None
    fence: int | None = None
    version: str = ""
    detail: str = ""


def read_back(ended: Ended) -> ReadBack:
    """Return what an observe command says, such as `{"weight": 25, "fence": 7, "version": "1.4.2"}`.

    Only the weight must be there.
    """
    if ended.reason != "exited" or ended.exit != 0:
        return ReadBack(None, detail=f"The observe command: {read_end(ended, 0).detail}")
    data = read_object(ended.last_line)
    if data is None or not _is_weight(data.get("weight")):
        return ReadBack(
            None, detail=f"The observe command’s last line holds no weight from 0 to 100.{_said(ended)}"
        )
    fence, version = data.get("fence"), data.get("version")
    return ReadBack(
        weight=data["weight"],
        fence=fence if isinstance(fence, int) and not isinstance(fence, bool) else None,
        version=version[:100] if isinstance(version, str) else "",
    )


def read_object(line: str | None) -> dict[str, Any] | None:
    """Return the JSON object of a line, None where it is none."""
    try:
        found = json.loads(line or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_weight(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100


def _left(ended: Ended) -> str:
    if not ended.left_behind:
        return ""
    many = "one process" if ended.left_behind == 1 else f"{ended.left_behind} processes"
    return f" It left {many} behind, killed since."


def _said(ended: Ended) -> str:
    return f" Its last line: {ended.last_line[:DETAIL]}" if ended.last_line else ""
