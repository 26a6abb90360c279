"""Place users: who is in on a ramp, and which variant of a split they get (FLAGS section 3).

Two hashes, so that a ramp that grows moves nobody from one variant to another. Every version that was ever
used stays for ever: an upgrade of this software must not move anybody either.
"""

from collections.abc import Callable, Sequence

import cbor2
import mmh3

FULL = 100_000
"""The whole of the users, in thousandths of a percent."""

LARGEST_TOTAL = 2**31 - 1
RAMP, SPLIT = ".ramp:", ".alloc:"

Place = Callable[[str, str, str, int], int]
"""From salt, purpose and key to a place on 0 to `whole` − 1."""


def _hashed(value: str | list[str], whole: int) -> int:
    """Place a value evenly, as flagd's `fractional` does."""
    place: int = mmh3.hash(cbor2.dumps(value), signed=False) * whole >> 32
    return place


def ours(salt: str, purpose: str, key: str, whole: int) -> int:
    """Place by salt, purpose and key together, so that ramp and split know nothing of each other."""
    return _hashed(f"{salt}{purpose}{key}", whole)


def flagd_short(salt: str, purpose: str, key: str, whole: int) -> int:
    """Place as flagd does where its definition names no value to bucket by; the salt is the flag's key."""
    return _hashed([salt, key], whole)


def flagd_plain(salt: str, purpose: str, key: str, whole: int) -> int:
    """Place as flagd does by a text that its definition puts together."""
    return _hashed(f"{salt}{key}", whole)


PLACES: dict[int, Place] = {1: ours, 2: flagd_short, 3: flagd_plain}
"""How users are placed, by bucket version; what is imported keeps its users where they are."""


def gate(version: int, salt: str, key: str) -> int:
    """Place a user on the ramp, 0 to 99999: whoever stands below the percentage is in.

    :raises KeyError: nobody knows this version
    """
    return PLACES[version](salt, RAMP, key, FULL)


def allot(version: int, salt: str, key: str, weights: Sequence[tuple[str, int]]) -> str:
    """Return the variant of a split that a user gets; weights may have any sum above 0.

    :raises KeyError: nobody knows this version
    """
    place = PLACES[version](salt, SPLIT, key, sum(weight for _, weight in weights))
    for variant, weight in weights:
        place -= weight
        if place < 0:
            return variant
    raise AssertionError("a place lies below the sum of the weights")
