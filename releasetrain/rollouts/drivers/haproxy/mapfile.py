"""Keep the map file, from which HAProxy comes back by itself after a restart or a reload."""

from pathlib import Path

from releasetrain.rollouts.drivers.files import turn, write_whole
from releasetrain.rollouts.drivers.haproxy.setting import HEADER, Setting, read_lines

TURN_SECONDS = 0.25


class Overtaken(Exception):
    """A newer decision stands in the file; the message says which."""


def read_file(path: Path) -> Setting | None:
    """Return what HAProxy would start with, None where there is no file.

    :raises OSError: it cannot be read
    """
    try:
        return read_lines(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except FileNotFoundError:
        return None


def write_file(path: Path, setting: Setting) -> None:
    """Replace the file unless a newer decision stands in it; nothing is written that stands already.

    :raises Overtaken: a newer decision stands
    :raises OSError: it cannot be written
    """
    with turn(path.with_name(f".{path.name}.lock"), TURN_SECONDS):
        stands = read_file(path)
        if stands is not None and stands.rank > setting.rank:
            raise Overtaken(
                f"A newer decision (fence {stands.rank}) stands in {path}; this one (fence {setting.rank}) "
                "comes too late."
            )
        if stands != setting:
            write_whole(path, HEADER + setting.lines())
