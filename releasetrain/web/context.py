"""Give every page what its frame needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from releasetrain.accounts.rules import Role, Roles

NAVIGATION = (
    ("Departures", "/", "board"),
    ("Trains", "/trains/", "trains"),
    ("Changes", "/changes/", "changes"),
    ("Flags", "/flags/", "flags"),
    ("Audit", "/audit/", "audit"),
)


def house(request: HttpRequest) -> dict[str, Any]:
    """Name the person, what they may do, where they are, and whether this is the demonstration."""
    match = request.resolver_match
    return {
        "person": request.user if getattr(request.user, "is_authenticated", False) else None,
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
