"""Add and take away rows of a form on the server, so that it works without script; nothing typed is lost."""

import re
from collections.abc import Mapping
from typing import Any

from django.forms.utils import ErrorDict, ErrorList
from django.http import QueryDict

MOST_ROWS = 40


def count(data: Mapping[str, str], prefix: str) -> int:
    """Return how many rows of a kind the form has sent."""
    text = str(data.get(f"{prefix}-TOTAL_FORMS", ""))
    return min(int(text), MOST_ROWS) if text.isdecimal() and len(text) < 4 else 0


def with_row(data: QueryDict, prefix: str) -> QueryDict:
    """Return what was typed, with an empty row more."""
    more = data.copy()
    more[f"{prefix}-TOTAL_FORMS"] = str(min(count(data, prefix) + 1, MOST_ROWS))
    return more


def without_row(data: QueryDict, prefix: str, number: int) -> QueryDict:
    """Return what was typed without one row; those after it move up."""
    if not 0 <= number < count(data, prefix):
        return data
    row = re.compile(rf"{re.escape(prefix)}-(\d+)-(.+)")
    less = QueryDict(mutable=True)
    for key, values in data.lists():
        found = row.fullmatch(key)
        if found is None:
            less.setlist(key, values)
        elif int(found[1]) != number:
            index = int(found[1]) - (int(found[1]) > number)
            less.setlist(f"{prefix}-{index}-{found[2]}", values)
    less[f"{prefix}-TOTAL_FORMS"] = str(count(data, prefix) - 1)
    return less


def pressed(data: QueryDict, prefixes: tuple[str, ...]) -> QueryDict | None:
    """Return what was typed with the row added or taken away whose button was pressed; None if none was."""
    if (prefix := data.get("add", "")) in prefixes:
        return with_row(data, prefix)
    prefix, _, number = data.get("leave_out", "").partition(":")
    if prefix in prefixes and number.isdecimal():
        return without_row(data, prefix, int(number))
    return None


def hush(form: Any, *sets: Any) -> None:
    """Show what was typed without judging it: somebody is still at it."""
    form._errors = ErrorDict()
    for one in sets:
        one._errors, one._non_form_errors = [], ErrorList()
        for row in one.forms:
            row._errors = ErrorDict()
