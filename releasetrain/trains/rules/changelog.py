"""Draft changelogs and release notes from a manifest, for pages and as Markdown."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from releasetrain.lib.words import listed
from releasetrain.trains.rules.manifest import changes_in

Content = Mapping[str, Any]
SHORT = 12
MARKS = re.compile(r"([\\`*_\[\]<>#|~])")
DIGEST = re.compile(r"[0-9a-f]{32,}")


class GroupBy(StrEnum):
    """How a changelog is told apart."""

    TEAM = "team"
    TICKET = "ticket"
    AUTHOR = "author"
    SERVICE = "service"


NOBODYS = {
    GroupBy.TEAM: "Team not on record",
    GroupBy.TICKET: "Without a ticket",
    GroupBy.AUTHOR: "Author not on record",
    GroupBy.SERVICE: "Service not on record",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One change as a changelog tells it; `undo` is what must be undone beside the version itself."""

    change: int
    title: str
    url: str
    service: str
    version: str
    author: str
    tickets: tuple[str, ...]
    flag: str
    bundle: str
    undo: str


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one team, ticket, author or service."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """What release notes say of the departure itself."""

    code: str
    train: str
    environment: str
    when: str
    digest: str


def lines_of(content: Content) -> list[Line]:
    """Return every change of a manifest, in the order in which its services move."""
    return [
        Line(
            change=one["id"],
            title=one["title"],
            url=one.get("url", ""),
            service=one["service"],
            version=one["version"],
            author=one["author"],
            tickets=tuple(one["tickets"]),
            flag=one.get("flag", ""),
            bundle=one.get("bundle", ""),
            undo=one.get("rollback_plan", ""),
        )
        for one in changes_in(dict(content)).values()
    ]


def changelog(content: Content, by: GroupBy) -> list[Group]:
    """Return the changes of a manifest by team, ticket, author or service; what has none comes last.

    A change that names several tickets stands under each of them.
    """
    teams = {pk: one["team"] for pk, one in changes_in(dict(content)).items()}
    found: dict[str, list[Line]] = {}
    for line in lines_of(content):
        for name in _names(line, by, teams):
            found.setdefault(name, []).append(line)
    names = sorted(found, key=lambda name: (not name, _sortable(name)))
    return [Group(name or NOBODYS[by], tuple(found[name])) for name in names]


def _names(line: Line, by: GroupBy, teams: Mapping[int, str]) -> Iterable[str]:
    if by is GroupBy.TICKET:
        return line.tickets or ("",)
    if by is GroupBy.TEAM:
        return (teams[line.change],)
    return (line.author if by is GroupBy.AUTHOR else line.service,)


def _sortable(name: str) -> tuple[object, ...]:
    """Sort SHOP-2 before SHOP-10, and capitals like other letters."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def changelog_markdown(content: Content, by: GroupBy, edition: Edition) -> str:
    """Write a changelog as Markdown."""
    said = [f"# {plain(edition.code)} {plain(edition.train)}: changes by {by.value}", ""]
    for group in changelog(content, by):
        said += [f"## {plain(group.name)}", "", *(_item(line, by) for line in group.lines), ""]
    return "\n".join(said).rstrip() + "\n"


def release_notes(content: Content, edition: Edition) -> str:
    """Draft release notes as Markdown: what goes, what has a flag, what must be undone, in which order."""
    lines = lines_of(content)
    versions = {str(one.get("name", one["service"])): str(one["version"]) for one in content["services"]}
    counts = f"{_counted(len(lines), 'change')} in {_counted(len(versions), 'service')}"
    where = f"({plain(listed(list(versions)))}) for {plain(edition.environment)}"
    said = [f"# {plain(edition.train)} {plain(edition.code)}", "", f"{counts} {where}. {edition.when}.", ""]
    for group in changelog(content, GroupBy.SERVICE):
        said += [f"## {plain(group.name)} {plain(short(versions[group.name]))}", ""]
        said += [*(_item(line, GroupBy.SERVICE) for line in group.lines), ""]
    said += _section("Behind a flag", [f"{_titled(one)}: `{one.flag}`" for one in lines if one.flag])
    said += _section(
        "To be undone by hand if it comes back",
        [f"{_titled(one)}: {plain(one.undo)}" for one in lines if one.undo],
    )
    said += _section("Together or not at all", _bundles(lines))
    if len(versions) > 1:
        order = [f"{place}. {plain(name)}" for place, name in enumerate(versions, 1)]
        said += ["## In this order", "", *order, ""]
    said.append(f"Drafted from revision {content['revision']} of the manifest, `{edition.digest[:SHORT]}`.")
    return "\n".join(said) + "\n"


def _bundles(lines: Iterable[Line]) -> list[str]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line.bundle:
            found.setdefault(line.bundle, []).append(line)
    return [f"{plain(name)}: {listed([_titled(one) for one in own])}" for name, own in sorted(found.items())]


def _section(title: str, items: list[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {item}" for item in items), ""] if items else []


def _item(line: Line, by: GroupBy) -> str:
    details = [
        *([] if by is GroupBy.SERVICE else [f"{plain(line.service)} {plain(short(line.version))}"]),
        *([] if by is GroupBy.TICKET else [plain(one) for one in line.tickets]),
        *([] if by is GroupBy.AUTHOR else [plain(line.author)]),
    ]
    named = ", ".join(one for one in details if one)
    return f"- {_titled(line)}" + (f" ({named})" if named else "")


def _titled(line: Line) -> str:
    return f"[{plain(line.title)}]({_address(line.url)})" if line.url else plain(line.title)


def _address(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20").replace("<", "%3C")


def plain(text: str) -> str:
    """Keep what somebody typed from being read as Markdown or HTML, on one line."""
    return MARKS.sub(r"\\\1", " ".join(text.split()))


def short(version: str) -> str:
    """Cut what is a digest of a commit; a name stays whole."""
    return version[:SHORT] if DIGEST.fullmatch(version) else version


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
