"""Read which days a holiday calendar holds."""

from datetime import date

from releasetrain.calendars.models import Holidays
from releasetrain.calendars.rules.holidays import holiday_dates


def dates_of(holidays: Holidays, first: date, last: date) -> dict[date, str]:
    """Return the days of a holiday calendar from the first to the last, both included, with their names."""
    return holiday_dates(holidays.country, holidays.subdivision, first, last)
