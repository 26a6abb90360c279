"""Read the configuration of a target whose traffic HAProxy moves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from releasetrain.rollouts.drivers.arms import lines_of
from releasetrain.rollouts.drivers.base import Field
from releasetrain.rollouts.drivers.fields import FieldKind, problems_of, value_of
from releasetrain.rollouts.drivers.haproxy.commands import SAFE_PATH

FIELDS = (
    Field(
        "endpoints",
        "Runtime sockets",
        "each HAProxy’s socket of level admin: its path, or host:port",
        FieldKind.LINES,
        is_required=True,
    ),
    Field(
        "map_file",
        "Map file",
        "its absolute path, exactly as haproxy.cfg names it; one file for each target",
        FieldKind.PATH,
        is_required=True,
    ),
    Field(
        "writes_map_file",
        "Keep the map file",
        "on where this house can write the file that HAProxy reads; off where HAProxy runs on another "
        "machine: after a restart it then serves the baseline until the next look",
        FieldKind.SWITCH,
        default=True,
    ),
    Field("baseline", "Baseline servers", "host:port of each", FieldKind.LINES, is_required=True),
    Field("candidate", "Candidate servers", "host:port of each", FieldKind.LINES, is_required=True),
    Field(
        "user_header",
        "User header",
        "the header by which haproxy.cfg knows a user; a cookie is minted where it is missing",
        default="x-user-id",
    ),
    Field("version_path", "Version path", "asked of each server for its version", default="/version"),
)
NAMES = {field.name: field for field in FIELDS}
HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}")


@dataclass(frozen=True, slots=True)
class Config:
    """Where the proxies are, and the map that they go by."""

    endpoints: tuple[str, ...]
    map_file: str
    writes_map_file: bool
    candidate: tuple[str, ...]
    baseline: tuple[str, ...]

    @property
    def file(self) -> Path | None:
        """Return the file to write, none where it is out of reach."""
        return Path(self.map_file) if self.writes_map_file else None


def read_config(config: Mapping[str, Any]) -> Config:
    """Return what a configuration says; ask `problems` first whether it can be used."""
    return Config(
        endpoints=tuple(lines_of(config, "endpoints")),
        map_file=str(config.get("map_file") or ""),
        writes_map_file=bool(value_of(NAMES["writes_map_file"], config)),
        candidate=tuple(lines_of(config, "candidate")),
        baseline=tuple(lines_of(config, "baseline")),
    )


def problems(config: Mapping[str, Any]) -> list[str]:
    """Return in sentences why a configuration cannot be used."""
    found = problems_of(FIELDS, config)
    if found:
        return found
    read = read_config(config)
    found += [
        f"“{one}” is neither the absolute path of a socket nor host:port."
        for one in read.endpoints
        if not (SAFE_PATH.fullmatch(one) if one.startswith("/") else HOST_AND_PORT.fullmatch(one))
    ]
    if not SAFE_PATH.fullmatch(read.map_file):
        found.append(
            f"“{read.map_file}” cannot be named on HAProxy’s socket: give an absolute path of letters, "
            "digits, dots, dashes and underscores."
        )
    return found
