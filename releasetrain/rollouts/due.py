"""Load what is due in bulk, and learn once for all of it what does not depend on any one of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch

from releasetrain.calendars.queries import windows_between
from releasetrain.calendars.rules.windows import Freeze
from releasetrain.health.outages import open_outages
from releasetrain.rollouts.models import Hold, Intent, Rollout

# Windows that open within this time are known beforehand; each rollout asks at its own instant.
KNOWN_AHEAD = timedelta(seconds=10)
RELATED = (
    "target__service",
    "target__environment",
    "target__standing",
    "departure__train__environment",
    "yielded_to__departure",
)


@dataclass(frozen=True, slots=True)
class Common:
    """What every rollout of a batch would learn alike, and until when it holds."""

    windows: Sequence[Freeze]
    until: datetime
    has_outages: bool


def common_at(now: datetime) -> Common:
    """Learn what a batch has in common, in two queries however large it is."""
    until = now + KNOWN_AHEAD
    return Common(windows_between(now, until), until, bool(open_outages()))


def load(pks: Iterable[int]) -> list[Rollout]:
    """Load rollouts with whatever a tick reads of them, in the order of their ids as given.

    Each carries `open_holds` and `newest_intent`; both are worth nothing once its fence has moved on.
    """
    wanted = list(pks)
    is_open = Hold.objects.filter(cleared_at__isnull=True).select_related("opened_by")
    rows = (
        Rollout.objects.filter(pk__in=wanted)
        .select_related(*RELATED)
        .prefetch_related("target__guardrails", Prefetch("holds", is_open, to_attr="open_holds"))
    )
    newest = Intent.objects.filter(rollout__in=wanted).order_by("rollout_id", "-fence").distinct("rollout_id")
    intents = {intent.rollout_id: intent for intent in newest}
    found = {row.pk: row for row in rows}
    for row in found.values():
        row.newest_intent = intents.get(row.pk)  # type: ignore[attr-defined]
    return [found[pk] for pk in wanted if pk in found]
