"""Plan an on-call shift."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.accounts.models import Shift, Team, User
from releasetrain.accounts.rules.rota import shift_problems, why_not_people
from releasetrain.web.forms import rows
from releasetrain.web.forms.fields import WallTime
from releasetrain.web.forms.trains import zones

PEOPLE = "people"
PRESETS = (
    ("", "Only once"),
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every working day"),
    ("FREQ=WEEKLY", "Every week"),
    ("FREQ=WEEKLY;INTERVAL=2", "Every second week"),
)


class SeatForm(forms.Form):
    """One person’s place in the turn."""

    user = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody", label="On call")

    def __init__(self, *args: Any, choices: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = choices  # type: ignore[attr-defined]


SeatSet = forms.formset_factory(SeatForm, extra=0, absolute_max=rows.MOST_ROWS, max_num=rows.MOST_ROWS)


class ShiftForm(forms.Form):
    """When a shift begins and ends on the wall, how it repeats, and who takes turns."""

    time_zone = forms.ChoiceField(choices=zones, help_text="The wall clock it runs on; both ends stay on it.")
    starts_local = WallTime(label="First time begins")
    ends_local = WallTime(label="First time ends")
    rule = forms.CharField(
        required=False,
        max_length=1000,
        label="Repeats",
        widget=forms.Textarea(attrs={"rows": 2, "class": "rule", "spellcheck": "false"}),
        help_text="An RFC 5545 rule, e.g. FREQ=WEEKLY. Empty means once.",
    )
    note = forms.CharField(required=False, max_length=500, help_text="What whoever is on call should know.")

    def __init__(self, data: QueryDict | None, *, team: Team, shift: Shift | None) -> None:
        self.team = team
        initial: dict[str, Any] = {"time_zone": team.time_zone}
        seats: list[dict[str, Any]] = [{}]
        if shift is not None:
            initial = {**vars(shift)}
            for name in ("starts_local", "ends_local"):
                initial[name] = datetime.fromisoformat(initial[name])
            seats = [{"user": seat.user_id} for seat in shift.seats.order_by("order")] or seats
        super().__init__(data, initial=initial)
        choices = User.objects.filter(is_active=True)
        self.people = SeatSet(data, prefix=PEOPLE, initial=seats, form_kwargs={"choices": choices})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.people.is_valid() and not self.errors:
            typed = self.values()
            people = typed.pop("people")
            typed.pop("note")
            for name, sentence in shift_problems(**typed).items():
                self.add_error(name, sentence)
            if why := why_not_people(len(people)):
                self.add_error(None, why)
        return cleaned

    def is_valid(self) -> bool:
        return super().is_valid() and self.people.is_valid()

    def hush(self) -> None:
        """Show what was typed without judging it."""
        rows.hush(self, self.people)

    def values(self) -> dict[str, Any]:
        """Return what was typed as `save_shift` takes it."""
        typed = dict(self.cleaned_data)
        for name in ("starts_local", "ends_local"):
            typed[name] = typed[name].strftime("%Y-%m-%dT%H:%M:%S")
        typed["rule"] = "\n".join(line.strip() for line in typed["rule"].splitlines() if line.strip())
        named = [form.cleaned_data.get("user") for form in self.people.forms]
        return {**typed, "people": [person for person in named if person is not None]}


def pressed(data: QueryDict) -> QueryDict | None:
    """Return what was typed with a row more or less, or a preset filled in; None to go on."""
    if "preset" in data:
        filled = data.copy()
        filled["rule"] = str(data["preset"])
        return filled
    return rows.pressed(data, (PEOPLE,))
