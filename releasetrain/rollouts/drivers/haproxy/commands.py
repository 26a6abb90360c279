"""Build the commands of HAProxy’s runtime API, and read what it replies; without any I/O.

A reply to a command that changes something is empty when it went well, and a sentence when it did not; an
empty one proves nothing, so that everything is read back.
"""

import csv
import re
from dataclasses import dataclass

from releasetrain.rollouts.drivers.haproxy.setting import Setting, read_lines

# The socket takes a space, a semicolon and a backslash for its own.
SAFE_PATH = re.compile(r"/[\w.@+=:/-]+")
LONGEST_REPLY = 200
CREATED = re.compile(r"New version created: (\d+)")
LISTED = re.compile(r"\d+ \((?P<path>[^)]*)\).*curr_ver=(?P<current>\d+) next_ver=(?P<newest>\d+)")
STAT = "show stat"
LEVEL = "show cli level"
MAPS = "show map"


class Unexpected(Exception):
    """HAProxy replied with something else than what the command is for; the message is its reply."""

    def __init__(self, reply: str) -> None:
        super().__init__(first_line(reply))


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of a map: the one that answers, and the newest that was prepared."""

    current: int
    newest: int


@dataclass(frozen=True, slots=True)
class Row:
    """One server as HAProxy sees it; `sessions` are open on it now, `is_checked` says that it is asked."""

    backend: str
    name: str
    address: str
    status: str
    weight: int
    sessions: int
    check: str

    @property
    def is_up(self) -> bool:
        return self.status.split(" ")[0] in {"UP", "no", "DRAIN"}

    @property
    def is_checked(self) -> bool:
        return self.status != "no check"


def first_line(reply: str) -> str:
    """Return the first line of a reply, short enough for a sentence."""
    lines = reply.strip().splitlines()
    return lines[0].strip()[:LONGEST_REPLY] if lines else "nothing"


def prepare(path: str) -> str:
    return f"prepare map {path}"


def add(path: str, version: int, setting: Setting) -> str:
    """Put a setting into a version that nobody sees yet; the empty line ends the payload."""
    return f"add map @{version} {path} <<\n{setting.lines()}"


def show(path: str, version: int | None = None) -> str:
    return f"show map {path}" if version is None else f"show map @{version} {path}"


def commit(path: str, version: int) -> str:
    """Let a version answer from now on; refused when a newer one does already."""
    return f"commit map @{version} {path}"


def forget(path: str, version: int) -> str:
    return f"clear map @{version} {path}"


def cut(row: Row) -> str:
    return f"shutdown sessions server {row.backend}/{row.name}"


def read_created(reply: str) -> int:
    """Return the version that was prepared.

    :raises Unexpected: there is none
    """
    if not (found := CREATED.search(reply)):
        raise Unexpected(reply)
    return int(found[1])


def read_nothing(reply: str) -> None:
    """Take note that a command was not objected to.

    :raises Unexpected: it was
    """
    if reply.strip():
        raise Unexpected(reply)


def read_map(reply: str) -> Setting:
    """Read the entries of a map, each with its address in front.

    :raises Unexpected: these are no entries
    """
    lines = [line for line in reply.splitlines() if line.strip()]
    if any(not line.startswith("0x") for line in lines):
        raise Unexpected(reply)
    return read_lines(line.partition(" ")[2] for line in lines)


def read_versions(reply: str, path: str) -> Versions:
    """Find a map among those that HAProxy has loaded.

    :raises Unexpected: it is not among them, or this is no list
    """
    if not reply.startswith("# id"):
        raise Unexpected(reply)
    for line in reply.splitlines():
        if (found := LISTED.match(line)) and found["path"] == path:
            return Versions(int(found["current"]), int(found["newest"]))
    raise Unexpected(f"HAProxy has loaded no map {path}.")


def read_level(reply: str) -> str:
    """Return what the socket lets us do: "admin", "operator" or "user"; "" where it does not say."""
    words = reply.split()
    return words[0] if words and words[0] in {"admin", "operator", "user"} else ""


def read_servers(reply: str) -> tuple[Row, ...]:
    """Read the servers of all backends.

    :raises Unexpected: this is no table
    """
    if not reply.startswith("# pxname"):
        raise Unexpected(reply)
    table = csv.DictReader(line for line in reply.removeprefix("# ").splitlines() if line.strip())
    return tuple(
        Row(
            backend=line["pxname"],
            name=line["svname"],
            address=line.get("addr") or "",
            status=line["status"],
            weight=int(line["weight"] or 0),
            sessions=int(line["scur"] or 0),
            check=line.get("last_chk") or line.get("check_status") or "",
        )
        for line in table
        if line["svname"] not in {"FRONTEND", "BACKEND"} and line.get("type") == "2"
    )
