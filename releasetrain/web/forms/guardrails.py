"""Type what a target must keep, or a template of it."""

from typing import Any

from django import forms

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Target
from releasetrain.health.rules.severity import Severity
from releasetrain.rollouts.promises import Promise
from releasetrain.rollouts.rules import guardrails as rules
from releasetrain.rollouts.rules.guardrails import GuardrailKind, NoData

ADVISORY, REQUIRED, CRITICAL = "advisory", "required", "critical"
LEVELS = (
    (REQUIRED, "Required: it decides"),
    (CRITICAL, "Critical: the first bad measurement fails, nobody dismisses it or promotes past it"),
    (ADVISORY, "Advisory: it is shown and never decides"),
)
KINDS = (
    (GuardrailKind.RATIO.value, "The new version against the old one"),
    (GuardrailKind.THRESHOLD.value, "Each version against a limit"),
    (GuardrailKind.SAMPLE_RATIO.value, "The share of users against the one that was set"),
    (GuardrailKind.NEW_ERRORS.value, "The error lines: none may be new on the new version"),
)
WORSE = (("", "More is worse: errors, slow answers"), ("fewer", "Fewer is worse: orders, sign-ins"))
SILENCE = (
    (NoData.INCONCLUSIVE.value, "It cannot tell"),
    (NoData.BAD.value, "Bad"),
    (NoData.ZERO.value, "Zero, where there are requests: error counts only"),
)
SEVERITIES = [(one.value, one.name.capitalize()) for one in Severity]
OWN_PLACE = {"is_required": "level", "is_critical": "level", "fewer_is_worse": "worse"}


class Percent(forms.FloatField):
    """A share (0 to 1) typed in percent."""

    def prepare_value(self, value: Any) -> Any:
        return f"{round(value * 100, 6):g}" if isinstance(value, float | int) else value

    def clean(self, value: Any) -> Any:
        percent = super().clean(value)
        return round(percent / 100, 10) if percent is not None else None


class PromiseForm(forms.Form):
    """What must be kept; a template has the same fields as a guardrail."""

    name = forms.CharField(max_length=100, help_text="e.g. “Error rate” or “Orders per visit”.")
    metric = forms.CharField(
        max_length=60,
        help_text="As the service reports it, e.g. errors, latency (over its objective) or orders.",
    )
    kind = forms.ChoiceField(
        choices=KINDS, widget=forms.RadioSelect, initial=GuardrailKind.RATIO.value, label="Compares"
    )
    level = forms.ChoiceField(
        choices=LEVELS, widget=forms.RadioSelect, initial=REQUIRED, label="How much it weighs"
    )
    worse = forms.ChoiceField(choices=WORSE, required=False, label="What is worse")
    ratio = forms.FloatField(
        initial=1.1,
        label="Allowed ratio",
        help_text="1.1: at most a tenth worse than the old version.",
    )
    alpha = Percent(
        initial=0.01,
        label="False alarms, % of stages",
        help_text="Below 5 % it brings users back; at 5 % it holds and tells somebody.",
    )
    absolute_limit = Percent(
        required=False,
        initial=0.2,
        label="Limit, %",
        help_text="Of either version; beyond it users come back at once. At 100 % only this is left.",
    )
    absolute_minimum = forms.IntegerField(
        initial=20,
        min_value=1,
        max_value=1_000_000,
        label="Looked at from, units",
        help_text="Of error lines: from so many of one kind; 3 is a good number.",
    )
    tolerated_rate = Percent(
        initial=0.001, label="Nobody minds below, %", help_text="Lets a service that hardly ever fails pass."
    )
    excludes = forms.FloatField(
        required=False,
        label="Must be able to see, ×",
        help_text="Empty: ×10 at 1 % of users, ×5 at 5, ×3 at 10, ×2 at 25, ×1.5 at 50.",
    )
    no_data = forms.ChoiceField(choices=SILENCE, initial=NoData.INCONCLUSIVE.value, label="No data means")
    failure_limit = forms.IntegerField(
        initial=2,
        min_value=0,
        max_value=100,
        label="Bad measurements allowed",
        help_text="Of a stage, against a limit; the next one fails.",
    )
    window_seconds = forms.IntegerField(
        initial=10,
        min_value=10,
        max_value=86_400,
        label="One measurement covers, seconds",
        help_text="Against a limit only.",
    )
    least_severity = forms.TypedChoiceField(
        choices=SEVERITIES,
        coerce=int,
        required=False,
        initial=Severity.ERROR.value,
        label="Error lines count from",
        help_text="Where it minds new error lines.",
    )

    plain = ("ratio", "alpha", "absolute_limit", "absolute_minimum", "tolerated_rate", "excludes")
    fine = ("no_data", "failure_limit", "window_seconds", "least_severity")

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.plain]

    @property
    def fine_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fine]

    def promise(self) -> rules.Guardrail:
        """Return what was typed as the rules take it."""
        typed = {name: value for name, value in self.cleaned_data.items() if name in PROMISED}
        level = self.cleaned_data["level"]
        return rules.Guardrail(
            **{
                **typed,
                "kind": GuardrailKind(typed["kind"]),
                "no_data": NoData(typed["no_data"]),
                "window_seconds": float(typed["window_seconds"]),
                "least_severity": typed["least_severity"] or Severity.ERROR.value,
            },
            is_required=level != ADVISORY,
            is_critical=level == CRITICAL,
            fewer_is_worse=self.cleaned_data["worse"] == "fewer",
        )

    def field_of(self, name: str) -> str | None:
        """Return the field that shows what is wrong with a part of the promise."""
        name = OWN_PLACE.get(name, name)
        return name if name in self.fields else None


PROMISED = frozenset(PromiseForm.base_fields) - {"level", "worse"}


class GuardrailForm(PromiseForm):
    """A promise about one target."""

    field_order = ("target",)
    target = forms.ModelChoiceField(
        Target.objects.none(), label="Service", empty_label="Choose a service and its environment"
    )

    def __init__(self, *args: Any, targets: list[int], fixed: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["target"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - declared above
        choice.queryset = Target.objects.filter(pk__in=targets).select_related("service", "environment")
        choice.disabled = fixed


class TemplateForm(PromiseForm):
    """A promise that is written once and given to services."""

    field_order = ("team",)
    team = forms.ModelChoiceField(
        Team.objects.none(), label="Team", help_text="Answers for it; every team may use it."
    )
    description = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="When it fits, and why it is set like this.",
    )

    def __init__(self, *args: Any, teams: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["team"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - declared above
        choice.queryset = Team.objects.filter(pk__in=teams)


class RemoveForm(forms.Form):
    """Why a promise is taken back."""

    reason = forms.CharField(max_length=500, label="Why it is no longer needed")


def initial_of(row: Promise) -> dict[str, Any]:
    """Return what a promise is now, as the fields show it."""
    level = CRITICAL if row.is_critical else REQUIRED if row.is_required else ADVISORY
    return {
        **{name: getattr(row, name) for name in PROMISED},
        "window_seconds": int(row.window_seconds),
        "level": level,
        "worse": "fewer" if row.fewer_is_worse else "",
    }
