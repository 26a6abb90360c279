"""Narrow the calendar down, ask whether something is open, and stop the line."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms

from releasetrain.accounts.models import Team
from releasetrain.calendars.queries import Where
from releasetrain.calendars.rules.holidays import countries
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Region, Service
from releasetrain.web.contexts.calendar.days import VIEWS
from releasetrain.web.forms.parts import PartsFilter

EXPIRIES = (
    (1, "1 hour"),
    (2, "2 hours"),
    (4, "4 hours"),
    (8, "8 hours"),
    (24, "1 day"),
    (72, "3 days"),
    (168, "7 days"),
)


class CalendarFilter(PartsFilter):
    """Narrow the calendar down; nonsense narrows nothing."""

    view = forms.ChoiceField(
        choices=[(view, view) for view in VIEWS], required=False, widget=forms.HiddenInput
    )
    on = forms.DateField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def chosen(self) -> "Chosen":
        """Return what was chosen, and sense for what was not."""
        self.is_valid()
        typed = self.cleaned_data
        on = typed.get("on") or self.today
        return Chosen(
            view=typed.get("view") or VIEWS[0],
            on=on if 1971 <= on.year <= 2199 else self.today,
            team=typed.get("team"),
            service=typed.get("service"),
            environment=typed.get("environment"),
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address asks the calendar to show; ids, None being everything."""

    view: str
    on: date
    team: int | None = None
    service: int | None = None
    environment: int | None = None

    @property
    def narrows(self) -> dict[str, int]:
        named = {"team": self.team, "service": self.service, "environment": self.environment}
        return {name: pk for name, pk in named.items() if pk is not None}


class OpenForm(forms.Form):
    """Ask about one service in one environment, on one lane."""

    service = forms.ModelChoiceField(
        Service.objects.filter(archived_at__isnull=True), empty_label="Choose a service"
    )
    environment = forms.ModelChoiceField(Environment.objects.all(), empty_label="Choose an environment")
    lane = forms.ChoiceField(choices=[(lane.value, lane.words.capitalize()) for lane in Lane], required=False)

    def clean_lane(self) -> Lane:
        return Lane(self.cleaned_data["lane"] or Lane.TRAIN)


class StopForm(forms.Form):
    """Stop the line: where, why, and until when (RULES W12)."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Everybody who is stopped reads it.",
    )
    hours = forms.TypedChoiceField(
        coerce=int,
        choices=EXPIRIES,
        initial=2,
        label="Until it runs again by itself",
        help_text="You can let it run again earlier, and stop it anew.",
    )
    team = forms.ModelChoiceField(Team.objects.all(), required=False, empty_label="Every team")
    service = forms.ModelChoiceField(
        Service.objects.filter(archived_at__isnull=True), required=False, empty_label="Every service"
    )
    environment = forms.ModelChoiceField(
        Environment.objects.all(), required=False, empty_label="Every environment"
    )
    region = forms.ModelChoiceField(Region.objects.all(), required=False, empty_label="Every region")

    def where(self) -> Where:
        """Return what stands still."""
        typed = self.cleaned_data
        return Where(typed["team"], typed["service"], typed["environment"], typed["region"])

    def until(self, now: datetime) -> datetime:
        """Return when the line runs again by itself."""
        return now + timedelta(hours=self.cleaned_data["hours"])


class HolidaysForm(forms.Form):
    """Take in the holidays of a country or a part of it."""

    name = forms.CharField(max_length=100, help_text="As your house calls them, e.g. “Berlin office”.")
    country = forms.ChoiceField(choices=lambda: [("", "Choose a country"), *countries().items()])
    subdivision = forms.CharField(
        max_length=60,
        required=False,
        label="Part of the country",
        help_text="Its name or code, where it has holidays of its own: Berlin, BY, California.",
    )
