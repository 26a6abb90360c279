"""Read what belongs to a rollout as it was loaded with it, or else as it is now."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from releasetrain.catalog.models import Target
from releasetrain.rollouts.models import Guardrail, Hold, Intent, Rollout


def guardrails_of(target: Target) -> Sequence[Guardrail]:
    """Return the guardrails in force of a target."""
    loaded: Sequence[Guardrail] | None = getattr(target, "in_force", None)
    return list(target.guardrails.all()) if loaded is None else loaded


def held_by(row: Rollout) -> Sequence[Hold]:
    """Return the open holds of a rollout."""
    loaded: Sequence[Hold] | None = getattr(row, "open_holds", None)
    return (
        list(row.holds.filter(cleared_at__isnull=True).select_related("opened_by"))
        if loaded is None
        else loaded
    )


def newest_intent(row: Rollout) -> Intent | None:
    """Return what was asked last of a driver."""
    if hasattr(row, "newest_intent"):
        loaded: Intent | None = row.newest_intent
        return loaded
    return Intent.objects.filter(rollout=row).order_by("-fence").first()


def load_with(rows: Collection[Rollout]) -> None:
    """Load all of that for many rollouts, in three queries; it is worth nothing once a fence has moved on."""
    in_force: dict[int, list[Guardrail]] = defaultdict(list)
    for guardrail in Guardrail.objects.filter(target__in=[row.target_id for row in rows]):
        in_force[guardrail.target_id].append(guardrail)
    held: dict[int, list[Hold]] = defaultdict(list)
    is_open = Hold.objects.filter(rollout__in=[row.pk for row in rows], cleared_at__isnull=True)
    for hold in is_open.select_related("opened_by"):
        held[hold.rollout_id].append(hold)
    intents = Intent.objects.filter(rollout__in=[row.pk for row in rows]).order_by("rollout_id", "-fence")
    newest = {intent.rollout_id: intent for intent in intents.distinct("rollout_id")}
    for row in rows:
        row.target.in_force = in_force[row.target_id]  # type: ignore[attr-defined]
        row.open_holds = held[row.pk]  # type: ignore[attr-defined]
        row.newest_intent = newest.get(row.pk)  # type: ignore[attr-defined]
