"""Hand out our calendars at private addresses: no session, no robots, nothing sent twice."""

import hashlib
from collections.abc import Callable, Iterable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.links import person_of_link
from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Roles
from releasetrain.calendars.ics.writer import Entry, write
from releasetrain.catalog.access import roles_of
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.trains.models import Train
from releasetrain.web.contexts import calendar_feeds

Named = tuple[str, str, Iterable[Entry]]
HEADERS = {
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Referrer-Policy": "no-referrer",
}


def calendar(gather: Callable[..., Named]) -> Callable[..., HttpResponse]:
    """Let whoever shows somebody's address read what that person may read, as long as they may."""

    @require_safe
    @wraps(gather)
    def view(request: HttpRequest, token: str, **kwargs: str) -> HttpResponse:
        try:
            person = person_of_link(token)
            roles = roles_of(person)
            refuse_strangers(roles, "read this calendar")
        except Refused as refusal:
            return HttpResponse(
                refusal.message,
                status=refusal.status,
                content_type="text/plain; charset=utf-8",
                headers=HEADERS,
            )
        name, file, entries = gather(person, roles, **kwargs)
        return _answer(request, write(name, entries), file)

    return view


def _answer(request: HttpRequest, body: bytes, file: str) -> HttpResponse:
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=HEADERS)
    response["Content-Disposition"] = f'inline; filename="{file}.ics"'
    response["ETag"] = etag
    known = get_conditional_response(request, etag=etag, response=response)
    if not isinstance(known, HttpResponse):
        return response
    for header, value in HEADERS.items():
        known.headers.setdefault(header, value)
    return known


@calendar
def train(person: User, roles: Roles, slug: str) -> Named:
    """Return a train's calendar."""
    found = get_object_or_404(Train.objects.select_related("environment"), slug=slug)
    return found.name, found.slug, calendar_feeds.of_train(found, clock.now())


@calendar
def team(person: User, roles: Roles, slug: str) -> Named:
    """Return a team's calendar."""
    found = get_object_or_404(Team, slug=slug)
    return found.name, found.slug, calendar_feeds.of_team(found, clock.now())


@calendar
def me(person: User, roles: Roles) -> Named:
    """Return a person's own calendar."""
    return f"Release Train: {person}", "me", calendar_feeds.of_person(person, roles, clock.now())
