"""Show how the new version answers copies of requests, and in what its answers differ."""

from datetime import datetime

from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import ShadowFigures, ShadowSample
from releasetrain.rollouts.copies import Shadow
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.shadows import SHADOW_METRIC, Comparison, Mismatch, Pairs


def load_shadow(pk: int, audience: Audience, now: datetime) -> ShadowFigures | None:
    """Gather what was compared; None for a rollout without a shadow stage.

    Paths tell what users do, so only people of the house see samples.
    """
    rollout = Rollout.objects.filter(pk=pk).select_related("target").first()
    if rollout is None or not any(stage.mirror for stage in Ladder.from_json(rollout.ladder).stages):
        return None
    row = Shadow.objects.filter(rollout=pk).first()
    if row is None:
        notes = _notes(rollout, None, None) if audience.sees_people else []
        return ShadowFigures(pk, "nothing copied yet", notes=notes)
    found = Comparison.from_json(row.found)
    return ShadowFigures(
        pk,
        _of(found.pairs, "differ"),
        is_begun=True,
        compared=found.pairs.compared,
        different=found.pairs.different,
        noise=f"The old version differs from itself in {_of(found.noise)}." if found.noise.compared else "",
        kinds=[(kind.value, found.kinds[kind]) for kind in Mismatch if found.kinds.get(kind)],
        samples=[
            ShadowSample(f"{one.method} {one.path}".strip(), ", ".join(one.kinds), one.given, one.copy)
            for one in found.samples
        ]
        if audience.sees_people
        else [],
        notes=_notes(rollout, row, found) if audience.sees_people else [],
    )


def _of(pairs: Pairs, verb: str = "") -> str:
    return f"{pairs.different:,} of {pairs.compared:,} {verb}".strip()


def _notes(rollout: Rollout, row: Shadow | None, found: Comparison | None) -> list[str]:
    notes = [row.fault] if row is not None and row.fault else []
    if found is not None and found.lost:
        notes.append(f"{found.lost:,} copies were not compared: nobody answered them in time.")
    if not rollout.target.guardrails.filter(metric=SHADOW_METRIC).exists():
        notes.append(
            f"No guardrail reads the metric “{SHADOW_METRIC}”, so that differences are only shown here."
        )
    return notes
