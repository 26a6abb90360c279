"""Say whose holidays are known, what the next of them are, and which windows lie on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from django.db.models import Count, Q, QuerySet

from releasetrain.calendars.models import Holidays
from releasetrain.calendars.queries.holidays import dates_of
from releasetrain.calendars.rules.holidays import countries, subdivisions

AHEAD, SHOWN = timedelta(days=400), 4


@dataclass(frozen=True, slots=True)
class HolidayRow:
    """The holidays of one place; `coming` are the next ones, `windows` how many windows lie on them."""

    name: str
    place: str
    coming: Sequence[tuple[date, str]]
    windows: int


def holidays_in_use() -> QuerySet[Holidays]:
    """Return every holiday calendar with the number of windows that lie on it."""
    standing = Count("windows", filter=Q(windows__deleted_at__isnull=True))
    return Holidays.objects.annotate(standing=standing).order_by("name")


def holiday_rows(rows: Sequence[Holidays], today: date) -> list[HolidayRow]:
    """Say each holiday calendar with its next days."""
    return [
        HolidayRow(
            name=row.name,
            place=_place(row),
            coming=list(islice(sorted(dates_of(row, today, today + AHEAD).items()), SHOWN)),
            windows=row.standing,  # type: ignore[attr-defined]
        )
        for row in rows
    ]


def _place(row: Holidays) -> str:
    country = countries().get(row.country, row.country)
    if not row.subdivision:
        return country
    return f"{subdivisions(row.country).get(row.subdivision, row.subdivision)}, {country}"
