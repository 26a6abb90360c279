"""Create or edit a train."""

from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.utils.text import slugify

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Environment, Service
from releasetrain.trains.models import Policy, Train
from releasetrain.trains.queries.settings import TrainSettings, train_problems

LOCAL = "%Y-%m-%dT%H:%M"


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


class TrainForm(forms.Form):
    """When a train runs, what it carries, who decides, and how fast it rolls out."""

    name = forms.CharField(max_length=100)
    slug = forms.SlugField(
        max_length=50, required=False, label="Address", help_text="Made from the name if left empty."
    )
    team = forms.ModelChoiceField(Team.objects.all())
    environment = forms.ModelChoiceField(Environment.objects.all())
    services = forms.ModelMultipleChoiceField(
        Service.objects.filter(archived_at__isnull=True), widget=forms.CheckboxSelectMultiple
    )
    policy = forms.ModelChoiceField(Policy.objects.all(), label="Who says go")
    captain = forms.ModelChoiceField(User.objects.filter(is_active=True), required=False)
    time_zone = forms.ChoiceField(choices=zones, initial="UTC", help_text="The wall clock it runs on.")
    rule = forms.CharField(
        max_length=300, label="Schedule", help_text="An RFC 5545 rule, e.g. FREQ=WEEKLY;BYDAY=TU,TH."
    )
    first_departs_at_local = forms.DateTimeField(
        label="First departure",
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL),
        help_text="On the train’s own wall clock.",
    )
    cut_off_lead = Minutes(min_value=0, initial=120, label="Cut-off, minutes before departure")
    boarding_lead = Minutes(min_value=1, initial=10_080, label="Boarding opens, minutes before departure")
    weights = forms.CharField(
        label="Ladder, % of users", initial="1, 5, 10, 25, 50, 100", help_text="Rising, ending at 100."
    )
    bake_minutes = forms.FloatField(
        min_value=0.1, initial=10, label="Bake time of a stage, minutes", help_text="At least 10."
    )

    def __init__(self, *args: Any, train: Train | None, now: datetime, **kwargs: Any) -> None:
        self.train, self.now = train, now
        if train is not None:
            kwargs["initial"] = {**vars(train), **initial_of(train), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)

    def clean_weights(self) -> list[int]:
        try:
            return [int(part) for part in self.cleaned_data["weights"].replace("%", "").split(",")]
        except ValueError:
            sentence = "Write whole percents with commas between, e.g. 1, 5, 10, 25, 50, 100."
            raise forms.ValidationError(sentence) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            fields = {"ladder": "weights"}
            for name, sentence in train_problems(self.settings(), self.now, self.train).items():
                self.add_error(fields.get(name, name), sentence)
        return cleaned

    def settings(self) -> TrainSettings:
        """Return what was typed as the settings of a train."""
        typed = dict(self.cleaned_data)
        bake = round(typed.pop("bake_minutes") * 60)
        ladder = [{"weight": weight, "bake_seconds": bake} for weight in typed.pop("weights")]
        services = tuple(cast("list[Service]", typed.pop("services")))
        first = typed.pop("first_departs_at_local").strftime("%Y-%m-%dT%H:%M:%S")
        typed["slug"] = typed["slug"] or slugify(typed["name"])[:50]
        if self.train is not None:
            typed |= {"grace": self.train.grace, "is_accelerated": self.train.is_accelerated}
        return TrainSettings(
            **typed,
            ladder=ladder,
            services=services,
            first_departs_at_local=first,
        )


def initial_of(train: Train) -> dict[str, Any]:
    """Return what a train has now, as the fields show it."""
    return {
        "team": train.team_id,
        "environment": train.environment_id,
        "policy": train.policy_id,
        "captain": train.captain_id,
        "services": [service.pk for service in train.services.all()],
        "first_departs_at_local": datetime.fromisoformat(train.first_departs_at_local),
        "weights": ", ".join(str(stage["weight"]) for stage in train.ladder),
        "bake_minutes": round(train.ladder[0]["bake_seconds"] / 60, 2) if train.ladder else 10,
    }
