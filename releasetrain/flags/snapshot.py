"""Hold every flag as it is served: immutable, compiled, its answers written out beforehand.

Nothing here asks the database: a snapshot is replaced as a whole, by one assignment.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from releasetrain.flags.rules import (
    GATES,
    NOTHING,
    Answer,
    ErrorCode,
    Failure,
    FlagState,
    Reason,
    key_missing,
    not_found,
    settle,
    share_of,
)

DATABASE, FILE = "database", "file"
OK, BAD_REQUEST, NOT_FOUND = 200, 400, 404
CACHE_BYTES = 8 * 1024 * 1024
CACHEABLE_CONTEXT = 4096


def write(value: Any) -> bytes:
    """Write JSON as it goes over the wire."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def item(key: str, outcome: Answer | Failure, metadata: Mapping[str, Any]) -> bytes:
    """Write what an application is told of one flag, always with the parts that stock providers rely on."""
    if isinstance(outcome, Failure):
        return write({"key": key, "errorCode": outcome.code, "errorDetails": outcome.details})
    said = {**metadata, "killed": True} if outcome.is_killed else metadata
    return write(
        {
            "key": key,
            "value": outcome.value,
            "variant": outcome.variant,
            "reason": outcome.reason,
            "metadata": said,
        }
    )


@dataclass(frozen=True, slots=True)
class Compiled:
    """One flag with its possible answers; `settled` is the one that needs no user."""

    state: FlagState
    settled: bytes
    settled_status: int
    inside: bytes = b""
    outside: bytes = b""
    missing: bytes = b""

    def single(self, targeting_key: str | None, context: Mapping[str, Any] = NOTHING) -> tuple[int, bytes]:
        """Answer for one user, with the status that the answer has when it stands alone."""
        if self.settled:
            return self.settled_status, self.settled
        if not targeting_key:
            return BAD_REQUEST, self.missing
        return OK, self.of(targeting_key, context)

    def of(self, targeting_key: str, context: Mapping[str, Any] = NOTHING) -> bytes:
        """Answer for one user of a flag that is not settled."""
        state = self.state
        place = GATES[state.bucket_version](state.salt, targeting_key)
        return self.inside if place < share_of(state, context) else self.outside


def compile_flag(state: FlagState, environment: str, source: str) -> Compiled:
    """Write out everything that one flag can answer."""
    metadata = {"environment": environment, "revision": state.revision, "source": source}
    settled = settle(state)
    if settled is not None:
        status = BAD_REQUEST if isinstance(settled, Failure) else OK
        return Compiled(state, item(state.key, settled, metadata), status)
    return Compiled(
        state,
        b"",
        OK,
        inside=item(state.key, Answer(value=True, reason=Reason.SPLIT), metadata),
        outside=item(state.key, Answer(value=False, reason=Reason.SPLIT), metadata),
        missing=item(state.key, key_missing(state), metadata),
    )


class AnswerCache:
    """Remember whole answers by the bytes of their request, within a budget; full means begin anew."""

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: dict[bytes, tuple[bytes, bytes]] = {}
        self.size = 0

    def keep(self, request: bytes, etag: bytes, body: bytes) -> None:
        if len(request) > CACHEABLE_CONTEXT:
            return
        self.size += len(request) + len(body) + 200
        if self.size > CACHE_BYTES:
            self.entries, self.size = {}, len(request) + len(body) + 200
        self.entries[request] = (etag, body)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every flag of one environment at one revision."""

    environment: str
    revision: int
    source: str
    flags: Mapping[str, Compiled]
    cache: AnswerCache = field(default_factory=AnswerCache, compare=False, repr=False)

    def single(
        self, key: str, targeting_key: str | None, context: Mapping[str, Any] = NOTHING
    ) -> tuple[int, bytes]:
        """Return status and body for one flag."""
        flag = self.flags.get(key)
        if flag is None:
            return NOT_FOUND, item(key, not_found(key), {})
        return flag.single(targeting_key, context)

    def bulk(self, targeting_key: str | None, context: Mapping[str, Any] = NOTHING) -> bytes:
        """Return the body for all flags, in the order of their keys."""
        items = [
            flag.settled or (flag.of(targeting_key, context) if targeting_key else flag.missing)
            for flag in self.flags.values()
        ]
        head = write({"environment": self.environment, "revision": self.revision, "source": self.source})
        return b'{"flags":[' + b",".join(items) + b'],"metadata":' + head + b"}"

    def etag(self, context: Mapping[str, Any]) -> bytes:
        """Name the answer for a context: revision first, so that older and newer can be told apart.

        :raises RecursionError: the context is nested too deeply
        """
        content = json.dumps([self.environment, self.source, context], sort_keys=True).encode()
        return f'"{self.revision}-{blake2b(content, digest_size=12).hexdigest()}"'.encode()

    def with_flag(self, state: FlagState) -> "Snapshot":
        """Return the snapshot that follows when one flag has changed."""
        compiled = compile_flag(state, self.environment, self.source)
        flags = {**self.flags, state.key: compiled}
        if state.key not in self.flags:
            flags = dict(sorted(flags.items()))
        return replace(self, revision=state.revision, flags=flags, cache=AnswerCache())


def build(
    environment: str,
    revision: int,
    states: Iterable[FlagState],
    source: str,
    previous: Snapshot | None = None,
) -> Snapshot:
    """Compile an environment, taking over from the previous snapshot whatever has not changed."""
    kept = previous.flags if previous is not None and previous.source == source else {}
    flags: dict[str, Compiled] = {}
    for state in sorted(states, key=lambda one: one.key):
        old = kept.get(state.key)
        flags[state.key] = old if old and old.state == state else compile_flag(state, environment, source)
    return Snapshot(environment, revision, source, flags)


@dataclass(frozen=True, slots=True)
class House:
    """Everything that a serving process needs: the environments, and which tokens open them.

    `tokens` leads from a token's digest to the slugs of the environments that it may evaluate.
    """

    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""

    @property
    def is_loaded(self) -> bool:
        return bool(self.source)

    def with_snapshot(self, snapshot: Snapshot) -> "House":
        return replace(self, snapshots={**self.snapshots, snapshot.environment: snapshot})

    def as_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "environments": {
                slug: {
                    "revision": one.revision,
                    "flags": [flag.state.as_json() for flag in one.flags.values()],
                }
                for slug, one in self.snapshots.items()
            },
            "tokens": {digest: list(slugs) for digest, slugs in self.tokens.items()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "House":
        """Rebuild what a file holds.

        :raises KeyError, TypeError, ValueError, AttributeError: it holds something else
        """
        if value["format"] != 1:
            raise ValueError(f"format {value['format']} is not known")
        snapshots = {
            slug: build(slug, int(one["revision"]), map(FlagState.from_json, one["flags"]), FILE)
            for slug, one in value["environments"].items()
        }
        tokens = {digest: tuple(slugs) for digest, slugs in value["tokens"].items()}
        return cls(snapshots, tokens, FILE)


def unready() -> Failure:
    """Say that nothing can be served yet."""
    return Failure(
        ErrorCode.GENERAL,
        "The flags have not been loaded yet: the database does not answer and there is no snapshot on disk.",
    )
