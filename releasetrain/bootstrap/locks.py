"""Read the locked requirements: what is pinned, and whether this interpreter already has it."""

import hashlib
import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "requirements.txt"
DEVELOPMENT = ROOT / "requirements-dev.txt"  # everything: the runtime's pins and the tools' and tests'

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(?P<marker>;[^\\]*)?")


def fingerprint(lock: Path) -> str:
    """Give the digest that a stamp compares."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def pins(lock: str) -> list[tuple[str, str, bool]]:
    """List name, version and whether the pin holds on every system."""
    found = (PIN.match(line) for line in lock.splitlines())
    return [(pin["name"], pin["version"], not pin["marker"]) for pin in found if pin]


def is_satisfied(lock: Path) -> bool:
    """Tell whether this interpreter has what the lock says (a pin for some systems only may be absent)."""
    installed = {_plain(found.name): found.version for found in metadata.distributions()}
    for name, version, everywhere in pins(lock.read_text()):
        if installed.get(_plain(name), "" if everywhere else version) != version:
            return False
    return True


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
