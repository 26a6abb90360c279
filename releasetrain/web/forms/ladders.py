"""Type a ladder stage by stage: how many users, of which segment, how long, and after whose word."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.trains.rules.ladder import DEFAULT_LADDER, mirror_of, segment_of
from releasetrain.web.forms import rows

STAGES = "stages"
MINUTE = 60
# What a press fills in: the shares, and the minutes of each bake.
LADDERS = (
    ("1,5,10,25,50,100/10", "1 · 5 · 10 · 25 · 50 · 100 %, 10 min each"),
    ("5,25,100/30", "5 · 25 · 100 %, 30 min each"),
    ("10,100/60", "10 · 100 %, 1 h each"),
    ("1,5,10,25,50,100/120", "1 · 5 · 10 · 25 · 50 · 100 %, 2 h each"),
)


class StageForm(forms.Form):
    """One stage of a ladder."""

    weight = forms.IntegerField(min_value=0, max_value=100, label="% of users")
    segment = forms.CharField(
        max_length=100,
        required=False,
        label="Only of",
        widget=forms.TextInput(attrs={"placeholder": "everybody", "spellcheck": "false"}),
    )
    mirror = forms.IntegerField(
        min_value=1,
        max_value=100,
        required=False,
        label="Shadow %",
        widget=forms.NumberInput(attrs={"placeholder": "none"}),
    )
    bake_minutes = forms.FloatField(min_value=0.05, max_value=14 * 24 * 60, label="Minutes")
    approval = forms.BooleanField(required=False, label="Approval first")

    def stage(self) -> dict[str, Any]:
        """Return what was typed as a stage that a train keeps; what is not asked for is left out."""
        typed = self.cleaned_data
        stage: dict[str, Any] = {
            "weight": typed["weight"],
            "bake_seconds": round(typed["bake_minutes"] * MINUTE),
        }
        if typed["approval"]:
            stage["approval"] = True
        if segment := "".join(typed["segment"].split()):
            stage["segment"] = segment
        if typed["mirror"]:
            stage["mirror"] = typed["mirror"]
        return stage


StageFormSet = forms.formset_factory(StageForm, extra=0, absolute_max=rows.MOST_ROWS, max_num=rows.MOST_ROWS)


class StageSet(StageFormSet):  # type: ignore[misc, valid-type]
    """The stages of a ladder, in their order."""

    def ladder(self) -> list[dict[str, Any]]:
        """Return the stages that can be read."""
        return [form.stage() for form in self.forms if form.is_valid()]


def stage_set(data: QueryDict | None, ladder: Sequence[Mapping[str, Any]] | None) -> StageSet:
    """Make the rows of a ladder, from what was typed or from what a train has."""
    shown = ladder or DEFAULT_LADDER
    return StageSet(
        data,
        prefix=STAGES,
        initial=[initial_of(stage) for stage in shown],
        form_kwargs={"empty_permitted": False, "use_required_attribute": False},
    )


def initial_of(stage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage as its fields show it."""
    minutes = round(float(stage["bake_seconds"]) / MINUTE, 3)
    return {
        "weight": stage["weight"],
        "segment": segment_of(stage),
        "mirror": mirror_of(stage) or None,
        "bake_minutes": int(minutes) if minutes == int(minutes) else minutes,
        "approval": bool(stage.get("approval")),
    }


def filled(data: QueryDict) -> QueryDict | None:
    """Return what was typed with a common ladder filled in, None where none was pressed."""
    wanted = data.get("ladder", "")
    if wanted not in dict(LADDERS):
        return None
    weights, _, minutes = wanted.partition("/")
    typed = QueryDict(mutable=True)
    for name, values in data.lists():
        if not name.startswith(f"{STAGES}-"):
            typed.setlist(name, values)
    shares = weights.split(",")
    typed[f"{STAGES}-TOTAL_FORMS"], typed[f"{STAGES}-INITIAL_FORMS"] = str(len(shares)), "0"
    for number, share in enumerate(shares):
        typed[f"{STAGES}-{number}-weight"] = share
        typed[f"{STAGES}-{number}-bake_minutes"] = minutes
    return typed


def problems(forms_: Iterable[StageForm]) -> list[tuple[str, str, str]]:
    """List what is wrong in single stages: the id to go to, its label, and the sentence."""
    return [
        (str(form[name].id_for_label), f"Stage {number}, {form[name].label.lower()}", str(error))
        for number, form in enumerate(forms_, 1)
        for name, errors in form.errors.items()
        if name in form.fields
        for error in errors
    ]
