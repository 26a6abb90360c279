"""Hold what a flag is in one environment, and what an application is told."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from releasetrain.flags.rules.buckets import FULL
from releasetrain.flags.rules.serving import Reason, without
from releasetrain.flags.rules.variants import SWITCH, FlagType

KEY_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
Shape = Mapping[str, Any]


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

    `segments` are pairs ("region=eu", thousandths): who has that in the context is let in on the ramp before
    all others. `rules` are asked from the top, each {"when": [condition, …], "serve": {…}}, with a "salt" of
    its own where it has one; then the ramp serves `ramp_variant`, and `default` serves whoever is left,
    `off_variant` where it is empty. `prerequisites` are pairs (flag, its variants) that must be served first.
    Once `is_taken_back`, nobody gets `ramp_variant` any more, whatever rules and names say.
    """

    key: str
    enabled: bool
    killed: bool
    percentage: int
    salt: str
    bucket_version: int
    revision: int
    segments: tuple[tuple[str, int], ...] = ()
    type: FlagType = FlagType.BOOLEAN
    variants: Mapping[str, Any] = field(default_factory=lambda: dict(SWITCH))
    off_variant: str = "off"
    ramp_variant: str = "on"
    overrides: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Shape, ...] = ()
    default: Shape = field(default_factory=dict)
    prerequisites: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_client_visible: bool = False
    is_taken_back: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read a state back, passing over keys that a newer version may have added.

        :raises KeyError, TypeError, ValueError: it is none
        """
        known = {one.name: value[one.name] for one in fields(cls) if one.name in value}
        known["segments"] = segments_of(value.get("segments", ()))
        known["type"] = FlagType(value.get("type", FlagType.BOOLEAN))
        known["rules"] = tuple(value.get("rules", ()))
        known["prerequisites"] = prerequisites_of(value.get("prerequisites", ()))
        return cls(**known)

    @property
    def fallthrough(self) -> Shape:
        return self.default or {"variant": self.off_variant}


def taken_back(state: FlagState) -> FlagState:
    """Return a flag of which nobody gets the ramp variant, if a rollback has taken that back."""
    if not state.is_taken_back:
        return state
    variant, off = state.ramp_variant, state.off_variant
    return replace(
        state,
        percentage=0,
        segments=(),
        overrides={key: off if one == variant else one for key, one in state.overrides.items()},
        rules=tuple({**rule, "serve": without(rule["serve"], variant, off)} for rule in state.rules),
        default=without(state.fallthrough, variant, off),
    )


def segments_of(value: Iterable[Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    """Read the segments of a ramp as JSON keeps them.

    :raises TypeError, ValueError: they are something else
    """
    return tuple((str(name), int(thousandths)) for name, thousandths in value)


def prerequisites_of(value: Iterable[Sequence[Any]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Read prerequisites as JSON keeps them.

    :raises TypeError, ValueError: they are something else
    """
    return tuple((str(key), tuple(str(one) for one in variants)) for key, variants in value)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an application is told; `missed` is the prerequisite that was not met, "" for none."""

    variant: str
    value: Any
    reason: Reason
    is_killed: bool = False
    missed: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an application is told nothing, in a sentence."""

    code: ErrorCode
    details: str


Outcome = Answer | Failure


def key_missing(key: str) -> Failure:
    """Say that a share of users needs to know who asks."""
    return Failure(
        ErrorCode.TARGETING_KEY_MISSING,
        f"The flag “{key}” is on for a part of the users: send who asks as context.targetingKey.",
    )


def not_found(key: str) -> Failure:
    """Say that there is no such flag."""
    return Failure(ErrorCode.FLAG_NOT_FOUND, f"There is no flag “{key[:100]}” in this environment.")


def percent(thousandths: int) -> str:
    """Name a percentage for people: 12500 is "12.5"."""
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")


def shares_of(split: Iterable[Sequence[Any]]) -> list[tuple[str, str]]:
    """Return the variants of a split with their shares in percent, whatever the weights add up to."""
    pairs = [(str(name), int(weight)) for name, weight in split]
    total = sum(weight for _, weight in pairs)
    return [(name, percent(round(weight * FULL / total))) for name, weight in pairs]


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
