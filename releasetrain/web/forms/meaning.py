"""Ask how a window is meant: what it does, how much it stops, for whom, and what becomes of what runs."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.http import QueryDict

from releasetrain.calendars.rules.windows import Behaviour, Effect, Lane, Stops


class MeaningForm(forms.Form):
    """The choices of one window, or of all windows of a calendar; `labels` are in the form’s own words.

    `seen` is the print of the settings that are changed, as they were when somebody opened the form.
    """

    labels: ClassVar[Mapping[str, str]]

    effect = forms.ChoiceField(
        choices=[(one.value, one.words.capitalize()) for one in Effect],
        widget=forms.RadioSelect,
        initial=Effect.DENY.value,
    )
    level = forms.ChoiceField(
        choices=[(one.value, one.words.capitalize()) for one in Stops],
        widget=forms.RadioSelect,
        initial=Stops.HARD.value,
    )
    behaviour = forms.ChoiceField(
        choices=[(one.value, one.words.capitalize()) for one in Behaviour],
        widget=forms.RadioSelect,
        initial=Behaviour.HOLD.value,
    )
    lanes = forms.MultipleChoiceField(
        choices=[(one.value, one.words.capitalize()) for one in Lane],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="Only for",
        help_text="None chosen means all of them.",
    )

    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_stale = False
        for name, label in self.labels.items():
            self.fields[name].label = label

    def look_again(self, seen: str) -> None:
        """Keep what was typed, beside settings that somebody else has saved meanwhile (RULES L7)."""
        self.is_stale = True
        typed = cast(QueryDict, self.data).copy()
        typed["seen"] = seen
        self.data = typed

    @property
    def meaning(self) -> dict[str, Any]:
        """Return what was chosen as windows and calendars take it."""
        typed = self.cleaned_data
        return {
            "effect": Effect(typed["effect"]),
            "level": Stops(typed["level"]),
            "behaviour": Behaviour(typed["behaviour"]),
            "lanes": frozenset(Lane(lane) for lane in typed["lanes"]),
        }
