"""Keep the demonstration's secrets in files that only their owner can read."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

FOLDER = "demo_tokens"


def folder(data: Path) -> Path:
    """Return where the secrets of a house's demonstration are."""
    return data / FOLDER


def data_folder(environ: Mapping[str, str]) -> Path:
    """Find the house's data as its settings do, without loading them."""
    beside_the_code = Path(__file__).resolve().parents[2] / ".data"
    return Path(environ.get("RELEASETRAIN_DATA") or beside_the_code)


def keep(data: Path, name: str, secret: str) -> None:
    """Write a secret down, readable by its owner alone, in one step."""
    place = folder(data)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = place / f".{name}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    new.replace(place / name)


def has(data: Path, name: str) -> bool:
    """Tell whether there is such a secret."""
    return (folder(data) / name).is_file()


def reader(data: Path, name: str) -> Callable[[], str]:
    """Return a function that reads a secret: anew when its file has changed, and "" while there is none."""
    file = folder(data) / name
    seen: tuple[int, str] = (0, "")

    def read() -> str:
        nonlocal seen
        try:
            changed = file.stat().st_mtime_ns
            if changed != seen[0]:
                seen = (changed, file.read_text().strip())
        except FileNotFoundError:
            seen = (0, "")
        return seen[1]

    return read
