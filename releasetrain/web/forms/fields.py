"""Read what people type that Django has no field for: times on a wall, and lengths in minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

LOCAL = "%Y-%m-%dT%H:%M"


class WallTime(forms.DateTimeField):
    """A time on the wall clock of a train or team: naive, whatever zone the reader lives in.

    Django's own field reads it on the reader's clocks and refuses what does not exist there (RULES T2).
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", [LOCAL, "%Y-%m-%dT%H:%M:%S"])
        kwargs.setdefault("widget", forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            read = super().to_python(value)
        return read.replace(tzinfo=None) if read is not None else None


class Minutes(forms.IntegerField):
    """A length of time typed in minutes."""

    def prepare_value(self, value: Any) -> Any:
        return int(value.total_seconds() // 60) if isinstance(value, timedelta) else value

    def clean(self, value: Any) -> Any:
        minutes = super().clean(value)
        return timedelta(minutes=minutes) if minutes is not None else None
