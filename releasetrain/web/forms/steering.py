"""Ask what one has to know to steer a departure: a time on the train's clocks, a person, a reason."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from releasetrain.accounts.models import User
from releasetrain.calendars.models import Window
from releasetrain.catalog.models import Service
from releasetrain.lib.moments import city
from releasetrain.lib.schedule import resolve
from releasetrain.panels.deadlines import deadlines_in
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.overrides import may_be_overridden
from releasetrain.web.forms.fields import WallTime

READ_BY_ALL = "Everybody aboard reads it."


def reason_field(*, required: bool = True, **kwargs: Any) -> forms.CharField:
    """Ask why."""
    widget = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(max_length=500, widget=widget, required=required, **kwargs)


class SteerBase(forms.Form):
    """A form about one departure; `at` reads the time that was typed on its train's clocks."""

    def __init__(
        self, data: QueryDict | None, *, departure: Departure, initial: dict[str, Any], now: datetime
    ) -> None:
        super().__init__(data, initial=initial)
        self.departure, self.now = departure, now
        self.zone = ZoneInfo(departure.train.time_zone)
        for name in ("to", "until", "expires_at"):
            if name in self.fields:
                self.fields[name].help_text = f"On the train’s clocks, {city(self.zone.key)}."

    def at(self, name: str) -> datetime | None:
        """Return the instant of a wall time that was typed, where it can be read (RULES T2, T3)."""
        wall = self._wall(name)
        return resolve(wall, self.zone).at if wall else None

    def clock_note(self, name: str) -> str:
        """Say where the clocks do not let a wall time be what was typed."""
        wall = self._wall(name)
        return resolve(wall, self.zone).note if wall else ""

    def _wall(self, name: str) -> datetime | None:
        if name not in self.fields:
            return None
        try:
            read = self.fields[name].clean(self[name].value())
        except forms.ValidationError:
            return None
        return read if isinstance(read, datetime) else None

    def typed(self) -> dict[str, Any]:
        """Return what was typed as the action takes it."""
        return dict(self.cleaned_data)


class PostponeForm(SteerBase):
    """Another time for one departure."""

    to = WallTime(label="It departs")
    moves_deadlines = forms.BooleanField(
        required=False, label="Cut-offs and milestones that are ahead go along", initial=True
    )
    reason = reason_field(help_text=READ_BY_ALL)

    def typed(self) -> dict[str, Any]:
        return {**super().typed(), "to": self.at("to")}


class HoldForm(SteerBase):
    """A hold, until a time or until somebody releases it."""

    until = WallTime(required=False, label="Until")
    reason = reason_field(help_text=READ_BY_ALL)

    def typed(self) -> dict[str, Any]:
        return {**super().typed(), "until": self.at("until")}


class ReasonForm(SteerBase):
    """Why, and nothing else."""

    reason = reason_field(help_text=READ_BY_ALL)


class MoveForm(SteerBase):
    """Another time for one cut-off or milestone of one departure."""

    what = forms.ChoiceField(label="Deadline")
    to = WallTime(label="It is then")
    reason = reason_field(help_text=READ_BY_ALL)

    def __init__(self, *args: Any, departure: Departure, **kwargs: Any) -> None:
        super().__init__(*args, departure=departure, **kwargs)
        choices = [(what, label) for what, label, _ in deadlines_in(departure)]
        self.fields["what"].choices = choices  # type: ignore[attr-defined]

    def typed(self) -> dict[str, Any]:
        return {**super().typed(), "to": self.at("to")}


class HandOverForm(SteerBase):
    """Another captain, with what they have to know."""

    captain = forms.ModelChoiceField(User.objects.filter(is_active=True), empty_label="Choose")
    deputy = forms.ModelChoiceField(User.objects.filter(is_active=True), required=False, empty_label="Nobody")
    note = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="What they have to know",
        help_text="It stays on the departure’s page.",
    )


class WindowChoice(forms.ModelMultipleChoiceField[Window]):
    """Name a window by what it says, so that nobody opens one that they have not read."""

    def label_from_instance(self, window: Window) -> str:
        return f"{window.name} ({window.level}): {window.reason}"


class OverrideForm(SteerBase):
    """What may move in spite of which windows, until when, and why (RULES W7)."""

    windows = WindowChoice(Window.objects.none(), widget=forms.CheckboxSelectMultiple, label="In spite of")
    services = forms.ModelMultipleChoiceField(Service.objects.none(), widget=forms.CheckboxSelectMultiple)
    expires_at = WallTime(label="Until")
    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why it cannot wait. A second person reads it, and everybody aboard.",
    )

    def __init__(self, *args: Any, departure: Departure, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, departure=departure, now=now, **kwargs)
        services, freezes = may_be_overridden(departure, now)
        windows = Window.objects.filter(pk__in=[one.id for one in freezes]).order_by("name")
        self.fields["windows"].queryset = windows  # type: ignore[attr-defined]
        self.fields["services"].queryset = Service.objects.filter(pk__in=services)  # type: ignore[attr-defined]
        self.initial.setdefault("services", list(services))
        if len(freezes) == 1:
            self.initial.setdefault("windows", [freezes[0].id])
        if not freezes:
            self.fields[
                "windows"
            ].help_text = "No window stops it within two weeks; there is none to override."

    def typed(self) -> dict[str, Any]:
        return {**super().typed(), "expires_at": self.at("expires_at")}
