"""Ask an HTTP server over one kept connection, with the standard library alone.

The demonstration's processes share a small machine with the whole house: an HTTP library costs each of them
more memory than all of their own code.
"""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswerError(Exception):
    """The server could not be reached, or did not answer in time."""


@dataclass(slots=True)
class Wire:
    """Hold one connection to one server; for one thread at a time."""

    address: str
    timeout: float
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read its answer; try once more where the kept connection had gone stale.

        :param path: begins with a slash and is joined to the address's own path
        :raises NoAnswerError: in words
        """
        was_kept = self._connection is not None
        try:
            return self._ask(method, path, body, headers or {})
        except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError) as error:
            self.close()
            if not was_kept:
                raise NoAnswerError(self._words(error)) from error
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise NoAnswerError(self._words(error)) from error
        return self.ask(method, path, body, headers)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        place = urlsplit(self.address)
        if self._connection is None:
            kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(place.netloc, timeout=self.timeout)
        self._connection.request(method, place.path.rstrip("/") + path, body or None, dict(headers))
        response = self._connection.getresponse()
        content = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, content)

    def _words(self, error: Exception) -> str:
        return f"{self.address} does not answer ({str(error) or type(error).__name__})"
