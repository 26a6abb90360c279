"""Read what every code host's messages have in common, whatever is in them; imports no Django."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from releasetrain.lib.errors import Invalid

LONGEST = {"title": 300, "url": 500, "version": 100, "author": 200, "body": 20_000, "action": 60}
REPOSITORY = re.compile(r"~?[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9_.-]{1,100}){1,9}")
LONGEST_ID = 300
LONGEST_SITE = 80
COMMIT = re.compile(r"[0-9a-f]{7,64}")
MOST_NUMBER = 10**10


class Step(StrEnum):
    """What a pull-request message asks of us."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What we keep of a pull request; `site` is "github", elsewhere the name of the machine it lives on.

    `head` is the commit at the tip of its branch; `version` is the merge once there is one.
    """

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
    site: str = "github"
    head: str = ""
    is_offered: bool = False

    @property
    def external_id(self) -> str:
        return external_id(self.site, self.repository, self.number)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is fine and asks nothing of us, with the reason."""

    why: str


def external_id(site: str, repository: str, number: int) -> str:
    """Name a pull request so that no other one in the world has the name."""
    return f"{site.lower()}:{repository.lower()}#{number}"


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


def object_in(payload: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return an object that has to be there.

    :raises Invalid: it is not
    """
    value = payload.get(field)
    if not isinstance(value, dict):
        raise Invalid(f"A pull-request message has an object “{field}”; this one does not.", field=field)
    return value


def maybe(payload: object, *path: str) -> Any:
    """Return what stands at the end of a path of fields, None where the path ends before."""
    for field in path:
        payload = payload.get(field) if isinstance(payload, dict) else None
    return payload


def text_in(payload: Mapping[str, Any], field: str) -> str:
    """Return a text that has to be there, stripped.

    :raises Invalid: it is not, or is empty
    """
    value = payload.get(field)
    if not isinstance(value, str) or not clean(value).strip():
        raise Invalid(f"A pull-request message has a text “{field}”; this one does not.", field=field)
    return clean(value).strip()


def text_or_nothing(value: object, longest: str) -> str:
    """Return a text that may be missing, cut to what is kept of it."""
    return clean(value)[: LONGEST[longest]] if isinstance(value, str) else ""


def repository(name: object) -> str:
    """Return the name of a repository, with everything that it stands under.

    :raises Invalid: it is none
    """
    if not isinstance(name, str) or len(name) > 200 or not REPOSITORY.fullmatch(name):
        said = clean(str(name))[:100]
        raise Invalid(f"“{said}” is not the name of a repository, owner/name.", field="repository")
    return name


def ignored(event: str) -> Ignored:
    """Say that nothing is done with messages of a kind."""
    return Ignored(f"Events of the kind “{clean(event)[:60]}” are not used.")


def match_path(url: str, path: re.Pattern[str]) -> tuple[str, re.Match[str]] | None:
    """Return the machine that an address leads to and what a pattern finds in its path, or None."""
    try:
        parts = urlsplit(url)
        site, match = parts.hostname, path.fullmatch(parts.path)
    except ValueError:
        return None
    if not site or match is None or parts.scheme not in ("http", "https"):
        return None
    return site.lower(), match


def id_by_path(url: str, path: re.Pattern[str], *, site: str = "") -> str | None:
    """Return the id of the pull request whose repository and number a pattern finds in an address.

    :param site: the only machine that counts, empty for any
    """
    found = match_path(url, path)
    if found is None or site not in ("", found[0]) or not REPOSITORY.fullmatch(found[1][1]):
        return None
    name = external_id(found[0], found[1][1], int(found[1][2]))
    return name if len(name) <= LONGEST_ID else None


def number_in(pull: Mapping[str, Any], field: str = "number") -> int:
    """Return the number of a pull request.

    :raises Invalid: it has none
    """
    number = pull.get(field)
    if type(number) is not int or not 0 < number < MOST_NUMBER:
        raise Invalid("A pull request has a whole number; this one does not.", field=field)
    return number


def commit_or_refuse(value: object, field: str) -> str:
    """Return a commit.

    :raises Invalid: it is none
    """
    if not isinstance(value, str) or not COMMIT.fullmatch(value):
        raise Invalid("A pull request names the commit at its head; this one does not.", field=field)
    return value


def author_or_ghost(name: object) -> str:
    """Return who wrote it; code hosts call the author of what a deleted account has left a ghost."""
    return text_or_nothing(name, "author").strip() or "ghost"


def address(url: object) -> str:
    """Return the page of a pull request; anything that is no web address is dropped."""
    if not isinstance(url, str) or len(url) > LONGEST["url"]:
        return ""
    try:
        parts = urlsplit(clean(url))
        named = parts.hostname
    except ValueError:
        return ""
    return clean(url) if parts.scheme in ("http", "https") and named else ""


def site_of(url: str) -> str:
    """Return the machine that an address leads to, empty where it leads to none."""
    try:
        found = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
    return found if len(found) <= LONGEST_SITE else ""


def instant(value: object) -> datetime | None:
    """Read an instant with its offset; None for everything else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read.astimezone(UTC) if read.tzinfo else None
