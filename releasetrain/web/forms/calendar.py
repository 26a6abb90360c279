"""Narrow the calendar down, ask whether something is open, and stop the line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import BooleanField, ExpressionWrapper, F, IntegerField, Q, QuerySet, Value

from releasetrain.accounts.models import Team
from releasetrain.calendars.queries import Where
from releasetrain.calendars.rules.holidays import countries
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Region, Service
from releasetrain.web.contexts.calendar.days import VIEWS

Choices = Sequence[tuple[int, str]]
EXPIRIES = (
    (1, "1 hour"),
    (2, "2 hours"),
    (4, "4 hours"),
    (8, "8 hours"),
    (24, "1 day"),
    (72, "3 days"),
    (168, "7 days"),
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the house by id and name, for every field and sentence that names one.

    `owners` is the team of each service, `places` the region of each environment that has one.
    """

    teams: dict[int, str] = field(default_factory=dict)
    services: dict[int, str] = field(default_factory=dict)
    environments: dict[int, str] = field(default_factory=dict)
    regions: dict[int, str] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    archived: set[int] = field(default_factory=set)

    @property
    def current_services(self) -> dict[int, str]:
        return {pk: name for pk, name in self.services.items() if pk not in self.archived}


def load_parts() -> Parts:
    """Load teams, services, environments and regions in one query."""
    parts = Parts()
    names = (parts.teams, parts.services, parts.environments, parts.regions)
    above: tuple[dict[int, int], ...] = ({}, parts.owners, parts.places, {})
    nothing, no = Value(None, IntegerField()), Value(value=False)
    gone = ExpressionWrapper(Q(archived_at__isnull=False), BooleanField())
    rows = [
        _rows(Team.objects.all(), 0, above=nothing, is_archived=no),
        _rows(Service.objects.all(), 1, above=F("team_id"), is_archived=gone),
        _rows(Environment.objects.all(), 2, above=F("region_id"), is_archived=no),
        _rows(Region.objects.all(), 3, above=nothing, is_archived=no),
    ]
    for kind, pk, name, over, is_archived in rows[0].union(*rows[1:], all=True).order_by("kind", "name"):
        names[kind][pk] = name
        if over is not None:
            above[kind][pk] = over
        if is_archived:
            parts.archived.add(pk)
    return parts


def _rows(found: QuerySet[Any], kind: int, **columns: Any) -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = found.order_by().annotate(kind=Value(kind), **columns)
    return rows.values_list("kind", "pk", "name", *columns)


class CalendarFilter(forms.Form):
    """Narrow the calendar down; nonsense narrows nothing."""

    team = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    service = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    environment = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    view = forms.ChoiceField(
        choices=[(view, view) for view in VIEWS], required=False, widget=forms.HiddenInput
    )
    on = forms.DateField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, parts: Parts, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        offered: dict[str, dict[int, str]] = {
            "team": parts.teams,
            "service": parts.current_services,
            "environment": parts.environments,
        }
        for name, choices in offered.items():
            self.fields[name].choices = [("", f"Every {name}"), *choices.items()]  # type: ignore[attr-defined]

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
