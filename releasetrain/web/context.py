"""Give every page what its frame needs."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.notifications.queries import unread

NAVIGATION = (
    ("Departures", "/", "board"),
    ("Rolling", "/rolling/", "rolling"),
    ("Trains", "/trains/", "trains"),
    ("Changes", "/changes/", "changes"),
    ("Hotfixes", "/hotfixes/", "hotfixes"),
    ("Calendar", "/calendar/", "calendar"),
    ("Teams", "/teams/", "teams"),
    ("Flags", "/flags/", "flags"),
    ("Audit", "/audit/", "audit"),
)


def house(request: HttpRequest) -> dict[str, Any]:
    """Name the person, what they may do and have not read, where they are, and the kind of house."""
    match = request.resolver_match
    person = request.user if isinstance(request.user, User) else None
    return {
        "person": person,
        # Fragments ask nothing: only the frame counts.
        "unread": SimpleLazyObject(partial(unread, person) if person else int),
        "roles": getattr(request, "roles", Roles()),
        "navigation": [
            {
                "label": label,
                "url": url,
                "is_current": bool(match and match.url_name and match.url_name.split("-")[0] == area),
            }
            for label, url, area in NAVIGATION
        ],
        "is_demo": settings.DEMO,
        "Role": Role,
        "now": None,
    }
