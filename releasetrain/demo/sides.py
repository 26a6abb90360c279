"""Know where the demonstration's shop runs when two versions of it stand behind a proxy.

Users come in at the storefront's address; beside it, port by port, are the old version, the new one, and the
proxy's admin. It knows no Django: the shop and the shoppers read it, too.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from releasetrain.demo.shop import Version

FOLDER = "demo_proxy"


class ProxyKind(StrEnum):
    """Which proxy stands before the shop; its driver has the same name."""

    EMBEDDED = "embedded"
    ENVOY = "envoy"
    HAPROXY = "haproxy"
    NGINX = "nginx"


@dataclass(frozen=True, slots=True)
class Sides:
    """The addresses of everything, as host:port."""

    host: str
    port: int

    @classmethod
    def beside(cls, storefront_url: str) -> "Sides":
        place = urlsplit(storefront_url)
        return cls(place.hostname or "127.0.0.1", place.port or 8002)

    @property
    def front(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def admin(self) -> str:
        return f"{self.host}:{self.port + 3}"

    def of(self, version: Version) -> str:
        return f"{self.host}:{self.port + (1 if version is Version.OLD else 2)}"


def proxy_of(environ: Mapping[str, str]) -> ProxyKind | None:
    """Return which proxy the environment asks for, None where the shop asks its flag instead."""
    name = environ.get("RELEASETRAIN_DEMO_PROXY", "")
    return ProxyKind(name) if name else None


@dataclass(frozen=True, slots=True)
class Deployed:
    """What is deployed on both sides, kept in files that the shop's processes read."""

    data: Path

    @property
    def folder(self) -> Path:
        return self.data / FOLDER

    def name(self, version: Version) -> str:
        """Return what a side calls itself, e.g. "2026.48-7"; "" before anything was deployed there."""
        try:
            return (self.folder / f"version-{version.value}").read_text()
        except FileNotFoundError:
            return ""

    def deploy(self, version: Version, name: str) -> None:
        """Let a side call itself by a name, and be alive."""
        self._write(f"version-{version.value}", name)
        (self.folder / "killed").unlink(missing_ok=True)

    def kill(self) -> None:
        """Let nobody start the new side again until it is deployed or mended."""
        self._write("killed", "")

    def mend(self) -> None:
        (self.folder / "killed").unlink(missing_ok=True)

    @property
    def is_killed(self) -> bool:
        return (self.folder / "killed").exists()

    def write_command(self, argv: list[str]) -> None:
        """Keep the command that runs the proxy, for the process that becomes it."""
        self._write("command.json", json.dumps(argv))

    def read_command(self) -> list[str]:
        return [str(word) for word in json.loads((self.folder / "command.json").read_text())]

    def _write(self, name: str, text: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self.folder / f".{name}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        new.replace(self.folder / name)
