"""Read the webhook messages of Bitbucket Server and Data Center, whatever is in them; imports no Django.

Fields as in https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from releasetrain.trains.webhooks import reading
from releasetrain.trains.webhooks.reading import Ignored, PullRequest, Step

PROJECT_PATH = re.compile(r"(?:/[^/]+)?/projects/([^/]+)/repos/([^/]+)/pull-requests/(\d{1,10})(?:/.*)?")
USER_PATH = re.compile(r"(?:/[^/]+)?/users/([^/]+)/repos/([^/]+)/pull-requests/(\d{1,10})(?:/.*)?")
ACTIONS = ("opened", "modified", "from_ref_updated", "merged", "declined", "reviewer:approved")
LAST_SECOND = 253_402_300_799


def external_id_of(url: str) -> str | None:
    """Return the id of the pull request that an address leads to, or None for any other address."""
    for path, owner in ((PROJECT_PATH, ""), (USER_PATH, "~")):
        if (found := reading.match_path(url, path)) is not None:
            site, match = found
            return reading.external_id(site, f"{owner}{match[1]}/{match[2]}", int(match[3]))
    return None


def guess_event(payload: Mapping[str, Any]) -> str:
    """Tell which event a message was: it says so itself."""
    if payload.get("test") is True:
        return "diagnostics:ping"
    key = payload.get("eventKey")
    return key if isinstance(key, str) and key else "unknown"


def parse(event: str, payload: Mapping[str, Any]) -> PullRequest | Ignored:
    """Read one message.

    :raises Invalid: it calls itself a pull request and lacks what makes one
    """
    if event == "diagnostics:ping":
        return Ignored("Bitbucket Server said hello; the address and the secret are right.")
    kind, _, action = event.partition(":")
    if kind != "pr" or action not in ACTIONS:
        return reading.ignored(event)
    pull = reading.object_in(payload, "pullRequest")
    to = reading.object_in(reading.object_in(pull, "toRef"), "repository")
    is_merged = pull.get("state") == "MERGED"
    is_gone = pull.get("state") == "DECLINED"
    is_draft = pull.get("draft") is True and not is_merged
    head = reading.commit_or_refuse(reading.maybe(pull, "fromRef", "latestCommit"), "fromRef")
    merge = reading.maybe(pull, "properties", "mergeCommit", "id")
    url = reading.address(_first(reading.maybe(pull, "links", "self")))
    return PullRequest(
        repository=reading.repository(f"{reading.maybe(to, 'project', 'key')}/{to.get('slug')}"),
        number=reading.number_in(pull, "id"),
        action=action,
        step=Step.WITHDRAW if is_draft or is_gone else Step.SUBMIT,
        title=reading.text_in(pull, "title")[: reading.LONGEST["title"]],
        url=url,
        version=reading.commit_or_refuse(merge, "mergeCommit") if is_merged and merge else head,
        author=reading.author_or_ghost(reading.maybe(pull, "author", "user", "name")),
        body=reading.text_or_nothing(pull.get("description"), "body"),
        is_draft=is_draft,
        is_merged=is_merged,
        merged_at=_at(pull.get("closedDate")) if is_merged else None,
        site=reading.site_of(url) or "bitbucket-server",
        head=head,
        is_offered=reading.maybe(payload, "previousDraft") is True,
    )


def _first(links: object) -> object:
    return reading.maybe(links[0], "href") if isinstance(links, list) and links else None


def _at(milliseconds: object) -> datetime | None:
    if type(milliseconds) is not int or not 0 <= milliseconds // 1000 <= LAST_SECOND:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
