"""Subscribe to somebody else's calendar."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms

from releasetrain.accounts.models import Team
from releasetrain.calendars.actions.feeds import print_of
from releasetrain.calendars.models import Feed
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.errors import Invalid
from releasetrain.web.forms.meaning import MeaningForm
from releasetrain.web.forms.trains import zones

PLACES = ("team", "service", "environment")

# The largest calendar in public use has some thousand events.
MOST_BYTES = 5 * 1024 * 1024


def read_file(upload: Any) -> bytes:
    """Read a file that was sent.

    :raises Invalid: it is too large to be a calendar
    """
    if upload.size > MOST_BYTES:
        raise Invalid(f"A calendar file has at most {MOST_BYTES // 2**20} MB.", field="body")
    return bytes(upload.read())


class FeedSettingsForm(MeaningForm):
    """Where a calendar comes from, and how its windows are meant."""

    labels: ClassVar[Mapping[str, str]] = {
        "effect": "What its windows do",
        "level": "How much they stop",
        "behaviour": "A rollout that runs when one opens",
    }
    field_order: Sequence[str] | None = ("name", "url", "zone", *PLACES)

    name = forms.CharField(
        max_length=120, help_text="As people shall read it, e.g. “Payments blackout dates”."
    )
    url = forms.CharField(
        required=False,
        max_length=500,
        label="Address",
        widget=forms.URLInput,
        help_text="Of an iCalendar file (.ics). It is fetched again and again.",
    )
    zone = forms.ChoiceField(
        choices=zones, label="Time zone", help_text="For whole days, and for times that name no zone."
    )
    team = forms.ModelChoiceField(Team.objects.all(), required=False, empty_label="Every team")
    service = forms.ModelChoiceField(
        Service.objects.filter(archived_at__isnull=True), required=False, empty_label="Every service"
    )
    environment = forms.ModelChoiceField(
        Environment.objects.all(), required=False, empty_label="Every environment"
    )

    def settings(self) -> dict[str, Any]:
        """Return what was typed as the calendar takes it."""
        typed = {name: value for name, value in self.cleaned_data.items() if name != "seen"}
        return {**typed, **self.meaning}


def initial_of(feed: Feed) -> dict[str, Any]:
    """Return what a calendar is now, as the fields show it."""
    plain = ("name", "url", "zone", "effect", "level", "behaviour", "lanes", *PLACES)
    return {"seen": print_of(feed), **{name: getattr(feed, name) for name in plain}}


class FeedForm(FeedSettingsForm):
    """A new calendar: its settings, what it brings, and its text where it has no address."""

    field_order = ("name", "url", "body", "zone", "brings", *PLACES)

    brings = forms.ChoiceField(
        choices=[("windows", "Windows"), ("shifts", "On-call shifts of a team")],
        widget=forms.RadioSelect,
        initial="windows",
        label="It brings",
    )
    body = forms.FileField(
        required=False,
        label="Or a file",
        help_text="It is read once; you can upload a newer one later.",
        widget=forms.ClearableFileInput(attrs={"accept": ".ics,text/calendar"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("url")) == bool(cleaned.get("body")) and "url" not in self.errors:
            self.add_error("url", "Give either its address or a file.")
        return cleaned

    def wanted(self) -> dict[str, Any]:
        """Return what was typed as the calendar takes it.

        :raises Invalid: the file is too large
        """
        body = self.cleaned_data["body"]
        return {**self.settings(), "body": read_file(body) if body else b""}
