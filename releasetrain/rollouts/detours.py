"""Read what hotfixes ask of a rollout: to stand aside, to contain them, or nothing (RULES H2, H3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from releasetrain.rollouts.company import Company
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.bundles import bound_together
from releasetrain.rollouts.rules.snapshot import Detour
from releasetrain.rollouts.rules.states import WAITING_STATES, RolloutKind, RolloutState
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.hotfixes import why_undoes


def detour_of(row: Rollout, company: Company | None = None) -> Detour | None:
    """Return what hotfixes ask of a rollout now.

    :param company: who is aboard, where that is known already
    """
    if row.kind == RolloutKind.ROLLBACK or row.departure is None:
        return None
    own = _of_its_own(row, row.departure)
    if own is not None or (company is not None and not company.making_way - {row.pk}):
        return own
    return _of_its_bundle(row, row.departure)


def _of_its_own(row: Rollout, departure: Departure) -> Detour | None:
    hotfix = row.yielded_to if row.makes_way else None
    if hotfix is not None and not hotfix.is_finished:
        return Detour(reason=stands_aside(row, hotfix))
    if row.state in WAITING_STATES:
        target = row.target
        zone = departure.train.time_zone
        why = why_undoes(target.service_id, target.environment_id, row.to_version, zone=zone)
        if why is not None:
            return Detour(reason=f"{why.text} Who can do that: {why.who}.")
    if hotfix is not None and hotfix.state != RolloutState.SUCCEEDED:
        return Detour(reason=_failed(row, hotfix), has_failed=True)
    return None


def name_of(row: Rollout) -> str:
    return row.departure.code if row.departure else f"rollout {row.pk}"


def stands_aside(row: Rollout, hotfix: Rollout) -> str:
    """Say why a rollout is held: a hotfix has its service."""
    weight = row.ladder[row.stage_index]["weight"] if row.stage_index < len(row.ladder) else 0
    return (
        f"{name_of(hotfix)}, a hotfix, has {row.target}: {hotfix.to_version}. Everybody is on "
        f"{row.from_version or 'the version before'} meanwhile; it comes again at {weight} % and bakes anew."
    )


def _failed(row: Rollout, hotfix: Rollout) -> str:
    return (
        f"The hotfix {name_of(hotfix)} did not arrive: {hotfix.reason or hotfix.state} Everybody is on "
        f"{hotfix.from_version or 'the version before'}. Resuming this sends users to {row.to_version}."
    )


def _of_its_bundle(row: Rollout, departure: Departure) -> Detour | None:
    """Hold the rest of a bundle of which one member makes way (RULES H2); services of other bundles go on."""
    away = Rollout.objects.filter(departure=departure, makes_way=True).exclude(pk=row.pk)
    aside = list(away.select_related("target__service", "yielded_to__departure"))
    if not aside:
        return None
    together = bound_together(_bundles(departure), row.target.service_id)
    for one in aside:
        if one.target.service_id in together:
            who = f" for {name_of(one.yielded_to)}" if one.yielded_to else ""
            return Detour(reason=f"{one.target.service}, in the same bundle, makes way{who}.")
    return None


def _bundles(departure: Departure) -> Sequence[tuple[int, str]]:
    manifest = departure.manifests.first()
    services: Sequence[Mapping[str, Any]] = manifest.content["services"] if manifest else ()
    return [(one["id"], change.get("bundle") or "") for one in services for change in one["changes"]]
