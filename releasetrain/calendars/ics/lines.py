"""Take an iCalendar text apart into its components and lines, so that a broken one spoils no other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from icalendar.parser import Contentline

MOST_BYTES = 2 * 1024 * 1024
MOST_DEEP = 6
SIDE_BY_SIDE = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"})
FOLD = re.compile(r"(?:\r\n|\n|\r)+[ \t]")
BREAK = re.compile(r"\r\n|\n|\r")
NAME = re.compile(r"\s*([A-Za-z0-9-]+)")
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


class Unreadable(ValueError):
    """Refuse a text or a part of it, in a sentence for whoever looks after the calendar."""


@dataclass(frozen=True, slots=True)
class Line:
    """One property: its name and parameter names in capitals, its value as it stands."""

    name: str
    params: dict[str, str]
    value: str


@dataclass(slots=True)
class Part:
    """One component, with its properties unread and the components inside it."""

    name: str
    lines: list[str] = field(default_factory=list)
    parts: list["Part"] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Line]:
        """Yield the properties of these names, in their order.

        :raises Unreadable: one of them is no property
        """
        for text in self.lines:
            if name_of(text) in names:
                yield read_line(text)

    def first(self, name: str) -> Line | None:
        """Return the first property of a name.

        :raises Unreadable: it is no property
        """
        return next(self.all(name), None)

    def text(self, name: str) -> str:
        """Return the unescaped text of a property; empty where it is absent or cannot be read."""
        try:
            line = self.first(name)
        except Unreadable:
            return ""
        return plain(line.value).strip() if line else ""


def name_of(text: str) -> str:
    """Return the name that a line begins with, in capitals; empty where it begins with none."""
    match = NAME.match(text)
    return match[1].upper() if match else ""


def read_line(text: str) -> Line:
    """Read a property into name, parameters and value.

    :raises Unreadable: it is no property
    """
    try:
        name, params, value = Contentline(text).raw_parts()
    except (ValueError, AssertionError) as fault:
        raise Unreadable(f"The line “{text[:60]}” cannot be read.") from fault
    return Line(name.upper(), {key.upper(): _one(given) for key, given in params.items()}, value)


def _one(given: object) -> str:
    return str(given[0]) if isinstance(given, list) and given else str(given)


def plain(value: str) -> str:
    """Undo the escaping of a text value."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)


def decode(body: bytes) -> str:
    """Return the text of a file in whatever encoding calendars come in.

    :raises Unreadable: it is too large
    """
    if len(body) > MOST_BYTES:
        raise Unreadable(f"The calendar is larger than {MOST_BYTES // 1024 // 1024} MB.")
    encoding = next((name for mark, name in MARKS.items() if body.startswith(mark)), "utf-8")
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


def components(body: bytes) -> list[Part]:
    """Return the calendars of a text, each with its components.

    :raises Unreadable: it is no calendar, or only the beginning of one
    """
    found: list[Part] = []
    open_parts: list[Part] = []
    for text in BREAK.split(FOLD.sub("", decode(body).replace("\x00", ""))):
        mark, _, name = text.strip().partition(":")
        if mark.upper() == "BEGIN":
            _open(Part(name.strip().upper()), open_parts, found)
        elif mark.upper() == "END":
            _close(name.strip().upper(), open_parts)
        elif open_parts and text.strip():
            open_parts[-1].lines.append(text)
    if any(part.name == "VCALENDAR" for part in open_parts):
        raise Unreadable("The text breaks off: its last line should be END:VCALENDAR.")
    if not found:
        raise Unreadable("This is no calendar: it has no line BEGIN:VCALENDAR.")
    return found


def _open(part: Part, open_parts: list[Part], found: list[Part]) -> None:
    if part.name == "VCALENDAR" and open_parts:
        raise Unreadable("A calendar in the text breaks off before the next one begins.")
    if part.name in SIDE_BY_SIDE:
        # What should have ended has not, or under a misspelt name.
        del open_parts[1:]
    if len(open_parts) >= MOST_DEEP:
        raise Unreadable(f"Components are nested more than {MOST_DEEP} deep.")
    if open_parts:
        open_parts[-1].parts.append(part)
    elif part.name == "VCALENDAR":
        found.append(part)
    open_parts.append(part)


def _close(name: str, open_parts: list[Part]) -> None:
    """Close a component and what was left open inside it; an end without a beginning closes nothing."""
    while name in [part.name for part in open_parts]:
        if open_parts.pop().name == name:
            return
