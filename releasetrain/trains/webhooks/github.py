"""Read GitHub's webhook messages, whatever is in them; imports no Django.

Fields as in https://docs.github.com/webhooks/webhook-events-and-payloads#pull_request.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from releasetrain.lib.errors import Invalid
from releasetrain.trains.webhooks import reading
from releasetrain.trains.webhooks.reading import Ignored, PullRequest, Step, clean

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_.-]{1,100}")
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
PULL_PATH = re.compile(r"/([^/]+/[^/]+)/pull/(\d{1,10})(?:/.*)?")
OFFERS = ("reopened", "ready_for_review")

# A message names itself by its most particular field: a workflow job may carry its deployment along.
FIELDS = (
    "workflow_job",
    "deployment_status",
    "deployment",
    "workflow_run",
    "check_run",
    "check_suite",
    "merge_group",
    "release",
    "pull_request",
    "installation",
)


def external_id_of(url: str) -> str | None:
    """Return the id of the pull request that an address leads to, or None for any other address."""
    try:
        parts = urlsplit(url)
        host, path = parts.hostname, parts.path
    except ValueError:
        return None
    match = PULL_PATH.fullmatch(path)
    if host not in ("github.com", "www.github.com") or not match or not REPOSITORY.fullmatch(match[1]):
        return None
    return reading.external_id("github", match[1], int(match[2]))


def guess_event(payload: Mapping[str, Any]) -> str:
    """Tell which event a saved message was, from its fields alone; GitHub says it in a header."""
    if "zen" in payload:
        return "ping"
    for field in ("review", "comment", "thread"):
        if field in payload and "pull_request" in payload:
            return f"pull_request_{field}"
    for field in FIELDS:
        if field in payload:
            return field
    return "push" if "commits" in payload else "unknown"


def parse(event: str, payload: Mapping[str, Any]) -> PullRequest | Ignored:
    """Read one message.

    :raises Invalid: it calls itself a pull request and lacks what makes one
    """
    if event == "ping":
        return Ignored("GitHub said hello; the address and the secret are right.")
    if event != "pull_request":
        return Ignored(f"Events of the kind “{clean(event)[:60]}” are not used.")
    pull = reading.object_in(payload, "pull_request")
    action = reading.text_in(payload, "action")[:60]
    head = reading.object_in(pull, "head")
    return PullRequest(
        repository=_repository(payload),
        number=reading.number_in(pull),
        action=action,
        step=_step(action, pull),
        title=reading.text_in(pull, "title")[: reading.LONGEST["title"]],
        url=reading.address(pull.get("html_url")),
        version=_version(pull, head),
        author=reading.author_or_ghost(reading.maybe(pull, "user", "login")),
        body=reading.text_or_nothing(pull.get("body"), "body"),
        is_draft=pull.get("draft") is True,
        is_merged=pull.get("merged") is True,
        merged_at=reading.instant(pull.get("merged_at")),
        head=reading.text_or_nothing(head.get("sha"), "version"),
        is_offered=action in OFFERS,
    )


def _step(action: str, pull: Mapping[str, Any]) -> Step:
    """Decide what it means: a draft is not offered yet, and one closed without a merge is taken back."""
    if pull.get("draft") is True or action == "converted_to_draft":
        return Step.WITHDRAW
    if action == "closed" and pull.get("merged") is not True:
        return Step.WITHDRAW
    return Step.SUBMIT


def _repository(payload: Mapping[str, Any]) -> str:
    name = reading.text_in(reading.object_in(payload, "repository"), "full_name")
    if not REPOSITORY.fullmatch(name):
        raise Invalid(f"“{name[:100]}” is not the name of a repository, owner/name.", field="repository")
    return name


def _version(pull: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    """Return the commit that would go out: the merge once there is one, the branch's head until then."""
    merge = pull.get("merge_commit_sha")
    sha = merge if pull.get("merged") is True and isinstance(merge, str) else head.get("sha")
    if not isinstance(sha, str) or not COMMIT.fullmatch(sha):
        raise Invalid("A pull request names the commit at its head; this one does not.", field="head")
    return sha
