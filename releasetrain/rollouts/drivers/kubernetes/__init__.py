"""Talk to a Kubernetes API server over plain HTTPS: one object, read and patched within a total deadline.

Which addresses inside our network may be asked is decided where it is for everything else (`lib.fetching`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releasetrain.catalog.secrets import reveal
from releasetrain.lib.errors import Refused
from releasetrain.lib.fetching import Unfetched, Why, Wish, fetch
from releasetrain.rollouts.drivers.fields import Field, FieldKind

MOST_BYTES = 1024 * 1024
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
Document = dict[str, Any]


CLUSTER_FIELDS = (
    Field("server", "API server", "https://host:port of the API server", FieldKind.URL, is_required=True),
    Field(
        "token",
        "Token",
        "a secret: the bearer token of a service account that may get and patch the object and its status",
        FieldKind.SECRET,
        is_required=True,
    ),
    Field(
        "authorities",
        "Authorities",
        "the cluster’s certificate authority (PEM), line by line; without it, those of the web are trusted",
        FieldKind.LINES,
    ),
    Field("namespace", "Namespace", "where the object is", default="default"),
)
SERVER_FIELDS = (
    Field(
        "candidate",
        "Candidate servers",
        "host:port of each server of the new version, asked for its version before users come",
        FieldKind.LINES,
    ),
    Field("baseline", "Baseline servers", "host:port of each server of the old version", FieldKind.LINES),
    Field("version_path", "Version path", "where a server says its version", default="/version"),
)
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def why_not_name(name: str) -> str | None:
    """Return why a text is no name of an object, or None; it becomes a part of an address."""
    return None if NAME.fullmatch(name) else f"“{name[:60]}” is no name that Kubernetes allows."


class Unheard(Exception):
    """The server did not answer so that it could be understood: nobody knows what it did."""


class Denied(Exception):
    """The server, or this house, will not have it; the sentence says why."""


class Conflict(Exception):
    """The object is no longer as it was read (409, or 422 for a failed test of a JSON patch)."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where an object is, and how to show who asks."""

    server: str
    token: str
    authorities: str
    path: str

    def get(self, seconds: float) -> Document:
        """Read the object.

        :raises Denied: there is none, or this token may not read it
        :raises Unheard: no answer that can be read
        """
        return self._ask("GET", "", None, "", seconds)

    def patch(
        self, body: Any, content_type: str, seconds: float, *, status: bool = False, dry: bool = False
    ) -> Document:
        """Change the object, or its status by the subresource of that name; a dry run only tries it.

        :raises Conflict: it has changed since it was read
        :raises Denied: it may not be changed, or not so
        :raises Unheard: no answer that can be read; it may have been done
        """
        below = ("/status" if status else "") + ("?dryRun=All" if dry else "")
        return self._ask("PATCH", below, body, content_type, seconds)

    def _ask(self, method: str, below: str, body: Any, content_type: str, seconds: float) -> Document:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        headers |= {"authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {"content-type": content_type} if content_type else {}
        content = None if body is None else json.dumps(body).encode()
        wish = Wish(
            f"{self.server}{self.path}{below}",
            seconds,
            MOST_BYTES,
            headers,
            body=content,
            method=method,
            authorities=self.authorities,
        )
        try:
            got = fetch(wish)
        except Unfetched as fault:
            if fault.why is Why.ADDRESS:
                raise Denied(str(fault)) from None
            raise Unheard(f"The API server: {fault}") from None
        return _read(got.status, got.body, method)


def _read(status: int, body: bytes, method: str) -> Document:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    said = str(found.get("message", ""))[:200] if isinstance(found, dict) else ""
    if status in (409, 422) and method == "PATCH":
        raise Conflict(f"The API server answered {status}: {said}")
    if status >= 500 or status == 429:
        raise Unheard(f"The API server answered {status}. {said}".strip())
    if status >= 400:
        raise Denied(f"The API server answered {status}: {said or 'no more is said'}")
    if not isinstance(found, dict):
        raise Unheard("The API server’s answer is no JSON object.")
    return found


def cluster_of(config: Mapping[str, Any], group: str, kind: str, name: str) -> Cluster:
    """Return the object that a configuration names, such as its httproute `name`.

    :raises Denied: a name is none, or the token cannot be opened
    """
    namespace = str(config.get("namespace") or "default")
    if why := why_not_name(namespace) or why_not_name(name):
        raise Denied(why)
    reference = config.get("token")
    try:
        token = reveal(reference).strip() if isinstance(reference, dict) else ""
    except Refused as refusal:
        raise Denied(refusal.message) from None
    server = str(config.get("server", "")).rstrip("/")
    authorities = config.get("authorities")
    pem = "\n".join(authorities) if isinstance(authorities, list) else ""
    return Cluster(server, token, pem, f"/apis/{group}/namespaces/{namespace}/{kind}/{name}")


def annotation_of(document: Document, name: str) -> str:
    """Return an annotation of an object, "" where it has none."""
    metadata = document.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return str(found.get(name, "")) if isinstance(found, dict) else ""


def version_of(document: Document) -> str:
    """Return the resource version of an object as it was read."""
    metadata = document.get("metadata")
    return str(metadata.get("resourceVersion", "")) if isinstance(metadata, dict) else ""


def items_of(value: Any) -> Sequence[Document]:
    """Return the objects of a list, [] where it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number_of(document: Document, name: str) -> int | None:
    """Return an annotation that is a number, None where it is none."""
    text = annotation_of(document, name)
    return int(text) if text.isascii() and text.isdigit() else None
