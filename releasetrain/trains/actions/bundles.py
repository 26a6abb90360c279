"""Say which change needs which, and what goes together all or nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction

from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.words import listed
from releasetrain.trains.actions.locking import locked_change, locked_departure, locked_departures
from releasetrain.trains.actions.placing import note_left
from releasetrain.trains.actions.refusals import CannotLeave, TieRefused, refuse, refuse_unless
from releasetrain.trains.actions.sealing import mend
from releasetrain.trains.models import Bundle, Change, Departure, Need
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.bundling import reachable, tied
from releasetrain.trains.rules.bundling import why_not_need
from releasetrain.trains.rules.states import ChangeState

# Whoever adds a need waits for whoever is adding one: two halves of a circle must see each other (RULES I9).
NEEDS_LOCK = 7303015
LONGEST_NAME, LONGEST_REASON = 100, 300
MOVED = "Somebody moved this change at the same moment; look at where it is now."


@transaction.atomic
def say_need(change: Change, needed: Change, *, by: By, now: datetime) -> Need:
    """Say that a change needs another one: aboard with it, or shipped before it departs (RULES I8).

    Aboard a sealed departure that makes a new revision.

    :raises TieRefused: they would need each other in a circle (I9), it is known already, or it is fixed
    :raises NotAllowed: this person does not answer for the change
    """
    locked, (needing, other) = _locked(change, needed)
    refuse_unless(verdict(Action.TIE, needing, by, now), TieRefused)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NEEDS_LOCK])
    edges = reachable([other.pk])
    known = Change.objects.select_related("departure").in_bulk({pk for edge in edges for pk in edge})
    ties = {pk: tied(row) for pk, row in {**known, needing.pk: needing, other.pk: other}.items()}
    if why := why_not_need(ties[needing.pk], ties[other.pk], edges, ties):
        raise refuse(TieRefused, why)
    need, is_new = Need.objects.get_or_create(
        change=needing, needed=other, defaults={"noted_by_label": str(by)[:200], "noted_at": now}
    )
    if not is_new:
        raise TieRefused(f"That is known already: {need}.", code="known")
    record(
        kind="trains.need.said",
        subject=locked or needing,
        actor=by,
        now=now,
        change=needing.pk,
        title=needing.title,
        needed=other.title,
    )
    if locked:
        mend(locked, by=by, now=now)
    return need


@transaction.atomic
def drop_need(change: Change, needed: Change, *, by: By, now: datetime) -> None:
    """Say that a change does not need another one after all.

    :raises TieRefused: nobody said that it does, or it is fixed
    :raises NotAllowed: this person does not answer for the change
    """
    locked, (needing, other) = _locked(change, needed)
    refuse_unless(verdict(Action.TIE, needing, by, now), TieRefused)
    gone, _ = Need.objects.filter(change=needing, needed=other).delete()
    if not gone:
        raise TieRefused(f"Nobody said that “{needing}” needs “{other}”.", code="unknown")
    record(
        kind="trains.need.dropped",
        subject=locked or needing,
        actor=by,
        now=now,
        change=needing.pk,
        title=needing.title,
        needed=other.title,
    )
    if locked:
        mend(locked, by=by, now=now)


def _locked(change: Change, *others: Change) -> tuple[Departure | None, list[Change]]:
    """Lock the departure that a change is aboard, then the changes, lowest number first.

    :return: the departure, if it is aboard one, and the changes in the order in which they were named
    """
    current = Change.objects.values_list("departure_id", flat=True).get(pk=change.pk)
    departures = locked_departures([current] if current else [])
    rows = {pk: locked_change(pk) for pk in sorted({change.pk, *(one.pk for one in others)})}
    if rows[change.pk].departure_id != current:
        raise CannotLeave(MOVED, code="stale")
    is_aboard = rows[change.pk].state == ChangeState.ABOARD
    locked = departures[current] if current and is_aboard else None
    return locked, [rows[change.pk], *(rows[one.pk] for one in others)]


@transaction.atomic
def gather(departure: Departure, *, name: str, changes: Sequence[Change], by: By, now: datetime) -> Bundle:
    """Let changes aboard go together, all or nothing, whatever their services and teams (RULES I9).

    A bundle of that name grows. Who is in another bundle leaves that.

    :raises Invalid: no name, or fewer than two would be in it
    :raises TieRefused: one is not aboard, or what goes together is fixed
    :raises NotAllowed: this person does not answer for one of them
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.BUNDLE, locked, by, now), TieRefused)
    said = name.strip()
    if not said or len(said) > LONGEST_NAME:
        raise Invalid(f"A bundle needs a name of at most {LONGEST_NAME} characters.", field="name")
    rows = [locked_change(pk) for pk in sorted({one.pk for one in changes})]
    _refuse_others(rows, locked, by, now)
    bundle, _ = locked.bundles.get_or_create(name=said)
    inside = set(bundle.changes.values_list("pk", flat=True))
    if len(inside | {one.pk for one in rows}) < 2:
        raise Invalid("A bundle holds at least two changes; choose another one.", field="changes")
    for row in rows:
        if row.bundle_id != bundle.pk:
            _leave_bundle(row)
            row.bundle = bundle
            row.save(update_fields=["bundle"])
    found_again(bundle, (row.pk for row in rows))
    _drop_empty(locked)
    titles = listed([f"“{row.title}”" for row in rows])
    record(
        kind="trains.bundle.gathered",
        subject=locked,
        actor=by,
        now=now,
        bundle=bundle.name,
        titles=titles,
        changes=[row.pk for row in rows],
    )
    mend(locked, by=by, now=now)
    return bundle


def _refuse_others(rows: Iterable[Change], locked: Departure, by: By, now: datetime) -> None:
    for row in rows:
        if row.departure_id != locked.pk or row.state != ChangeState.ABOARD:
            raise TieRefused(f"“{row}” is not aboard {locked}.", code="not_aboard")
        refuse_unless(verdict(Action.TIE, row, by, now), TieRefused)


@transaction.atomic
def leave_bundle(change: Change, *, by: By, now: datetime) -> Change:
    """Take a change out of its bundle; it stays aboard, and the rest must go without it or get off.

    :raises TieRefused: it is in none, or what goes together is fixed
    :raises NotAllowed: this person does not answer for the change
    """
    locked, (leaving,) = _locked(change)
    refuse_unless(verdict(Action.TIE, leaving, by, now), TieRefused)
    if locked is None or leaving.bundle is None:
        raise TieRefused(f"“{leaving}” is in no bundle.", code="no_bundle")
    name = leaving.bundle.name
    _leave_bundle(leaving)
    _drop_empty(locked)
    record(
        kind="trains.bundle.left",
        subject=locked,
        actor=by,
        now=now,
        change=leaving.pk,
        title=leaving.title,
        bundle=name,
    )
    mend(locked, by=by, now=now)
    return leaving


@transaction.atomic
def go_without(bundle: Bundle, *, reason: str, by: By, now: datetime) -> Bundle:
    """Let a bundle go although some have left it.

    :raises Invalid: no reason
    :raises TieRefused: nobody has left it, or what goes together is fixed
    :raises NotAllowed: this person does not answer for everything that stays
    """
    locked = locked_departure(bundle.departure_id)
    refuse_unless(verdict(Action.BUNDLE, locked, by, now), TieRefused)
    found = locked.bundles.get(pk=bundle.pk)
    rows = [locked_change(pk) for pk in found.changes.order_by("pk").values_list("pk", flat=True)]
    standing = [row for row in rows if row.state == ChangeState.STAND_BY]
    _refuse_others((row for row in rows if row not in standing), locked, by, now)
    if not found.missing and not standing:
        raise TieRefused(f"Nobody has left the bundle {found}.", code="whole")
    said = reason.strip()[:LONGEST_REASON]
    if not said:
        raise Invalid("Say why it may go without; everybody in it will read it.", field="reason")
    names = [*(one["title"] for one in found.missing), *(row.title for row in standing)]
    titles = listed([f"“{name}”" for name in names])
    found.changes.filter(state=ChangeState.STAND_BY).update(bundle=None)
    found.missing = []
    found.save(update_fields=["missing"])
    record(
        kind="trains.bundle.goes_without",
        subject=locked,
        actor=by,
        now=now,
        bundle=found.name,
        titles=titles,
        reason=said,
    )
    mend(locked, by=by, now=now)
    return found


def _leave_bundle(change: Change) -> None:
    """Take a locked change out of its bundle, which remembers it while others stay."""
    left = change.bundle
    change.bundle = None
    change.save(update_fields=["bundle"])
    note_left(left, change)


def found_again(bundle: Bundle, changes: Iterable[int]) -> None:
    """Forget that changes had left a bundle, now that they are in it."""
    back = set(changes)
    if any(one["change"] in back for one in bundle.missing):
        bundle.missing = [one for one in bundle.missing if one["change"] not in back]
        bundle.save(update_fields=["missing"])


def _drop_empty(locked: Departure) -> None:
    locked.bundles.filter(changes__isnull=True).delete()
