"""Type another schedule of a train, for single weeks."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.trains.models import Train, Variant
from releasetrain.web.forms.fields import WallTime
from releasetrain.web.forms.trains import zones


class VariantForm(forms.Form):
    """What a train runs by in the weeks for which this is chosen."""

    name = forms.CharField(max_length=60, help_text="e.g. “Holiday week”.")
    rule = forms.CharField(
        required=False,
        max_length=4000,
        label="Schedule",
        widget=forms.Textarea(attrs={"rows": 2, "class": "rule", "spellcheck": "false"}),
        help_text="An RFC 5545 rule, for the weeks that it is chosen for. Empty: nothing departs.",
    )
    first_departs_at_local = WallTime(
        required=False,
        label="Counted from",
        help_text="Its first time on the wall clock; says the time of day.",
    )
    time_zone = forms.ChoiceField(
        required=False, label="Zone", choices=lambda: [("", "The train’s own"), *zones()]
    )

    def __init__(self, data: QueryDict | None, *, train: Train, variant: Variant | None) -> None:
        first = datetime.fromisoformat(train.first_departs_at_local)
        initial: dict[str, Any] = {"first_departs_at_local": first}
        if variant is not None:
            first = datetime.fromisoformat(variant.first_departs_at_local or train.first_departs_at_local)
            initial = {**vars(variant), "first_departs_at_local": first}
        super().__init__(data, initial=initial)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("rule") and not cleaned.get("first_departs_at_local") and not self.errors:
            self.add_error("first_departs_at_local", "A rule is counted from a first time.")
        return cleaned

    def values(self) -> dict[str, Any]:
        """Return what was typed as `save_variant` takes it."""
        typed = dict(self.cleaned_data)
        first = typed["first_departs_at_local"]
        typed["first_departs_at_local"] = first.strftime("%Y-%m-%dT%H:%M:%S") if first else ""
        typed["rule"] = "\n".join(line.strip() for line in typed["rule"].splitlines() if line.strip())
        return typed
