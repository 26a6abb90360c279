"""Hand error lines over to the house, each batch once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from releasetrain.health.tail.pile import Counted

PATH = "/api/v1/errors"
TIMEOUT_SECONDS = 10.0
# The house will never take these, however often they are sent; the cause of others may be mended meanwhile.
HOPELESS = frozenset({400, 413, 422})
# Too slow, too many: no fault of whoever asks.
COMES_AGAIN = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose log it is; exactly one of version and arm is named."""

    service: str
    environment: str
    version: str = ""
    arm: str = ""

    def to_json(self) -> dict[str, str]:
        place = {"service": self.service, "environment": self.environment}
        return place | ({"arm": self.arm} if self.arm else {"version": self.version})


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines under a key that stays, however often they are sent; without lines it is a sign of life."""

    lines: Sequence[Counted] = ()
    key: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a batch, in words where it was not taken.

    One that is settled need not be sent again. `is_refused` says that the house answered and said no.
    """

    is_taken: bool = False
    is_settled: bool = False
    is_refused: bool = False
    words: str = ""
    arm: str = ""


class Sender:
    """Send batches to one house."""

    def __init__(self, address: str, token: str, writer: Writer) -> None:
        self._writer = writer
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, batch: Batch) -> Answer:
        """Send a batch once."""
        body = {
            **self._writer.to_json(),
            "batch": str(batch.key),
            "errors": [one.to_json() for one in batch.lines],
        }
        try:
            answer = self._client.post(PATH, json=body)
        except httpx.HTTPError as error:
            return Answer(words=f"The house does not answer ({error or type(error).__name__}).")
        if answer.status_code == httpx.codes.OK:
            return Answer(is_taken=True, is_settled=True, arm=str(_json(answer).get("arm", "")))
        words = str(_json(answer).get("message") or f"The house answers {answer.status_code}.")
        is_refused = answer.is_client_error and answer.status_code not in COMES_AGAIN
        return Answer(is_settled=answer.status_code in HOPELESS, is_refused=is_refused, words=words)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
