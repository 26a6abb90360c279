"""Find the sample configurations of a driver: every file in its folder that is no code.

`target.json` is what the target's own form holds; the others belong to what the driver talks to.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
OURS = "target.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of a sample configuration, as people may copy it."""

    name: str
    text: str


def samples_of(kind: str) -> list[Sample]:
    """Return the samples of a driver, the target's own first."""
    found = [
        path
        for path in (FOLDER / kind).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and "__pycache__" not in path.parts
    ]
    return [
        Sample(path.relative_to(FOLDER / kind).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(found, key=lambda one: (one.name != OURS, one.name))
    ]
