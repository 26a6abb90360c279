"""Know the public holidays of countries and their parts; suggest one for a place that nobody knows."""

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain

import holidays
from holidays import HolidayBase
from holidays.registry import COUNTRIES

MOST_YEARS = 50
# A code that is wrong by one letter is as near to a dozen others.
SHORTEST_GUESS = 4
# Written far more often than the code that the standard has.
COMMON = {"uk": "GB"}


class UnknownPlace(ValueError):
    """Refuse a country or a part of it, in a sentence for the person who typed it."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").split()).casefold()


@lru_cache(maxsize=1)
def countries() -> dict[str, str]:
    """Return the countries whose holidays are known, {ISO 3166-1 code: name}, by name."""
    named = {codes[1]: key.replace("_", " ").title() for key, codes in COUNTRIES.items()}
    return dict(sorted(named.items(), key=lambda one: one[1]))


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    """Return every way to write a country, as {plain text: code}."""
    found = {_plain(name): code for code, name in countries().items()} | COMMON
    for codes in COUNTRIES.values():
        found |= {_plain(one): codes[1] for one in codes[1:3]}
    return found


@lru_cache(maxsize=64)
def subdivisions(country: str) -> dict[str, str]:
    """Return the parts of a country that have holidays of their own, {code: name}, by name.

    :param country: a code that `read_country` has returned
    """
    known = holidays.country_holidays(country)
    names: dict[str, str] = {}
    for alias, code in known.subdivisions_aliases.items():
        if len(alias) > len(names.get(code, "")):
            names[code] = alias
    found = {code: names.get(code, code) for code in known.subdivisions}
    return dict(sorted(found.items(), key=lambda one: one[1]))


def read_country(text: str) -> str:
    """Return the ISO 3166-1 code of a country that is given by code or by name.

    :raises UnknownPlace: nobody knows its holidays; a likely country is named
    """
    if code := _spellings().get(_plain(text)):
        return code
    if not text.strip():
        raise UnknownPlace("Say which country, for example DE for Germany.", field="country")
    hint = _nearest(text, _spellings(), countries()) or "Use a code such as DE for Germany."
    raise UnknownPlace(f"The holidays of “{text.strip()[:60]}” are not known. {hint}", field="country")


def read_subdivision(country: str, text: str) -> str:
    """Return the code of a part of a country that is given by code or by name; empty stays empty.

    :param country: a code that `read_country` has returned
    :raises UnknownPlace: the country has no such part with holidays of its own; a likely one is named
    """
    if not text.strip():
        return ""
    parts, nation = subdivisions(country), countries()[country]
    spellings = {_plain(code): code for code in parts}
    aliases = holidays.country_holidays(country).subdivisions_aliases
    spellings = {_plain(alias): code for alias, code in aliases.items()} | spellings
    if code := spellings.get(_plain(text)):
        return code
    if not parts:
        raise UnknownPlace(
            f"{nation} has the same holidays everywhere; leave the part of it empty.", field="subdivision"
        )
    hint = _nearest(text, spellings, parts) or f"Known are {_some(parts)}."
    raise UnknownPlace(f"{nation} has no part “{text.strip()[:60]}”. {hint}", field="subdivision")


def _nearest(text: str, spellings: dict[str, str], names: dict[str, str]) -> str:
    near = get_close_matches(_plain(text), spellings, n=1, cutoff=0.75)
    if not near or len(text.strip()) < SHORTEST_GUESS:
        return ""
    code = spellings[near[0]]
    named = names.get(code, code)
    return f"Did you mean {code}?" if named == code else f"Did you mean {code} ({named})?"


def _some(parts: Iterable[str], most: int = 20) -> str:
    known = list(parts)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def holiday_dates(country: str, subdivision: str, first: date, last: date) -> dict[date, str]:
    """Return the public holidays from the first to the last day, both included, with their names.

    The names are English where they are known in it. At most fifty years are looked at.

    :raises UnknownPlace: the country or its part is not known
    """
    code = read_country(country)
    part = read_subdivision(code, subdivision)
    years = range(first.year, min(last.year, first.year + MOST_YEARS) + 1)
    found = chain.from_iterable(_year(code, part, year) for year in years)
    return {day: name for day, name in found if first <= day <= last}


@lru_cache(maxsize=1024)
def _year(country: str, subdivision: str, year: int) -> tuple[tuple[date, str], ...]:
    known = holidays.country_holidays(country)
    english = next((one for one in known.supported_languages if one.startswith("en")), None)
    # Without a language the package takes that of the machine: each worker could name days its own way.
    found: HolidayBase = holidays.country_holidays(
        country, subdiv=subdivision or None, years=year, language=english or known.default_language
    )
    return tuple(sorted(found.items()))
