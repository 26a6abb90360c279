"""Submit a change."""

from typing import Any

from django import forms

from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.catalog.models import Service
from releasetrain.trains.models import Departure


class DepartureChoice(forms.ModelChoiceField[Departure]):
    """Name a departure by its train and its cut-off."""

    def label_from_instance(self, departure: Departure) -> str:
        return (
            f"{departure.train.name} · {departure.code} · cut-off {departure.cut_off_at:%a %d %b %H:%M} UTC"
        )


class ChangeForm(forms.Form):
    """What a team says of a change before it boards."""

    title = forms.CharField(
        max_length=300, help_text="What changes for whom, e.g. “Show prices with tax at checkout”."
    )
    url = forms.URLField(
        max_length=500,
        required=False,
        label="Pull request",
        assume_scheme="https",
        help_text="Its address at the code host; people click it when they decide.",
    )
    service = forms.ModelChoiceField(queryset=Service.objects.none(), help_text="What it changes.")
    version = forms.CharField(
        max_length=100, help_text="The commit, tag or build that goes out. It stays pinned after the cut-off."
    )
    description = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 4}), label="Description"
    )
    rollback_plan = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="What if it fails?",
        help_text="Anything that must be undone beside the version itself, e.g. a migration.",
    )
    flag_key = forms.SlugField(
        required=False,
        max_length=100,
        label="Flag",
        help_text="The flag that switches it off, if it has one.",
    )
    category = forms.SlugField(
        required=False,
        max_length=50,
        help_text="Where a train has a cut-off of its own for it, e.g. “database”; else empty.",
    )
    departure = DepartureChoice(
        queryset=Departure.objects.none(),
        required=False,
        empty_label="None yet: submit it and board later",
        help_text="Only departures that still board are offered.",
    )
    bundle = forms.CharField(
        required=False, max_length=100, help_text="Changes with the same bundle name belong together."
    )

    def __init__(self, *args: Any, roles: Roles, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        services = Service.objects.filter(archived_at__isnull=True)
        mine = [service.pk for service in services if may(roles, Role.SUBMITTER, service)]
        self.fields["service"].queryset = services.filter(pk__in=mine)  # type: ignore[attr-defined]
        boarding = Departure.objects.filter(state__in=["scheduled", "boarding"]).select_related("train")
        self.fields["departure"].queryset = boarding.order_by("departs_at")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        departure, service = cleaned.get("departure"), cleaned.get("service")
        if departure and service and not departure.train.services.filter(pk=service.pk).exists():
            stops = ", ".join(str(one) for one in departure.train.services.all()) or "no service"
            self.add_error(
                "departure", f"{departure.train.name} does not carry {service}; it carries {stops}."
            )
        return cleaned
