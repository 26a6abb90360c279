"""Ask for a late pass, grant it until a limit, extend it, and say where changes go."""

from typing import Any

from django import forms

from releasetrain.trains.actions import Placement
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries.departures import next_to_board
from releasetrain.trains.queries.placing import expresses_for
from releasetrain.trains.rules.late import Phase
from releasetrain.trains.rules.states import ChangeState
from releasetrain.web.forms.fields import WallTime
from releasetrain.web.forms.steering import ReasonForm, SteerBase, reason_field

MOST_PLACED_SINGLY = 60


class AskForm(forms.Form):
    """Why it cannot wait; and what it fixes, where nothing else may come."""

    reason = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Why can it not wait for the next departure?",
        help_text="Whoever runs the departure decides by it.",
    )
    fixes = forms.CharField(
        max_length=300,
        required=False,
        label="What does it fix?",
        help_text="What would stop this departure without it: an incident, a broken build, a blocker.",
    )

    def __init__(self, *args: Any, phase: Phase, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if phase is not Phase.CLEARED:
            del self.fields["fixes"]


class GrantForm(SteerBase):
    """Until when the pass is good; `seen` is the price that was read."""

    until = WallTime(label="Good until")
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=32)

    def typed(self) -> dict[str, Any]:
        return {"use_by": self.at("until"), "seen": self.cleaned_data["seen"]}


class ExtendForm(SteerBase):
    """A later limit, once."""

    until = WallTime(label="Good until")
    reason = reason_field(help_text="Who asked for the pass reads it.")

    def typed(self) -> dict[str, Any]:
        return {"use_by": self.at("until"), "reason": self.cleaned_data["reason"]}


class PlacingForm(ReasonForm):
    """Why, and where each change aboard goes: the next departure unless it is said otherwise (RULES I12)."""

    states: tuple[ChangeState, ...] = (ChangeState.ABOARD,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = self.departure.changes.filter(state__in=self.states).select_related("service", "bundle")
        self.changes = list(rows.order_by("boarded_at", "pk")[:MOST_PLACED_SINGLY])
        following = next_to_board(self.departure, self.now)
        more = rows.count() - len(self.changes) if len(self.changes) == MOST_PLACED_SINGLY else 0
        self.rest = _rest(more, following)
        services = {one.service_id for one in self.changes}
        expresses = expresses_for(services, self.departure, self.now) if services else {}
        for change in self.changes:
            choices = [(Placement.RETURN.value, "Returned to its author")]
            if following is not None and self.now < following.cut_off_for(change.boarding_category):
                choices.insert(0, (Placement.NEXT.value, f"{following.code}, the next departure"))
            if express := expresses.get(change.service_id):
                choices.append((Placement.EXPRESS.value, f"{express.code}, {express.train.name}"))
            self.fields[f"place_{change.pk}"] = forms.ChoiceField(
                label=_named(change), choices=choices, required=False, initial=choices[0][0]
            )

    def typed(self) -> dict[str, Any]:
        chosen = {one.pk: self.cleaned_data.get(f"place_{one.pk}") for one in self.changes}
        placements = {pk: Placement(value) for pk, value in chosen.items() if value}
        return {"reason": self.cleaned_data["reason"], "placements": placements}


class PlaceReturnedForm(PlacingForm):
    """Why what came back may go again, and where each change goes."""

    states = (ChangeState.RETURNED,)


def _rest(more: int, following: Departure | None) -> str:
    """Say where the changes go that have no field of their own, nothing where there are none."""
    if not more:
        return ""
    count, go = ("1 change more is", "goes") if more == 1 else (f"{more} changes more are", "go")
    if following is None:
        return f"{count} not listed here: there is no next departure, so they are returned to their authors."
    where = f"{following.code}, the next departure, as far as its cut-offs are ahead; else to their authors"
    return f"{count} not listed here and {go} to {where}."


def _named(change: Change) -> str:
    bundle = f" ({change.bundle.name}, all or nothing)" if change.bundle else ""
    return f"“{change.title}” of {change.service.name}{bundle}"
