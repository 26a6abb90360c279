"""Ask which finding is passed over, for how long, and why."""

from collections.abc import Sequence

from django import forms

from releasetrain.rollouts.rules.dismissals import LONGEST_MINUTES

USUAL_MINUTES = 30


class DismissForm(forms.Form):
    """Pass over what a guardrail has found, for a time."""

    guardrail = forms.ChoiceField(widget=forms.RadioSelect, label="Which finding")
    minutes = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_MINUTES,
        initial=USUAL_MINUTES,
        label="For how many minutes",
        help_text=f"At most {LONGEST_MINUTES}; then the guardrail counts again.",
    )
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why it is not the new version’s fault, or why it may go on all the same.",
    )

    def __init__(self, *args: object, findings: Sequence[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["guardrail"].choices = [  # type: ignore[attr-defined]
            (name, f"{name}: {said}" if said else name) for name, said in findings
        ]
        if len(findings) == 1:
            self.fields["guardrail"].initial = findings[0][0]
