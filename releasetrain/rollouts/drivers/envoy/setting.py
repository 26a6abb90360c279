"""Read what a target's configuration says about its Envoys; the names in their own files follow from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from releasetrain.rollouts.drivers.fields import Field, FieldKind, problems_of, value_of

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
HEADER = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
METHOD = re.compile(r"[A-Z]{1,20}")
ADMIN = re.compile(r"[A-Za-z0-9.\-]+:\d{1,5}|\[[0-9A-Fa-f:.]+\]:\d{1,5}")

FIELDS = (
    Field(
        "endpoints",
        "Envoys",
        "one a line: its admin address and the folder of its route file, such as "
        "“127.0.0.1:9901 /var/lib/envoy”",
        FieldKind.LINES,
        is_required=True,
    ),
    Field(
        "baseline",
        "Servers of the old version",
        "one a line, as “host:port”",
        FieldKind.LINES,
        is_required=True,
    ),
    Field(
        "candidate",
        "Servers of the new version",
        "one a line, as “host:port”",
        FieldKind.LINES,
        is_required=True,
    ),
    Field(
        "name",
        "Name in Envoy",
        "the route configuration that Envoy reads, and the beginning of its clusters’ names: small letters, "
        "digits and hyphens",
        default="shop",
    ),
    Field(
        "user_header",
        "Header that names the user",
        "whoever has the same one stays with the same version; without it the old version answers",
        default="x-user-id",
    ),
    Field(
        "version_path",
        "Path that tells the version",
        "asked of every server, answered with its version",
        default="/version",
    ),
    Field(
        "allow_mirror_methods",
        "Methods that may be mirrored",
        "one a line; a copy of a request is carried out a second time, so name only those without effects",
        FieldKind.LINES,
        default=list(SAFE_METHODS),
    ),
    Field(
        "measure_noise",
        "Copy to the old version, too",
        "mirrored requests go to the old version a second time: how often it differs from itself is what the "
        "new one is compared with",
        FieldKind.SWITCH,
        default=True,
    ),
)


class Unreadable(ValueError):
    """Say in a sentence why a configuration cannot be used."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One Envoy: "host:port" of its admin, and the folder whose route file it watches."""

    admin: str
    folder: Path

    def __str__(self) -> str:
        return self.admin


@dataclass(frozen=True, slots=True)
class Setting:
    """What a configuration says, checked."""

    endpoints: tuple[Endpoint, ...]
    name: str = "shop"
    user_header: str = "x-user-id"
    mirror_methods: tuple[str, ...] = SAFE_METHODS
    measures_noise: bool = True
    baseline_servers: frozenset[str] = field(default=frozenset())
    candidate_servers: frozenset[str] = field(default=frozenset())

    @property
    def baseline(self) -> str:
        return f"{self.name}-baseline"

    @property
    def candidate(self) -> str:
        return f"{self.name}-candidate"

    @property
    def falling_over(self) -> str:
        """Name the cluster that is the candidate while it lives, and the baseline when it does not."""
        return f"{self.name}-candidate-then-baseline"

    @property
    def shadow(self) -> str:
        return f"{self.name}-shadow"

    @property
    def noise(self) -> str:
        return f"{self.name}-noise"

    @property
    def clusters(self) -> tuple[str, ...]:
        """Name what every Envoy must have; shadow and noise are wanted for mirroring alone."""
        return self.baseline, self.candidate, self.falling_over

    def file(self, endpoint: Endpoint) -> Path:
        return endpoint.folder / f"{self.name}.json"

    def log(self, endpoint: Endpoint, which: str) -> Path:
        """Return where an Envoy writes its answers of mirrored requests: to users, shadow or noise."""
        return endpoint.folder / f"{self.name}-{which}.log"


def setting_of(config: Mapping[str, Any]) -> Setting:
    """Read a configuration.

    :raises Unreadable: with every reason why it cannot be used
    """
    if problems := [*problems_of(FIELDS, config), *_wrong_words(config)]:
        raise Unreadable(" ".join(problems))
    told = {one.name: value_of(one, config) for one in FIELDS}
    return Setting(
        endpoints=tuple(endpoint_of(line) for line in _lines(told["endpoints"])),
        name=told["name"],
        user_header=told["user_header"].lower(),
        mirror_methods=tuple(_lines(told["allow_mirror_methods"])),
        measures_noise=told["measure_noise"],
        baseline_servers=frozenset(_lines(told["baseline"])),
        candidate_servers=frozenset(_lines(told["candidate"])),
    )


def endpoint_of(line: str) -> Endpoint:
    """Read "127.0.0.1:9901 /var/lib/envoy".

    :raises Unreadable: it is neither
    """
    admin, _, folder = line.strip().partition(" ")
    path = Path(folder.strip())
    if not ADMIN.fullmatch(admin) or not path.is_absolute() or ".." in path.parts:
        raise Unreadable(
            f"“{line}” names no Envoy: it takes its admin address and the absolute path of a folder, such as "
            "“127.0.0.1:9901 /var/lib/envoy”."
        )
    return Endpoint(admin, path)


def _lines(value: list[str]) -> list[str]:
    return [line.strip() for line in value if line.strip()]


def _wrong_words(config: Mapping[str, Any]) -> list[str]:
    found = []
    named = [
        ("name", NAME, "small letters, digits and hyphens"),
        ("user_header", HEADER, "the name of a header"),
    ]
    for name, shape, wanted in named:
        field_of = next(one for one in FIELDS if one.name == name)
        value = value_of(field_of, config)
        text = value.lower() if name == "user_header" and isinstance(value, str) else value
        if isinstance(text, str) and not shape.fullmatch(text):
            found.append(f"{field_of.label} must be {wanted}, not “{value}”.")
    methods, lines = config.get("allow_mirror_methods"), config.get("endpoints")
    found += [
        f"“{method}” is no method such as GET."
        for method in _texts(methods)
        if not METHOD.fullmatch(method.strip())
    ]
    for line in _texts(lines):
        try:
            endpoint_of(line)
        except Unreadable as why:
            found.append(str(why))
    return found


def _texts(value: object) -> list[str]:
    lines = value if isinstance(value, list) else []
    return [line for line in lines if isinstance(line, str) and line.strip()]
