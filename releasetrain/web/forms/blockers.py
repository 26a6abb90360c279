"""Ask what blocks a departure, whose it is and who may clear it; or which error rate to watch."""

from typing import Any

from django import forms

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Service
from releasetrain.lib.moments import moment
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.blockers import departures_to_block, services_to_watch
from releasetrain.trains.rules.blockers import BY_HAND, CLEARER_WORDS, LONG, SHORT, BlockerKind
from releasetrain.web.forms.fields import Minutes
from releasetrain.web.forms.steering import SteerBase

CLEARS = [("", "Its owner, or who runs the departure"), *((r.value, w) for r, w in CLEARER_WORDS.items())]


class BlockerBase(SteerBase):
    """What both ways of blocking ask: on which departure, whose it is, and who may clear it."""

    on = forms.ModelChoiceField(Departure.objects.none(), empty_label=None, label="It blocks")
    owner = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        required=False,
        empty_label="Nobody yet",
        help_text="Who sees to it.",
    )
    clears = forms.ChoiceField(
        choices=[(value, words[:1].upper() + words[1:]) for value, words in CLEARS],
        required=False,
        label="It is cleared by",
    )

    def __init__(self, *args: Any, departure: Departure, **kwargs: Any) -> None:
        super().__init__(*args, departure=departure, **kwargs)
        offered = departures_to_block(departure) or [departure]
        field, zone = self.fields["on"], departure.train.time_zone
        field.queryset = Departure.objects.filter(pk__in=[one.pk for one in offered])  # type: ignore[attr-defined]
        field.choices = [(one.pk, f"{one}, {moment(one.departs_at, zone)}") for one in offered]  # type: ignore[attr-defined]
        self.initial.setdefault("on", departure.pk)


class BlockForm(BlockerBase):
    """Something that has to be put right before a departure leaves."""

    kind = forms.ChoiceField(choices=[(kind.value, kind.words.capitalize()) for kind in BY_HAND])
    title = forms.CharField(max_length=200, label="What is wrong", help_text="Everybody aboard reads it.")
    url = forms.URLField(
        max_length=500, required=False, assume_scheme="https", label="Address", help_text="Of its ticket."
    )
    field_order = ("on", "kind", "title", "url", "owner", "clears")

    def typed(self) -> dict[str, Any]:
        return {**super().typed(), "kind": BlockerKind(self.cleaned_data["kind"])}


class WatchForm(BlockerBase):
    """An error rate that blocks while it is above a limit over two horizons at once."""

    service = forms.ModelChoiceField(Service.objects.none(), empty_label=None)
    limit = forms.FloatField(
        min_value=0,
        max_value=99.99,
        initial=1,
        label="Limit, % of bad answers",
        help_text="Above it, it blocks.",
    )
    short = Minutes(
        min_value=1, initial=SHORT, label="Short horizon, minutes", help_text="Whether it goes on now."
    )
    long = Minutes(min_value=2, initial=LONG, label="Long horizon, minutes", help_text="Whether it matters.")
    field_order = ("on", "service", "limit", "short", "long", "owner", "clears")

    def __init__(self, *args: Any, departure: Departure, **kwargs: Any) -> None:
        super().__init__(*args, departure=departure, **kwargs)
        services = Service.objects.filter(pk__in=services_to_watch(departure)).order_by("name")
        self.fields["service"].queryset = services  # type: ignore[attr-defined]
