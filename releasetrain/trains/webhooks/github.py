"""Read GitHub's webhook messages, whatever is in them; imports no Django.

Fields as in https://docs.github.com/webhooks/webhook-events-and-payloads#pull_request.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from releasetrain.lib.errors import Invalid

LONGEST = {"title": 300, "url": 500, "version": 100, "author": 200, "body": 20_000}
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_.-]{1,100}")
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
PULL_PATH = re.compile(r"/([^/]+/[^/]+)/pull/(\d{1,10})(?:/.*)?")


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


class Step(StrEnum):
    """What a pull-request message asks of us."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What we keep of a pull request."""

    repository: str
    number: int
    action: str
    step: Step
    title: str
    url: str
    version: str
    author: str
    body: str
    is_draft: bool
    is_merged: bool
    merged_at: datetime | None

    @property
    def external_id(self) -> str:
        return f"github:{self.repository.lower()}#{self.number}"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is fine and asks nothing of us, with the reason."""

    why: str


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
    return f"github:{match[1].lower()}#{int(match[2])}"


def clean(text: str) -> str:
    """Take out what a database cannot keep: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def decode(body: bytes) -> Mapping[str, Any]:
    """Read the body of a message.

    :raises Invalid: it is no JSON object
    """
    try:
        payload = json.loads(body)
    except RecursionError:
        raise Invalid("The body is JSON nested deeper than anybody means.", field="body") from None
    except ValueError as error:
        what = f"The body is not JSON: {str(error)[:120].rstrip('.')}."
        raise Invalid(clean(what), field="body") from None
    if not isinstance(payload, dict):
        raise Invalid("The body is JSON, but not an object with fields.", field="body")
    return payload


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
    pull = _object(payload, "pull_request")
    action = clean(_text(payload, "action"))[:60]
    head, user = _object(pull, "head"), pull.get("user")
    return PullRequest(
        repository=_repository(payload),
        number=_number(pull),
        action=action,
        step=_step(action, pull),
        title=_text(pull, "title")[: LONGEST["title"]],
        url=_address(pull),
        version=_version(pull, head),
        author=_author(user),
        body=clean(pull["body"] if isinstance(pull.get("body"), str) else "")[: LONGEST["body"]],
        is_draft=pull.get("draft") is True,
        is_merged=pull.get("merged") is True,
        merged_at=_instant(pull.get("merged_at")),
    )


def _step(action: str, pull: Mapping[str, Any]) -> Step:
    """Decide what it means: a draft is not offered yet, and one closed without a merge is taken back."""
    if pull.get("draft") is True or action == "converted_to_draft":
        return Step.WITHDRAW
    if action == "closed" and pull.get("merged") is not True:
        return Step.WITHDRAW
    return Step.SUBMIT


def _object(payload: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = payload.get(field)
    if not isinstance(value, dict):
        raise Invalid(f"A pull-request message has an object “{field}”; this one does not.", field=field)
    return value


def _text(payload: Mapping[str, Any], field: str) -> str:
    value = payload.get(field)
    if not isinstance(value, str) or not clean(value).strip():
        raise Invalid(f"A pull-request message has a text “{field}”; this one does not.", field=field)
    return clean(value).strip()


def _repository(payload: Mapping[str, Any]) -> str:
    name = _text(_object(payload, "repository"), "full_name")
    if not REPOSITORY.fullmatch(name):
        raise Invalid(f"“{name[:100]}” is not the name of a repository, owner/name.", field="repository")
    return name


def _number(pull: Mapping[str, Any]) -> int:
    number = pull.get("number")
    if type(number) is not int or not 0 < number < 10**10:
        raise Invalid("A pull request has a whole number; this one does not.", field="number")
    return number


def _version(pull: Mapping[str, Any], head: Mapping[str, Any]) -> str:
    """Return the commit that would go out: the merge once there is one, the branch's head until then."""
    merge = pull.get("merge_commit_sha")
    sha = merge if pull.get("merged") is True and isinstance(merge, str) else head.get("sha")
    if not isinstance(sha, str) or not COMMIT.fullmatch(sha):
        raise Invalid("A pull request names the commit at its head; this one does not.", field="head")
    return sha


def _author(user: object) -> str:
    login = user.get("login") if isinstance(user, dict) else None
    # GitHub's name for the author of what a deleted account has left.
    return clean(login)[: LONGEST["author"]] if isinstance(login, str) and login else "ghost"


def _address(pull: Mapping[str, Any]) -> str:
    """Return the page of a pull request; anything that is no web address is dropped."""
    url = pull.get("html_url")
    if not isinstance(url, str) or len(url) > LONGEST["url"]:
        return ""
    try:
        parts = urlsplit(clean(url))
    except ValueError:
        return ""
    return clean(url) if parts.scheme in ("http", "https") and parts.hostname else ""


def _instant(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else None
