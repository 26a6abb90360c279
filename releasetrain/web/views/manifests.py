"""Show what a manifest says: as changelog, as release notes, and what each revision changed."""

from django.http import HttpResponse
from django.shortcuts import render

from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound
from releasetrain.lib.schedule import at_words
from releasetrain.trains.access import departure_for
from releasetrain.trains.models import Departure, Manifest
from releasetrain.trains.rules.changelog import (
    Edition,
    GroupBy,
    changelog,
    changelog_markdown,
    lines_of,
    release_notes,
)
from releasetrain.trains.rules.manifest import waits_in
from releasetrain.trains.rules.revisions import differences
from releasetrain.web.contexts.bundles import pages_of
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request

LABELS = {
    GroupBy.TEAM: "By team",
    GroupBy.TICKET: "By ticket",
    GroupBy.AUTHOR: "By author",
    GroupBy.SERVICE: "By service",
}


@signed_in
def changes_log(request: Request, pk: int) -> HttpResponse:
    """Show the changes of a manifest by team, ticket, author or service."""
    departure, manifest, by = departure_of(request, pk), manifest_of(request, pk), grouping(request)
    url = f"/departures/{pk}/changelog/"
    context = {
        "departure": departure,
        "manifest": manifest,
        "groups": changelog(manifest.content, by),
        "tabs": [
            {"label": label, "url": f"{url}?by={one.value}", "is_current": one is by, "count": None}
            for one, label in LABELS.items()
        ],
        "download_url": f"/departures/{pk}/changelog.md?by={by.value}",
        "links": pages_of(departure, is_sealed=True),
        "now": clock.now(),
    }
    return render(request, "departures/changelog.html", context)


@signed_in
def changes_log_file(request: Request, pk: int) -> HttpResponse:
    """Hand the changelog out as Markdown."""
    departure, manifest = departure_of(request, pk), manifest_of(request, pk)
    text = changelog_markdown(manifest.content, grouping(request), edition_of(departure, manifest))
    return as_file(text, f"{departure.code}-changelog.md")


@signed_in
def notes(request: Request, pk: int) -> HttpResponse:
    """Show release notes as they are drafted from the manifest."""
    departure, manifest = departure_of(request, pk), manifest_of(request, pk)
    lines = lines_of(manifest.content)
    context = {
        "departure": departure,
        "manifest": manifest,
        "edition": edition_of(departure, manifest),
        "services": manifest.content["services"],
        "flagged": [one for one in lines if one.flag],
        "by_hand": [one for one in lines if one.undo],
        "markdown": release_notes(manifest.content, edition_of(departure, manifest)),
        "download_url": f"/departures/{pk}/notes.md",
        "links": pages_of(departure, is_sealed=True),
        "now": clock.now(),
    }
    return render(request, "departures/notes.html", context)


@signed_in
def notes_file(request: Request, pk: int) -> HttpResponse:
    """Hand the release notes out as Markdown."""
    departure, manifest = departure_of(request, pk), manifest_of(request, pk)
    text = release_notes(manifest.content, edition_of(departure, manifest))
    return as_file(text, f"{departure.code}-release-notes.md")


@signed_in
def revisions(request: Request, pk: int) -> HttpResponse:
    """Show every revision of a manifest, newest first, with what each changed."""
    departure = departure_of(request, pk)
    rows = list(departure.manifests.order_by("-revision"))
    if not rows:
        raise NotFound(f"{departure} is not sealed yet, so it has no manifest.")
    before = [*rows[1:], None]
    context = {
        "departure": departure,
        "zone": departure.train.time_zone,
        "revisions": [
            {
                "manifest": row,
                "changes": len(lines_of(row.content)),
                "differences": differences(older.content, row.content) if older else None,
                "older": older,
                "has_order": waits_in(row.content) is not None,
            }
            for row, older in zip(rows, before, strict=True)
        ],
        "links": pages_of(departure, is_sealed=True),
        "now": clock.now(),
    }
    return render(request, "departures/revisions.html", context)


def departure_of(request: Request, pk: int) -> Departure:
    """Return the departure for somebody who may see it."""
    return departure_for(request.user, pk, roles=request.roles)


def manifest_of(request: Request, pk: int) -> Manifest:
    """Return the newest manifest of a departure.

    :raises NotFound: it is not sealed
    """
    found = Manifest.objects.filter(departure=pk).order_by("-revision").first()
    if found is None:
        raise NotFound(
            f"RT-{pk} is not sealed yet; changelog and release notes are written from its manifest."
        )
    return found


def grouping(request: Request) -> GroupBy:
    """Read how the changelog is told apart; by team unless it is asked otherwise."""
    try:
        return GroupBy(request.GET.get("by", ""))
    except ValueError:
        return GroupBy.TEAM


def edition_of(departure: Departure, manifest: Manifest) -> Edition:
    """Say which departure the notes are of, and when it goes or went."""
    at, zone = departure.departed_at, departure.train.time_zone
    when = f"Departed on {at_words(at, zone)}" if at else f"Departs on {at_words(departure.departs_at, zone)}"
    return Edition(
        code=departure.code,
        train=departure.train.name,
        environment=departure.train.environment.name,
        when=when,
        digest=manifest.digest,
    )


def as_file(text: str, name: str) -> HttpResponse:
    """Hand out a text for saving."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)
