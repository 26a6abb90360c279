"""Say how a fleet stands to what was asked of it, from what each Envoy tells."""

from collections.abc import Sequence
from datetime import datetime

from releasetrain.rollouts.drivers.base import Observed, Sync
from releasetrain.rollouts.drivers.envoy.fleet import Look

# What somebody else wrote stands under no fence of ours, and never agrees with one.
FOREIGN_FENCE = 0


def observed_in(looks: Sequence[Look], now: datetime) -> Observed:
    """Put what the Envoys tell into one read-back; where they differ, the largest weight counts."""
    told = [one for one in looks if not one.silent]
    silent = tuple(str(one.endpoint) for one in looks if one.silent)
    if not told:
        why = "; ".join(f"{one.endpoint} {one.silent}" for one in looks)
        return Observed(Sync.UNREACHABLE, at=now, detail=why, missing=silent)
    singles = {str(one.endpoint): _single(one) for one in told}
    fullest = max(singles.values(), key=lambda one: -1 if one[1] is None else one[1])
    agreeing = {name for name, one in singles.items() if one == fullest}
    missing = (*silent, *(name for name in singles if name not in agreeing))
    sync, weight, fence, mirror, detail = fullest
    if any(one[1] is None for one in singles.values()):
        weight = None
    fences = [one[2] for one in singles.values()]
    if missing:
        names = ", ".join(missing)
        # A part of a fleet is not where the others are: no weight of it is proven but the largest.
        return Observed(
            Sync.PARTIAL,
            None if silent else weight,
            min(fences),
            now,
            f"Not like the others: {names}.",
            mirror=mirror,
            missing=missing,
        )
    return Observed(sync, weight, fence, now, detail, mirror=mirror)


Single = tuple[Sync, int | None, int, int, str]


def _single(look: Look) -> Single:
    seen = look.seen
    if seen is None:
        return Sync.UNKNOWN, None, FOREIGN_FENCE, 0, "Envoy has no routes of this name."
    if not seen.is_ours or seen.told is None:
        said = (
            "Its routes were not written by us." if seen.weight is not None else "Its routes lead elsewhere."
        )
        return Sync.DRIFTED, seen.weight, FOREIGN_FENCE, seen.mirror, said
    if look.on_disk is not None and look.on_disk != seen.told and look.on_disk.fence >= seen.told.fence:
        return Sync.CONVERGING, seen.weight, seen.told.fence, seen.mirror, "Envoy has not taken its file yet."
    return Sync.SYNCED, seen.weight, seen.told.fence, seen.mirror, ""
