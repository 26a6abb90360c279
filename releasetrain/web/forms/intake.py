"""Reorder who stands by for a departure."""

from typing import Any

from django import forms

from releasetrain.trains.models import Change


class StandByForm(forms.Form):
    """One place in line for each change that stands by, and the reason why the order is another now."""

    reason = forms.CharField(
        max_length=300,
        help_text="Everybody who stands by reads it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, line: list[Change], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.line = line
        for place, change in enumerate(line, 1):
            self.fields[f"place-{change.pk}"] = forms.IntegerField(
                min_value=1, max_value=1000, initial=place, label=f"Place of “{change}”"
            )

    @property
    def rows(self) -> list[tuple[Change, forms.BoundField]]:
        """Return each change with the field of its place."""
        return [(change, self[f"place-{change.pk}"]) for change in self.line]

    def order(self) -> list[int]:
        """Return the ids in the order that was typed; who has the same place stays in the present order."""
        return [one.pk for one in sorted(self.line, key=lambda one: self.cleaned_data[f"place-{one.pk}"])]
