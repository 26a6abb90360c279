"""Read JsonLogic as far as our conditions go, and how a definition places users."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from releasetrain.flags.flagd.refusals import CannotImport
from releasetrain.flags.rules.buckets import FULL, RAMP, SPLIT
from releasetrain.flags.rules.conditions import why_not_attribute
from releasetrain.flags.rules.serving import BY

OURS, SHORT, PLAIN = 1, 2, 3
FLAG_KEY = {"var": "$flagd.flagKey"}
ORDERS = {"<": "less", "<=": "at_most", ">": "greater", ">=": "at_least"}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
VERSIONS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "=": lambda shape: {**shape, "operator": "version_is"},
    "!=": lambda shape: {"not": {**shape, "operator": "version_is"}},
    "<": lambda shape: {**shape, "operator": "version_below"},
    ">=": lambda shape: {**shape, "operator": "version_at_least"},
    "<=": lambda shape: {
        "any": [{**shape, "operator": "version_below"}, {**shape, "operator": "version_is"}]
    },
    ">": lambda shape: {
        "all": [{**shape, "operator": "version_at_least"}, {"not": {**shape, "operator": "version_is"}}]
    },
    "^": lambda shape: {**shape, "operator": "version_same_major"},
    "~": lambda shape: {**shape, "operator": "version_same_minor"},
}


def operation_of(logic: Any) -> tuple[str | None, list[Any]]:
    """Return the operator of a piece of JsonLogic with its arguments; None for a value."""
    if not isinstance(logic, Mapping) or len(logic) != 1:
        return None, []
    [(operator, arguments)] = logic.items()
    return str(operator), arguments if isinstance(arguments, list) else [arguments]


@dataclass(frozen=True, slots=True)
class Bucket:
    """How users are placed: version and salt, and by which attribute."""

    version: int
    salt: str
    by: str = BY

    @property
    def hashed(self) -> tuple[int, str]:
        return self.version, self.salt

    @property
    def by_shape(self) -> dict[str, str]:
        return {} if self.by == BY else {"by": self.by}


@dataclass(frozen=True, slots=True)
class Gate:
    """A share of users, in thousandths of a percent."""

    share: int
    bucket: Bucket

    @property
    def hashed(self) -> tuple[int, str]:
        return self.bucket.hashed

    @property
    def by(self) -> str:
        return self.bucket.by

    @property
    def by_shape(self) -> dict[str, str]:
        return self.bucket.by_shape


@dataclass(frozen=True, slots=True)
class Way:
    """Conditions that all hold, and at most one share of users among them."""

    conditions: tuple[Any, ...] = ()
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """Several ways of which one is enough; none at all never holds."""

    ways: tuple[Way, ...]

    @classmethod
    def always(cls) -> "Ways":
        return cls((Way(),))

    @property
    def is_always(self) -> bool:
        return self.ways == (Way(),)

    def and_also(self, other: "Ways") -> "Ways":
        """Ask for both.

        :raises CannotImport: two different shares would have to hold at once
        """
        return Ways(tuple(_both(one, two) for one in self.ways for two in other.ways))


def _both(one: Way, two: Way) -> Way:
    if one.gate is not None and two.gate is not None and one.gate != two.gate:
        raise CannotImport("Two shares of users would have to hold at once.")
    return Way((*one.conditions, *two.conditions), one.gate or two.gate)


def bucket_of(arguments: Sequence[Any], key: str) -> tuple[Bucket, list[list[Any]]]:
    """Read by what “fractional” places users, and its weights.

    :raises CannotImport: it is put together in a way that we do not know
    """
    if not arguments:
        raise CannotImport("“fractional” says nothing.")
    first, rest = arguments[0], list(arguments[1:])
    if isinstance(first, list):
        bucket, rest = Bucket(SHORT, key), list(arguments)
    else:
        bucket = _explicit(first, key)
    for one in rest:
        is_weighted = isinstance(one, list) and 0 < len(one) < 3 and isinstance(one[0], str | bool)
        if not is_weighted or (len(one) == 2 and not _is_weight(one[1])):
            raise CannotImport("A share of “fractional” is no variant with a whole number.")
    return bucket, rest


def _is_weight(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _explicit(logic: Any, key: str) -> Bucket:
    operator, arguments = operation_of(logic)
    parts = arguments if operator == "cat" else [logic]
    *heads, last = parts or [None]
    texts = [key if one == FLAG_KEY else one for one in heads]
    if not all(isinstance(one, str) for one in texts):
        raise CannotImport(
            "“fractional” puts together what users are placed by in a way that we do not know."
        )
    salt, by = "".join(texts), attribute_of(last)
    for purpose in (RAMP, SPLIT):
        if salt.endswith(purpose):
            return Bucket(OURS, salt.removesuffix(purpose), by)
    return Bucket(PLAIN, salt, by)


def attribute_of(logic: Any) -> str:
    """Return the attribute that a “var” names.

    :raises CannotImport: it is none, or has a default
    """
    operator, arguments = operation_of(logic)
    if operator != "var" or len(arguments) != 1 or why_not_attribute(arguments[0]):
        raise CannotImport(f"It compares with something that is no attribute: {str(logic)[:80]}.")
    return str(arguments[0])


def _is_attribute(logic: Any) -> bool:
    return operation_of(logic)[0] == "var"


@dataclass(slots=True)
class Conditions:
    """Read conditions; `is_loose` is set once one compares numbers as flagd does and we do not."""

    segments: set[str]
    is_loose: bool = False
    _numbers: set[str] = field(default_factory=set)

    def ways(self, logic: Any, key: str) -> Ways:
        """Read a condition that may hold shares of users.

        :raises CannotImport: it has no equal here
        """
        if logic is True or logic is False:
            return Ways.always() if logic else Ways(())
        operator, arguments = operation_of(logic)
        if (gate := _gate(operator, arguments, key)) is not None:
            return Ways((Way((), gate),))
        if operator in {"and", "or"} and any(isinstance(one, bool) for one in arguments):
            return self._without_constants(operator, arguments, key)
        if operator == "and" and any(_has_share(one) for one in arguments):
            rest = [one for one in arguments if not _has_share(one)]
            found = Ways((Way((self._joined("and", rest),)),)) if rest else Ways.always()
            for one in arguments:
                found = found.and_also(self.ways(one, key)) if _has_share(one) else found
            return found
        if operator == "or" and any(_has_share(one) for one in arguments):
            return Ways(tuple(way for one in arguments for way in self.ways(one, key).ways))
        return Ways((Way((self.read(logic),)),))

    def _without_constants(self, operator: str, arguments: Sequence[Any], key: str) -> Ways:
        decides = operator == "or"
        if any(one is decides for one in arguments):
            return Ways.always() if decides else Ways(())
        rest = [one for one in arguments if not isinstance(one, bool)]
        return self.ways({operator: rest} if rest else not decides, key)

    def read(self, logic: Any) -> Any:
        """Read one condition without shares.

        :raises CannotImport: it has no equal here
        """
        operator, arguments = operation_of(logic)
        if operator == "$ref":
            return self._segment(arguments)
        if operator in {"!", "!!"} and len(arguments) == 1:
            inner = self.read(arguments[0])
            return {"not": inner} if operator == "!" else inner
        if operator in {"and", "or"} and arguments:
            return self._joined(operator, arguments)
        if operator in {"==", "===", "!=", "!=="} and len(arguments) == 2:
            same = self._same(*arguments)
            return {"not": same} if operator.startswith("!") else same
        if operator == "in" and len(arguments) == 2:
            return _membership(*arguments)
        if operator in {"starts_with", "ends_with"} and len(arguments) == 2:
            return _shape(arguments[0], operator, [arguments[1]])
        if operator in ORDERS:
            return self._ordered(operator, arguments)
        if operator == "sem_ver" and len(arguments) == 3 and arguments[1] in VERSIONS:
            return VERSIONS[arguments[1]](_shape(arguments[0], "", [arguments[2]]))
        raise CannotImport(f"We have no condition like {str(logic)[:120]}.")

    def _segment(self, arguments: Sequence[Any]) -> dict[str, Any]:
        key = arguments[0] if arguments else None
        if key not in self.segments:
            raise CannotImport(f"It refers to “{str(key)[:60]}”, which is not among “$evaluators”.")
        return {"segment": key}

    def _joined(self, operator: str, arguments: Sequence[Any]) -> Any:
        guarded = {operation_of(one)[1][0]["var"] for one in arguments if _is_number_guard(one)}
        before, self._numbers = self._numbers, self._numbers | (guarded if operator == "and" else set())
        parts = [self.read(one) for one in arguments if operator == "or" or not _is_number_guard(one)]
        self._numbers = before
        return parts[0] if len(parts) == 1 else {"all" if operator == "and" else "any": parts}

    def _same(self, one: Any, other: Any) -> Any:
        var, value = (one, other) if _is_attribute(one) else (other, one)
        if value is None:
            return {"not": {"attribute": attribute_of(var), "operator": "exists"}}
        if isinstance(value, dict | list):
            raise CannotImport(f"We compare an attribute with a value, not with {str(value)[:80]}.")
        return _shape(var, "in", [value])

    def _ordered(self, operator: str, arguments: Sequence[Any]) -> Any:
        if len(arguments) == 3:
            low, middle, high = arguments
            parts = [self._ordered(operator, [low, middle]), self._ordered(operator, [middle, high])]
            return {"all": parts}
        if len(arguments) != 2:
            raise CannotImport(f"“{operator}” compares two values.")
        one, other = arguments
        if not _is_attribute(one):
            one, other, operator = other, one, TURNED[operator]
        if isinstance(other, bool) or not isinstance(other, int | float):
            raise CannotImport(f"“{operator}” compares an attribute with a number.")
        if attribute_of(one) not in self._numbers:
            self.is_loose = True
        return _shape(one, ORDERS[operator], [other])


def _shape(var: Any, operator: str, values: list[Any]) -> dict[str, Any]:
    if any(isinstance(one, dict | list) for one in values):
        raise CannotImport("We compare an attribute with values, not with other attributes.")
    return {"attribute": attribute_of(var), "operator": operator, "values": values}


def _membership(one: Any, other: Any) -> Any:
    if operation_of(one)[0] in {"if", "fractional"} or not any(map(_is_attribute, (one, other))):
        raise CannotImport("It waits for what another flag answers: name that as a prerequisite here.")
    if isinstance(other, list):
        return _shape(one, "in", other) if other else {"not": {"all": [_present(one), _absent(one)]}}
    return _shape(other, "contains", [one])


def _present(var: Any) -> dict[str, Any]:
    return {"attribute": attribute_of(var), "operator": "exists"}


def _absent(var: Any) -> dict[str, Any]:
    return {"not": _present(var)}


def _has_share(logic: Any) -> bool:
    operator, arguments = operation_of(logic)
    return operator == "fractional" or any(_has_share(one) for one in arguments)


def _gate(operator: str | None, arguments: Sequence[Any], key: str) -> Gate | None:
    """Read a share of users: whether “fractional” gives the first of two."""
    if operator != "==" or len(arguments) != 2 or arguments[1] != "in":
        return None
    inner, shares = operation_of(arguments[0])
    if inner != "fractional":
        return None
    bucket, weights = bucket_of(shares, key)
    names = [one[0] for one in weights]
    if names != ["in", "out"] or weights[0][1] + weights[1][1] != FULL:
        return None
    return Gate(weights[0][1], bucket)


def _is_number_guard(logic: Any) -> bool:
    operator, arguments = operation_of(logic)
    is_pair = operator == "===" and len(arguments) == 2 and _is_attribute(arguments[0])
    return is_pair and operation_of(arguments[1]) == ("+", [arguments[0]])
