"""Open boarding, and fix what is aboard at the cut-off."""

from datetime import datetime

from django.db import transaction

from releasetrain.catalog.models import Dependency
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.schedule import at_words
from releasetrain.trains.actions.decisions import settle
from releasetrain.trains.actions.holding import end_hold, hold_by_system
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.readying import leave_unready
from releasetrain.trains.actions.refusals import NotDue, SealRefused
from releasetrain.trains.models import Change, Departure, Manifest, Need
from releasetrain.trains.queries import By, plan_of, runner_words
from releasetrain.trains.queries.bundling import open_ends
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.departing import HoldKind
from releasetrain.trains.rules.graph import Circle
from releasetrain.trains.rules.manifest import Aboard, Sealed, write
from releasetrain.trains.rules.parts import since_of
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState, DepartureState
from releasetrain.trains.rules.tickets import tickets_in


@transaction.atomic
def open_boarding(departure: Departure, *, now: datetime) -> Departure:
    """Open a departure for changes; from here on it keeps the plan that its train has now (RULES I14).

    :raises NotDue: too early, too late, or open already
    """
    locked = locked_departure(departure.pk)
    if locked.state != DepartureState.SCHEDULED or not locked.boards_at <= now < locked.cut_off_at:
        raise NotDue(f"{locked} is {locked.state}; boarding opens between its opening and its cut-off.")
    locked.state = DepartureState.BOARDING.value
    locked.plan = plan_of(locked.train).to_json()
    locked.save(update_fields=["state", "plan"])
    record(
        kind="trains.departure.boarding_opened",
        subject=locked,
        actor=SYSTEM,
        now=now,
        cut_off_at=locked.cut_off_at.isoformat(),
    )
    return locked


@transaction.atomic
def seal(departure: Departure, *, now: datetime) -> Departure:
    """Fix the manifest of a departure that is past its cut-off, and start the decision.

    An empty one is skipped (RULES I10); one that cannot be sealed soundly is held with the reason; one whose
    policy asks nobody, and says so, is cleared at once (D11).

    :raises NotDue: the cut-off is still ahead, or it is sealed already
    """
    locked = locked_departure(departure.pk)
    state = DepartureState(locked.state)
    if state not in BOARDING_STATES:
        what = f"{locked} {GONE[state]}." if state in GONE else f"{locked} is sealed already."
        raise NotDue(what, code="sealed")
    if now < locked.cut_off_at:
        when = at_words(locked.cut_off_at, locked.train.time_zone)
        raise NotDue(f"{locked} is sealed at its cut-off on {when}.", until=locked.cut_off_at)
    leave_unready(locked, now)
    aboard = _aboard(locked)
    if not aboard:
        return _skip(locked, now)
    if state is DepartureState.SCHEDULED:  # no tick has opened it; it takes its plan over now
        locked.plan = plan_of(locked.train).to_json()
        locked.save(update_fields=["plan"])
    if problem := why_not_sound(locked):
        return hold_by_system(locked, HoldKind.MANIFEST, problem, now=now)
    _write(locked, _draft(locked, aboard), len(aboard), now)
    settle(locked, now)
    return locked


def seal_again(locked: Departure, now: datetime) -> None:
    """Write a new revision: after a request received in time (RULES T10), or without what was taken off (I3).

    :raises SealRefused: what is aboard now has no order in which it could move
    """
    aboard = _aboard(locked)
    if not aboard:
        locked.state = DepartureState.CANCELLED.value
        locked.finished_at = now
        locked.outcome = "Everything aboard was withdrawn."
        locked.save(update_fields=["state", "finished_at", "outcome"])
        record(
            kind="trains.departure.cancelled", subject=locked, actor=SYSTEM, now=now, reason=locked.outcome
        )
        return
    try:
        sealed = _draft(locked, aboard)
    except Circle as circle:
        raise SealRefused(str(circle), code="circle", who=runner_words(locked)) from circle
    _write(locked, sealed, len(aboard), now)
    settle(locked, now)


def mend(locked: Departure, *, by: By, now: datetime) -> None:
    """Let a locked departure follow from what ties its changes now: a new revision, or the end of its hold.

    :raises SealRefused: what is aboard now has no order in which it could move
    """
    if locked.state not in BOARDING_STATES:
        seal_again(locked, now)
    elif locked.held_kind == HoldKind.MANIFEST and not why_not_sound(locked):
        end_hold(locked, by=by, now=now, reason="its manifest can be sealed now")


def _aboard(locked: Departure) -> list[Change]:
    rows = Change.objects.filter(departure=locked, state=ChangeState.ABOARD)
    return list(rows.select_related("service__team", "bundle").order_by("boarded_at", "pk"))


def why_not_sound(locked: Departure) -> str:
    """Return what keeps the manifest from being sealed, nothing where it may be (RULES I8, I9, I15)."""
    aboard = _aboard(locked)
    archived = sorted({one.service.name for one in aboard if one.service.archived_at})
    if archived:
        ways = "Take its changes off, or let an administrator bring it back."
        return f"{', '.join(archived)} is archived. {ways}"
    if ends := open_ends([locked])[locked.pk]:
        return " ".join(one.text for one in ends)
    try:
        _draft(locked, aboard)
    except Circle as circle:
        return str(circle)
    return ""


def _draft(locked: Departure, aboard: list[Change]) -> Sealed:
    """Write the next revision, without keeping it yet.

    :raises Circle: there is no order in which it could move
    """
    needed: dict[int, list[int]] = {}
    for change, other in Need.objects.filter(change__in=aboard).values_list("change_id", "needed_id"):
        needed.setdefault(change, []).append(other)
    entries = [_entry(change, needed.get(change.pk, [])) for change in aboard]
    services = {change.service_id for change in aboard}
    wiring = Dependency.objects.filter(service__in=services, depends_on__in=services)
    return write(
        locked.pk, _next_revision(locked), entries, wiring.values_list("service_id", "depends_on_id")
    )


def _entry(change: Change, needs: list[int]) -> Aboard:
    return Aboard(
        change=change.pk,
        title=change.title,
        version=change.version,
        author=change.author_label,
        service=change.service_id,
        service_slug=change.service.slug,
        service_name=change.service.name,
        boarded_at=change.boarded_at or change.submitted_at,
        url=change.url,
        bundle=change.bundle.name if change.bundle else "",
        flag_key=change.flag_key,
        rollback_plan=change.rollback_plan,
        team=change.service.team.name,
        team_id=change.service.team_id,
        tickets=tickets_in(change.title, change.description),
        needs=tuple(sorted(needs)),
    )


def _next_revision(locked: Departure) -> int:
    newest = locked.manifests.order_by("-revision").values_list("revision", flat=True).first()
    return (newest or 0) + 1


def _write(locked: Departure, sealed: Sealed, count: int, now: datetime) -> Manifest:
    last = locked.manifests.order_by("-revision").first()
    manifest: Manifest = locked.manifests.create(
        revision=sealed.content["revision"],
        digest=sealed.digest,
        content=sealed.content,
        since=since_of(sealed.content, now, last.content if last else None, last.since if last else None),
        sealed_at=now,
    )
    if locked.state in BOARDING_STATES:
        locked.state = DepartureState.DECIDING.value
        locked.sealed_at = now
        locked.save(update_fields=["state", "sealed_at"])
    record(
        kind="trains.departure.sealed",
        subject=locked,
        actor=SYSTEM,
        now=now,
        changes=count,
        revision=manifest.revision,
        digest=manifest.digest,
    )
    return manifest


def _skip(locked: Departure, now: datetime) -> Departure:
    locked.state = DepartureState.SKIPPED.value
    locked.finished_at = now
    locked.outcome = "Nothing was aboard at the cut-off."
    locked.save(update_fields=["state", "finished_at", "outcome"])
    record(
        kind="trains.departure.skipped",
        subject=locked,
        actor=SYSTEM,
        now=now,
        reason=locked.outcome,
        captain=runner_words(locked),
    )
    return locked
