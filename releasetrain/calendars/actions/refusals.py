"""Refuse what may not be done to a window: by whom, when, or typed how."""

from collections.abc import Sequence
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Feed, Window
from releasetrain.calendars.queries.freezes import WHO_LETS_THE_LINE_RUN
from releasetrain.calendars.queries.settings import Where, why_not_text
from releasetrain.catalog.access import roles_of
from releasetrain.events.actions import SystemActor
from releasetrain.events.queries import latest_about, sentence
from releasetrain.lib.errors import Invalid, NotAllowed, Refused, Stale
from releasetrain.lib.schedule import at_words

MAY_OPEN = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
MAY_STOP = (Role.ON_CALL, Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
EVERYTHING = Where()


class AlreadyEnded(Refused):
    """Refuse to touch a window that has ended or was deleted."""

    code = "already_ended"


class NotOurs(Refused):
    """Refuse to change by hand what somebody else’s calendar says, or a stopped line."""

    code = "not_ours"


def refuse_strangers(
    by: User | SystemActor, any_of: tuple[Role, ...], what: str, places: Sequence[Where]
) -> None:
    """Refuse a person who may not decide about each of the places; none of them means all."""
    if not isinstance(by, User):
        return
    roles = roles_of(by)
    for where in places or (EVERYTHING,):
        service = where.service.pk if where.service else None
        if not any(roles.has(role, team=where.team_id, service=service) for role in any_of):
            wanted = " or ".join(role.label for role in any_of)
            raise NotAllowed(
                f"To {what} one needs the role {wanted} for {where}, which you do not hold.",
                who="an administrator",
            )


def refuse_problems(problems: dict[str, str]) -> None:
    """Refuse what was typed wrong, by its first field."""
    for field, why in problems.items():
        raise Invalid(why, field=field)


def refuse_empty(**texts: str) -> None:
    """Refuse a text that people will read and that is not there."""
    for field, text in texts.items():
        if why := why_not_text(text, field):
            raise Invalid(why, field=field)


def refuse_over(window: Window, now: datetime) -> None:
    """Refuse to touch a window that has ended or was deleted."""
    if window.deleted_at:
        raise AlreadyEnded(gone(window), who=window.deleted_by_label)
    ends = [at for at in (window.ends_at, window.ended_early_at) if at and at <= now]
    if ends:
        ended = at_words(min(ends), window.time_zone)
        raise AlreadyEnded(
            f"The window “{window.name}” has ended already, on {ended}. Open a new one instead."
        )


def refuse_stale(subject: Window | Feed, *, seen: str | None, is_now: str) -> None:
    """Refuse settings that were decided on a page which shows older ones, saying who changed them (RULES L7).

    :param seen: the print of what the page showed; None where nobody looked at one
    """
    if seen is None or seen == is_now:
        return
    newest = latest_about(subject)
    happened = f"{sentence(newest)}." if newest else "Somebody has changed it."
    raise Stale(
        f"{happened} What you typed is still here: look at how it stands now, and save again to put yours in "
        "its place."
    )


def gone(window: Window) -> str:
    """Say who has deleted a window, and why."""
    because = window.deleted_reason.rstrip(".")
    return f"{window.deleted_by_label} has deleted the window “{window.name}”: {because}."


def refuse_foreign(window: Window) -> None:
    """Refuse to change what a feed says, and a stopped line."""
    if window.feed:
        raise NotOurs(
            f"The window “{window.name}” comes from the calendar “{window.feed}”. Change it there, "
            "or end it here.",
            who=f"whoever keeps the calendar “{window.feed}”",
        )
    if window.stops_the_line and window.ends_at:
        ends = at_words(window.ends_at, window.time_zone)
        said = (
            f"A stopped line is not changed: “{window.name}” runs again at {ends}, or when somebody lets it."
        )
        raise NotOurs(said, until=window.ends_at, who=WHO_LETS_THE_LINE_RUN)
