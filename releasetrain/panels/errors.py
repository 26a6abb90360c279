"""Gather the error lines of both versions: what the new one brought stands first."""

from datetime import datetime

from releasetrain.health.error_groups import ErrorGroup, ErrorGroups, error_groups
from releasetrain.health.rules.lines import head_of
from releasetrain.health.rules.rises import Standing
from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import ErrorKind, Errors
from releasetrain.rollouts.models import Rollout

MOST_KINDS = 20
OLD = "An earlier new version had it, too."


def load_errors(pk: int, audience: Audience, now: datetime) -> Errors | None:
    """Gather the error lines since the rollout began, those new in the candidate first.

    Samples quote what services wrote, so only people of the house see them.
    """
    rollout = Rollout.objects.filter(pk=pk).first()
    if rollout is None or not audience.sees_people:
        return None
    found = error_groups(rollout.target_id, rollout.created_at, until=rollout.finished_at, limit=MOST_KINDS)
    return Errors(pk, [_kind(group, found) for group in found.groups], _summary(found), _notes(found))


def _kind(group: ErrorGroup, groups: ErrorGroups) -> ErrorKind:
    head = head_of(group.sample)
    return ErrorKind(
        key=group.fingerprint[:12],
        head=head,
        sample=group.sample if head != group.sample.strip() else "",
        standing=group.standing.value,
        severity=group.severity.name.lower(),
        candidate=group.candidate,
        baseline=group.baseline,
        first_at=group.first_at,
        last_at=group.last_at,
        note=_times(group, groups) or (OLD if group.is_old else ""),
    )


def _times(group: ErrorGroup, groups: ErrorGroups) -> str:
    """Say how much more often a risen line comes per request."""
    if group.standing is not Standing.RISEN or not group.baseline or not groups.share:
        return ""
    rate, usual = group.candidate / groups.candidate_units, group.baseline / groups.baseline_units
    return f"×{rate / usual:.1f} as often per request as on the old version."


def _summary(found: ErrorGroups) -> str:
    """Count the kinds in words; what is not on the page is counted, too."""
    counts = [
        (sum(group.standing is standing for group in found.groups), words)
        for standing, words in (
            (Standing.NEW, "new in the candidate"),
            (Standing.RISEN, "risen"),
            (Standing.KNOWN, "in both or in the baseline"),
        )
    ]
    said = ", ".join(f"{count} {words}" for count, words in counts if count)
    left = found.total - len(found.groups)
    return f"{said}; {left} more kinds are not shown" if left else said


def _notes(found: ErrorGroups) -> list[str]:
    notes = []
    if found.groups and not found.has_baseline:
        notes.append(
            "The old version has not told of any error line in 14 days, so every line here looks new. "
            "Send its lines, too."
        )
    if found.groups and found.share is None:
        notes.append(
            "Requests are not known for both versions, so nothing here can be told to have risen. "
            "Push the metric “errors” of both."
        )
    return notes
