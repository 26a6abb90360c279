"""Read the configuration of a target whose traffic nginx moves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from releasetrain.rollouts.drivers.arms import lines_of
from releasetrain.rollouts.drivers.base import Field
from releasetrain.rollouts.drivers.fields import FieldKind, problems_of

FIELDS = (
    Field(
        "endpoints",
        "Folders",
        "for each nginx the absolute path of its folder of flags and the host:port that tells what it "
        "goes by, e.g. “/var/lib/releasetrain/shop 127.0.0.1:8081”",
        FieldKind.LINES,
        is_required=True,
    ),
    Field("baseline", "Baseline servers", "host:port of each", FieldKind.LINES, is_required=True),
    Field("candidate", "Candidate servers", "host:port of each", FieldKind.LINES, is_required=True),
    Field(
        "user_header",
        "User header",
        "the header by which nginx knows a user; where it is missing the baseline answers",
        default="x-user-id",
    ),
    Field("version_path", "Version path", "asked of each server for its version", default="/version"),
    Field(
        "config_file",
        "Configuration of nginx",
        "its absolute path where this house can read it: checked for a fall-over and for weights",
        FieldKind.PATH,
    ),
)
ADDRESS = re.compile(r"(https?://)?(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One nginx: the folder that it looks into, and where it tells what it goes by."""

    folder: Path
    address: str

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class Config:
    """Where the proxies are, and the servers of both arms."""

    endpoints: tuple[Endpoint, ...]
    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    config_file: str


def read_config(config: Mapping[str, Any]) -> Config:
    """Return what a configuration says; ask `problems` first whether it can be used."""
    pairs = [line.rpartition(" ") for line in lines_of(config, "endpoints")]
    return Config(
        endpoints=tuple(Endpoint(Path(folder.strip()), address) for folder, _, address in pairs),
        baseline=tuple(lines_of(config, "baseline")),
        candidate=tuple(lines_of(config, "candidate")),
        config_file=str(config.get("config_file") or ""),
    )


def problems(config: Mapping[str, Any]) -> list[str]:
    """Return in sentences why a configuration cannot be used."""
    if found := problems_of(FIELDS, config):
        return found
    return [
        f"“{line}” is not the absolute path of a folder and host:port."
        for line, one in zip(lines_of(config, "endpoints"), read_config(config).endpoints, strict=True)
        if not one.folder.is_absolute() or not ADDRESS.fullmatch(one.address)
    ]
