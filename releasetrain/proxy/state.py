"""Hold what the proxy should do, change it only forward in time, and keep it across restarts."""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

LONGEST_VERSION = 200
LARGEST_FENCE = 2**63 - 1
BUCKETS = 100


class UnreadableError(ValueError):
    """What was asked for is no state; the message says what is wrong with it."""


class OldFenceError(Exception):
    """Somebody newer has spoken already."""


@dataclass(frozen=True, slots=True)
class State:
    """Whom the candidate gets: `weight` whole percents of users; `mirror` percents of the others' requests.

    The version salts the hash, so that each release has other first users.
    """

    weight: int = 0
    fence: int = 0
    version: str = ""
    mirror: int = 0

    def includes(self, user: str) -> bool:
        """Tell whether a user gets the candidate; nobody who is not known does."""
        return bool(user) and bucket_of(self.version, user) < self.weight


def bucket_of(version: str, user: str) -> int:
    """Return which of a hundred equal parts a user is in, for good while the version is the same."""
    digest = hashlib.sha256(f"{version}\0{user}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


def changed(state: State, wanted: Any) -> State:
    """Return the state after what is asked for; what is not named stays as it is.

    :param wanted: {"weight": 0–100, "fence": number, "version": text, "mirror": 0–100}; the fence is a must
    :raises UnreadableError: it cannot be understood, and nothing of it is done
    :raises OldFenceError: its fence is older than the newest
    """
    if not isinstance(wanted, Mapping) or "fence" not in wanted:
        raise UnreadableError("Send a JSON object with a fence.")
    if unknown := sorted(str(name) for name in wanted if name not in asdict(state)):
        raise UnreadableError(f"A state has no {', '.join(unknown)[:200]}.")
    for name, most in (("weight", 100), ("mirror", 100), ("fence", LARGEST_FENCE)):
        if name in wanted and not _is_whole(wanted[name], most):
            raise UnreadableError(f"{name} must be a whole number from 0 to {most}.")
    version = wanted.get("version", "")
    if not isinstance(version, str) or len(version) > LONGEST_VERSION:
        raise UnreadableError(f"version must be a text of at most {LONGEST_VERSION} characters.")
    if wanted["fence"] < state.fence:
        raise OldFenceError(f"Fence {wanted['fence']} is older than {state.fence}.")
    return replace(state, **wanted)


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keep the state in a file that is either the old one or the new one, whenever the power fails."""

    path: Path

    def read(self) -> State:
        """Return what was kept; everybody on the baseline where nothing was.

        :raises UnreadableError: the file is there and says nothing usable
        """
        try:
            return changed(State(), json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return State()
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{self.path} cannot be read: {error}") from error

    def write(self, state: State) -> None:
        """Replace what is kept.

        :raises OSError: it cannot be written; the old one stays
        """
        new = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(json.dumps(asdict(state)))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        finally:
            new.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
