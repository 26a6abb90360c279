"""Submit a change, and narrow a list of changes down."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.catalog.models import Service
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.rules.boarding import OPEN_STATES
from releasetrain.trains.rules.risk import (
    ANSWERS,
    MOST_MINUTES,
    Level,
    Question,
    Risk,
    cleaned,
    questions_that_matter,
    weigh,
)
from releasetrain.trains.rules.standby import Priority
from releasetrain.trains.rules.states import ChangeState
from releasetrain.trains.rules.vehicles import TYPED
from releasetrain.web.forms import rows

SORTS = (("new", "Newest"), ("old", "Oldest"), ("risk", "Riskiest"), ("urgent", "Most urgent"))
LEVELS = (("", "Any risk"), *((one.value, f"{one.value.capitalize()} risk") for one in Level))
STATES = (("", "Every state"), *((one.value, one.value.replace("_", " ")) for one in ChangeState))
QUESTIONS = tuple(one.value for one in Question)


class ChangeFilter(forms.Form):
    """Narrow the changes down, and sort them."""

    q = forms.CharField(
        required=False,
        max_length=100,
        label="Search",
        widget=forms.TextInput(attrs={"placeholder": "Title, author, version, number"}),
    )
    team = forms.ModelChoiceField(Team.objects.all(), required=False, empty_label="Every team")
    service = forms.ModelChoiceField(Service.objects.all(), required=False, empty_label="Every service")
    state = forms.ChoiceField(required=False, choices=STATES)
    risk = forms.ChoiceField(required=False, choices=LEVELS)
    sort = forms.ChoiceField(required=False, choices=SORTS)
    whose = forms.CharField(required=False, widget=forms.HiddenInput)


class DepartureChoice(forms.ModelChoiceField[Departure]):
    """Name a departure by its train and its cut-off."""

    def label_from_instance(self, departure: Departure) -> str:
        cut_off = f"cut-off {departure.cut_off_at:%a %d %b %H:%M} UTC"
        late = "" if departure.is_boarding else ", passed: by late pass only"
        return f"{departure.train.name} · {departure.code} · {cut_off}{late}"


def _asking(question: Question) -> forms.ChoiceField:
    choices = [("", "Not said"), *((one.value, one.label) for one in ANSWERS[question])]
    return forms.ChoiceField(choices=choices, required=False, label=question.label)


class ChangeForm(forms.Form):
    """What a team says of a change before it boards; only the questions that matter are shown."""

    url = forms.URLField(
        max_length=500,
        required=False,
        label="Pull request",
        assume_scheme="https",
        help_text="Paste its address: what its code host has told us fills in the rest.",
    )
    title = forms.CharField(
        max_length=300, help_text="What changes for whom, e.g. “Show prices with tax at checkout”."
    )
    service = forms.ModelChoiceField(
        queryset=Service.objects.none(), empty_label="Choose one", help_text="What it changes."
    )
    version = forms.CharField(
        max_length=100, help_text="The commit, tag or build that goes out. It stays pinned after the cut-off."
    )
    description = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 4}), label="Description"
    )
    flag_key = forms.SlugField(
        required=False,
        max_length=100,
        label="Flag",
        help_text="The flag that switches it off, if it has one.",
    )
    blast = _asking(Question.BLAST)
    users = _asking(Question.USERS)
    undo = _asking(Question.UNDO)
    schema = _asking(Question.DATA)
    others = _asking(Question.OTHERS)
    evidence = _asking(Question.EVIDENCE)
    minutes = forms.IntegerField(
        min_value=1, max_value=MOST_MINUTES, required=False, label=Question.MINUTES.label
    )
    traits = forms.MultipleChoiceField(
        choices=[(one.value, one.label.capitalize()) for one in TYPED],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Anything special?",
        help_text="Some trains are made for such changes, and others do not carry them.",
    )
    rollback_plan = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="What if it fails?",
        help_text="Anything that must be undone beside the version itself, e.g. a migration.",
    )
    departure = DepartureChoice(
        queryset=Departure.objects.none(),
        required=False,
        empty_label="None yet: submit it and board later",
        help_text="Only departures that still board are offered. Where one is full, the change stands by.",
    )
    priority = forms.TypedChoiceField(
        choices=[(one.value, one.label) for one in Priority],
        coerce=int,
        initial=Priority.NORMAL.value,
        empty_value=None,
        required=False,
        help_text="Counts where more want to come aboard than there is room for.",
    )
    category = forms.SlugField(
        required=False,
        max_length=50,
        help_text="Where a train has a cut-off of its own for it, e.g. “database”; else empty.",
    )
    bundle = forms.CharField(
        required=False, max_length=100, help_text="Changes with the same bundle name belong together."
    )
    awaits_ready = forms.BooleanField(
        required=False,
        label="It is not ready yet: keep a place for it until the cut-off",
        help_text="Say on its page that it is ready before then; otherwise the departure goes without it.",
    )

    def __init__(
        self, data: QueryDict | Mapping[str, Any] | None = None, *, roles: Roles, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        services = Service.objects.filter(archived_at__isnull=True)
        mine = [service.pk for service in services if may(roles, Role.SUBMITTER, service)]
        self.fields["service"].queryset = services.filter(pk__in=mine)  # type: ignore[attr-defined]
        # Sealed ones as well: who comes too late is shown the price of a late pass (RULES I1).
        boarding = Departure.objects.filter(state__in=sorted(OPEN_STATES)).select_related("train")
        self.fields["departure"].queryset = boarding.order_by("departs_at")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned_data = super().clean() or {}
        departure, service = cleaned_data.get("departure"), cleaned_data.get("service")
        if departure and service and not departure.train.services.filter(pk=service.pk).exists():
            stops = ", ".join(str(one) for one in departure.train.services.all()) or "no service"
            self.add_error(
                "departure", f"{departure.train.name} does not carry {service}; it carries {stops}."
            )
        return cleaned_data

    def for_draft(self) -> None:
        """Ask for a title and a service only."""
        self.fields["version"].required = False

    def hush(self) -> None:
        """Show what was typed without judging it."""
        rows.hush(self)

    @property
    def answers(self) -> dict[str, object]:
        """Return what is answered so far, as it stands in the fields."""
        said = {name: self[name].value() for name in QUESTIONS}
        minutes = str(said[Question.MINUTES.value] or "")
        said[Question.MINUTES.value] = int(minutes) if minutes.isdecimal() and len(minutes) < 7 else None
        return cleaned(said, has_flag=self.has_flag)

    @property
    def has_flag(self) -> bool:
        return bool(str(self["flag_key"].value() or "").strip())

    @property
    def asked(self) -> list[forms.BoundField]:
        """Return the fields of the questions that matter, given what is answered."""
        return [self[one.value] for one in questions_that_matter(self.answers, has_flag=self.has_flag)]

    @property
    def not_asked(self) -> list[forms.BoundField]:
        """Return the fields of the others; they keep what was typed, hidden."""
        asked = {field.name for field in self.asked}
        return [self[name] for name in QUESTIONS if name not in asked]

    @property
    def risk(self) -> Risk:
        """Return what it weighs as it stands."""
        return weigh(self.answers, has_flag=self.has_flag)

    def typed(self) -> dict[str, Any]:
        """Return what was typed as `submit_change` takes it."""
        typed = {name: value for name, value in self.cleaned_data.items() if name not in QUESTIONS}
        typed["is_ready"] = not typed.pop("awaits_ready")
        typed["priority"] = typed["priority"] or Priority.NORMAL.value
        return {**typed, "answers": self.answers}

    def typed_draft(self) -> dict[str, Any]:
        """Return what was typed as `save_draft` takes it."""
        typed = self.typed()
        return {name: typed[name] for name in typed if name not in ("departure", "bundle", "is_ready")}


def initial_of(change: Change) -> dict[str, Any]:
    """Return what a change says, as the fields show it."""
    plain = ("url", "title", "version", "description", "flag_key", "rollback_plan", "category", "priority")
    own = {name: getattr(change, name) for name in plain}
    return {**own, **change.answers, "service": change.service_id, "traits": change.traits}


def filled_in(typed: QueryDict, known: Change | None) -> QueryDict:
    """Return what was typed, with what a code host has told us where nothing stands yet."""
    if known is None:
        return typed
    filled = typed.copy()
    for name in ("title", "version", "description"):
        if not filled.get(name, "").strip():
            filled[name] = getattr(known, name)
    if not filled.get("service"):
        filled["service"] = str(known.service_id)
    return filled
