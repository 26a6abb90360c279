"""Read the storefront's counters, and break or mend its new checkout, over its own HTTP."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from releasetrain.demo.proxying import deployed, proxy_kind, sides
from releasetrain.demo.shop import Fault, Version
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
    is_new_dead: bool = False

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
    if proxy_kind() is not None:
        return _read_sides()
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


def _read_sides() -> ShopFacts:
    """Ask both versions behind the proxy; the new one may be dead."""
    old = json.loads(_ask("GET", "/versions", Version.OLD).body)
    try:
        new = json.loads(_ask("GET", "/versions", Version.NEW).body)
    except ShopClosed:
        new = None
    return ShopFacts(
        since=datetime.fromisoformat(old["since"]),
        old=_version(old["old"]),
        new=_version(new["new"]) if new else VersionFacts(0, 0, 0, None),
        recent_old=old["recent"]["old"],
        recent_new=new["recent"]["new"] if new else 0,
        fault=Fault(new["broken"]) if new and new["broken"] else None,
        reports_waiting=old["reports"]["waiting"] + (new["reports"]["waiting"] if new else 0),
        is_new_dead=new is None,
    )


def kill_new() -> None:
    """Kill the new version's process, and let nobody start it again until it is mended."""
    deployed().kill()
    wire = Wire(f"http://{sides().of(Version.NEW)}", TIMEOUT_SECONDS)
    try:
        wire.ask("POST", "/die")
    except NoAnswerError:
        return  # the dead do not answer
    finally:
        wire.close()


def break_shop(fault: Fault) -> None:
    """Make the new checkout fail or crawl, for everybody who gets it.

    :raises ShopClosed: the storefront does not answer
    """
    _ask("POST", f"/break?mode={fault.value}", Version.NEW)


def mend_shop() -> None:
    """Make the new checkout work again.

    :raises ShopClosed: the storefront does not answer
    """
    if proxy_kind() is not None and deployed().is_killed:
        deployed().mend()
        return
    _ask("POST", "/mend", Version.NEW)


def _ask(method: str, path: str, version: Version = Version.OLD) -> Answer:
    """Ask the shop; behind a proxy the process of one version, past it."""
    url = settings.STOREFRONT_URL if proxy_kind() is None else f"http://{sides().of(version)}"
    wire = Wire(url, TIMEOUT_SECONDS)
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
