"""Read what a proxy's admin answers, and put what several of them answer together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from releasetrain.rollouts.drivers.base import Ack, Drained, Observed, Outcome, Sync


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one proxy: its facts, or why there are none.

    `status` is that of HTTP, 0 where nothing readable came back; `is_sent`: did we try.
    """

    endpoint: str
    status: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    is_sent: bool = True

    @property
    def is_readable(self) -> bool:
        return self.status == 200 and not self.why


def read(endpoint: str, status: int, body: bytes) -> Reply:
    """Read an answer; one that is no state of a proxy is nothing readable, whatever its status."""
    try:
        facts = json.loads(body)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        shown = body[:100].decode(errors="replace").strip()
        return Reply(endpoint, why=f"{endpoint} answered {status} with no state: “{shown}”.")
    if status != 200:
        sentence = str(facts.get("error", ""))[:200] or f"It answered {status}."
        return Reply(endpoint, status, facts, f"{endpoint}: {sentence}")
    if not all(_is_number(facts.get(name)) for name in ("weight", "fence", "mirror")):
        return Reply(endpoint, why=f"{endpoint} answered 200 and told no weight.")
    return Reply(endpoint, status, facts)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def acknowledged(replies: Sequence[Reply], weight: int, fence: int, mirror: int = 0) -> Ack:
    """Say what became of a call: confirmed only where every proxy reads back what was asked for."""
    wanted = (weight, fence, mirror)
    wrong = [one for one in replies if not one.is_readable or _told(one) != wanted]
    if not wrong:
        unkept = [one.endpoint for one in replies if one.facts.get("is_kept") is False]
        detail = f"Not kept for a restart: {', '.join(unkept)} cannot write its state." if unkept else ""
        return Ack(Outcome.CONFIRMED, detail)
    detail = " ".join(one.why or f"{one.endpoint} is at {one.facts['weight']} %." for one in wrong)
    is_refused = all(400 <= one.status < 600 or not one.is_sent for one in wrong) and not any(
        one.is_readable for one in wrong
    )
    return Ack(Outcome.REFUSED if is_refused else Outcome.UNKNOWN, detail)


def _told(reply: Reply) -> tuple[int, int, int]:
    return reply.facts["weight"], reply.facts["fence"], reply.facts["mirror"]


def observed(replies: Sequence[Reply], at: datetime) -> Observed:
    """Put together what was read back: synced where all say the same, else who does not is named."""
    heard = [one for one in replies if one.is_readable]
    if not heard:
        return Observed(Sync.UNREACHABLE, at=at, detail=" ".join(one.why for one in replies))
    # The highest weight is the truth about users: somebody there still gets the candidate.
    worst = max(heard, key=lambda one: one.facts["weight"])
    newest = max(one.facts["fence"] for one in heard)
    others = [one for one in replies if not one.is_readable or _told(one) != _told(worst)]
    missing = tuple(one.endpoint for one in others)
    return Observed(
        Sync.PARTIAL if missing else Sync.SYNCED,
        weight=worst.facts["weight"],
        fence=newest,
        at=at,
        detail=" ".join(one.why or f"{one.endpoint} is at {one.facts['weight']} %." for one in others),
        mirror=worst.facts["mirror"],
        missing=missing,
    )


def drained(replies: Sequence[Reply], *, was_cut: bool) -> Drained:
    """Count what is open on the candidate; nobody can tell where a proxy does not."""
    silent = [one for one in replies if not one.is_readable]
    if silent:
        return Drained(None, detail=" ".join(one.why for one in silent))
    return Drained(sum(int(one.facts["open"]["candidate"]) for one in replies), was_cut=was_cut)
