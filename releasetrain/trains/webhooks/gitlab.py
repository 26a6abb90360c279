"""Read GitLab's webhook messages, whatever is in them; imports no Django.

Fields as in https://docs.gitlab.com/user/project/integrations/webhook_events/#merge-request-events.
"""

import re
from collections.abc import Mapping
from typing import Any

from releasetrain.trains.webhooks import reading
from releasetrain.trains.webhooks.reading import Ignored, PullRequest, Step

PULL_PATH = re.compile(r"/([^/]+(?:/[^/]+)+?)(?:/-)?/merge_requests/(\d{1,10})(?:/.*)?")
EVENTS = ("Merge Request Hook", "System Hook", "merge_request")
ACTIONS = {"opened": "open", "closed": "close", "merged": "merge"}


def external_id_of(url: str) -> str | None:
    """Return the id of the merge request that an address leads to, or None for any other address."""
    return reading.id_by_path(url, PULL_PATH)


def guess_event(payload: Mapping[str, Any]) -> str:
    """Tell which event a saved message was; GitLab says it in a header and in the message."""
    kind = payload.get("object_kind")
    return kind if isinstance(kind, str) and kind else "unknown"


def parse(event: str, payload: Mapping[str, Any]) -> PullRequest | Ignored:
    """Read one message.

    :raises Invalid: it calls itself a merge request and lacks what makes one
    """
    if event not in EVENTS or guess_event(payload) != "merge_request":
        return reading.ignored(event)
    pull = reading.object_in(payload, "object_attributes")
    project = reading.object_in(payload, "project")
    number = reading.number_in(pull, "iid")
    state = pull.get("state")
    action = reading.text_or_nothing(pull.get("action"), "action") or ACTIONS.get(str(state), "update")
    is_merged = state == "merged" or action == "merge"
    is_draft = pull.get("draft") is True or pull.get("work_in_progress") is True
    head = reading.commit_or_refuse(reading.maybe(pull, "last_commit", "id"), "last_commit")
    merge = pull.get("merge_commit_sha")
    url = reading.address(pull.get("url")) or _page(project, number)
    is_gone = state == "closed" or action == "close"
    return PullRequest(
        repository=reading.repository(project.get("path_with_namespace")),
        number=number,
        action=action,
        step=Step.WITHDRAW if is_draft or (is_gone and not is_merged) else Step.SUBMIT,
        title=reading.text_in(pull, "title")[: reading.LONGEST["title"]],
        url=url,
        version=reading.commit_or_refuse(merge, "merge_commit_sha") if is_merged and merge else head,
        author=_author(payload, pull),
        body=reading.text_or_nothing(pull.get("description"), "body"),
        is_draft=is_draft,
        is_merged=is_merged,
        merged_at=reading.instant(pull.get("updated_at")) if is_merged else None,
        site=reading.site_of(url) or "gitlab",
        head=head,
        is_offered=action == "reopen" or reading.maybe(payload, "changes", "draft", "previous") is True,
    )


def _page(project: Mapping[str, Any], number: int) -> str:
    home = reading.address(project.get("web_url"))
    return f"{home}/-/merge_requests/{number}" if home else ""


def _author(payload: Mapping[str, Any], pull: Mapping[str, Any]) -> str:
    """Name who wrote it: the one who did this, where that is the same; else who wrote its last commit."""
    user = payload.get("user")
    if reading.maybe(user, "id") in (None, pull.get("author_id")):
        return reading.author_or_ghost(reading.maybe(user, "username"))
    return reading.author_or_ghost(reading.maybe(pull, "last_commit", "author", "name"))
