"""Start a hotfix, attest, give what a broken glass owes, lock a target; short enough for a phone."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms

from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.catalog.models import Target

LENGTHS = ((15, "15 minutes"), (60, "an hour"), (240, "4 hours"), (480, "8 hours"), (1440, "a day"))
NEXT = "next"


def lines(rows: int = 2) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class HotfixForm(forms.Form):
    """What must be known of a hotfix before it goes."""

    target = forms.ModelChoiceField(
        Target.objects.none(), label="Where", empty_label=None, help_text="The service, and where it runs."
    )
    version = forms.CharField(max_length=100, help_text="The commit, tag or build that goes out.")
    title = forms.CharField(max_length=300, label="What it mends")
    reason = forms.CharField(max_length=1000, widget=lines(), label="Why it cannot wait for the train")
    url = forms.URLField(max_length=500, required=False, label="Pull request", assume_scheme="https")
    break_glass = forms.CharField(
        max_length=1000,
        required=False,
        widget=lines(),
        label="Break the glass: why not even for the votes",
        help_text="Half of each quorum and one on-call person let it go then. The other votes are owed "
        "within 24 hours, and a review opens by itself. Leave it empty to ask everybody.",
    )

    def __init__(self, *args: Any, roles: Roles, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Target.objects.filter(service__archived_at__isnull=True)
        rows = rows.select_related("service__team", "environment")
        mine = [row.pk for row in rows if may(roles, Role.SUBMITTER, row.service)]
        self.fields["target"].queryset = rows.filter(pk__in=mine)  # type: ignore[attr-defined]


class AttestForm(forms.Form):
    """Somebody's word about one version."""

    service = forms.IntegerField(widget=forms.HiddenInput)
    version = forms.CharField(max_length=100, widget=forms.HiddenInput)
    contains = forms.CharField(max_length=100, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=500,
        widget=lines(),
        label="How you know",
        help_text="The commit, the merge, or the diff that you read.",
    )


class BreakForm(forms.Form):
    """Why fewer people decide."""

    reason = forms.CharField(max_length=1000, widget=lines(), label="Why it cannot wait for everybody")


class SayForm(forms.Form):
    """A vote that is owed."""

    choice = forms.ChoiceField(
        choices=[("go", "Go: I would have let it"), ("no_go", "No-go: I would not have")],
        widget=forms.RadioSelect,
        label="Looking back",
    )
    reason = forms.CharField(
        max_length=500, required=False, widget=lines(), help_text="A no-go needs one; the review reads it."
    )


class ReviewForm(forms.Form):
    """What came of a broken glass."""

    review = forms.CharField(
        max_length=2000,
        widget=lines(4),
        label="What came of it?",
        help_text="What it was good for, what it cost, and what would make the next one needless.",
    )


class LockForm(forms.Form):
    """Keep rollouts off a target for a while."""

    reason = forms.CharField(max_length=500, widget=lines(), label="Why nothing may move there")
    minutes = forms.TypedChoiceField(choices=LENGTHS, coerce=int, initial=60, label="For")

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.cleaned_data["minutes"])


class RenewForm(forms.Form):
    """Keep a lock for longer, or give it back."""

    fence = forms.IntegerField(widget=forms.HiddenInput)
    minutes = forms.TypedChoiceField(
        choices=LENGTHS, coerce=int, initial=60, required=False, empty_value="60", label="From now, for"
    )

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=int(self.cleaned_data["minutes"]))


class TakeOverForm(forms.Form):
    """Take a target from whoever has it."""

    fence = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(max_length=500, widget=lines(), label="Why you take it over")
    to = forms.ChoiceField(
        choices=[(NEXT, "Let the next in line go"), *((str(n), f"I keep it for {w}") for n, w in LENGTHS)],
        label="And then",
    )

    @property
    def length(self) -> timedelta | None:
        to = self.cleaned_data["to"]
        return None if to == NEXT else timedelta(minutes=int(to))


class SettleForm(forms.Form):
    """Somebody's word that both sides serve the same."""

    reason = forms.CharField(max_length=500, widget=lines(), label="How you know that both sides serve it")


def first_error(forms_with_errors: Iterable[forms.Form]) -> str:
    """Return the first thing that is wrong with what was typed."""
    return next((str(said[0]) for form in forms_with_errors for said in form.errors.values()), "")
