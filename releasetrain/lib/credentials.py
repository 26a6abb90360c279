"""Keep secrets out of the database: rows name them, the server's environment holds them.

A credential is bound to one origin, so that nobody can have it sent to an address of their own.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PREFIX = "RELEASETRAIN_CREDENTIAL_"
SCHEMES = ("bearer", "basic")
EXAMPLE = "“https://prometheus.example.org bearer SECRET”, or “… basic NAME:SECRET”"


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret, and the only origin it is sent to; its text form shows no secret."""

    origin: str
    scheme: str
    secret: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """Return the header that shows it."""
        if self.scheme == "basic":
            return f"Basic {base64.b64encode(self.secret.encode()).decode()}"
        return f"Bearer {self.secret}"


def read_credential(text: str) -> Credential:
    """Read a credential as the environment holds it.

    :raises ValueError: it is none; the sentence shows nothing of the secret
    """
    parts = text.split(maxsplit=2)
    if len(parts) != 3 or parts[1].lower() not in SCHEMES or not (origin := origin_of(parts[0])):
        raise ValueError(f"write an origin, a scheme and a secret, such as {EXAMPLE}.")
    if not parts[2].isprintable() or (parts[1].lower() == "basic" and ":" not in parts[2]):
        raise ValueError(f"the secret has no form that fits its scheme; write {EXAMPLE}.")
    return Credential(origin, parts[1].lower(), parts[2].strip())


def read_credentials(
    environ: Mapping[str, str], refuse: Callable[[str, str], Exception]
) -> dict[str, Credential]:
    """Read all credentials of the environment, by what follows their prefix.

    :param refuse: builds what is raised where one cannot be read, from its name and the reason
    """
    found = {}
    for name, value in environ.items():
        if name.startswith(PREFIX):
            try:
                found[name.removeprefix(PREFIX)] = read_credential(value)
            except ValueError as fault:
                raise refuse(name, str(fault)) from None
    return found


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, "" where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return ""
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}:{port}" if parts.hostname else ""


def why_not_credential(name: str, url: str, credentials: Mapping[str, Credential]) -> str | None:
    """Return why a credential cannot be sent to an address, or None."""
    if (known := credentials.get(name)) is None:
        return f"This server has no credential {name[:60]}. Whoever runs it sets {PREFIX}{name[:60]}."
    if known.origin != origin_of(url):
        return f"The credential {name} is for {known.origin} alone, and is not sent elsewhere."
    return None
