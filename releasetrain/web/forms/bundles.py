"""Ask what goes together, what needs what, and why something has to get off."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries.bundling import could_be_needed
from releasetrain.trains.rules.states import ChangeState
from releasetrain.web.forms.fields import WallTime
from releasetrain.web.forms.steering import READ_BY_ALL, SteerBase, reason_field

GO_TOO, NOTHING = "go", "none"


class ChangeChoices(forms.ModelMultipleChoiceField[Change]):
    """Name a change by what it is and whose service it changes."""

    def label_from_instance(self, change: Change) -> str:
        bundled = f", in {change.bundle}" if change.bundle else ""
        return f"{change.title} ({change.service.name}{bundled})"


class ChangeChoice(forms.ModelChoiceField[Change]):
    """Name one change by what it is and whose service it changes."""

    def label_from_instance(self, change: Change) -> str:
        where = f" · {change.departure.code}" if change.departure else " · aboard no train yet"
        return f"{change.title} ({change.service.name}){where}"


class GatherForm(forms.Form):
    """Changes that go together, all or nothing."""

    name = forms.CharField(
        max_length=100, label="Name of the bundle", help_text="One that is there already grows."
    )
    changes = ChangeChoices(
        Change.objects.none(), widget=forms.CheckboxSelectMultiple, label="These go together"
    )

    def __init__(self, data: QueryDict | None, *, departure: Departure) -> None:
        super().__init__(data)
        aboard = Change.objects.filter(departure=departure, state=ChangeState.ABOARD)
        self.fields["changes"].queryset = aboard.select_related("service", "bundle").order_by("title", "pk")  # type: ignore[attr-defined]


class NeedForm(forms.Form):
    """What a change needs."""

    needed = ChangeChoice(
        Change.objects.none(),
        label="It needs",
        empty_label="Choose a change",
        help_text="It has to be aboard with it, or with everybody before it departs.",
    )

    def __init__(self, data: QueryDict | None, *, change: Change) -> None:
        super().__init__(data)
        offered = [one.pk for one in could_be_needed(change)]
        rows = Change.objects.filter(pk__in=offered).select_related("service", "departure__train")
        self.fields["needed"].queryset = rows.order_by("title", "pk")  # type: ignore[attr-defined]


class WithoutForm(forms.Form):
    """Why a bundle may go although some have left it."""

    reason = reason_field(help_text=READ_BY_ALL)


class LeaveForm(forms.Form):
    """Why a change gets off, and what becomes of each change that needs it."""

    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}), help_text=READ_BY_ALL)

    def __init__(
        self,
        data: QueryDict | None,
        *,
        dependants: Sequence[Change],
        others: Iterable[Change],
        needs_reason: bool = True,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.dependants = dependants
        self.fields["reason"].required = needs_reason
        offered = [(str(one.pk), f"It needs “{one.title}” instead") for one in others]
        for one in dependants:
            choices = [
                (GO_TOO, "It gets off as well"),
                (NOTHING, "It stays: it does not need it after all"),
                *((pk, label) for pk, label in offered if pk != str(one.pk)),
            ]
            self.fields[f"of_{one.pk}"] = forms.ChoiceField(
                choices=choices, initial=GO_TOO, label=f"“{one.title}” needs it"
            )

    def repointed(self) -> dict[int, int | None]:
        """Return which dependants stay, and what they need instead."""
        found: dict[int, int | None] = {}
        for one in self.dependants:
            chosen = self.cleaned_data.get(f"of_{one.pk}") or GO_TOO
            if chosen != GO_TOO:
                found[one.pk] = None if chosen == NOTHING else int(chosen)
        return found


class ReopenForm(SteerBase):
    """Until when a sealed departure boards again, and why."""

    until = WallTime(label="It boards again until")
    reason = reason_field(help_text=READ_BY_ALL)

    def typed(self) -> dict[str, Any]:
        return {"cut_off_at": self.at("until"), "reason": self.cleaned_data["reason"]}
