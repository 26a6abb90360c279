"""Type a policy: who must say go about what, until when, and how long that lasts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Holidays
from releasetrain.lib.deadlines import Kind
from releasetrain.trains.models import Policy
from releasetrain.trains.queries.policies import PolicySettings
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Part
from releasetrain.web.forms import rows
from releasetrain.web.forms.fields import Minutes

ASKS = "asks"
HOUR = timedelta(hours=1)
VOTERS = [(role.value, role.label) for role in Role if role is not Role.VIEWER]
DUE = (
    ("", "No deadline"),
    (Kind.LEAD.value, "Hours before departure"),
    (Kind.WORKDAYS.value, "Working days before departure"),
)


class Hours(forms.IntegerField):
    """A length of time typed in hours."""

    def prepare_value(self, value: Any) -> Any:
        return int(value / HOUR) if isinstance(value, timedelta) else value

    def clean(self, value: Any) -> Any:
        hours = super().clean(value)
        return HOUR * hours if hours is not None else None


class AskForm(forms.Form):
    """One requirement of a policy."""

    role = forms.ChoiceField(choices=VOTERS, initial=Role.RELEASE_MANAGER.value)
    quorum = forms.IntegerField(min_value=1, max_value=50, initial=1, label="How many")
    slot = forms.CharField(
        required=False,
        max_length=60,
        label="Name of the slot",
        widget=forms.TextInput(attrs={"placeholder": "e.g. Performance"}),
    )
    team = forms.ModelChoiceField(
        Team.objects.all(), required=False, empty_label="The train’s team and the house", label="People of"
    )
    part = forms.ChoiceField(
        choices=[
            (Part.WHOLE.value, "everything aboard"),
            (Part.OWN.value, "services of their team: one seat for each team"),
        ],
        initial=Part.WHOLE.value,
        label="Asked about",
    )
    silence_after = Minutes(
        required=False, min_value=1, max_value=30_000, label="Silence means yes after, minutes"
    )
    self_certify_up_to = forms.IntegerField(
        required=False, min_value=0, max_value=1000, label="Authors certify up to, risk points"
    )
    only_veto = forms.BooleanField(required=False, label="Veto only: not waited for, a no-go is heard")
    allows_not_applicable = forms.BooleanField(required=False, label="May say “not applicable”")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A row that is left as it was offered is a requirement all the same.
        super().__init__(*args, **{**kwargs, "empty_permitted": False})

    @property
    def plain(self) -> list[forms.BoundField]:
        """Give the template the fields that are typed or chosen, in their order."""
        names = ("role", "quorum", "slot", "team", "part", "silence_after", "self_certify_up_to")
        return [self[name] for name in names]

    def ask(self) -> Ask:
        """Return what was typed as a plan keeps it."""
        typed = dict(self.cleaned_data)
        team: Team | None = typed.pop("team")
        return Ask(
            **{
                **typed,
                "role": Role(typed["role"]),
                "part": Part(typed["part"]),
                "team": (team.pk, team.name) if team else None,
            }
        )


AskSet = forms.formset_factory(AskForm, extra=0, absolute_max=rows.MOST_ROWS, max_num=rows.MOST_ROWS)


class PolicyForm(forms.Form):
    """What a policy asks, and of whom."""

    name = forms.CharField(max_length=100, help_text="e.g. “Two people and on-call”.")
    owner = forms.ModelChoiceField(Team.objects.all(), help_text="The team that answers for it.")
    no_approval_needed = forms.BooleanField(
        required=False, label="No approval needed", help_text="On purpose; the owner answers for that."
    )
    votes_last = Hours(
        required=False,
        min_value=1,
        max_value=24 * 60,
        label="A go lasts, hours",
        help_text="Then it is asked for again; the voter is reminded at 50, 75 and 100 %.",
    )
    due = forms.ChoiceField(required=False, choices=DUE, label="To be decided by")
    due_count = forms.IntegerField(required=False, min_value=0, max_value=250, label="How many")
    due_time = forms.CharField(
        required=False,
        max_length=8,
        label="At, for working days",
        widget=forms.TimeInput(attrs={"type": "time"}),
    )
    due_holidays = forms.ModelChoiceField(
        Holidays.objects.all(), required=False, empty_label="Weekends only", label="Days off"
    )
    escalates_to = forms.ChoiceField(
        choices=VOTERS,
        initial=Role.RELEASE_MANAGER.value,
        label="When that is missed, tell",
        help_text="The people of this role in the owner’s team.",
    )
    guards_quorum = forms.BooleanField(
        required=False,
        label="Nobody may lose a role that is needed",
        help_text="Otherwise whoever takes the role away is warned only.",
    )

    def __init__(self, data: QueryDict | None, *, policy: Policy | None) -> None:
        settings = PolicySettings.of(policy) if policy else None
        super().__init__(data, initial=_initial(settings) if settings else None)
        asks = [_ask_initial(ask) for ask in settings.asks] if settings else [{}]
        self.asks = AskSet(data, prefix=ASKS, initial=asks)

    def is_valid(self) -> bool:
        return super().is_valid() and self.asks.is_valid()

    def hush(self) -> None:
        """Show what was typed without judging it."""
        rows.hush(self, self.asks)

    def settings(self) -> PolicySettings:
        """Return what was typed as the actions take it."""
        typed = self.cleaned_data
        return PolicySettings(
            name=typed["name"].strip(),
            owner=typed["owner"],
            asks=tuple(row.ask() for row in self.asks.forms),
            no_approval_needed=typed["no_approval_needed"],
            votes_last=typed["votes_last"],
            decide_by=_decide_by(typed),
            escalates_to=Role(typed["escalates_to"]),
            guards_quorum=typed["guards_quorum"],
        )


def _decide_by(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the deadline that was typed; what is missing is left for the reader to refuse."""
    if not typed["due"]:
        return {}
    if typed["due"] == Kind.LEAD:
        count = typed["due_count"]
        return {"kind": Kind.LEAD.value, **({"seconds": count * 3600} if count is not None else {})}
    found = {
        "kind": Kind.WORKDAYS.value,
        "days": typed["due_count"],
        "time": typed["due_time"],
        "holidays": typed["due_holidays"].pk if typed["due_holidays"] else None,
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def _initial(settings: PolicySettings) -> dict[str, Any]:
    due = settings.decide_by
    seconds = due.get("seconds")
    return {
        "name": settings.name,
        "owner": settings.owner,
        "no_approval_needed": settings.no_approval_needed,
        "votes_last": settings.votes_last,
        "due": due.get("kind", ""),
        "due_count": int(seconds) // 3600 if seconds is not None else due.get("days"),
        "due_time": str(due.get("time", ""))[:5],
        "due_holidays": due.get("holidays"),
        "escalates_to": settings.escalates_to.value,
        "guards_quorum": settings.guards_quorum,
    }


def _ask_initial(ask: Ask) -> dict[str, Any]:
    names = ("quorum", "slot", "silence_after", "self_certify_up_to", "only_veto", "allows_not_applicable")
    plain = {name: getattr(ask, name) for name in names}
    return {
        **plain,
        "role": ask.role.value,
        "part": ask.part.value,
        "team": ask.team[0] if ask.team else None,
    }


def pressed(data: QueryDict) -> QueryDict | None:
    """Return what was typed with a requirement more or less, a new one asking one person; None to go on."""
    typed = rows.pressed(data, (ASKS,))
    if typed is not None and data.get("add") == ASKS:
        typed.setdefault(f"{ASKS}-{rows.count(data, ASKS)}-quorum", "1")
    return typed
