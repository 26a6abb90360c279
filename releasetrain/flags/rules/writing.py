"""Write conditions as people type them, one a line, and read them back.

`country in NL, BE` · `not segment staff` · `app_version version >= 2.4.0` · `age >= 18 or plan in pro, "7"`.
All lines must hold. What a line cannot say stands there as JSON.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from releasetrain.flags.rules.conditions import BadCondition, why_not_condition
from releasetrain.flags.rules.operators import OPERATORS

Shape = dict[str, Any]
# As it is typed, the longest first, so that none is taken for the beginning of another.
SIGNS = {
    "version ^": "version_same_major",
    "version >=": "version_at_least",
    "version <": "version_below",
    "version =": "version_is",
    "version ~": "version_same_minor",
    "starts with": "starts_with",
    "ends with": "ends_with",
    "in network": "in_network",
    "contains": "contains",
    "exists": "exists",
    "before": "before",
    "after": "after",
    "<=": "at_most",
    ">=": "at_least",
    "in": "in",
    "<": "less",
    ">": "greater",
}
TYPED = {operator: sign for sign, operator in SIGNS.items()}
PLAIN = re.compile(r"[^\s\",{}\[\]\x00-\x1f][^\",{}\[\]\x00-\x1f]*\Z")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
QUOTED = r'"(?:[^"\\]|\\.)*"'
OR = re.compile(rf"((?:{QUOTED}|[^\"])*?)\s+or\s+")
VALUE = re.compile(rf"\s*({QUOTED}|[^\",]+?)\s*(?:,|\Z)")
SIGN = re.compile(r"\s+(" + "|".join(map(re.escape, SIGNS)) + r")(?=\s|\Z)")
NUMBERS = frozenset({"less", "at_most", "greater", "at_least", "in"})


class BadLine(BadCondition):
    """Say which line is wrong, and why; `number` counts from 1."""

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(f"Line {number}: {sentence}")
        self.number = number


def lines_of(conditions: Sequence[Any]) -> str:
    """Write conditions, one a line."""
    return "\n".join(map(line_of, conditions))


def line_of(shape: Any) -> str:
    """Write one condition; what has no line of its own is written as JSON."""
    terms = [_term(one) for one in shape.get("any", [shape])]
    line = " or ".join(terms)
    is_plain = len(terms) > 1 and _split(line) == terms and not any(one.startswith("{") for one in terms)
    return line if "any" not in shape or is_plain else json.dumps(shape, ensure_ascii=False)


def _term(shape: Any) -> str:
    if "not" in shape and set(shape["not"]) & {"segment", "attribute"}:
        inner = _term(shape["not"])
        return inner if inner.startswith("{") else f"not {inner}"
    if "segment" in shape:
        return f"segment {shape['segment']}"
    if "attribute" not in shape or shape["attribute"] in {"not", "segment"}:
        return json.dumps(shape, ensure_ascii=False)
    values = ", ".join(_value(one, shape["operator"]) for one in shape.get("values", ()))
    return f"{shape['attribute']} {TYPED[shape['operator']]} {values}".rstrip()


def _value(value: Any, operator: str) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = PLAIN.match(value) and value == value.strip() and not re.search(r"\sor\s", value)
    if not is_plain or (operator in NUMBERS and (NUMBER.match(value) or value in {"true", "false"})):
        return json.dumps(value, ensure_ascii=False)
    return value


def read_lines(text: str) -> list[Any]:
    """Read conditions, one a line; empty lines are passed over.

    :raises BadLine: one is none
    """
    found = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line.strip():
            try:
                found.append(read_line(line.strip()))
            except BadCondition as refusal:
                raise BadLine(number, str(refusal)) from refusal
    return found


def read_line(line: str) -> Any:
    """Read one condition.

    :raises BadCondition: it is none
    """
    if line.startswith("{"):
        shape = _json(line)
    else:
        terms = [_read_term(one) for one in _split(line)]
        shape = terms[0] if len(terms) == 1 else {"any": terms}
    if why := why_not_condition(shape):
        raise BadCondition(why)
    return shape


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadCondition("This begins like JSON, and is none.") from error


def _split(line: str) -> list[str]:
    terms, at = [], 0
    while found := OR.match(line, at):
        terms.append(found[1])
        at = found.end()
    return [*terms, line[at:]]


def _read_term(term: str) -> Shape:
    words = term.split(maxsplit=1)
    if len(words) == 2 and words[0] == "not":
        return {"not": _read_term(words[1])}
    if len(words) == 2 and words[0] == "segment":
        return {"segment": words[1].strip()}
    if (found := SIGN.search(term)) is None:
        raise BadCondition(
            f"“{term[:60]}” compares with nothing. Write an attribute, a sign and values, such as "
            f"“country in NL, BE”; the signs are {', '.join(sorted(SIGNS))}."
        )
    operator = SIGNS[found[1]]
    shape: Shape = {"attribute": term[: found.start()].strip(), "operator": operator}
    rest = term[found.end() :].strip()
    return (
        shape | {"values": _values(rest, operator)} if rest or not OPERATORS[operator].takes_none else shape
    )


def _values(text: str, operator: str) -> list[Any]:
    found, at = [], 0
    while at < len(text):
        one = VALUE.match(text, at)
        if one is None:
            raise BadCondition(
                f"“{text[at : at + 40]}” is no value: put commas between values, and quotes around odd ones."
            )
        found.append(_read_value(one[1], operator))
        at = one.end()
    return found


def _read_value(text: str, operator: str) -> Any:
    if text.startswith('"'):
        try:
            return json.loads(text)
        except ValueError as error:
            raise BadCondition(f"{text[:40]} is no text in quotes.") from error
    if operator in NUMBERS and (NUMBER.match(text) or text in {"true", "false"}):
        return json.loads(text)
    return text
