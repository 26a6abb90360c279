"""Say what a target that is moved by a command has to be told."""

from collections.abc import Mapping
from typing import Any

from releasetrain.rollouts.drivers.fields import Field, FieldKind, value_of

SECONDS, ROLLBACK_SECONDS = 600, 30

FIELDS = (
    Field(
        "command",
        "Command",
        "the absolute path of a program, then each of its arguments on a line of its own; no shell reads it",
        FieldKind.LINES,
        is_required=True,
    ),
    Field(
        "observe",
        "Observe command",
        "a program that changes nothing and soon prints {“weight”: 25, “fence”: 7} as its last line",
        FieldKind.LINES,
        is_required=True,
    ),
    Field(
        "rollback",
        "Rollback command",
        "what brings users back; without it the command itself is run with RT_ACTION=rollback",
        FieldKind.LINES,
    ),
    Field(
        "seconds", "Longest run", "seconds until it is ended, 600 at most", FieldKind.NUMBER, default=SECONDS
    ),
    Field(
        "rollback_seconds",
        "Longest rollback",
        "seconds until it is ended and tried again",
        FieldKind.NUMBER,
        default=ROLLBACK_SECONDS,
    ),
    Field("folder", "Working folder", "where it runs; without it, a folder of its own", FieldKind.PATH),
    Field("secret", "Secret", "a secret that the command needs", FieldKind.SECRET),
    Field(
        "secret_by",
        "Secret comes by",
        "file (its path is in RT_SECRET_FILE) or stdin; never by an argument or the environment",
        default="file",
        choices=("file", "stdin"),
    ),
    Field(
        "candidate",
        "Candidate servers",
        "host:port of each server of the new version, asked for its version before users come",
        FieldKind.LINES,
    ),
    Field("baseline", "Baseline servers", "host:port of each server of the old version", FieldKind.LINES),
    Field("version_path", "Version path", "where a server says its version", default="/version"),
)
LIMITS = {"seconds": SECONDS, "rollback_seconds": SECONDS}
BY_NAME = {one.name: one for one in FIELDS}


def number_of(config: Mapping[str, Any], name: str) -> float:
    """Return a number of seconds of a configuration, within its limits."""
    value = value_of(BY_NAME[name], config)
    known = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    return min(max(known, 1.0), float(LIMITS[name]))
