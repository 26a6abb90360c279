"""Give people private calendar addresses, and make the old ones worthless."""

import secrets
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import CalendarLink, User
from releasetrain.events.actions import record


@transaction.atomic
def renew_calendar_link(user: User, *, now: datetime) -> CalendarLink:
    """Make a person new private calendar addresses; those that they had before are dead from now on."""
    link, _ = CalendarLink.objects.update_or_create(
        user=user, defaults={"nonce": secrets.token_urlsafe(32), "made_at": now}
    )
    record(kind="accounts.calendar_link.renewed", subject=user, actor=user, now=now)
    return link
