"""Fetch a calendar from the web."""

import httpx

from releasetrain.calendars.ics.lines import MOST_BYTES
from releasetrain.lib import fetching
from releasetrain.lib.fetching import Unfetched as Unfetched
from releasetrain.lib.fetching import Why, Wish

DEADLINE_SECONDS = 10.0
MOST_REDIRECTS = 3
ASKS_FOR = {
    "Accept": "text/calendar, */*;q=0.1",
    "Accept-Encoding": "identity",
    "User-Agent": "Release Train",
}


def fetch(url: str) -> bytes:
    """Return the calendar at an address.

    :raises Unfetched: it is refused, does not answer in time, or answers with something else
    """
    answer = fetching.fetch(Wish(url, DEADLINE_SECONDS, MOST_BYTES, ASKS_FOR, redirects=MOST_REDIRECTS))
    if answer.status != httpx.codes.OK:
        raise Unfetched(f"It answers {answer.status} instead of a calendar.", Why.UNREACHABLE)
    return answer.body
