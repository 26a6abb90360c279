"""Tell which part of a manifest a vote is about, and what has changed in it since (RULES D1)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from releasetrain.lib.hashing import digest
from releasetrain.trains.rules.revisions import differences

EVERYTHING = ""
Content = Mapping[str, Any]


def part_digest(content: Content, services: Collection[int] | None = None) -> str:
    """Return the digest of what is aboard of some services: versions, changes, and after whom they go.

    The number of the revision, titles and names do not count: a part that is sealed again as it was is the
    same part.

    :param content: of a manifest, see models.Manifest
    :param services: ids; None for everything
    """
    return digest(sorted((_service(one) for one in part_of(content, services)["services"]), key=str))


def part_of(content: Content, services: Collection[int] | None) -> dict[str, Any]:
    """Return the content of a manifest with some of its services alone."""
    kept = [one for one in content.get("services", ()) if services is None or one.get("id") in services]
    return {**content, "services": kept}


def _service(one: Content) -> list[Any]:
    waits = sorted(one.get("waits_for", one.get("needs", ())))
    changes = sorted((_change(change) for change in one.get("changes", ())), key=str)
    return [one.get("id", one.get("service", "")), one.get("version", ""), waits, changes]


def _change(one: Content) -> list[Any]:
    facts = [one.get(key) or "" for key in ("version", "bundle", "flag", "rollback_plan")]
    return [one["id"], *facts, sorted(one.get("needs") or ())]


def changed_since(before: Content, after: Content, services: Collection[int] | None = None) -> list[str]:
    """Say in sentences what has changed of some services between two manifests, nothing where nothing has."""
    found = differences(part_of(before, services), part_of(after, services))
    return [] if found.is_empty else found.sentences()


def versions_of(content: Content) -> dict[int, str]:
    """Return the version of each change aboard, by its id."""
    return {
        change["id"]: change["version"] for one in content.get("services", ()) for change in one["changes"]
    }


def since_of(
    content: Content,
    sealed_at: datetime,
    before: Content | None = None,
    since: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return since when each service is aboard as it is, by its id; "" is since when anything changed last.

    :param before: the revision before, with its `since`
    """
    now, old = sealed_at.isoformat(), since or {}
    if before is None:
        return {EVERYTHING: now} | {str(one["id"]): now for one in content["services"]}
    changed = set(_changed(before, content))
    kept = {str(one): now if one in changed else old.get(str(one), now) for one in _ids(content)}
    return {EVERYTHING: now if changed else old.get(EVERYTHING, now), **kept}


def _ids(content: Content) -> Iterator[int]:
    for one in content.get("services", ()):
        yield one["id"]


def _changed(before: Content, after: Content) -> Iterable[int]:
    for one in {*_ids(before), *_ids(after)}:
        if part_digest(before, {one}) != part_digest(after, {one}):
            yield one


def asked_since(since: Mapping[str, str], services: Collection[int] | None, sealed_at: datetime) -> datetime:
    """Return since when the people of a seat are asked about what is aboard of theirs.

    :param services: ids; None for everything
    :param sealed_at: of the newest manifest, for one that says nothing
    """
    keys = [EVERYTHING] if services is None else [str(one) for one in services]
    known = [datetime.fromisoformat(since[key]) for key in keys if key in since]
    return max(known, default=sealed_at)
