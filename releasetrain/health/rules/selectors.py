"""Pick series from a /metrics page by a selector such as http_requests_total{version="v2", code=~"5.."}."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*")
LABEL = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*\"((?:[^\"\\\n]|\\.)*)\"\s*")
ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
# Without groups, and with few repetitions, no pattern takes longer than the text is long times a constant.
PLAIN_PATTERN = re.compile(r"(?:[\w /:|@,;%&=~#<>'!^$.-]|\\.|\.[*+?])*\Z")
MOST_REPETITIONS = 3
LONGEST_PATTERN = 200
MOST_LABELS = 20


class BadSelector(Exception):
    """Say in a sentence why a text is no selector."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """What one label must be, or must not be."""

    label: str
    text: str
    pattern: re.Pattern[str] | None = None
    is_negative: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Compare; as in PromQL a label that is not there is empty, and patterns match from end to end."""
        value = labels.get(self.label, "")
        is_like = self.pattern.fullmatch(value) is not None if self.pattern else value == self.text
        return is_like is not self.is_negative


@dataclass(frozen=True, slots=True)
class Selector:
    """The name of a metric, as the page spells it, and what its labels must be."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def picks(self, name: str, labels: Mapping[str, str]) -> bool:
        return name == self.name and all(one.matches(labels) for one in self.matchers)


def read_selector(text: str) -> Selector:
    """Read a selector.

    :raises BadSelector: it is none, or asks for more than names and labels
    """
    named = NAME.match(text)
    if named is None:
        raise BadSelector(_example("It begins with the name of a metric"))
    rest = text[named.end() :]
    if not rest:
        return Selector(named[1])
    if not (rest.startswith("{") and rest.rstrip().endswith("}")):
        raise BadSelector(
            _example(f"After the name {named[1]} only labels in braces may follow, no functions or sums")
        )
    return Selector(named[1], _matchers(rest.rstrip()[1:-1]))


def _example(why: str) -> str:
    return f'{why}, e.g. http_requests_total{{version="{{{{version}}}}", code=~"5.."}}.'


def _matchers(text: str) -> tuple[Matcher, ...]:
    found, at = [], 0
    while text[at:].strip():
        label = LABEL.match(text, at)
        if label is None:
            raise BadSelector(_example(f"“{text[at:].strip()[:40]}” is no label with its value"))
        found.append(_matcher(label[1], label[2], _unescaped(label[3])))
        at = label.end()
        if text[at : at + 1] == ",":
            at += 1
        elif text[at:].strip():
            raise BadSelector(_example("Labels stand with commas between them"))
    if len(found) > MOST_LABELS:
        raise BadSelector(f"A selector has at most {MOST_LABELS} labels.")
    return tuple(found)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], f"\\{found[1]}"), text)


def _matcher(label: str, sign: str, text: str) -> Matcher:
    is_negative = sign.startswith("!")
    if sign in {"=", "!="}:
        return Matcher(label, text, None, is_negative)
    repetitions = len(re.findall(r"(?<!\\)\.[*+?]", text))
    if not PLAIN_PATTERN.match(text) or repetitions > MOST_REPETITIONS or len(text) > LONGEST_PATTERN:
        raise BadSelector(
            f"The pattern of {label} is too intricate: use letters, digits, dots, | between choices, and at "
            f"most {MOST_REPETITIONS} of .* or .+; no groups."
        )
    return Matcher(label, text, re.compile(text), is_negative)
