"""Read how the rollouts of one departure stand to each other: who goes first, what goes all or nothing."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from releasetrain.rollouts.company import Company, Mate, company_of
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.bundles import Member, all_or_nothing, behind, has_soaked
from releasetrain.rollouts.rules.snapshot import Block
from releasetrain.rollouts.rules.states import HoldKind, RolloutKind, RolloutState
from releasetrain.trains.models import Departure

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


def blocks(row: Rollout, company: Company | None = None) -> Iterable[Block]:
    """Name the services aboard that have to go first, and the bundle that has to come as far.

    :param company: who is aboard, where that is known already
    """
    if row.departure_id is None or row.kind != RolloutKind.FORWARD:
        return
    company = company or company_of(row, row.departure_id)
    yield from _needed_first(row, company)
    yield from _barrier(row, company)


def _needed_first(row: Rollout, company: Company) -> Iterable[Block]:
    needed = company.waits_for[row.target.service_id]
    waiting = [one for one in _others(row, company) if one.service in needed and one.state is not R.SUCCEEDED]
    names = sorted(one.name for one in waiting if not _is_soaked_mate(one, row))
    if names:
        yield Block(kind=HoldKind.DEPENDENCY, reason=f"It needs {' and '.join(names)} to arrive first.")


def _others(row: Rollout, company: Company) -> list[Mate]:
    return [one for one in company.mates if one.pk != row.pk]


def _is_soaked_mate(one: Mate, row: Rollout) -> bool:
    """Tell whether a member of the same bundle has soaked: it arrives once all of them have."""
    return bool(row.bundle) and one.bundle == row.bundle and has_soaked(one.member)


def _barrier(row: Rollout, company: Company) -> Iterable[Block]:
    is_baked = row.bake_credit_seconds >= row.bake_needed_seconds
    own = Member(str(row.target.service), R(row.state), row.stage_index, is_baked=is_baked)
    if not row.bundle or own.state not in (R.BAKING, R.SOAKING):
        return
    mates = [one.member for one in _others(row, company) if one.bundle == row.bundle]
    if names := behind(own, mates):
        reason = f"{' and '.join(names)}, in the same bundle, must come as far first."
        yield Block(kind=HoldKind.BARRIER, reason=reason)


def must_return(row: Rollout, company: Company | None = None) -> tuple[str, bool]:
    """Demand a rollout back when another one of its departure came back; tell whether for a window alone.

    In a bundle all or nothing goes, so that one which ended without arriving demands the others back, too.

    :param company: who is aboard, where that is known already
    """
    if row.departure_id is None:
        return "", False
    others = _others(row, company or company_of(row, row.departure_id))
    counted = [one for one in others if not (one.state is R.ROLLING_BACK and one.makes_way)]
    counted.sort(key=lambda one: (one.is_window_return, one.created_at))
    failed = next((one for one in counted if one.state in RETURNING), None)
    if failed is not None:
        return f"{failed.name}, aboard the same departure, was rolled back.", failed.is_window_return
    lost = next((one for one in counted if one.state in LOST and one.bundle == row.bundle), None)
    if lost is not None and row.bundle:
        return f"{lost.name}, in the same bundle, will not arrive: {lost.reason}"[:500], False
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
