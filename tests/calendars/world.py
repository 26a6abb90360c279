"""Windows as people type them, and what becomes of them."""

from datetime import UTC, datetime
from typing import Any

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.actions import WindowSettings
from releasetrain.calendars.models import Occurrence, Window
from tests import make

NOON = make.NOW  # Monday


def at(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def settings(**fields: Any) -> WindowSettings:
    """Make the settings of an hour on Monday, 12:00 to 13:00 UTC."""
    known: dict[str, Any] = {
        "name": "Black Friday",
        "reason": "everybody shops",
        "starts_local": "2026-11-23T12:00",
        "ends_local": "2026-11-23T13:00",
    }
    return WindowSettings(**{**known, **fields})


def open_window(
    *, by: User | None = None, now: datetime = NOON, is_confirmed: bool = False, **fields: Any
) -> Window:
    rob = by or User.objects.filter(name="Rob").first() or make.user("Rob", Role.RELEASE_MANAGER)
    return actions.open_window(settings(**fields), by=rob, now=now, is_confirmed=is_confirmed)


def spans() -> list[tuple[datetime, datetime]]:
    """Return every occurrence there is, soonest first."""
    return [(one.during.lower, one.during.upper) for one in Occurrence.objects.order_by("during")]
