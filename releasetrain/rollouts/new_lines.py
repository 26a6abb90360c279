"""Gather the error lines that only the new version writes, for the guardrails that mind them."""

from datetime import datetime

from releasetrain.health.error_groups import error_groups, has_lines
from releasetrain.health.rules.lines import head_of
from releasetrain.health.rules.rises import Standing, chance_of
from releasetrain.rollouts.loaded import guardrails_of
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.guardrails import GuardrailKind
from releasetrain.rollouts.rules.new_errors import NewError

MOST_LINES = 100
WORDS = 120


def new_errors_of(row: Rollout) -> tuple[NewError, ...] | None:
    """Return the new error lines of a rollout; None where no guardrail asks, or nobody sends any."""
    if all(one.kind != GuardrailKind.NEW_ERRORS for one in guardrails_of(row.target)):
        return None
    return new_errors_in(row.target_id, row.created_at, row.finished_at, row.desired_weight)


def new_errors_in(
    target: int, since: datetime, until: datetime | None, weight: int
) -> tuple[NewError, ...] | None:
    """Return the error lines that were new on a target's candidate in a time; None where nobody sends any.

    The candidate's share of the requests is measured where both versions tell of theirs, and else the weight
    that was asked for.
    """
    if not has_lines(target):
        return None
    found = error_groups(target, since, until=until, limit=MOST_LINES)
    share = found.share if found.share is not None else weight / 100
    return tuple(
        NewError(
            name=group.fingerprint[:12],
            words=head_of(group.sample, WORDS),
            severity=group.severity,
            count=group.candidate,
            chance=chance_of(group.candidate, 0, share),
        )
        for group in found.groups
        if group.standing is Standing.NEW
    )
