"""Ask what is checked before the departures of a train leave."""

from typing import Any

from django import forms

from releasetrain.trains.rules.readiness import MINIMUM, OBJECTIVE, Asks, CheckKind
from releasetrain.web.forms.fields import Minutes


class ChecksForm(forms.Form):
    """Which checks, for how long all of them have to be green, and by which objective."""

    asks = forms.MultipleChoiceField(
        choices=[(kind.value, kind.label) for kind in CheckKind],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Looked at by itself",
    )
    checklist = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Ticked by people",
        help_text="One a line, such as: Support knows what changes.",
    )
    ready_minutes = Minutes(
        min_value=0,
        max_value=1440,
        required=False,
        initial=MINIMUM,
        label="All of it green for, minutes",
        help_text="In every sample of that time; one sample is taken every 15 seconds.",
    )
    objective = forms.FloatField(
        required=False,
        initial=OBJECTIVE,
        label="Objective, % of good answers",
        help_text="The error budget of 24 hours is counted from it.",
    )


def asked(typed: dict[str, Any]) -> dict[str, Any]:
    """Take what was typed about checks out of a form's data, as a train keeps it."""
    lines = [line.strip() for line in typed.pop("checklist", "").splitlines()]
    minimum, objective = typed.pop("ready_minutes", None), typed.pop("objective", None)
    return Asks(
        kinds=tuple(CheckKind(one) for one in typed.pop("asks", ())),
        manual=tuple(line for line in lines if line),
        minimum=MINIMUM if minimum is None else minimum,
        objective=OBJECTIVE if objective is None else objective,
    ).to_json()


def shown(checks: dict[str, Any]) -> dict[str, Any]:
    """Return what a train keeps, as the fields show it."""
    asks = Asks.from_json(checks)
    return {
        "asks": [kind.value for kind in asks.kinds],
        "checklist": "\n".join(asks.manual),
        "ready_minutes": asks.minimum,
        "objective": asks.objective,
    }
