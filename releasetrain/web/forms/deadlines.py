"""Type deadlines before a departure in every way in which people set them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet
from django.forms.formsets import BaseFormSet
from django.utils.text import slugify

from releasetrain.calendars.models import Holidays
from releasetrain.lib import deadlines
from releasetrain.lib.deadlines import Deadline, Kind
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import known_zones
from releasetrain.lib.words import DAY_NAMES
from releasetrain.web.forms.fields import LOCAL
from releasetrain.web.forms.rows import MOST_ROWS

UNITS = (("60", "minutes"), ("3600", "hours"), ("86400", "days of 24 h"))
KINDS = (
    (Kind.LEAD.value, "so long before departure"),
    (Kind.WALL.value, "days before, at a time on the wall"),
    (Kind.WORKDAYS.value, "working days before, at a time"),
    (Kind.WEEK.value, "a weekday of a week before"),
    (Kind.AOE.value, "the end of a day, anywhere on Earth"),
    (Kind.INSTANT.value, "one fixed instant"),
)
ASKED_BY = {
    Kind.LEAD: ("amount", "unit"),
    Kind.WALL: ("days", "time", "zone"),
    Kind.WORKDAYS: ("days", "holidays", "time", "zone"),
    Kind.WEEK: ("weeks", "weekday", "time", "zone"),
    Kind.AOE: ("days", "date"),
    Kind.INSTANT: ("at",),
}
ORDER = ("amount", "unit", "weeks", "weekday", "days", "holidays", "date", "time", "zone", "at")
KINDS_OF = {name: " ".join(kind.value for kind, asked in ASKED_BY.items() if name in asked) for name in ORDER}


class DeadlineForm(forms.Form):
    """One deadline; which fields count depends on its kind, what the others hold is kept."""

    kind = forms.ChoiceField(choices=KINDS, initial=Kind.LEAD.value, label="When")
    amount = forms.IntegerField(required=False, min_value=0, label="How long")
    unit = forms.ChoiceField(required=False, choices=UNITS, initial="3600")
    days = forms.IntegerField(required=False, label="Days before")
    weeks = forms.IntegerField(required=False, label="Weeks before")
    weekday = forms.ChoiceField(required=False, choices=[("", "Choose"), *DAY_NAMES.items()])
    date = forms.CharField(
        required=False, label="Or this very day", widget=forms.DateInput(attrs={"type": "date"})
    )
    time = forms.CharField(
        required=False, widget=forms.TimeInput(attrs={"type": "time"}), label="At", max_length=8
    )
    zone = forms.CharField(
        required=False,
        max_length=64,
        label="On the clocks of",
        widget=forms.TextInput(attrs={"list": "zones", "placeholder": "the train’s zone"}),
    )
    holidays = forms.ModelChoiceField(
        Holidays.objects.none(), required=False, empty_label="Weekends only", label="Days off"
    )
    at = forms.CharField(
        required=False,
        label="Instant",
        help_text="On the train’s own wall clock.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(
        self, *args: Any, train_zone: str = "UTC", calendars: QuerySet[Holidays] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.train_zone = train_zone
        if calendars is not None:
            self.fields["holidays"].queryset = calendars  # type: ignore[attr-defined]

    @property
    def own_fields(self) -> list[tuple[forms.BoundField, str]]:
        """Give the template each field that some kinds ask for, with those kinds."""
        return [(self[name], kinds) for name, kinds in KINDS_OF.items()]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.deadline()
            except BadRule as refusal:
                self.add_error(None, str(refusal))
        return cleaned

    def spec(self) -> dict[str, Any]:
        """Return what was typed as a train keeps it."""
        return self.deadline().to_json()

    def deadline(self) -> Deadline:
        """Read what was typed.

        :raises BadRule: it cannot be used
        """
        typed = self.cleaned_data
        kind = Kind(typed["kind"])
        asked: dict[str, Any] = {name: typed.get(name) for name in ASKED_BY[kind]}
        if kind is Kind.LEAD and asked["amount"] is not None:
            asked["seconds"] = asked["amount"] * int(asked["unit"] or 3600)
        if kind is Kind.INSTANT and asked["at"]:
            asked["at"] = self._instant(str(asked["at"]))
        if asked.get("holidays"):
            asked["holidays"] = asked["holidays"].pk
        return deadlines.read({"kind": kind.value, **asked})

    def _instant(self, text: str) -> str:
        """Read a wall time of the train's zone; what is none is left for the reader to refuse."""
        try:
            wall = datetime.fromisoformat(text)
        except ValueError:
            return text
        known = wall.replace(tzinfo=wall.tzinfo or zone_of(self.train_zone))
        return str(known.astimezone(UTC).isoformat())


class CutOffForm(DeadlineForm):
    """One cut-off: of everything, or of one category of services and changes."""

    title = "Cut-off"

    category = forms.CharField(
        required=False,
        max_length=50,
        label="For",
        widget=forms.TextInput(attrs={"list": "categories", "placeholder": "everything else"}),
    )

    def clean_category(self) -> str:
        return str(slugify(self.cleaned_data["category"]))

    def spec(self) -> dict[str, Any]:
        return {"category": self.cleaned_data["category"], **super().spec()}


class MilestoneForm(DeadlineForm):
    """One named point of time on the way to a departure."""

    title = "Milestone"

    name = forms.CharField(
        max_length=60, label="Name", widget=forms.TextInput(attrs={"placeholder": "String freeze"})
    )

    def spec(self) -> dict[str, Any]:
        return {"name": self.cleaned_data["name"], **super().spec()}


class Deadlines(BaseFormSet[DeadlineForm]):
    """Several deadlines of one train."""

    def specs(self) -> list[dict[str, Any]]:
        return [form.spec() for form in self.forms]


class CutOffs(Deadlines):
    """The cut-offs of a train: one for each category, and one for everything else."""

    def clean(self) -> None:
        named = [form.cleaned_data.get("category", "") for form in self.forms if form.is_valid()]
        if len(named) != len(set(named)):
            raise forms.ValidationError("Two cut-offs are for the same changes; leave one of them out.")
        if len(named) == len(self.forms) and "" not in named:
            raise forms.ValidationError("One cut-off must be for everything that has none of its own.")


class Milestones(Deadlines):
    """The milestones of a train."""

    def clean(self) -> None:
        named = [form.cleaned_data.get("name", "").casefold() for form in self.forms if form.is_valid()]
        if len(named) != len(set(named)):
            raise forms.ValidationError(
                "Two milestones have the same name; people could not tell them apart."
            )


CutOffSet = forms.formset_factory(
    CutOffForm, formset=CutOffs, extra=0, absolute_max=MOST_ROWS, max_num=MOST_ROWS
)
MilestoneSet = forms.formset_factory(
    MilestoneForm, formset=Milestones, extra=0, absolute_max=MOST_ROWS, max_num=MOST_ROWS
)


def initial_of(spec: Mapping[str, Any], zone: str) -> dict[str, Any]:
    """Return a deadline that a train keeps, as the fields show it."""
    found: dict[str, Any] = {key: value for key, value in spec.items() if key not in ("seconds", "at")}
    found["spec"] = spec
    if found.get("time"):
        found["time"] = str(found["time"])[:5]
    if (seconds := spec.get("seconds")) is not None:
        unit = next((size for size, _ in reversed(UNITS) if int(seconds) % int(size) == 0), "60")
        found |= {"amount": int(seconds) // int(unit), "unit": unit}
    if at := spec.get("at"):
        found["at"] = datetime.fromisoformat(at).astimezone(zone_of(zone)).strftime(LOCAL)
    return found


def zone_of(name: str) -> ZoneInfo:
    """Return a zone, or UTC where nobody knows it any more."""
    return ZoneInfo(name if name in known_zones() else "UTC")
