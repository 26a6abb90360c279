"""Read what GitHub says of the checks of a commit: messages of the kinds check_run and status.

Fields as in https://docs.github.com/webhooks/webhook-events-and-payloads#check_run and #status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from releasetrain.trains.rules.evidence import EvidenceState, read_spoken
from releasetrain.trains.webhooks.reading import COMMIT, Ignored, address, clean, maybe, repository

KINDS = ("check_run", "status")


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What is said of one check of one commit; `at` is None where the message does not say when."""

    repository: str
    version: str
    name: str
    state: EvidenceState
    url: str
    at: datetime | None


def parse(event: str, payload: Mapping[str, Any]) -> CheckReport | Ignored:
    """Read a message about a check; one that says nothing of success or failure asks nothing of us.

    :param event: one of KINDS
    :raises Invalid: it names no repository
    """
    where = repository(maybe(payload, "repository", "full_name"))
    said = payload if event == "status" else maybe(payload, "check_run")
    commit, name = maybe(said, "head_sha") or maybe(said, "sha"), maybe(said, "name")
    word = maybe(said, "conclusion") or maybe(said, "status")
    url, when = maybe(said, "html_url"), maybe(said, "completed_at") or maybe(said, "started_at")
    if event == "status":
        name, word = maybe(said, "context"), maybe(said, "state")
        url, when = maybe(said, "target_url"), maybe(said, "updated_at")
    state = read_spoken(word)
    named = clean(name).strip()[:100] if isinstance(name, str) else ""
    if state is None or not named or not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        return Ignored(f"This {event} says nothing of a commit that we could keep.")
    return CheckReport(where, commit, named, state, address(url), _instant(when))


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo else None
    except (ValueError, OverflowError):
        return None
