"""Decide what a boolean flag answers: killed, disabled, or a sticky percentage of users."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import cbor2
import mmh3

FULL = 100_000
"""The whole of the users, in thousandths of a percent."""

NOTHING: Mapping[str, Any] = MappingProxyType({})

KEY_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class Reason(StrEnum):
    """Why an answer is what it is; only words that stock OpenFeature providers know."""

    STATIC = "STATIC"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    DISABLED = "DISABLED"


class ErrorCode(StrEnum):
    """Why there is no answer, in the words of the protocol."""

    PARSE_ERROR = "PARSE_ERROR"
    TARGETING_KEY_MISSING = "TARGETING_KEY_MISSING"
    INVALID_CONTEXT = "INVALID_CONTEXT"
    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    GENERAL = "GENERAL"


@dataclass(frozen=True, slots=True)
class FlagState:
    """What a flag is in one environment; `percentage` is in thousandths, `revision` its own last one.

    `segments` are pairs ("region=eu", thousandths): who has that in the context is let in before all others.
    """

    key: str
    enabled: bool
    killed: bool
    percentage: int
    salt: str
    bucket_version: int
    revision: int
    segments: tuple[tuple[str, int], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "FlagState":
        """Read a state back, passing over keys that a newer version may have added."""
        known = {field.name: value[field.name] for field in fields(cls) if field.name != "segments"}
        return cls(**known, segments=segments_of(value.get("segments", ())))


def segments_of(value: Iterable[Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    """Read segments as JSON keeps them.

    :raises TypeError, ValueError: they are something else
    """
    return tuple((str(name), int(thousandths)) for name, thousandths in value)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an application is told."""

    value: bool
    reason: Reason
    is_killed: bool = False

    @property
    def variant(self) -> str:
        return "on" if self.value else "off"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an application is told nothing, in a sentence."""

    code: ErrorCode
    details: str


def gate_1(salt: str, key: str) -> int:
    """Place a user on the ramp, 0 to 99999 (FLAGS section 3): whoever stands below the percentage is in.

    flagd's `fractional` over `salt + ".ramp:" + key` with weights that sum to 100000 gives the same places.
    """
    place: int = mmh3.hash(cbor2.dumps(f"{salt}.ramp:{key}"), signed=False) * FULL >> 32
    return place


GATES: dict[int, Callable[[str, str], int]] = {1: gate_1}
"""How users are placed, by bucket version: one that was ever used stays for ever, or users would move."""


def settle(state: FlagState) -> Answer | Failure | None:
    """Answer what needs no user; None when it depends on who asks."""
    if state.killed:
        return Answer(value=False, reason=Reason.DISABLED, is_killed=True)
    if not state.enabled:
        return Answer(value=False, reason=Reason.DISABLED)
    is_same_for_all = not any(share > state.percentage for _, share in state.segments)
    if state.percentage >= FULL or (state.percentage <= 0 and is_same_for_all):
        return Answer(value=state.percentage >= FULL, reason=Reason.STATIC)
    if state.bucket_version not in GATES:
        return Failure(
            ErrorCode.GENERAL,
            f"The flag “{state.key}” places users by version {state.bucket_version}, "
            "which this server does not know.",
        )
    return None


def is_in(state: FlagState, targeting_key: str, context: Mapping[str, Any] = NOTHING) -> bool:
    """Tell whether a user is inside the percentage; who is in at 5 % is in at 10 %."""
    return GATES[state.bucket_version](state.salt, targeting_key) < share_of(state, context)


def share_of(state: FlagState, context: Mapping[str, Any]) -> int:
    """Return up to which place users with this context are let in, in thousandths of a percent."""
    if not state.segments:
        return state.percentage
    shares = [share for name, share in state.segments if is_of(name, context)]
    return max([state.percentage, *shares])


def is_of(segment: str, context: Mapping[str, Any]) -> bool:
    """Tell whether a context belongs to a segment such as "region=eu": by text, a number, or true."""
    attribute, _, wanted = segment.partition("=")
    value = context.get(attribute)
    if isinstance(value, bool):
        return wanted == str(value).lower()
    return isinstance(value, str | int | float) and str(value) == wanted


def key_missing(state: FlagState) -> Failure:
    """Say that a percentage needs to know who asks."""
    return Failure(
        ErrorCode.TARGETING_KEY_MISSING,
        f"The flag “{state.key}” is on for a part of the users: send who asks as context.targetingKey.",
    )


def not_found(key: str) -> Failure:
    """Say that there is no such flag."""
    return Failure(ErrorCode.FLAG_NOT_FOUND, f"There is no flag “{key[:100]}” in this environment.")


def evaluate(
    state: FlagState | None, key: str, targeting_key: str | None, context: Mapping[str, Any] = NOTHING
) -> Answer | Failure:
    """Answer for one user: unknown, killed, disabled, all or nobody, then the user's place on the ramp."""
    if state is None:
        return not_found(key)
    if (settled := settle(state)) is not None:
        return settled
    if not targeting_key:
        return key_missing(state)
    return Answer(value=is_in(state, targeting_key, context), reason=Reason.SPLIT)


def percent(thousandths: int) -> str:
    """Name a percentage for people: 12500 is "12.5"."""
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")


def why_not_key(key: str) -> str | None:
    """Say why a flag cannot have this key."""
    if KEY_PATTERN.match(key):
        return None
    return (
        f"“{key[:100]}” cannot be a flag's key: use 1 to 100 letters, digits, dots, dashes and underscores, "
        "and begin with a letter or a digit."
    )


def why_not_percentage(thousandths: int) -> str | None:
    """Say why a percentage cannot be set."""
    if 0 <= thousandths <= FULL:
        return None
    return f"A percentage lies between 0 and 100; {percent(thousandths)} does not."
