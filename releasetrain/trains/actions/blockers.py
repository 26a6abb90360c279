"""Block departures, clear what blocks them, and watch error rates."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid
from releasetrain.trains.actions.locking import locked_departure, locked_departures
from releasetrain.trains.actions.refusals import BlockerRefused, refuse_unless
from releasetrain.trains.actions.typed import words_of
from releasetrain.trains.models import Blocker, Departure
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.blockers import (
    blocking_of,
    departures_to_block,
    finding_of,
    next_to_block,
    services_to_watch,
)
from releasetrain.trains.rules.blockers import (
    BY_HAND,
    CLEARER_WORDS,
    LONG,
    SHORT,
    BlockerKind,
    why_not_watch,
)
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.states import DepartureState

LONGEST_TITLE, LONGEST_REASON, LONGEST_URL = 200, 300, 500
D = DepartureState


@transaction.atomic
def open_blocker(
    departure: Departure,
    *,
    kind: BlockerKind,
    title: str,
    by: By,
    now: datetime,
    url: str = "",
    owner: User | None = None,
    clears: str = "",
) -> Blocker:
    """Keep a departure from leaving until somebody clears what is wrong.

    :param clears: the role that is needed to clear it, "" for its owner and whoever runs the departure
    :raises BlockerRefused: the departure has gone
    :raises Invalid: the words, the kind or the role cannot be used
    :raises NotAllowed: it is not this person's to block
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.BLOCK, locked, by, now), BlockerRefused)
    if kind not in BY_HAND:
        raise Invalid("An error rate is watched; name its service and limit.", field="kind")
    return _open(locked, kind, title, by=by, now=now, url=url, owner=owner, clears=clears)


@transaction.atomic
def watch_error_rate(
    departure: Departure,
    *,
    service: Service,
    limit: float,
    by: By,
    now: datetime,
    short: timedelta = SHORT,
    long: timedelta = LONG,
    owner: User | None = None,
    clears: str = "",
) -> Blocker:
    """Block a departure whenever the error rate of a service is above a limit, over two horizons at once.

    :param limit: in percent of bad answers
    :raises BlockerRefused: the departure has gone
    :raises Invalid: a horizon, the limit or the service cannot be used
    :raises NotAllowed: it is not this person's to block
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.BLOCK, locked, by, now), BlockerRefused)
    if flaw := why_not_watch(limit=limit, short=short, long=long):
        field, sentence = flaw
        raise Invalid(sentence, field=field)
    if service.pk not in services_to_watch(locked):
        raise Invalid(f"{service} is not aboard {locked}.", field="service")
    watch = {"service": service, "limit": limit, "short": short, "long": long}
    kind, title = BlockerKind.ERROR_RATE, f"Error rate of {service.name}"
    return _open(locked, kind, title, by=by, now=now, owner=owner, clears=clears, watch=watch)


def _open(
    locked: Departure,
    kind: BlockerKind,
    title: str,
    *,
    by: By,
    now: datetime,
    url: str = "",
    owner: User | None = None,
    clears: str = "",
    watch: Mapping[str, object] | None = None,
) -> Blocker:
    words = words_of(title, LONGEST_TITLE, "Say in a few words what is wrong.", "title")
    if url and (len(url) > LONGEST_URL or not url.startswith(("https://", "http://"))):
        raise Invalid("The address starts with https:// and has at most 500 characters.", field="url")
    if clears and clears not in [role.value for role in CLEARER_WORDS]:
        raise Invalid("Nobody can be asked to clear it in that role.", field="clears")
    blocker = Blocker(
        departure=locked,
        kind=kind.value,
        title=words,
        url=url,
        owner=owner,
        owner_label=str(owner)[:200] if owner else "",
        clears=clears,
        opened_by_label=str(by)[:200],
        opened_at=now,
        **(watch or {}),
    )
    if kind is BlockerKind.ERROR_RATE:
        _look(blocker, now)
    blocker.save(force_insert=True)
    mirror(locked)
    record(
        kind="trains.blocker.opened",
        subject=blocker,
        actor=by,
        now=now,
        departure=str(locked),
        blocker_kind=kind.words,
        owner=blocker.owner_label,
        clears=Role(clears).label if clears else "",
    )
    return blocker


def mirror(locked: Departure) -> None:
    """Write the open blockers of a locked departure into its row, where every verdict finds them."""
    blocking = blocking_of(locked, locked.blockers.filter(cleared_at__isnull=True))
    if blocking != locked.blocking:
        locked.blocking = blocking
        locked.save(update_fields=["blocking"])


@transaction.atomic
def clear_blocker(blocker: Blocker, *, reason: str, by: By, now: datetime) -> Blocker:
    """Say that something blocks no more, and why.

    :raises BlockerRefused: it is cleared already
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to clear
    """
    locked = _locked(blocker)
    refuse_unless(verdict(Action.CLEAR_BLOCKER, locked, by, now), BlockerRefused)
    return _clear(locked, reason, by=by, now=now)


def _clear(locked: Blocker, reason: str, *, by: By, now: datetime) -> Blocker:
    words = words_of(reason, LONGEST_REASON, "Say what has become of it; the next one reads it.", "reason")
    locked.cleared_at, locked.cleared_by_label, locked.cleared_reason = now, str(by)[:200], words
    locked.save(update_fields=["cleared_at", "cleared_by_label", "cleared_reason"])
    mirror(locked.departure)
    record(
        kind="trains.blocker.cleared",
        subject=locked,
        actor=by,
        now=now,
        departure=str(locked.departure),
        reason=words,
    )
    return locked


@transaction.atomic
def defer_blocker(blocker: Blocker, *, to: Departure, reason: str, by: By, now: datetime) -> Blocker:
    """Let a blocker block a later departure of the train in place of this one.

    :raises BlockerRefused: it is cleared already
    :raises Invalid: no reason, or not a later departure of this train that is still ahead
    :raises NotAllowed: it is not this person's to clear
    """
    locked, later = _locked_with(blocker, to)
    refuse_unless(verdict(Action.CLEAR_BLOCKER, locked, by, now), BlockerRefused)
    words = words_of(reason, LONGEST_REASON, "Say why this departure may go without it.", "reason")
    offered = {one.pk for one in departures_to_block(locked.departure)} - {locked.departure_id}
    if later.pk not in offered:
        raise Invalid(f"{later} is not a later departure of {locked.departure.train}.", field="to")
    return _defer(locked, later, words, by=by, now=now)


def _defer(locked: Blocker, later: Departure, reason: str, *, by: By, now: datetime) -> Blocker:
    before = locked.departure
    locked.departure, locked.came_from = later, before
    locked.save(update_fields=["departure"])
    record(
        kind="trains.blocker.deferred",
        subject=locked,
        actor=by,
        now=now,
        departure=str(before),
        to=str(later),
        reason=reason,
    )
    mirror(before)
    mirror(later)
    return locked


def _locked(blocker: Blocker) -> Blocker:
    """Lock a blocker, and its departure before it; it may have been moved to another one meanwhile."""
    return _locked_with(blocker, None)[0]


def _locked_with(blocker: Blocker, other: Departure | None) -> tuple[Blocker, Departure]:
    now_at = Blocker.objects.values_list("departure_id", flat=True).get(pk=blocker.pk)
    departures = locked_departures([now_at, *([other.pk] if other else [])])
    row = Blocker.objects.select_for_update(no_key=True, of=("self",)).select_related("service", "owner")
    locked = row.get(pk=blocker.pk)
    if locked.departure_id not in departures:
        raise BlockerRefused("This blocker was moved to another departure just now; look at it again.")
    locked.departure = departures[locked.departure_id]
    return locked, departures[other.pk] if other else locked.departure


@transaction.atomic
def look_at_error_rate(blocker: Blocker, *, now: datetime) -> Blocker:
    """Look again at what a watch finds; its departure is blocked and freed by that.

    :raises BlockerRefused: it was cleared
    """
    locked = _locked(blocker)
    if locked.cleared_at is not None:
        raise BlockerRefused("This blocker was cleared just now.")
    before = locked.blocks
    _look(locked, now)
    locked.save(update_fields=["blocks", "finding", "looked_at"])
    mirror(locked.departure)
    if locked.blocks != before:
        record(
            kind="trains.blocker.flared" if locked.blocks else "trains.blocker.calmed",
            subject=locked,
            actor=SYSTEM,
            now=now,
            departure=str(locked.departure),
            what=locked.finding,
        )
    return locked


def _look(blocker: Blocker, now: datetime) -> None:
    found = finding_of(blocker, now)
    blocker.blocks, blocker.finding, blocker.looked_at = found.blocks, found.text[:300], now


@transaction.atomic
def carry_blocker(blocker: Blocker, *, now: datetime) -> Blocker:
    """Let what blocked a departure that is over block the next one; a watch over one that has left ends.

    :raises BlockerRefused: its departure is still ahead, or there is no next one
    """
    departure = Departure.objects.get(blockers=blocker)
    locked, later = _locked_with(blocker, next_to_block(departure))
    state = D(locked.departure.state)
    if state not in GONE or locked.cleared_at is not None:
        raise BlockerRefused(f"{locked.departure} is still ahead.")
    if locked.kind == BlockerKind.ERROR_RATE and state not in (D.CANCELLED, D.SKIPPED):
        return _clear(locked, f"{locked.departure} {GONE[state]}", by=SYSTEM, now=now)
    if later.pk == locked.departure_id:
        raise BlockerRefused(f"{locked.departure.train} has no later departure to block.")
    return _defer(locked, later, f"{locked.departure} {GONE[state]}", by=SYSTEM, now=now)
