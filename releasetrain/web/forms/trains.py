"""Create or edit a train."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.http import QueryDict
from django.utils.text import slugify

from releasetrain.accounts.models import Team, User
from releasetrain.calendars.models import Holidays
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.deadlines import before
from releasetrain.trains.models import TRAIN_LANES, Policy, Train
from releasetrain.trains.queries.settings import TrainSettings, train_problems
from releasetrain.trains.rules.states import OnNewVersion, Turns
from releasetrain.trains.rules.vehicles import Trait
from releasetrain.web.forms import checks, ladders, rows
from releasetrain.web.forms.deadlines import CutOffSet, Deadlines, MilestoneSet, initial_of
from releasetrain.web.forms.fields import Minutes, WallTime

CUT_OFFS, MILESTONES, CAPTAINS = "cut_offs", "milestones", "captains"
ROWS = (CUT_OFFS, MILESTONES, CAPTAINS, ladders.STAGES)
# What most trains run by; a press fills the rule in.
PRESETS = (
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every working day"),
    ("FREQ=WEEKLY;BYDAY=TU,TH", "Tuesdays and Thursdays"),
    ("FREQ=WEEKLY", "Every week"),
    ("FREQ=WEEKLY;INTERVAL=2", "Every second week"),
    ("FREQ=WEEKLY;INTERVAL=4", "Every four weeks"),
    ("FREQ=MONTHLY;BYDAY=1TU", "First Tuesday of the month"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "Last working day of the month"),
    ("FREQ=YEARLY", "Once a year"),
)
TURNS = ((Turns.DEPARTURE.value, "at every departure"), (Turns.WEEK.value, "every week"))
TRAITS = [(one.value, one.label) for one in Trait]


def zones() -> list[tuple[str, str]]:
    """Offer every IANA zone of a region, and UTC."""
    return [(zone, zone) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"]


class CaptainForm(forms.Form):
    """One place in the turn of a train's captains."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True), required=False, empty_label="Nobody", label="Captain"
    )


CaptainSet = forms.formset_factory(CaptainForm, extra=0, absolute_max=rows.MOST_ROWS, max_num=rows.MOST_ROWS)


class TrainForm(checks.ChecksForm):
    """When a train runs, what it carries, who decides, and how fast it rolls out."""

    name = forms.CharField(max_length=100)
    slug = forms.SlugField(
        max_length=50, required=False, label="Address", help_text="Made from the name if left empty."
    )
    team = forms.ModelChoiceField(Team.objects.all())
    environment = forms.ModelChoiceField(Environment.objects.all())
    lane = forms.ChoiceField(
        choices=[(one.value, one.words.capitalize()) for one in TRAIN_LANES],
        initial=Lane.TRAIN.value,
        required=False,
        help_text="A window may stop trains and let hotfixes through, or the other way round.",
    )
    services = forms.ModelMultipleChoiceField(
        Service.objects.filter(archived_at__isnull=True), widget=forms.CheckboxSelectMultiple
    )
    time_zone = forms.ChoiceField(choices=zones, initial="UTC", help_text="The wall clock it runs on.")
    first_departs_at_local = WallTime(label="First departure", help_text="On the train’s own wall clock.")
    rule = forms.CharField(
        max_length=4000,
        label="Schedule",
        widget=forms.Textarea(attrs={"rows": 2, "class": "rule", "spellcheck": "false"}),
        help_text="One RFC 5545 rule, or several lines: RRULE, RDATE for dates more, EXDATE for dates less.",
    )
    boarding_lead = Minutes(
        min_value=1,
        initial=10_080,
        label="Boarding opens, minutes before departure",
        help_text="10,080 is a week.",
    )
    policy = forms.ModelChoiceField(Policy.objects.all(), label="Who says go")
    captain = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        required=False,
        label="Captain",
        help_text="Where nobody’s turn it is.",
    )
    turns = forms.ChoiceField(
        choices=TURNS, initial=Turns.DEPARTURE.value, required=False, label="The next captain takes over"
    )
    on_new_version = forms.ChoiceField(
        choices=[(one.value, one.words) for one in OnNewVersion],
        initial=OnNewVersion.QUEUE.value,
        required=False,
        label="A new version while another is on its way",
    )
    check_in_lead = Minutes(
        min_value=1,
        required=False,
        label="Check-in opens, minutes before departure",
        help_text="Authors then say that they are there; without them it does not leave. Empty asks nobody.",
    )
    capacity = forms.IntegerField(
        min_value=1,
        required=False,
        label="Room, changes",
        help_text="Who comes when it is full stands by. Empty is no limit.",
    )
    risk_budget = forms.IntegerField(
        min_value=1,
        required=False,
        label="Risk budget, points",
        help_text="What all changes aboard may weigh together. Empty is no limit.",
    )
    refuses = forms.MultipleChoiceField(
        choices=TRAITS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="It carries no change that",
    )
    takes_only = forms.MultipleChoiceField(
        choices=TRAITS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="It carries only changes that",
        help_text="One of them is enough. Nothing ticked: it carries any.",
    )

    def __init__(self, data: QueryDict | None = None, *, train: Train | None, now: datetime) -> None:
        self.train, self.now = train, now
        initial = {**vars(train), **shown(train), **checks.shown(train.checks)} if train is not None else {}
        super().__init__(data, initial=initial)
        zone = data.get("time_zone", "UTC") if data else (train.time_zone if train else "UTC")
        calendars = Holidays.objects.all()
        # What was typed counts, also where it is what stood there first.
        options = {"train_zone": zone, "calendars": calendars, "empty_permitted": False}
        self.cut_offs = CutOffSet(
            data,
            prefix=CUT_OFFS,
            initial=[
                initial_of(one, zone) for one in (train.cut_offs if train else [before(timedelta(hours=2))])
            ],
            form_kwargs=options,
        )
        self.milestones = MilestoneSet(
            data,
            prefix=MILESTONES,
            initial=[initial_of(one, zone) for one in (train.milestones if train else [])],
            form_kwargs=options,
        )
        seats = train.captain_seats.order_by("order") if train else []
        self.captains = CaptainSet(data, prefix=CAPTAINS, initial=[{"user": one.user_id} for one in seats])
        self.stages = ladders.stage_set(data, train.ladder if train else None)
        self.ladder_errors: list[str] = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        sets = (self.cut_offs, self.milestones, self.captains, self.stages)
        is_fine = [one.is_valid() for one in sets]
        if all(is_fine) and not self.errors:
            for name, sentence in train_problems(self.settings(), self.now, self.train).items():
                self.blame(name, sentence)
        return cleaned

    def blame(self, name: str, sentence: str) -> None:
        """Put a sentence beside the field, or the rows, that it is about."""
        name = "checklist" if name == "checks" else name
        if name == "ladder":
            self.ladder_errors.append(sentence)
            self.__dict__.pop("row_errors", None)
        elif name in self.fields:
            self.add_error(name, sentence)
        else:
            self.add_error(None, sentence)

    def is_valid(self) -> bool:
        return super().is_valid() and not self.row_errors

    @cached_property
    def row_errors(self) -> list[tuple[str, str, str]]:
        """List what is wrong in the rows: the id to go to, its label, and the sentence."""
        if not self.is_bound:
            return []
        found: list[tuple[str, str, str]] = []
        for one, word in (
            (self.cut_offs, "Cut-off"),
            (self.milestones, "Milestone"),
            (self.captains, "Captain"),
        ):
            found += [(str(one.prefix), f"{word}s", str(error)) for error in one.non_form_errors()]
            for number, form in enumerate(one.forms, 1):
                for name, errors in form.errors.items():
                    field = form[name] if name in form.fields else form["kind"]
                    label = f"{word} {number}" + (f", {field.label.lower()}" if name in form.fields else "")
                    found += [(str(field.id_for_label), label, str(error)) for error in errors]
        found += [(ladders.STAGES, "Ladder", str(error)) for error in self.stages.non_form_errors()]
        found += ladders.problems(self.stages.forms)
        return found + [(ladders.STAGES, "Ladder", sentence) for sentence in self.ladder_errors]

    def hush(self) -> None:
        """Show what was typed without judging it."""
        rows.hush(self, self.cut_offs, self.milestones, self.captains, self.stages)
        self.row_errors = []

    def settings(self) -> TrainSettings:
        """Return what was typed as the settings of a train."""
        typed = dict(self.cleaned_data)
        services = tuple(cast("list[Service]", typed.pop("services")))
        typed["first_departs_at_local"] = typed["first_departs_at_local"].strftime("%Y-%m-%dT%H:%M:%S")
        typed["slug"] = typed["slug"] or slugify(typed["name"])[:50]
        typed["lane"] = typed["lane"] or Lane.TRAIN.value
        typed["on_new_version"] = typed["on_new_version"] or OnNewVersion.QUEUE.value
        typed["turns"] = typed["turns"] or Turns.DEPARTURE.value
        typed["rule"] = "\n".join(line.strip() for line in typed["rule"].splitlines() if line.strip())
        if self.train is not None:
            typed |= {"grace": self.train.grace, "is_accelerated": self.train.is_accelerated}
        return TrainSettings(
            checks=checks.asked(typed),
            **typed,
            cut_offs=specs(self.cut_offs),
            milestones=specs(self.milestones),
            captains=self.turn(),
            ladder=self.stages.ladder(),
            services=services,
        )

    def turn(self) -> tuple[User, ...]:
        """Return the captains in their turn; rows without anybody are none."""
        named = (form.cleaned_data.get("user") for form in self.captains.forms)
        return tuple(person for person in named if person is not None)


def specs(deadlines: Any) -> list[dict[str, Any]]:
    """Return the typed deadlines as a train keeps them."""
    return cast(Deadlines, deadlines).specs()


def pressed(data: QueryDict) -> QueryDict | None:
    """Return what was typed with a row more or less, or with a preset filled in; None to go on."""
    if preset := data.get("preset"):
        filled = data.copy()
        filled["rule"] = preset
        return filled
    if (climbing := ladders.filled(data)) is not None:
        return climbing
    return rows.pressed(data, ROWS)


def shown(train: Train) -> dict[str, Any]:
    """Return what a train has now, as the fields show it."""
    return {
        "team": train.team_id,
        "environment": train.environment_id,
        "policy": train.policy_id,
        "captain": train.captain_id,
        "services": [service.pk for service in train.services.all()],
        "first_departs_at_local": datetime.fromisoformat(train.first_departs_at_local),
    }
