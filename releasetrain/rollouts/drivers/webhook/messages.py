"""Write what is sent to a receiver and read what it answers: values in, values out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from standardwebhooks import Webhook

from releasetrain.rollouts.rules.snapshot import Outcome

BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
RETURN_BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
LONGEST_WAIT, LONGEST_RETURN_WAIT = 900.0, 2.0
DETAIL = 300


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver is told."""

    id: str
    action: str
    key: str
    service: str
    environment: str
    version: str
    weight: int
    fence: int
    callback_url: str = ""

    def body(self, at: datetime) -> str:
        """Return it as JSON; `timestamp` is when it was first asked for, so that it is the same each time."""
        data = {
            "action": self.action,
            "key": self.key,
            "service": self.service,
            "environment": self.environment,
            "version": self.version,
            "weight": self.weight,
            "fence": self.fence,
        }
        if self.callback_url:
            data["callback_url"] = self.callback_url
        return json.dumps({"type": f"traffic.{self.action}", "timestamp": at.isoformat(), "data": data})


def signed(secret: str, message_id: str, body: str, now: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks for a body, signed anew for each time it is sent.

    :raises ValueError: the secret is no `whsec_` and base64
    """
    at = now.astimezone(UTC)
    try:
        signature = Webhook(secret).sign(message_id, at, body)
    except Exception as error:
        raise ValueError("The secret is not of the form whsec_ and base64.") from error
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
        "accept-encoding": "identity",
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer means: how the call stands, how long to wait before it is sent again, and why."""

    outcome: Outcome
    detail: str = ""
    wait_seconds: float | None = None
    is_gone: bool = False


def read_reply(
    status: int, headers: Mapping[str, str], *, attempts: int, is_return: bool, now: datetime
) -> Reply:
    """Return what a receiver's answer means; a rollback waits for nobody longer than two seconds."""
    if 200 <= status < 300:
        return Reply(Outcome.ACCEPTED)
    if status == 410:
        return Reply(Outcome.REFUSED, "The receiver answered 410: it is gone for good.", is_gone=True)
    if status in (408, 425, 429) or status >= 500:
        asked = retry_after(headers.get("retry-after", ""), now)
        wait = back_off(attempts, is_return=is_return, asked=asked)
        return Reply(Outcome.UNKNOWN, f"The receiver answered {status}.", wait)
    return Reply(Outcome.REFUSED, f"The receiver answered {status}.")


def back_off(attempts: int, *, is_return: bool, asked: float | None = None) -> float:
    """Return how many seconds to wait after so many attempts, or as long as the receiver asked for."""
    steps = RETURN_BACK_OFF_SECONDS if is_return else BACK_OFF_SECONDS
    wait = asked if asked is not None else steps[min(max(attempts, 1), len(steps)) - 1]
    return min(max(wait, 0.0), LONGEST_RETURN_WAIT if is_return else LONGEST_WAIT)


def retry_after(text: str, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date; None where it says nothing."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)


class ReportState(StrEnum):
    """How a receiver says that a call has ended."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Report:
    """What a callback says: how the call ended, and the weight that stands since."""

    state: ReportState
    weight: int | None = None
    fence: int | None = None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "state": self.state.value,
            "weight": self.weight,
            "fence": self.fence,
            "detail": self.detail[:DETAIL],
        }


class Ignored(StrEnum):
    """Why a callback changes nothing."""

    DUPLICATE = "duplicate"
    REPLAYED = "replayed"
    OLDER = "older"
    STALE = "stale"
    FORGED = "forged"


def why_ignored(
    report: Report, *, known: Mapping[str, Any] | None, fence: int, newest: int, is_expired: bool
) -> Ignored | None:
    """Return why a callback that was signed by us changes nothing, or None.

    :param known: what the call's first callback said, None where there was none
    :param newest: the newest fence that was asked for on this target
    """
    if known is not None:
        return Ignored.DUPLICATE if dict(known) == report.to_json() else Ignored.REPLAYED
    if fence < newest:
        return Ignored.OLDER
    return Ignored.STALE if is_expired else None


def weight_in(body: bytes) -> tuple[int | None, int | None]:
    """Return weight and fence of a read-back, {"weight": 25, "fence": 7}; None for each that is away."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(found, dict):
        return None, None
    weight, fence = found.get("weight"), found.get("fence")
    is_weight = isinstance(weight, int) and not isinstance(weight, bool) and 0 <= weight <= 100
    is_fence = isinstance(fence, int) and not isinstance(fence, bool)
    return (weight if is_weight else None), (fence if is_fence else None)
