"""Describe what a driver's configuration asks for: once, for its form, its checks and its help page."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# What every target may have beside its driver's own: the ladder of drivers for a rollback that is stuck.
SHARED_NAMES = frozenset({"fallbacks"})


class FieldKind(StrEnum):
    """What can be typed into a field, and so how it is asked for and kept in the configuration."""

    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"
    LINES = "lines"
    URL = "url"
    PATH = "path"
    SECRET = "secret"  # noqa: S105 - kept as {"secret": "its name"}, never as its value


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a driver's configuration, under its name in `driver_config`.

    LINES are kept as a list of texts, NUMBER as a number, SWITCH as a boolean, all others as text.
    """

    name: str
    label: str
    help: str
    kind: FieldKind = FieldKind.TEXT
    is_required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()


def value_of(field: Field, config: Mapping[str, Any]) -> Any:
    """Return what a configuration says for a field, its default where it says nothing."""
    value = config.get(field.name)
    return field.default if value in (None, "", [], {}) else value


def problems_of(fields: tuple[Field, ...], config: Mapping[str, Any]) -> list[str]:
    """Return in sentences what a configuration lacks or says in the wrong shape."""
    found = []
    for field in fields:
        value = value_of(field, config)
        if value is None:
            if field.is_required:
                found.append(f"{field.label} is missing: {field.help}")
        elif not _fits(field, value):
            found.append(f"{field.label} must be {_wanted(field)}, not “{value}”.")
    return found


def unknown_in(fields: tuple[Field, ...], config: Mapping[str, Any]) -> list[str]:
    """Return the names of a configuration that no field has; one that is misspelt is one that is missing."""
    known = {field.name for field in fields} | SHARED_NAMES
    return sorted(name for name in config if name not in known)


def _fits(field: Field, value: Any) -> bool:
    if field.choices:
        return value in field.choices
    if field.kind is FieldKind.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if field.kind is FieldKind.SWITCH:
        return isinstance(value, bool)
    if field.kind is FieldKind.LINES:
        return isinstance(value, list) and all(isinstance(line, str) for line in value)
    if field.kind is FieldKind.SECRET:
        return isinstance(value, dict) and isinstance(value.get("secret"), str)
    return isinstance(value, str)


def _wanted(field: Field) -> str:
    if field.choices:
        return "one of " + ", ".join(field.choices)
    return {
        FieldKind.NUMBER: "a number",
        FieldKind.SWITCH: "true or false",
        FieldKind.LINES: "a list of texts",
        FieldKind.SECRET: "the name of a secret",
    }.get(field.kind, "a text")
