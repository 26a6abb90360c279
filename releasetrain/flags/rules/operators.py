"""Compare one attribute of who asks with the values of a rule: each operator a maker of closures.

Nothing is converted: a text is not a number, and true is not 1. What is missing or of another type does not
match, and never fails.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import semver

Scalar = str | int | float | bool
Test = Callable[[Any], bool]
LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to compare.

    `make` builds the test for given values; `why_not` says why a value cannot be used with it. `words` read
    between attribute and values. One that takes no `many` values takes exactly one, `exists` none.
    """

    words: str
    make: Callable[[Sequence[Any]], Test]
    why_not: Callable[[Any], str | None]
    takes_many: bool = True
    takes_none: bool = False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values of JSON are the same; true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _is_in(values: Sequence[Any]) -> Test:
    texts = frozenset(one for one in values if isinstance(one, str))
    others = [one for one in values if not isinstance(one, str)]

    def test(value: Any) -> bool:
        return value in texts if isinstance(value, str) else any(same(value, one) for one in others)

    return test


def _contains(values: Sequence[Any]) -> Test:
    def test(value: Any) -> bool:
        if isinstance(value, str):
            return any(one in value for one in values)
        return isinstance(value, list) and any(one in values for one in value if isinstance(one, str))

    return test


def _starts(values: Sequence[Any]) -> Test:
    heads = tuple(values)
    return lambda value: isinstance(value, str) and value.startswith(heads)


def _ends(values: Sequence[Any]) -> Test:
    tails = tuple(values)
    return lambda value: isinstance(value, str) and value.endswith(tails)


def _number(compare: Callable[[float, float], bool]) -> Callable[[Sequence[Any]], Test]:
    def make(values: Sequence[Any]) -> Test:
        limit = values[0]
        return lambda value: _is_number(value) and compare(value, limit)

    return make


def version_of(value: Any) -> semver.Version | None:
    """Read a semantic version, which may lack minor and patch or begin with v; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)[:256]
    text = text[1:] if text[:1] in {"v", "V"} else text
    core = text.split("-")[0].split("+")[0]
    text = core + ".0" * max(0, 2 - core.count(".")) + text[len(core) :]
    try:
        return semver.Version.parse(text)
    except ValueError:
        return None


def _version(compare: Callable[[semver.Version, semver.Version], bool]) -> Callable[[Sequence[Any]], Test]:
    def make(values: Sequence[Any]) -> Test:
        wanted = version_of(values[0])

        def test(value: Any) -> bool:
            found = version_of(value)
            return found is not None and wanted is not None and compare(found, wanted)

        return test

    return make


def instant_of(value: Any) -> datetime | None:
    """Read an instant as RFC 3339 writes it, with its offset; a day alone begins at midnight UTC."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC) if len(value) == len("2026-01-31") else None
    return found


def _instant(compare: Callable[[datetime, datetime], bool]) -> Callable[[Sequence[Any]], Test]:
    def make(values: Sequence[Any]) -> Test:
        limit = instant_of(values[0])

        def test(value: Any) -> bool:
            found = instant_of(value)
            return found is not None and limit is not None and compare(found, limit)

        return test

    return make


def _in_network(values: Sequence[Any]) -> Test:
    networks = [ipaddress.ip_network(one, strict=False) for one in values]

    def test(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        return any(address in one for one in networks if one.version == address.version)

    return test


def _exists(_: Sequence[Any]) -> Test:
    return lambda value: value is not None


def _no_scalar(value: Any) -> str | None:
    if isinstance(value, str | bool) or (_is_number(value) and abs(value) <= LARGEST):
        return None
    return "must be a text, a number, true or false"


def _no_text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "must be a text"


def _no_number(value: Any) -> str | None:
    return None if _is_number(value) and abs(value) <= LARGEST else "must be a number"


def _no_version(value: Any) -> str | None:
    return None if version_of(value) is not None else "must be a version such as 2.4.0"


def _no_instant(value: Any) -> str | None:
    return None if instant_of(value) is not None else "must be an instant such as 2026-01-31T09:00:00Z"


def _no_network(value: Any) -> str | None:
    try:
        ipaddress.ip_network(value, strict=False)
    except (ValueError, TypeError):
        return "must be a network such as 10.0.0.0/8"
    return None if isinstance(value, str) else "must be a network such as 10.0.0.0/8"


OPERATORS: Mapping[str, Operator] = {
    "in": Operator("is one of", _is_in, _no_scalar),
    "contains": Operator("contains", _contains, _no_text),
    "starts_with": Operator("begins with", _starts, _no_text),
    "ends_with": Operator("ends with", _ends, _no_text),
    "less": Operator("<", _number(lambda one, other: one < other), _no_number, takes_many=False),
    "at_most": Operator("≤", _number(lambda one, other: one <= other), _no_number, takes_many=False),
    "greater": Operator(">", _number(lambda one, other: one > other), _no_number, takes_many=False),
    "at_least": Operator("≥", _number(lambda one, other: one >= other), _no_number, takes_many=False),
    "version_is": Operator(
        "is version", _version(lambda one, other: one == other), _no_version, takes_many=False
    ),
    "version_below": Operator(
        "is a version below", _version(lambda one, other: one < other), _no_version, takes_many=False
    ),
    "version_at_least": Operator(
        "is at least version", _version(lambda one, other: one >= other), _no_version, takes_many=False
    ),
    "version_same_major": Operator(
        "has the major version of",
        _version(lambda one, other: one.major == other.major),
        _no_version,
        takes_many=False,
    ),
    "version_same_minor": Operator(
        "has the minor version of",
        _version(lambda one, other: (one.major, one.minor) == (other.major, other.minor)),
        _no_version,
        takes_many=False,
    ),
    "before": Operator("is before", _instant(lambda one, other: one < other), _no_instant, takes_many=False),
    "after": Operator("is after", _instant(lambda one, other: one > other), _no_instant, takes_many=False),
    "in_network": Operator("lies in network", _in_network, _no_network),
    "exists": Operator("is given", _exists, _no_scalar, takes_none=True),
}
