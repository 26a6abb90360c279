"""Say which variant is served: one for all, a split between several, or a ramp that lets a share of users in.

Shapes, as they are kept: {"variant": "on"} · {"split": [["a", 50000], ["b", 50000]], "by": "targetingKey"} ·
{"ramp": 12500, "serve": {…}, "by": "targetingKey"}, where whoever is not let in goes on to the next rule.
Shares are thousandths of a percent; those of a split that was imported may have any sum.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from releasetrain.flags.rules.buckets import FULL, LARGEST_TOTAL, PLACES, allot, gate
from releasetrain.flags.rules.conditions import Context, attribute_of, why_not_attribute

BY = "targetingKey"
MOST_VARIANTS = 50


class Reason(StrEnum):
    """Why an answer is what it is; only words that stock OpenFeature providers know."""

    STATIC = "STATIC"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    DISABLED = "DISABLED"


class KeyMissing(Exception):
    """A share of users is asked for, and nobody said who asks."""


@dataclass(frozen=True, slots=True)
class Hash:
    """How users are placed: the version of the places, and the salt that makes them this rule's own."""

    version: int
    salt: str


Serve = Callable[[Context], tuple[str, Reason] | None]
"""Return variant and reason, or None where this serves nobody with such a context."""


def compile_serve(shape: Mapping[str, Any], hashed: Hash) -> Serve:
    """Build what a checked shape serves.

    :raises KeyError: nobody knows the version of the places
    """
    if hashed.version not in PLACES:
        raise KeyError(hashed.version)
    if "variant" in shape:
        return always((str(shape["variant"]), Reason.TARGETING_MATCH))
    key_of = _key_of(str(shape.get("by") or BY))
    if "split" in shape:
        return _split([(str(name), int(share)) for name, share in shape["split"]], hashed, key_of)
    return _ramp(int(shape["ramp"]), compile_serve(shape["serve"], hashed), hashed, key_of)


def always(found: tuple[str, Reason] | None) -> Serve:
    """Serve the same to everybody, or nobody."""

    def serve(context: Context) -> tuple[str, Reason] | None:
        return found

    return serve


def _key_of(by: str) -> Callable[[Context], str | None]:
    """Build what finds the text by which users are placed; without it a rule serves nobody.

    :raises KeyMissing: on the call, where it is the targeting key itself that is not there
    """
    if by == BY:

        def targeting_key(context: Context) -> str | None:
            key = context.get(BY)
            if not isinstance(key, str) or not key:
                raise KeyMissing
            return key

        return targeting_key
    path = by.split(".")

    def attribute(context: Context) -> str | None:
        return text_of(attribute_of(context, path))

    return attribute


def text_of(value: Any) -> str | None:
    """Return a value as users are placed by it; None where it is neither text nor number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _split(weights: list[tuple[str, int]], hashed: Hash, key_of: Callable[[Context], str | None]) -> Serve:
    def serve(context: Context) -> tuple[str, Reason] | None:
        key = key_of(context)
        return None if key is None else (allot(hashed.version, hashed.salt, key, weights), Reason.SPLIT)

    return serve


def _ramp(share: int, inner: Serve, hashed: Hash, key_of: Callable[[Context], str | None]) -> Serve:
    if share >= FULL:
        return inner
    if share <= 0:
        return always(None)

    def serve(context: Context) -> tuple[str, Reason] | None:
        key = key_of(context)
        if key is None or gate(hashed.version, hashed.salt, key) >= share:
            return None
        found = inner(context)
        return None if found is None else (found[0], Reason.SPLIT)

    return serve


def why_not_serve(shape: Any, variants: Mapping[str, Any], *, may_ramp: bool = True) -> str | None:
    """Return in a sentence why this cannot be served, or None.

    :param variants: those of the flag, by name
    """
    kinds = [one for one in ("variant", "split", "ramp") if isinstance(shape, Mapping) and one in shape]
    if len(kinds) != 1:
        return "Say what is served: one variant, a split between several, or a share of users."
    if kinds == ["variant"]:
        return _why_not_variant(shape["variant"], variants)
    if (by := shape.get("by")) and (why := why_not_attribute(by)):
        return why
    if kinds == ["split"]:
        return _why_not_split(shape["split"], variants)
    if not may_ramp:
        return "What is served to all others cannot leave anybody out: name a variant or a split."
    share = shape["ramp"]
    if not _is_share(share):
        return "A share of users lies between 0 and 100 %."
    return why_not_serve(shape.get("serve"), variants, may_ramp=False)


def _is_share(share: Any) -> bool:
    return isinstance(share, int) and not isinstance(share, bool) and 0 <= share <= FULL


def _why_not_variant(name: Any, variants: Mapping[str, Any]) -> str | None:
    if isinstance(name, str) and name in variants:
        return None
    return f"There is no variant “{str(name)[:60]}”; there are {', '.join(variants)}."


def _why_not_split(weights: Any, variants: Mapping[str, Any]) -> str | None:
    pairs = weights if isinstance(weights, list) else []
    if not pairs or len(pairs) > MOST_VARIANTS or not all(_is_pair(one) for one in pairs):
        return "A split lists variants with their shares, such as a 50 % and b 50 %."
    for name, _ in pairs:
        if why := _why_not_variant(name, variants):
            return why
    if len({name for name, _ in pairs}) < len(pairs):
        return "A split names each variant once."
    if not 0 < sum(share for _, share in pairs) <= LARGEST_TOTAL:
        return "The shares of a split must add up to something."
    return None


def _is_pair(one: Any) -> bool:
    if not isinstance(one, list | tuple) or len(one) != 2 or not isinstance(one[0], str):
        return False
    return isinstance(one[1], int) and not isinstance(one[1], bool) and one[1] >= 0


def variants_in(shape: Mapping[str, Any]) -> Iterator[str]:
    """Name the variants that somebody may get by this."""
    if "variant" in shape:
        yield str(shape["variant"])
    elif "split" in shape:
        yield from (str(name) for name, share in shape["split"] if share)
    elif shape["ramp"]:
        yield from variants_in(shape["serve"])


def without(shape: Mapping[str, Any], variant: str, instead: str) -> dict[str, Any]:
    """Return what serves another variant wherever this serves one."""
    if "variant" in shape:
        return {"variant": instead if shape["variant"] == variant else shape["variant"]}
    if "split" in shape:
        split = [[instead if name == variant else name, share] for name, share in shape["split"]]
        return {**shape, "split": split}
    return {**shape, "serve": without(shape["serve"], variant, instead)}
