"""Check what a person types before it is kept, and name the field that cannot be used."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from releasetrain.lib.errors import Invalid
from releasetrain.trains.rules.risk import cleaned, needs_a_plan, weigh
from releasetrain.trains.rules.standby import Priority
from releasetrain.trains.rules.times import CATEGORY
from releasetrain.trains.rules.vehicles import TYPED
from releasetrain.trains.webhooks.reading import clean

FLAG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LENGTHS = {"title": 300, "url": 500, "version": 100, "flag_key": 100, "bundle": 100, "category": 50}
LONGEST_TEXT = 20_000
NEEDED = (("title", "a title"), ("version", "a version: the commit, tag or build that goes out"))


def checked(*, is_draft: bool = False, **typed: str) -> dict[str, str]:
    """Return the fields of a change stripped, or say which one cannot be used.

    :param is_draft: only a title is needed yet
    :raises Invalid: with the field's name
    """
    said = {field: clean(text).strip() for field, text in typed.items()}
    for field, what in NEEDED[:1] if is_draft else NEEDED:
        if not said[field]:
            raise Invalid(f"A change needs {what}.", field=field)
    for field, text in said.items():
        longest = LENGTHS.get(field, LONGEST_TEXT)
        if len(text) > longest:
            raise Invalid(f"The {field.replace('_', ' ')} has at most {longest} characters.", field=field)
    if said["url"] and not is_web_address(said["url"]):
        raise Invalid("The address must be one such as https://github.com/owner/name/pull/1.", field="url")
    if said["category"] and not CATEGORY.fullmatch(said["category"]):
        raise Invalid("A category is made of letters, digits, “_” and “-”.", field="category")
    if said["flag_key"] and not FLAG_KEY.fullmatch(said["flag_key"]):
        raise Invalid("A flag's key is made of letters, digits, “.”, “_” and “-”.", field="flag_key")
    return said


def check_bundle(bundle: str) -> None:
    """Refuse a bundle's name that is too long.

    :raises Invalid: with the field's name
    """
    if len(bundle.strip()) > LENGTHS["bundle"]:
        raise Invalid(f"The bundle's name has at most {LENGTHS['bundle']} characters.", field="bundle")


def weighed(
    answers: Mapping[str, object],
    traits: Iterable[str],
    priority: int,
    *,
    flag_key: str,
    rollback_plan: str,
    is_draft: bool = False,
) -> dict[str, Any]:
    """Return the answers that matter, what is special, how urgent it is, and what all of it weighs.

    :raises Invalid: no such priority; or going back takes steps, and nobody has written them down
    """
    if priority not in set(Priority):
        raise Invalid("Choose how urgent it is: urgent, high, normal or low.", field="priority")
    kept = cleaned(answers, has_flag=bool(flag_key))
    if needs_a_plan(kept) and not rollback_plan and not is_draft:
        raise Invalid(
            "Going back takes more than the version before: write down what is to be done, if anything can.",
            field="rollback_plan",
        )
    ticked = set(traits)
    return {
        "answers": kept,
        "traits": [one.value for one in TYPED if one.value in ticked],
        "priority": int(priority),
        "risk_points": weigh(kept, has_flag=bool(flag_key)).points,
    }


def is_web_address(text: str) -> bool:
    """Tell whether a text is an http(s) address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def words_of(text: str, most: int, missing: str, field: str = "reason") -> str:
    """Return what was typed without the space around it.

    :param missing: what to say where nothing was
    :raises Invalid: nothing was typed, or more than `most` characters
    """
    words = text.strip()
    if not words:
        raise Invalid(missing, field=field)
    if len(words) > most:
        raise Invalid(f"This has at most {most} characters.", field=field)
    return words
