"""Ask every endpoint of a fleet at the same time; one that is silent keeps nobody waiting for the others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ONE = TypeVar("ONE")
ANSWER = TypeVar("ANSWER")
MOST_AT_ONCE = 64


def at_once(ask: Callable[[ONE], ANSWER], endpoints: Sequence[ONE]) -> list[ANSWER]:
    """Return what each endpoint answered, in their order; `ask` keeps its own deadline and does not raise."""
    if len(endpoints) <= 1:
        return [ask(one) for one in endpoints]
    with ThreadPoolExecutor(min(len(endpoints), MOST_AT_ONCE), "fleet") as pool:
        return list(pool.map(ask, endpoints))
