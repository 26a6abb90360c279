"""Read the storefront's counters, and break or mend its new checkout, over its own HTTP."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from releasetrain.demo.shop import Fault
from releasetrain.demo.wire import Answer, NoAnswerError, Wire
from releasetrain.lib.errors import Refused

TIMEOUT_SECONDS = 0.5


class ShopClosed(Refused):
    """Refuse what only the storefront could do while it does not answer."""

    status = 503
    code = "shop_closed"


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What one version of the checkout has answered since the storefront started."""

    answers: int
    failures: int
    slow: int
    last_answer_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What the storefront says of itself; `recent` counts are those of the last ten seconds."""

    since: datetime
    old: VersionFacts
    new: VersionFacts
    recent_old: int
    recent_new: int
    fault: Fault | None
    reports_waiting: int

    @property
    def recent(self) -> int:
        return self.recent_old + self.recent_new

    @property
    def share(self) -> float | None:
        """Return the percentage of recent shoppers who got the new checkout; None where nobody came."""
        return 100 * self.recent_new / self.recent if self.recent else None


def read_shop() -> ShopFacts:
    """Ask the storefront how it goes.

    :raises ShopClosed: it does not answer
    """
    facts = json.loads(_ask("GET", "/versions").body)
    return ShopFacts(
        since=datetime.fromisoformat(facts["since"]),
        old=_version(facts["old"]),
        new=_version(facts["new"]),
        recent_old=facts["recent"]["old"],
        recent_new=facts["recent"]["new"],
        fault=Fault(facts["broken"]) if facts["broken"] else None,
        reports_waiting=facts["reports"]["waiting"],
    )


def break_shop(fault: Fault) -> None:
    """Make the new checkout fail or crawl, for everybody who gets it.

    :raises ShopClosed: the storefront does not answer
    """
    _ask("POST", f"/break?mode={fault.value}")


def mend_shop() -> None:
    """Make the new checkout work again.

    :raises ShopClosed: the storefront does not answer
    """
    _ask("POST", "/mend")


def _ask(method: str, path: str) -> Answer:
    wire = Wire(settings.STOREFRONT_URL, TIMEOUT_SECONDS)
    try:
        answer = wire.ask(method, path)
    except NoAnswerError as error:
        raise ShopClosed("The demonstration's shop does not answer; it may still be starting.") from error
    finally:
        wire.close()
    if answer.status != 200:
        raise ShopClosed(
            f"The demonstration's shop answered {answer.status} where it should have done as asked."
        )
    return answer


def _version(facts: dict[str, Any]) -> VersionFacts:
    last = facts["last_answer_at"]
    return VersionFacts(
        answers=facts["answers"],
        failures=facts["failures"],
        slow=facts["slow"],
        last_answer_at=datetime.fromisoformat(last) if last else None,
    )
