"""Read the webhook messages of Bitbucket Cloud, whatever is in them; imports no Django.

Fields as in https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Pull-request-events.
"""

import re
from collections.abc import Mapping
from typing import Any

from releasetrain.trains.webhooks import reading
from releasetrain.trains.webhooks.reading import Ignored, PullRequest, Step

SITE = "bitbucket.org"
PULL_PATH = re.compile(r"/([^/]+/[^/]+)/pull-requests/(\d{1,10})(?:/.*)?")
ACTIONS = ("created", "updated", "fulfilled", "rejected", "approved", "unapproved")


def external_id_of(url: str) -> str | None:
    """Return the id of the pull request that an address leads to, or None for any other address."""
    return reading.id_by_path(url, PULL_PATH, site=SITE)


def guess_event(payload: Mapping[str, Any]) -> str:
    """Tell which event a saved message was, from its fields alone; a header says it."""
    if "pullrequest" not in payload:
        return "repo:push" if "push" in payload else "unknown"
    if "approval" in payload:
        return "pullrequest:approved"
    done = {"MERGED": "fulfilled", "DECLINED": "rejected"}
    return f"pullrequest:{done.get(str(reading.maybe(payload, 'pullrequest', 'state')), 'updated')}"


def parse(event: str, payload: Mapping[str, Any]) -> PullRequest | Ignored:
    """Read one message.

    :raises Invalid: it calls itself a pull request and lacks what makes one
    """
    kind, _, action = event.partition(":")
    if kind != "pullrequest" or action not in ACTIONS:
        return reading.ignored(event)
    pull = reading.object_in(payload, "pullrequest")
    number = reading.number_in(pull, "id")
    name = reading.repository(reading.object_in(payload, "repository").get("full_name"))
    is_merged = action == "fulfilled" or pull.get("state") == "MERGED"
    is_gone = action == "rejected" or pull.get("state") in ("DECLINED", "SUPERSEDED")
    is_draft = pull.get("draft") is True and not is_merged
    head = reading.commit_or_refuse(reading.maybe(pull, "source", "commit", "hash"), "source")
    merge = reading.maybe(pull, "merge_commit", "hash")
    return PullRequest(
        repository=name,
        number=number,
        action=action,
        step=Step.WITHDRAW if is_draft or (is_gone and not is_merged) else Step.SUBMIT,
        title=reading.text_in(pull, "title")[: reading.LONGEST["title"]],
        url=f"https://{SITE}/{name}/pull-requests/{number}",
        version=reading.commit_or_refuse(merge, "merge_commit") if is_merged and merge else head,
        author=reading.author_or_ghost(
            reading.maybe(pull, "author", "nickname") or reading.maybe(pull, "author", "display_name")
        ),
        body=reading.text_or_nothing(pull.get("description"), "body"),
        is_draft=is_draft,
        is_merged=is_merged,
        merged_at=reading.instant(pull.get("updated_on")) if is_merged else None,
        site=SITE,
        head=head,
    )
