"""Open and end windows, and stop the line."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Occurrence, Window, WindowScope
from releasetrain.calendars.rules.checks import why_not_stop, why_not_window
from releasetrain.calendars.rules.windows import Stops
from releasetrain.catalog.access import roles_of
from releasetrain.catalog.models import Environment, Region, Service
from releasetrain.events.actions import SystemActor, record
from releasetrain.lib.errors import Invalid, Refused

MAY_OPEN = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
MAY_STOP = (Role.ON_CALL, Role.RELEASE_MANAGER, Role.ADMINISTRATOR)


class AlreadyEnded(Refused):
    """Refuse to end a window that has ended."""

    code = "already_ended"


@dataclass(frozen=True, slots=True)
class Where:
    """A part of the house; every empty field means all."""

    team: Team | None = None
    service: Service | None = None
    environment: Environment | None = None
    region: Region | None = None

    @property
    def team_id(self) -> int | None:
        """Return the team whose people may decide about it; None asks for a role in the whole house."""
        if self.service:
            return self.service.team_id
        return self.team.pk if self.team else None

    def __str__(self) -> str:
        named = [part.name for part in (self.team, self.service, self.environment, self.region) if part]
        return " in ".join(named) if named else "everything"


EVERYTHING = Where()


@transaction.atomic
def open_window(
    *,
    name: str,
    level: Stops,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    by: User | SystemActor,
    now: datetime,
    scope: Where = EVERYTHING,
    is_confirmed: bool = False,
) -> Window:
    """Stop (or announce) movement for a span of time.

    :raises Invalid: it is typed wrong; a long one must be confirmed
    :raises NotAllowed: the scope is not this person's to close
    """
    _refuse_strangers(by, MAY_OPEN, "open a window here", scope)
    _refuse_empty(name=name, reason=reason)
    if why := why_not_window(starts_at=starts_at, ends_at=ends_at, is_confirmed=is_confirmed, now=now):
        raise Invalid(why, field="ends_at")
    window = _create(name, level, reason, starts_at, ends_at, scope, by, now)
    record(
        kind="calendars.window.opened",
        subject=window,
        actor=by,
        now=now,
        level=level.value,
        reason=reason,
        scope=str(scope),
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
    )
    return window


@transaction.atomic
def stop_the_line(
    *, reason: str, until: datetime, by: User | SystemActor, now: datetime, scope: Where = EVERYTHING
) -> Window:
    """Stop every departure and promotion in the scope at once, until a time; rollbacks go on (RULES W12).

    :raises Invalid: no reason, or an end that is past or too far away
    :raises NotAllowed: the scope is not this person's to stop
    """
    _refuse_strangers(by, MAY_STOP, "stop the line here", scope)
    _refuse_empty(reason=reason)
    if why := why_not_stop(until=until, now=now):
        raise Invalid(why, field="until")
    window = _create(f"{scope}"[:120], Stops.HARD, reason, now, until, scope, by, now, stops_the_line=True)
    record(
        kind="calendars.line.stopped",
        subject=window,
        actor=by,
        now=now,
        reason=reason,
        scope=str(scope),
        ends_at=until.isoformat(),
    )
    return window


@transaction.atomic
def end_window(window: Window, *, reason: str, by: User | SystemActor, now: datetime) -> Window:
    """End a window early; it stays on record with who and why (RULES W3).

    :raises AlreadyEnded: it is over
    """
    locked = Window.objects.select_for_update(no_key=True).get(pk=window.pk)
    named = locked.scopes.filter(is_exclusion=False).first()
    scope = Where(named.team, named.service, named.environment, named.region) if named else EVERYTHING
    may = MAY_STOP if locked.stops_the_line else MAY_OPEN
    _refuse_strangers(by, may, "end this window", scope)
    _refuse_empty(reason=reason)
    if (locked.ends_at and locked.ends_at <= now) or (locked.ended_early_at and locked.ended_early_at <= now):
        raise AlreadyEnded(f"The window “{locked.name}” has ended already.")
    locked.ended_early_at = now
    locked.save(update_fields=["ended_early_at"])
    locked.occurrences.filter(during__startswith__gte=now).delete()
    for one in locked.occurrences.filter(during__endswith__gt=now):
        one.during = DateTimeTZRange(one.during.lower, now)
        one.save(update_fields=["during"])
    record(kind="calendars.window.ended", subject=locked, actor=by, now=now, reason=reason)
    return locked


def _create(
    name: str,
    level: Stops,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    scope: Where,
    by: User | SystemActor,
    now: datetime,
    *,
    stops_the_line: bool = False,
) -> Window:
    window = Window.objects.create(
        name=name.strip(),
        level=level,
        reason=reason.strip(),
        starts_local=f"{starts_at:%Y-%m-%dT%H:%M:%S}",
        ends_local=f"{ends_at:%Y-%m-%dT%H:%M:%S}",
        starts_at=starts_at,
        ends_at=ends_at,
        stops_the_line=stops_the_line,
        created_by=by if isinstance(by, User) else None,
        created_at=now,
    )
    if scope != EVERYTHING:
        WindowScope.objects.create(
            window=window,
            team=scope.team,
            service=scope.service,
            environment=scope.environment,
            region=scope.region,
        )
    Occurrence.objects.create(window=window, during=DateTimeTZRange(starts_at, ends_at))
    return window


def _refuse_strangers(by: User | SystemActor, any_of: tuple[Role, ...], what: str, scope: Where) -> None:
    if isinstance(by, User):
        refuse_without(roles_of(by), any_of, what, team=scope.team_id)


def _refuse_empty(**texts: str) -> None:
    for field, text in texts.items():
        if not text.strip():
            raise Invalid(f"A window needs a {field} that people will read.", field=field)
        if field == "name" and len(text.strip()) > 120:
            raise Invalid("The name of a window has at most 120 characters.", field=field)
