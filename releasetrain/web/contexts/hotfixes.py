"""Shape what the pages of hotfixes and locks show."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Target
from releasetrain.panels import links
from releasetrain.panels.shapes import Action
from releasetrain.rollouts.access import may_lock
from releasetrain.rollouts.line import Line, last_arrived, line_of, place_in_line
from releasetrain.rollouts.models import UNBOUND_STATES, Lock, Rollout
from releasetrain.rollouts.readings import observe
from releasetrain.trains.models import BreakGlass, Departure, LiveFix
from releasetrain.trains.queries.glasses import owed_of
from releasetrain.trains.queries.hotfixes import fix_of, undone_by, versions_aboard
from releasetrain.trains.rules.hotfixes import Fix
from releasetrain.trains.rules.states import FINISHED_STATES


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """One rollout that waits: its departure, and its place with the forecast."""

    code: str
    url: str
    words: str


@dataclass(frozen=True, slots=True)
class LockLine:
    """Who has a target, why, since when and until when, and who waits; `fence` is what a page shows it by."""

    pk: int
    name: str
    version: str
    holder: str
    reason: str
    since_at: datetime | None
    until_at: datetime | None
    fence: int
    is_mine: bool
    is_rollout: bool
    waiting: tuple[WaitingLine, ...]
    to_settle: str
    may_lock: bool

    @property
    def url(self) -> str:
        return f"/hotfixes/locks/{self.pk}/"

    @property
    def state(self) -> str:
        return "rolling" if self.is_rollout else "held" if self.holder else "arrived"


def lock_line(target: Target, *, person: User, roles: Roles, now: datetime, looks: bool = False) -> LockLine:
    """Gather one target.

    :param looks: read its driver, too: whether it has to be settled before the next version
    """
    line = line_of(target, now)
    lock, mover = line.lock, line.mover
    holder = lock.holder_label if lock else _mover_words(mover)
    return LockLine(
        pk=target.pk,
        name=str(target),
        version=target.stable_version,
        holder=holder,
        reason=lock.reason if lock else mover.reason if mover else "",
        since_at=lock.taken_at if lock else None,
        until_at=lock.expires_at if lock else None,
        fence=lock.fence if lock else 0,
        is_mine=lock is not None and lock.holder_id == person.pk,
        is_rollout=mover is not None,
        waiting=tuple(_waiting(row, now) for row in line.waiting),
        to_settle=_to_settle(target, line) if looks else "",
        may_lock=may_lock(roles, target),
    )


def _mover_words(mover: Rollout | None) -> str:
    if mover is None:
        return ""
    return mover.departure.code if mover.departure else "A rollout"


def _waiting(row: Rollout, now: datetime) -> WaitingLine:
    code = row.departure.code if row.departure else f"Rollout {row.pk}"
    url = f"/departures/{row.departure_id}/" if row.departure_id else ""
    held = getattr(row, "open_holds", [])
    words = held[0].reason if held else place_in_line(row, now).words
    return WaitingLine(code, url, words)


def _to_settle(target: Target, line: Line) -> str:
    """Return the version that everybody still gets by the side that the next one needs, "" where none."""
    last = last_arrived(target) if line.mover is None else None
    if last is None:
        return ""
    seen = observe(target)
    return last.to_version if seen is not None and seen.weight == last.desired_weight else ""


def targets_of_interest() -> list[Target]:
    """Return the targets that somebody has, or that somebody waits for."""
    busy = Rollout.objects.exclude(state__in=[one for one in UNBOUND_STATES if one != "queued"])
    taken = Target.objects.filter(pk__in=busy.values("target"))
    locked = Target.objects.filter(pk__in=Lock.objects.filter(ended_at__isnull=True).values("target"))
    rows = (taken | locked).distinct().select_related("service__team", "environment")
    return list(rows.order_by("service__name", "environment__order"))


@dataclass(frozen=True, slots=True)
class FixLine:
    """A hotfix that is live, and the departures that would undo it."""

    fix: Fix
    place: str
    stops: tuple[Departure, ...]


def fix_lines(rows: Iterable[LiveFix]) -> list[FixLine]:
    """Gather live hotfixes with what they stop."""
    return [FixLine(fix_of(row), str(row.environment), tuple(_stopped_by(row))) for row in rows]


def _stopped_by(row: LiveFix) -> Iterable[Departure]:
    carrying = Departure.objects.filter(
        train__environment=row.environment, changes__service=row.service, changes__state="aboard"
    )
    carrying = carrying.exclude(state__in=FINISHED_STATES).exclude(pk=row.departure_id or 0).distinct()
    for departure in carrying.select_related("train").order_by("departs_at")[:20]:
        if any(fix.service == row.service_id for fix, _ in undone_by(departure, versions_aboard(departure))):
            yield departure


@dataclass(frozen=True, slots=True)
class GlassLine:
    """A broken glass with what it still owes."""

    glass: BreakGlass
    owed: tuple[str, ...]
    is_overdue: bool

    @property
    def url(self) -> str:
        return f"/departures/{self.glass.departure_id}/glass/"


def glass_line(glass: BreakGlass, now: datetime) -> GlassLine:
    """Gather one broken glass."""
    owed = () if glass.confirmed_at else tuple(one.words for one in owed_of(glass) if one.lacking)
    late = (owed and glass.owed_until <= now) or (glass.reviewed_at is None and glass.review_due_at <= now)
    return GlassLine(glass, owed, bool(late))


def attest_link(departure: Departure) -> Action:
    """Lead to where somebody attests that a departure contains a live hotfix."""
    url = f"{links.departure(departure.pk)}contains/"
    return Action("contains", "Does it contain the hotfix?", url, "badge-check", opens=True)


def links_of_hotfix(departure: Departure, *, undoes: bool = False) -> list[Action]:
    """Lead to the glass of a hotfix, and to attesting where a departure would undo one."""
    found = [attest_link(departure)] if undoes else []
    if departure.train.lane == Lane.HOTFIX and departure.sealed_at is not None:
        url = f"{links.departure(departure.pk)}glass/"
        found.append(Action("glass", "Break-glass", url, "siren", "quiet", opens=True))
    return found
