"""Read how the rollouts of one departure stand to each other: who goes first, what goes all or nothing."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from releasetrain.catalog.models import Dependency
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.rollouts.rules.bundles import Member, all_or_nothing, behind, has_soaked
from releasetrain.rollouts.rules.snapshot import Block
from releasetrain.rollouts.rules.states import HoldKind, RolloutKind, RolloutState
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.bundling import waits_for

R = RolloutState
RETURNING = [R.ROLLING_BACK.value, R.ROLLED_BACK.value]
# A member that ended like this will not arrive; what goes all or nothing with it must not stay.
LOST = [*RETURNING, R.CANCELLED.value, R.SUPERSEDED.value]


def services_of(departure: Departure) -> list[dict[str, Any]]:
    """Return the services of the newest manifest of a departure, in the order in which they move."""
    manifest = departure.manifests.first()
    return list(manifest.content["services"]) if manifest else []


def bundles_of(services: Iterable[dict[str, Any]]) -> dict[int, str]:
    """Return for each service of a manifest what it goes all or nothing with, "" left out."""
    known = (one for one in services if "id" in one)
    return all_or_nothing(
        (one["id"], change.get("bundle") or "") for one in known for change in one["changes"]
    )


def newest_attempts(departure: int, kind: str = RolloutKind.FORWARD) -> QuerySet[Rollout]:
    """Return the rollouts of a departure that count: one a target, the last attempt."""
    later = Rollout.objects.filter(
        departure=OuterRef("departure"), target=OuterRef("target"), kind=OuterRef("kind")
    ).filter(attempt__gt=OuterRef("attempt"))
    return Rollout.objects.filter(~Exists(later), departure=departure, kind=kind).select_related(
        "target__service"
    )


def blocks(row: Rollout) -> Iterable[Block]:
    """Name the services aboard that have to go first, and the bundle that has to come as far."""
    if row.departure_id is None or row.kind != RolloutKind.FORWARD:
        return
    yield from _needed_first(row, row.departure_id)
    yield from _barrier(row, row.departure_id)


def _needed_first(row: Rollout, departure: int) -> Iterable[Block]:
    needed: Iterable[int] | None = waits_for(departure, row.target.service_id)
    if needed is None:  # its manifest was sealed before it kept an order
        wiring = Dependency.objects.filter(service=row.target.service_id)
        needed = list(wiring.values_list("depends_on", flat=True))
    if not needed:
        return
    aboard = newest_attempts(departure).filter(target__service__in=needed)
    waiting = aboard.exclude(pk=row.pk).exclude(state=R.SUCCEEDED)
    names = sorted(str(one.target.service) for one in waiting if not _is_soaked_mate(one, row))
    if names:
        yield Block(kind=HoldKind.DEPENDENCY, reason=f"It needs {' and '.join(names)} to arrive first.")


def _is_soaked_mate(one: Rollout, row: Rollout) -> bool:
    """Tell whether a member of the same bundle has soaked: it arrives once all of them have."""
    return bool(row.bundle) and one.bundle == row.bundle and has_soaked(_member(one))


def _member(row: Rollout, *, waits: bool = False) -> Member:
    is_baked = row.bake_credit_seconds >= row.bake_needed_seconds
    return Member(str(row.target.service), R(row.state), row.stage_index, is_baked=is_baked, waits=waits)


def _barrier(row: Rollout, departure: int) -> Iterable[Block]:
    own = _member(row)
    if not row.bundle or own.state not in (R.BAKING, R.SOAKING):
        return
    is_waiting = Hold.objects.filter(
        rollout=OuterRef("pk"), kind=HoldKind.DEPENDENCY, cleared_at__isnull=True
    )
    mates = newest_attempts(departure).filter(bundle=row.bundle).exclude(pk=row.pk)
    rows = mates.annotate(waits=Exists(is_waiting))
    if names := behind(own, [_member(one, waits=one.waits) for one in rows]):
        reason = f"{' and '.join(names)}, in the same bundle, must come as far first."
        yield Block(kind=HoldKind.BARRIER, reason=reason)


def must_return(row: Rollout) -> tuple[str, bool]:
    """Demand a rollout back when another one of its departure came back; tell whether for a window alone.

    In a bundle all or nothing goes, so that one which ended without arriving demands the others back, too.
    """
    if row.departure_id is None:
        return "", False
    others = newest_attempts(row.departure_id).exclude(pk=row.pk)
    others = others.exclude(state=R.ROLLING_BACK, makes_way=True).order_by("is_window_return", "created_at")
    failed = others.filter(state__in=RETURNING).first()
    if failed is not None:
        words = f"{failed.target.service}, aboard the same departure, was rolled back."
        return words, failed.is_window_return
    lost = others.filter(state__in=LOST, bundle=row.bundle).first() if row.bundle else None
    if lost is not None:
        return f"{lost.target.service}, in the same bundle, will not arrive: {lost.reason}"[:500], False
    return "", False


def in_reverse(row: Rollout) -> tuple[list[int], list[int]]:
    """Return what else of a departure is under way: what moves after a rollout, then what moves before it.

    Each list is in the reverse of the order in which they moved: so they are brought back.
    """
    if row.departure_id is None:
        return [], []
    others = newest_attempts(row.departure_id).exclude(pk=row.pk)
    moving = sorted(others.exclude(state__in=[*LOST, R.SUCCEEDED.value]), key=last_moved_first)
    after = [one.pk for one in moving if last_moved_first(one) < last_moved_first(row)]
    return after, [one.pk for one in moving if one.pk not in after]


def last_moved_first(row: Rollout) -> tuple[int, int]:
    """Order the rollouts of a departure as they come back: the reverse of the order in which they moved."""
    return -row.place, -row.pk
