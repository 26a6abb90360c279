"""Keep segments: a change is a revision in every environment, for rules anywhere may name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment
from releasetrain.events.actions import Actor, record
from releasetrain.flags.actions.refusals import SegmentInUse, TargetingRefused
from releasetrain.flags.actions.revising import number_change, tell
from releasetrain.flags.models import FlagEnvironment, Segment
from releasetrain.flags.rules import why_not_key
from releasetrain.flags.rules.checks import problems_of_segment
from releasetrain.flags.rules.conditions import segments_in
from releasetrain.lib.transactions import brief
from releasetrain.lib.words import listed

MOST_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """What a segment should be; conditions as `flags.rules.conditions` reads them, keys of users."""

    key: str
    name: str
    owner: Team
    description: str = ""
    conditions: Sequence[Any] = ()
    keys: Sequence[str] = ()

    def facts(self) -> dict[str, Any]:
        return {"conditions": list(self.conditions), "keys": sorted(set(self.keys))}


def save_segment(draft: SegmentDraft, *, reason: str = "", actor: Actor | None, now: datetime) -> Segment:
    """Add a segment, or change the one of that key; one that was removed is there again.

    :raises TargetingRefused: it cannot be compiled, with a sentence for each field
    """
    with brief():
        known = {one.key: one for one in Segment.objects.select_for_update(no_key=True).order_by("key")}
        others = {
            key: one.conditions for key, one in known.items() if one.removed_at is None and key != draft.key
        }
        if problems := _problems(draft, others):
            raise TargetingRefused(problems)
        segment = known.get(draft.key) or Segment(key=draft.key)
        before = {} if segment.pk is None else {"conditions": segment.conditions, "keys": segment.keys}
        is_new = segment.pk is None or segment.removed_at is not None
        segment.name, segment.owner, segment.description = draft.name, draft.owner, draft.description[:300]
        segment.conditions, segment.keys = draft.facts()["conditions"], draft.facts()["keys"]
        segment.removed_at = None
        segment.save()
        kind = "flags.segment.added" if is_new else "flags.segment.changed"
        record(kind=kind, subject=segment, actor=actor, now=now, users=len(segment.keys), reason=reason[:300])
        if is_new or before != draft.facts():
            _revise_everywhere(segment, before, reason=reason, actor=actor, now=now)
        return segment


def remove_segment(segment: Segment, *, reason: str = "", actor: Actor | None, now: datetime) -> None:
    """Take a segment away.

    :raises SegmentInUse: flags or segments name it; they are listed
    """
    with brief():
        locked = Segment.objects.select_for_update(no_key=True).get(pk=segment.pk)
        if named := used_by(locked.key):
            raise SegmentInUse(
                f"The segment “{locked.key}” is named by {listed(named)}: change that first.",
                who="whoever owns them",
            )
        locked.removed_at = now
        locked.save(update_fields=["removed_at"])
        record(kind="flags.segment.removed", subject=locked, actor=actor, now=now, reason=reason[:300])
        _revise_everywhere(locked, {"keys": locked.keys}, reason=reason, actor=actor, now=now)


def used_by(key: str) -> list[str]:
    """Name the flags and segments that name a segment."""
    flags = FlagEnvironment.objects.filter(flag__archived_at=None).select_related("flag", "environment")
    segments = Segment.objects.filter(removed_at=None).exclude(key=key)
    found = [str(one) for one in flags if any(_names(rule.get("when", ()), key) for rule in one.rules)]
    return [*found, *(f"segment {one.key}" for one in segments if _names(one.conditions, key))]


def _names(conditions: Sequence[Any], key: str) -> bool:
    return any(key in segments_in(one) for one in conditions)


def _problems(draft: SegmentDraft, others: dict[str, Sequence[Any]]) -> dict[str, str]:
    found = problems_of_segment(draft.key, list(draft.conditions), draft.keys, others=others)
    if why_not_key(draft.key):
        found["key"] = "A segment's key has 1 to 100 letters, digits, dots, dashes and underscores."
    if len(draft.keys) > MOST_KEYS:
        found["keys"] = f"A segment names at most {MOST_KEYS:,} users; an attribute takes any number."
    if any(not one or len(one) > 200 for one in draft.keys):
        found["keys"] = "Whoever is named has a targeting key of 1 to 200 characters."
    return found


def _revise_everywhere(
    segment: Segment, before: dict[str, Any], *, reason: str, actor: Actor | None, now: datetime
) -> None:
    after = {} if segment.removed_at else {"conditions": segment.conditions, "keys": segment.keys}
    for environment in Environment.objects.order_by("pk"):
        number_change(
            environment, actor=actor, reason=reason, now=now, segment=segment, before=before, after=after
        )
        tell(environment, None)
