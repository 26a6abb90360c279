"""Know every code host: how its messages are read, named and signed, and any pull request by its address."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from releasetrain.trains.webhooks import bitbucket, bitbucket_server, gitea, github, gitlab
from releasetrain.trains.webhooks.reading import Ignored, PullRequest

Reader = Callable[[str, Mapping[str, Any]], PullRequest | Ignored]


@dataclass(frozen=True, slots=True)
class Host:
    """One kind of code host: its readers, and the headers that name and sign a message.

    A signature is the HMAC-SHA256 of the body in hexadecimal after `signed_by`; None means that the header
    carries the secret itself.
    """

    name: str
    label: str
    parse: Reader
    guess_event: Callable[[Mapping[str, Any]], str]
    external_id_of: Callable[[str], str | None]
    event_header: str
    delivery_headers: tuple[str, ...]
    signature_header: str
    signed_by: str | None = "sha256="

    def is_signed(self, secret: str, body: bytes, signature: str) -> bool:
        """Tell whether a message was sent by somebody who knows the secret."""
        expected = secret
        if self.signed_by is not None:
            expected = self.signed_by + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


HOSTS = {
    host.name: host
    for host in (
        Host(
            "github",
            "GitHub",
            github.parse,
            github.guess_event,
            github.external_id_of,
            "X-GitHub-Event",
            ("X-GitHub-Delivery",),
            "X-Hub-Signature-256",
        ),
        Host(
            "gitlab",
            "GitLab",
            gitlab.parse,
            gitlab.guess_event,
            gitlab.external_id_of,
            "X-Gitlab-Event",
            ("Idempotency-Key", "X-Gitlab-Event-UUID"),
            "X-Gitlab-Token",
            None,
        ),
        Host(
            "gitea",
            "Gitea",
            gitea.parse,
            gitea.guess_event,
            gitea.external_id_of,
            "X-Gitea-Event",
            ("X-Gitea-Delivery",),
            "X-Gitea-Signature",
            "",
        ),
        Host(
            "gogs",
            "Gogs",
            gitea.parse,
            gitea.guess_event,
            gitea.external_id_of,
            "X-Gogs-Event",
            ("X-Gogs-Delivery",),
            "X-Gogs-Signature",
            "",
        ),
        Host(
            "bitbucket",
            "Bitbucket",
            bitbucket.parse,
            bitbucket.guess_event,
            bitbucket.external_id_of,
            "X-Event-Key",
            ("X-Request-UUID",),
            "X-Hub-Signature",
        ),
        Host(
            "bitbucket-server",
            "Bitbucket Server",
            bitbucket_server.parse,
            bitbucket_server.guess_event,
            bitbucket_server.external_id_of,
            "X-Event-Key",
            ("X-Request-Id",),
            "X-Hub-Signature",
        ),
    )
}


def external_id_of(url: str) -> str | None:
    """Return the id of the pull request that an address leads to, or None for any other address."""
    return next((found for host in HOSTS.values() if (found := host.external_id_of(url))), None)
