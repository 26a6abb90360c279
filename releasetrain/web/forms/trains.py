"""Create or edit a train."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms

from releasetrain.trains.models import Train


class Minutes(forms.IntegerField):
    """A length of time typed in minutes."""

    def prepare_value(self, value: Any) -> Any:
        return int(value.total_seconds() // 60) if isinstance(value, timedelta) else value

    def clean(self, value: Any) -> Any:
        minutes = super().clean(value)
        return timedelta(minutes=minutes) if minutes is not None else None


def zones() -> list[tuple[str, str]]:
    """Offer every IANA zone of a region, and UTC."""
    return [(zone, zone) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"]


class TrainForm(forms.ModelForm[Train]):
    """When a train runs, what it carries, who decides, and how fast it rolls out."""

    time_zone = forms.ChoiceField(choices=zones, help_text="The wall clock on which the schedule runs.")
    cut_off_lead = Minutes(min_value=0, max_value=60 * 24 * 30, label="Cut-off, minutes before departure")
    boarding_lead = Minutes(
        min_value=1, max_value=60 * 24 * 90, label="Boarding opens, minutes before departure"
    )
    first_departs_at_local = forms.DateTimeField(
        label="First departure",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="On the train's own wall clock.",
    )
    weights = forms.CharField(
        label="Ladder, % of users", initial="1, 5, 10, 25, 50, 100", help_text="Rising, ending at 100."
    )
    bake_minutes = forms.IntegerField(
        min_value=1,
        max_value=60 * 24 * 7,
        initial=10,
        label="Bake time a stage, minutes",
        help_text="At least 10.",
    )

    class Meta:
        model = Train
        fields = [
            "name",
            "slug",
            "team",
            "environment",
            "services",
            "policy",
            "captain",
            "time_zone",
            "rule",
            "first_departs_at_local",
            "cut_off_lead",
            "boarding_lead",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        train = self.instance
        if train.pk and train.ladder:
            self.initial["weights"] = ", ".join(str(stage["weight"]) for stage in train.ladder)
            self.initial["bake_minutes"] = max(1, train.ladder[0]["bake_seconds"] // 60)
        self.fields["rule"].help_text = "An RFC 5545 rule, e.g. FREQ=WEEKLY;BYDAY=TU,TH."

    def clean_weights(self) -> list[int]:
        try:
            return [int(part) for part in self.cleaned_data["weights"].replace("%", "").split(",")]
        except ValueError:
            raise forms.ValidationError(
                "Write whole percents with commas between, e.g. 1, 5, 10, 25, 50, 100."
            ) from None
