"""Open or edit a window: what it stops, where, when, and whether that is meant."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import Model
from django.http import QueryDict

from releasetrain.accounts.models import Team
from releasetrain.calendars.models import Holidays, Window
from releasetrain.calendars.queries import Where, WindowSettings, examine, window_problems
from releasetrain.calendars.rules.windows import DayMode, Effect
from releasetrain.catalog.models import Environment, Region, Service
from releasetrain.lib.hashing import digest
from releasetrain.lib.spans import Span
from releasetrain.web.contexts.calendar.days import last_day, local_day
from releasetrain.web.forms import rows
from releasetrain.web.forms.meaning import MeaningForm
from releasetrain.web.forms.parts import Parts
from releasetrain.web.forms.trains import zones

ON_HOLIDAYS, BY_RULE = "holidays", "rule"
REPEATS = (
    ("", "Once"),
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every working day"),
    ("FREQ=WEEKLY", "Every week, on the weekday it starts"),
    ("FREQ=WEEKLY;INTERVAL=2", "Every second week"),
    ("FREQ=MONTHLY", "Every month, on the same date"),
    ("FREQ=YEARLY", "Every year, on the same date"),
    (ON_HOLIDAYS, "On public holidays"),
    (BY_RULE, "By a rule of my own"),
)
PRESETS = {rule for rule, _ in REPEATS} - {ON_HOLIDAYS, BY_RULE}
PLACES: tuple[tuple[str, type[Model]], ...] = (
    ("team", Team),
    ("service", Service),
    ("environment", Environment),
    ("region", Region),
)
PLACES_SET = "places"
NOT_SETTINGS = {
    "csrfmiddlewaretoken",
    "rehearsed",
    "seen",
    "is_confirmed",
    "save",
    "rehearse",
    "add",
    "leave_out",
    "take",
}


class PlaceForm(forms.Form):
    """One part of the house that a window covers or leaves out; an empty row counts for nothing."""

    is_exclusion = forms.ChoiceField(
        label="This part", choices=[("", "is covered"), ("out", "is left out")], required=False
    )
    team = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    service = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    environment = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    region = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, parts: Parts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = (parts.teams, parts.current_services, parts.environments, parts.regions)
        for (name, _), choices in zip(PLACES, held, strict=True):
            self.fields[name].choices = [("", f"Any {name}"), *choices.items()]  # type: ignore[attr-defined]

    @property
    def ids(self) -> dict[str, int]:
        return {name: self.cleaned_data[name] for name, _ in PLACES if self.cleaned_data.get(name)}


PlaceSet = forms.formset_factory(PlaceForm, extra=0, absolute_max=rows.MOST_ROWS, max_num=rows.MOST_ROWS)


class WindowForm(MeaningForm):
    """What somebody wants a window to be; `places` are the rows of its scope, `settings` all of it, read."""

    labels: ClassVar[Mapping[str, str]] = {
        "effect": "What it does",
        "level": "How much it stops",
        "behaviour": "A rollout that runs when it opens",
    }
    field_order = ("name", "reason")
    settings: WindowSettings

    name = forms.CharField(max_length=120, help_text="People read it on the board, e.g. “Black Friday”.")
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        help_text="Why nothing may move; everybody who is stopped reads it.",
    )
    capacity = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100_000,
        label="Room for",
        help_text="So many changes aboard, each time it opens; empty means any number.",
    )
    is_all_day = forms.BooleanField(required=False, label="Whole days")
    starts_local = forms.CharField(
        required=False,
        max_length=19,
        label="Starts",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="Both ends are times on the wall clock of the zone.",
    )
    ends_local = forms.CharField(
        required=False,
        max_length=19,
        label="Ends",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="At this very moment things may move again.",
    )
    first_day = forms.CharField(
        required=False, max_length=10, label="First day", widget=forms.DateInput(attrs={"type": "date"})
    )
    last_day = forms.CharField(
        required=False,
        max_length=10,
        label="Last day",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="It is part of the window.",
    )
    day_mode = forms.ChoiceField(
        choices=[(one.value, one.words.capitalize()) for one in DayMode],
        widget=forms.RadioSelect,
        initial=DayMode.ZONE.value,
        label="Whose days",
    )
    time_zone = forms.ChoiceField(choices=zones, label="Time zone")
    repeats = forms.ChoiceField(choices=REPEATS, required=False, label="Comes again")
    rule = forms.CharField(
        required=False,
        max_length=1000,
        label="Rule",
        help_text="As RFC 5545 writes it, e.g. FREQ=MONTHLY;BYDAY=-1FR for the last Friday of each month.",
    )
    holidays = forms.ModelChoiceField(
        Holidays.objects.all(),
        required=False,
        label="Holidays",
        empty_label="Choose holidays",
        help_text="The first time gives the hours; each holiday from then on gets them.",
    )
    is_confirmed = forms.BooleanField(required=False, label="I have read this, and it is meant")

    def __init__(
        self, *args: Any, parts: Parts, window: Window | None, now: datetime, zone: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.window, self.now = window, now
        self.doubts: dict[str, str] = {}
        self.fields["time_zone"].initial = zone
        self.places = PlaceSet(
            self.data if self.is_bound else None,
            prefix=PLACES_SET,
            initial=None if self.is_bound else self.initial.get(PLACES_SET, [{}]),
            form_kwargs={"parts": parts},
        )

    @property
    def row_errors(self) -> list[tuple[str, str, str]]:
        """Return the mistakes in the rows of the scope: id and label of the field, and a sentence."""
        return [
            (field.id_for_label, str(field.label), str(error))
            for row in self.places
            for field in row
            for error in field.errors
        ]

    def hush(self) -> None:
        """Show what was typed without judging it."""
        rows.hush(self, self.places)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._ask_for_what_is_missing(cleaned)
        if not self.places.is_valid():
            self.add_error(None, "Choose again which parts of the house it covers.")
        if not self.errors:
            self.settings = self._settings()
            found = examine(self.settings, self.now)
            self.doubts = found.doubts
            for name, sentence in found.problems.items():
                self.add_error(self.field_of(name), sentence)
        return cleaned

    def _ask_for_what_is_missing(self, cleaned: Mapping[str, Any]) -> None:
        ends = ("first_day", "last_day") if cleaned.get("is_all_day") else ("starts_local", "ends_local")
        for name, what in zip(ends, ("when it starts", "when it ends"), strict=True):
            if not cleaned.get(name):
                self.add_error(name, f"Say {what}.")
        if cleaned.get("repeats") == ON_HOLIDAYS and not cleaned.get("holidays"):
            self.add_error("holidays", "Choose whose holidays it lies on.")
        if cleaned.get("repeats") == BY_RULE and not cleaned.get("rule"):
            self.add_error("rule", "Write the rule, or choose one of the others.")

    def field_of(self, name: str) -> str | None:
        """Return the field that shows a mistake of the settings; None stands above them all."""
        if self.cleaned_data.get("is_all_day"):
            name = {"starts_local": "first_day", "ends_local": "last_day"}.get(name, name)
        if name == "rule" and self.cleaned_data.get("repeats") != BY_RULE:
            name = "repeats"
        return name if name in self.fields else None

    def _settings(self) -> WindowSettings:
        """Return what was typed as the settings of a window."""
        typed = self.cleaned_data
        is_all_day, repeats = typed["is_all_day"], typed["repeats"]
        chosen = [(bool(row.cleaned_data["is_exclusion"]), row.ids) for row in self.places if row.ids]
        named = list(
            zip((is_out for is_out, _ in chosen), named_places([ids for _, ids in chosen]), strict=True)
        )
        return WindowSettings(
            name=typed["name"],
            reason=typed["reason"],
            **self.meaning,
            time_zone=typed["time_zone"],
            starts_local=typed["first_day"] if is_all_day else typed["starts_local"],
            ends_local=typed["last_day"] if is_all_day else typed["ends_local"],
            is_all_day=is_all_day,
            day_mode=DayMode(typed["day_mode"]) if is_all_day else DayMode.ZONE,
            rule=typed["rule"].strip() if repeats == BY_RULE else repeats if repeats in PRESETS else "",
            holidays=typed["holidays"] if repeats == ON_HOLIDAYS else None,
            capacity=typed["capacity"] if typed["effect"] == Effect.ALLOW else None,
            includes=tuple(where for is_out, where in named if not is_out),
            excludes=tuple(where for is_out, where in named if is_out),
        )

    def unconfirmed(self) -> dict[str, str]:
        """Return what has to be confirmed before it can be saved, by field (RULES W10)."""
        is_confirmed = self.cleaned_data["is_confirmed"]
        return window_problems(self.settings, self.now, is_confirmed=is_confirmed, window=self.window)


def named_places(rows: Sequence[Mapping[str, int]]) -> list[Where]:
    """Load what rows of ids name, one query for each kind."""
    found: dict[str, dict[int, Any]] = {}
    for name, model in PLACES:
        wanted = {row[name] for row in rows if name in row}
        found[name] = model._default_manager.in_bulk(wanted) if wanted else {}
    return [Where(**{name: found[name].get(pk) for name, pk in row.items()}) for row in rows]


def initial_of(window: Window) -> dict[str, Any]:
    """Return what a window is now, as the fields show it."""
    settings = WindowSettings.of(window)
    ends = ("first_day", "last_day") if settings.is_all_day else ("starts_local", "ends_local")
    places = [(False, where) for where in settings.includes] + [(True, where) for where in settings.excludes]
    repeats = ON_HOLIDAYS if settings.holidays else settings.rule if settings.rule in PRESETS else BY_RULE
    return {
        "seen": settings.fingerprint,
        "name": settings.name,
        "reason": settings.reason,
        "effect": settings.effect.value,
        "level": settings.level.value,
        "behaviour": settings.behaviour.value,
        "lanes": [lane.value for lane in settings.lanes],
        "capacity": settings.capacity,
        "is_all_day": settings.is_all_day,
        "day_mode": settings.day_mode.value,
        "time_zone": settings.time_zone,
        ends[0]: _shown_end(settings.starts_local, is_all_day=settings.is_all_day),
        ends[1]: _shown_end(settings.ends_local, is_all_day=settings.is_all_day),
        "repeats": repeats,
        "rule": settings.rule if repeats == BY_RULE else "",
        "holidays": settings.holidays.pk if settings.holidays else None,
        PLACES_SET: [{**_ids(where), "is_exclusion": "out" if is_out else ""} for is_out, where in places]
        or [{}],
    }


def _shown_end(text: str, *, is_all_day: bool) -> str:
    """Write one end as its field does: a day, or a time without the seconds that it does not have."""
    if is_all_day:
        return text[:10]
    return text[:16] if text[16:] in {"", ":00"} else text


def _ids(where: Where) -> dict[str, int]:
    named = ((name, getattr(where, name)) for name, _ in PLACES)
    return {name: row.pk for name, row in named if row is not None}


def pressed(data: QueryDict) -> QueryDict | None:
    """Return what was typed with the row added or taken away whose button was pressed; None if none was."""
    return rows.pressed(data, (PLACES_SET,))


def print_of(data: QueryDict) -> str:
    """Return a digest of everything that was typed, to tell whether it is what was rehearsed."""
    typed = {name: data.getlist(name) for name in data if name not in NOT_SETTINGS}
    return digest({name: values for name, values in typed.items() if any(values)})


def taken_over(data: QueryDict, text: str) -> QueryDict:
    """Return what was typed with a proposed slot in the place of its times; nonsense changes nothing."""
    changed = data.copy()
    try:
        start, end = (datetime.fromisoformat(part) for part in text.split("/"))
        zone = ZoneInfo(data.get("time_zone", "UTC"))
        span = Span(start.astimezone(zone), end.astimezone(zone))
    except (ValueError, KeyError, OverflowError):
        return changed
    if "is_all_day" in data:
        changed["first_day"] = local_day(span.start, zone).isoformat()
        changed["last_day"] = last_day(span, zone).isoformat()
    changed["starts_local"], changed["ends_local"] = (
        f"{span.start:%Y-%m-%dT%H:%M}",
        f"{span.end:%Y-%m-%dT%H:%M}",
    )
    return changed
