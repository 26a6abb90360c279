"""Type who votes in one's place, and for how long."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles


class DelegationForm(forms.Form):
    """Let somebody vote in one's place for a time; instants are on the reader's own clocks."""

    taker = forms.ModelChoiceField(User.objects.none(), label="Who votes", empty_label="Choose")
    role = forms.ChoiceField(required=False, label="As")
    starts_at = forms.DateTimeField(
        label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    ends_at = forms.DateTimeField(
        label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    reason = forms.CharField(max_length=300, help_text="They read it when they are told.")

    def __init__(self, data: QueryDict | None, *, person: User, roles: Roles, now: datetime) -> None:
        super().__init__(data, initial={"starts_at": now})
        people = User.objects.filter(is_active=True).exclude(pk=person.pk)
        self.fields["taker"].queryset = people  # type: ignore[attr-defined]
        held = [role for role in Role if role is not Role.VIEWER and roles.has_any(role)]
        choices = [("", "Everything that I am"), *((role.value, role.label) for role in held)]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """Return what was typed as `delegate` takes it."""
        typed = dict(self.cleaned_data)
        return {**typed, "role": Role(typed["role"]) if typed["role"] else None}
