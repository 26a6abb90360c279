"""Say what somebody may do with a window, and in numbers what that would do (RULES W3)."""

from collections.abc import Sequence

from releasetrain.accounts.rules import Role, Roles
from releasetrain.calendars.models import Window
from releasetrain.calendars.queries import Where, WindowSettings
from releasetrain.calendars.rules.windows import Effect, Stops
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.panels.shapes import Action
from releasetrain.web.contexts.calendar.line import OPEN_ROLES, STOP_ROLES, lacking
from releasetrain.web.contexts.calendar.shapes import WindowTime

MOST_NAMED = 5
RESUMES = "What it holds goes on once its health, votes and locks were checked, one after the other."
DELETES = "It goes from the calendar; who deleted it and why stays on record."


def why_not_window(
    settings: WindowSettings, roles: Roles, any_of: Sequence[Role], what: str
) -> Reason | None:
    """Return why somebody may not do something to a window; None where they may in all that it covers."""
    for where in settings.includes or (Where(),):
        service = where.service.pk if where.service else None
        if not any(roles.has(role, team=where.team_id, service=service) for role in any_of):
            return lacking(any_of, what, "in the whole house" if where.is_everything else f"for {where}")
    return None


def actions_of(
    window: Window,
    settings: WindowSettings,
    hits: Sequence[str],
    times: Sequence[WindowTime],
    ahead: int,
    roles: Roles,
) -> list[Action]:
    """Offer to end a window, this time or for good, and to delete it.

    :param hits: the codes of the departures that it meets
    :param ahead: how many of its times are not over
    """
    any_of = STOP_ROLES if window.stops_the_line else OPEN_ROLES
    why = why_not_window(settings, roles, any_of, "end or delete this window")
    open_now = [one for one in times if one.is_now]
    dropped, freed = _dropped(ahead - len(open_now)), _freed(settings, hits)
    resumes = RESUMES if open_now and settings.effect is Effect.DENY else ""
    if window.stops_the_line:
        return [_action(window, "end", "Let it run again", "play", why, [_ends(open_now), freed, resumes])]
    found = []
    if open_now and ahead > len(open_now):
        said = [_ends(open_now), f"It opens again {ahead - len(open_now)} more times.", resumes]
        found.append(_action(window, "end-this-time", "End it this time", "square-check-big", why, said))
    label = "End it for good" if found else "End it now" if open_now else "Let it open no more"
    found.append(
        _action(window, "end", label, "calendar-off", why, [_ends(open_now), dropped, freed, resumes])
    )
    if not window.feed_id:
        found.append(_action(window, "delete", "Delete", "trash-2", why, [DELETES, dropped, freed, resumes]))
    return found


def _action(
    window: Window, name: str, label: str, icon: str, why: Reason | None, consequence: Sequence[str]
) -> Action:
    return Action(
        name=name,
        label=label,
        url=f"/calendar/windows/{window.pk}/{name}/",
        icon=icon,
        kind="primary" if window.stops_the_line else "secondary",
        reason=why,
        asks="required",
        consequence=" ".join(filter(None, consequence)),
    )


def _ends(open_now: Sequence[WindowTime]) -> str:
    return f"It is open, {open_now[0].words}; it ends at once." if open_now else "It is not open now."


def _dropped(coming: int) -> str:
    if not coming:
        return ""
    if coming == 1:
        return "The one time still to come does not come."
    return f"The {coming} times still to come do not come."


def _freed(settings: WindowSettings, hits: Sequence[str]) -> str:
    """Say which departures no longer meet it; of a notice there is nothing to say."""
    if settings.level is Stops.NOTICE:
        return ""
    if not hits:
        return "It meets no departure that is planned."
    more = [f"{len(hits) - MOST_NAMED} more"] if len(hits) > MOST_NAMED else []
    noun = "departure" if len(hits) == 1 else "departures"
    return f"{len(hits)} {noun} no longer meet it: {listed([*hits[:MOST_NAMED], *more])}."
