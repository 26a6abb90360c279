"""Read the webhook messages of Gitea and of Gogs, which it comes from; imports no Django.

Fields as in https://docs.gitea.com/usage/webhooks and https://gogs.io/advancing/webhooks. Gogs names no
commit before the merge: the reference at which it keeps the pull request stands for it.
"""

import re
from collections.abc import Mapping
from typing import Any

from releasetrain.trains.webhooks import reading
from releasetrain.trains.webhooks.reading import Ignored, PullRequest, Step

PULL_PATH = re.compile(r"/([^/]+/[^/]+)/pulls/(\d{1,10})(?:/.*)?")
DRAFT_TITLE = re.compile(r"(wip:|\[wip\]|draft:)", re.IGNORECASE)
FIELDS = ("pull_request", "release", "commits")
OFFERS = ("reopened",)


def external_id_of(url: str) -> str | None:
    """Return the id of the pull request that an address leads to, or None for any other address."""
    return reading.id_by_path(url, PULL_PATH)


def guess_event(payload: Mapping[str, Any]) -> str:
    """Tell which event a saved message was, from its fields alone; a header says it."""
    found = next((field for field in FIELDS if field in payload), "unknown")
    return "push" if found == "commits" else found


def parse(event: str, payload: Mapping[str, Any]) -> PullRequest | Ignored:
    """Read one message.

    :raises Invalid: it calls itself a pull request and lacks what makes one
    """
    if not event.startswith("pull_request") or "pull_request" not in payload or payload.get("review"):
        return reading.ignored(event)
    pull = reading.object_in(payload, "pull_request")
    number = reading.number_in(pull if "number" in pull else payload)
    action = reading.text_in(payload, "action")[:60]
    title = reading.text_in(pull, "title")[: reading.LONGEST["title"]]
    is_merged = pull.get("merged") is True or pull.get("has_merged") is True
    is_draft = not is_merged and (pull.get("draft") is True or DRAFT_TITLE.match(title) is not None)
    url = reading.address(pull.get("html_url"))
    sha = reading.maybe(pull, "head", "sha")
    head = reading.commit_or_refuse(sha, "head") if sha else f"refs/pull/{number}/head"
    merge = pull.get("merge_commit_sha") or pull.get("merged_commit_id")
    is_gone = action == "closed" and not is_merged
    return PullRequest(
        repository=reading.repository(reading.object_in(payload, "repository").get("full_name")),
        number=number,
        action=action,
        step=Step.WITHDRAW if is_draft or is_gone else Step.SUBMIT,
        title=title,
        url=url,
        version=reading.commit_or_refuse(merge, "merge_commit_sha") if is_merged and merge else head,
        author=reading.author_or_ghost(reading.maybe(pull, "user", "login")),
        body=reading.text_or_nothing(pull.get("body"), "body"),
        is_draft=is_draft,
        is_merged=is_merged,
        merged_at=reading.instant(pull.get("merged_at") or pull.get("merged")),
        site=reading.site_of(url) or "gitea",
        head=head,
        is_offered=action in OFFERS or (action == "edited" and _was_draft(payload)),
    )


def _was_draft(payload: Mapping[str, Any]) -> bool:
    before = reading.maybe(payload, "changes", "title", "from")
    return isinstance(before, str) and DRAFT_TITLE.match(before) is not None
