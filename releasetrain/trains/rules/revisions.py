"""Say what is different between two revisions of a manifest, for people and for the votes about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from releasetrain.lib.words import listed
from releasetrain.trains.rules.manifest import changes_in

Content = Mapping[str, Any]
# What a voter reads of a change, and how it is called.
FIELDS = {
    "title": "its title",
    "version": "its version",
    "service": "its service",
    "bundle": "its bundle",
    "flag": "its flag",
    "rollback_plan": "how to undo it",
    "needs": "what it needs",
    "url": "its address",
    "author": "its author",
    "tickets": "its tickets",
}
SHORT = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A change as a manifest names it; `team_id` is None in manifests that were sealed without one."""

    change: int
    title: str
    version: str
    author: str
    service_id: int | None
    service: str
    team_id: int | None
    team: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that is said otherwise of a change that is in both revisions."""

    field: str
    before: str
    after: str

    @property
    def words(self) -> str:
        return FIELDS[self.field]


@dataclass(frozen=True, slots=True)
class Edited:
    """A change that is in both revisions and not the same."""

    entry: Entry
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """What one revision has that the other has not.

    `services` and `teams` are the ids of those whose part changed: what is aboard of them, at which version,
    or after whom it goes. `teams` holds None where a manifest does not say whose a service is: then any team
    may be concerned. `order` is the new order of the services, empty where it is the old one.
    """

    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    edited: tuple[Edited, ...] = ()
    services: frozenset[int] = frozenset()
    service_names: tuple[str, ...] = ()
    teams: frozenset[int | None] = frozenset()
    order: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.edited or self.services or self.order)

    @property
    def changes(self) -> frozenset[int]:
        """Return the ids of every change that is new, gone or not the same."""
        named = (*self.added, *self.removed, *(one.entry for one in self.edited))
        return frozenset(one.change for one in named)

    def sentences(self) -> list[str]:
        """Say every difference in a sentence."""
        said = [f"New: “{one.title}” of {one.service} at {_short(one.version)}." for one in self.added]
        said += [f"Gone: “{one.title}” of {one.service}." for one in self.removed]
        said += [_edited_words(one) for one in self.edited]
        if self.order:
            said.append(f"The order is now {' → '.join(self.order)}.")
        return said or ["Nothing is different."]


def differences(old: Content, new: Content) -> Differences:
    """Return what is different between the contents of two manifests; revision and digest do not count."""
    before, after = changes_in(dict(old)), changes_in(dict(new))
    added = [pk for pk in after if pk not in before]
    removed = [pk for pk in before if pk not in after]
    edited = [
        Edited(_entry(after[pk]), edits)
        for pk in after
        if pk in before and (edits := _edits(before[pk], after[pk], {**before, **after}))
    ]
    parts = _touched_parts(old, new)
    touched = [*parts.values(), *(after[pk] for pk in added), *(before[pk] for pk in removed)]
    touched += [side[one.entry.change] for one in edited for side in (before, after)]
    order_before, order_after = _order(old), _order(new)
    return Differences(
        added=tuple(_entry(after[pk]) for pk in added),
        removed=tuple(_entry(before[pk]) for pk in removed),
        edited=tuple(edited),
        services=frozenset(one["service_id"] for one in touched if one["service_id"] is not None),
        service_names=tuple(sorted({str(one["service"]) for one in touched})),
        teams=frozenset(one["team_id"] for one in touched),
        order=tuple(order_after) if _is_reordered(order_before, order_after) else (),
    )


def _touched_parts(old: Content, new: Content) -> dict[object, dict[str, Any]]:
    """Return the services that are new, gone, at another version, another team's, or after others."""
    before, after = ({_key(one): one for one in content["services"]} for content in (old, new))
    found: dict[object, dict[str, Any]] = {}
    for key, one in {**before, **after}.items():
        if key in before and key in after and _part(before[key]) == _part(after[key]):
            continue
        found[key] = {
            "service_id": one.get("id"),
            "service": one.get("name", one["service"]),
            "team_id": one.get("team_id"),
        }
    return found


def _key(service: Mapping[str, Any]) -> object:
    return service.get("id", service["service"])


def _part(service: Mapping[str, Any]) -> tuple[object, ...]:
    return service["version"], service.get("team_id"), tuple(service.get("needs", ()))


def _order(content: Content) -> list[str]:
    return [str(one.get("name", one["service"])) for one in content["services"]]


def _is_reordered(before: list[str], after: list[str]) -> bool:
    """Tell whether what is in both stands in another order."""
    return [one for one in before if one in after] != [one for one in after if one in before]


def _entry(change: Mapping[str, Any]) -> Entry:
    return Entry(
        change=change["id"],
        title=change["title"],
        version=change["version"],
        author=change["author"],
        service_id=change["service_id"],
        service=change["service"],
        team_id=change["team_id"],
        team=change["team"],
    )


def _edits(
    before: Mapping[str, Any], after: Mapping[str, Any], known: Mapping[int, Mapping[str, Any]]
) -> tuple[Edit, ...]:
    return tuple(
        Edit(field, _said(field, before.get(field), known), _said(field, after.get(field), known))
        for field in FIELDS
        if (before.get(field) or None) != (after.get(field) or None)
    )


def _said(field: str, value: object, known: Mapping[int, Mapping[str, Any]]) -> str:
    if field == "needs" and isinstance(value, list):
        return listed([f"“{known[pk]['title']}”" if pk in known else f"change {pk}" for pk in value])
    if isinstance(value, list):
        return listed([str(one) for one in value])
    return str(value or "")


def _edited_words(one: Edited) -> str:
    said = [_edit_words(edit) for edit in one.edits]
    return f"“{one.entry.title}” of {one.entry.service}: {listed(said)}."


def _edit_words(edit: Edit) -> str:
    """Say short values, and of long ones only that they are others."""
    if edit.field in ("version", "service", "bundle", "flag", "needs", "tickets"):
        return f"{edit.words} {_short(edit.before) or 'nothing'} → {_short(edit.after) or 'nothing'}"
    return f"{edit.words} is another one"


def _short(text: str) -> str:
    """Cut what is a digest of a commit; other words stay whole."""
    is_digest = len(text) >= 32 and all(letter in "0123456789abcdef" for letter in text)
    return text[:SHORT] if is_digest else text
