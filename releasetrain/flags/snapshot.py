"""Hold every flag as it is served: immutable, compiled, its answers written out beforehand.

Nothing here asks the database: a snapshot is replaced as a whole, by one assignment.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from releasetrain.flags.rules import (
    NOTHING,
    Answer,
    ErrorCode,
    Failure,
    Flag,
    FlagState,
    compile_flag,
    not_found,
)
from releasetrain.flags.rules.conditions import Condition, Context
from releasetrain.flags.rules.segments import SegmentState, compile_segments
from releasetrain.flags.rules.serving import BY
from releasetrain.flags.rules.states import Outcome

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
    said = dict(metadata)
    if outcome.is_killed:
        said["killed"] = True
    if outcome.missed:
        said["prerequisite"] = outcome.missed
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
    """One flag, with what it has answered so far as it goes over the wire; `settled` needs no user."""

    flag: Flag
    metadata: Mapping[str, Any]
    settled: tuple[int, bytes] | None
    written: dict[tuple[str, ...], tuple[int, bytes]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def state(self) -> FlagState:
        return self.flag.state

    def answer(self, context: Context, flags: "Flags") -> tuple[int, bytes]:
        """Answer for one context, with the status that the answer has when it stands alone."""
        if self.settled is not None:
            return self.settled
        outcome = self.flag.evaluate(context, flags)
        name: tuple[str, ...] = (
            (outcome.variant, outcome.reason, outcome.missed)
            if isinstance(outcome, Answer)
            else (outcome.code, outcome.details)
        )
        found = self.written.get(name)
        if found is None:
            found = self.written[name] = written(self.state.key, outcome, self.metadata)
        return found


Flags = Mapping[str, Flag]


def written(key: str, outcome: Outcome, metadata: Mapping[str, Any]) -> tuple[int, bytes]:
    """Write an answer out, with its status."""
    return BAD_REQUEST if isinstance(outcome, Failure) else OK, item(key, outcome, metadata)


def compiled(state: FlagState, environment: str, source: str, segments: Mapping[str, Condition]) -> Compiled:
    """Make one flag ready to be asked over the wire."""
    metadata = {"environment": environment, "revision": state.revision, "source": source}
    flag = compile_flag(state, segments)
    settled = None if flag.settled is None else written(state.key, flag.settled, metadata)
    return Compiled(flag, metadata, settled)


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
    """Every flag of one environment at one revision, with the segments that its rules name."""

    environment: str
    revision: int
    source: str
    flags: Mapping[str, Compiled]
    segments: tuple[SegmentState, ...] = ()
    conditions: Mapping[str, Condition] = field(default_factory=dict, compare=False, repr=False)
    asked: Flags = field(default_factory=dict, compare=False, repr=False)
    cache: AnswerCache = field(default_factory=AnswerCache, compare=False, repr=False)

    def single(
        self, key: str, targeting_key: str | None, context: Mapping[str, Any] = NOTHING
    ) -> tuple[int, bytes]:
        """Return status and body for one flag."""
        flag = self.flags.get(key)
        if flag is None:
            return NOT_FOUND, item(key, not_found(key), {})
        return flag.answer(_with_key(context, targeting_key), self.asked)

    def bulk(self, targeting_key: str | None, context: Mapping[str, Any] = NOTHING) -> bytes:
        """Return the body for all flags, in the order of their keys."""
        context, asked = _with_key(context, targeting_key), self.asked
        items = [flag.answer(context, asked)[1] for flag in self.flags.values()]
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
        flags = {**self.flags, state.key: compiled(state, self.environment, self.source, self.conditions)}
        if state.key not in self.flags:
            flags = dict(sorted(flags.items()))
        return replace(self, revision=state.revision, flags=flags, asked=_asked(flags), cache=AnswerCache())


def _with_key(context: Mapping[str, Any], targeting_key: str | None) -> Mapping[str, Any]:
    return context if context.get(BY) == targeting_key else {**context, BY: targeting_key}


def _asked(flags: Mapping[str, Compiled]) -> Flags:
    return {key: one.flag for key, one in flags.items()}


def build(
    environment: str,
    revision: int,
    states: Iterable[FlagState],
    source: str,
    previous: Snapshot | None = None,
    segments: Iterable[SegmentState] = (),
) -> Snapshot:
    """Compile an environment, taking over from the previous snapshot whatever has not changed."""
    known = tuple(sorted(segments, key=lambda one: one.key))
    is_alike = previous is not None and previous.source == source and previous.segments == known
    kept = previous.flags if previous is not None and is_alike else {}
    conditions = previous.conditions if previous is not None and is_alike else compile_segments(known)
    flags: dict[str, Compiled] = {}
    for state in sorted(states, key=lambda one: one.key):
        old = kept.get(state.key)
        is_same = old is not None and old.state == state
        flags[state.key] = old if old and is_same else compiled(state, environment, source, conditions)
    return Snapshot(environment, revision, source, flags, known, conditions, _asked(flags))


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
                    "segments": [segment.as_json() for segment in one.segments],
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
            slug: build(
                slug,
                int(one["revision"]),
                map(FlagState.from_json, one["flags"]),
                FILE,
                segments=map(SegmentState.from_json, one.get("segments", ())),
            )
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
