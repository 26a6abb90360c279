"""Say what every source of metrics can do, and what HTTP may answer it."""

from collections.abc import Mapping
from typing import Protocol

from releasetrain.health.rules.asking import Ask, Fault, Finding, Told, Unanswered
from releasetrain.lib.fetching import Fetched, Unfetched, Why, Wish, fetch_async

FAULTS: Mapping[Why, Fault] = {
    Why.ADDRESS: Fault.ADDRESS,
    Why.UNKNOWN_HOST: Fault.UNREACHABLE,
    Why.UNREACHABLE: Fault.UNREACHABLE,
    Why.TIMEOUT: Fault.TIMEOUT,
    Why.REDIRECT: Fault.ADDRESS,
    Why.COMPRESSED: Fault.GARBLED,
    Why.TOO_LARGE: Fault.TOO_LARGE,
}


class Source(Protocol):
    """Something that is asked for counts.

    Both methods keep `ask.seconds` for everything that they do, and raise `Unanswered` where there is no
    answer; a series that is not there is an answer.
    """

    def why_not(self, expression: str) -> str | None:
        """Return why an expression cannot be asked, as far as that shows without asking."""

    async def tell(self, ask: Ask) -> Told:
        """Return what was counted in the spans that are due."""

    async def try_out(self, ask: Ask) -> list[Finding]:
        """Say what each expression gives now; nothing is kept."""


async def get(wish: Wish) -> Fetched:
    """Fetch, and tell apart why there is no answer.

    :raises Unanswered: there is none, or its status says so; 400 and 422 are the caller's to read
    """
    try:
        answer = await fetch_async(wish)
    except Unfetched as refusal:
        raise Unanswered(FAULTS[refusal.why], str(refusal)) from refusal
    if answer.status in {200, 400, 422}:
        return answer
    raise Unanswered(*_status(answer.status))


def _status(status: int) -> tuple[Fault, str]:
    if status in {401, 403, 407}:
        return Fault.DENIED, f"It answers {status}: it wants a credential, or another one."
    if status in {404, 405, 410}:
        return Fault.NOT_FOUND, f"It answers {status}: there is nothing to ask at this address."
    if status == 429:
        return Fault.BUSY, "It answers 429: it is asked too often."
    if status >= 500:
        return Fault.BROKEN, f"It answers {status}: it is broken or overloaded."
    return Fault.GARBLED, f"It answers {status}, which no source of metrics does."
