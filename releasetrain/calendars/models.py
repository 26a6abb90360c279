"""Windows in which nothing may move, or only in which it may; holidays; and the feeds that bring them."""

from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models.functions import Now

from releasetrain.accounts.models import Team, User
from releasetrain.calendars.rules.windows import Behaviour, DayMode, Effect, Lane, Stops
from releasetrain.catalog.models import Environment, Region, Service


class Holidays(models.Model):
    """The public holidays of a country or a part of it, and its working days."""

    name = models.CharField(max_length=100, unique=True)
    country = models.CharField(max_length=10, help_text="ISO 3166-1, e.g. DE")
    subdivision = models.CharField(max_length=20, blank=True, help_text="e.g. BE for Berlin; empty for all")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "holidays"
        constraints = [models.UniqueConstraint(fields=["country", "subdivision"], name="holidays_once")]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return ["calendar"]


class Feed(models.Model):
    """Somebody else's calendar, by address or as a file; the last good body is kept (RULES W11).

    `report` lists what could not be taken over: {"event": title or uid, "problem": sentence}. `zone` is for
    times without one and all-day events; `asked_at` is when somebody wanted it now. Scope, level, lanes and
    behaviour are handed to each window.
    """

    name = models.CharField(max_length=120)
    brings = models.CharField(max_length=10, choices=[("windows", "windows"), ("shifts", "on-call shifts")])
    url = models.CharField(max_length=500, blank=True)
    zone = models.CharField(max_length=64)
    level = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Stops], default="hard")
    effect = models.CharField(
        max_length=5, choices=[(one.value, one.value) for one in Effect], default="deny"
    )
    behaviour = models.CharField(
        max_length=14, choices=[(one.value, one.value) for one in Behaviour], default="hold"
    )
    lanes = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="feeds")
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="feeds"
    )
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="feeds"
    )
    body = models.TextField(blank=True)
    digest = models.CharField(max_length=64, blank=True)
    report = models.JSONField(default=list, blank=True)
    problem = models.CharField(max_length=500, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    good_at = models.DateTimeField(null=True, blank=True)
    next_due_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="feeds")
    created_at = models.DateTimeField(db_default=Now())
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(
                fields=["next_due_at"], name="feed_due", condition=models.Q(next_due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_being_fetched(self) -> bool:
        """Tell whether somebody has asked for it since it was tried last."""
        return self.asked_at is not None and (self.checked_at is None or self.checked_at < self.asked_at)

    @property
    def is_stale(self) -> bool:
        return bool(self.problem)

    def event_topics(self) -> list[str]:
        return ["calendar"]


class Window(models.Model):
    """A span of time, once or again and again, in which moving is stopped, or to which it is confined.

    What is typed stands on the wall clock: `starts_local` and `ends_local` are the ends of the first time,
    naive (for all-day windows the first and the last day, both included). `rule` repeats it, in lines, or
    `holidays` puts it on each of theirs. `starts_at` and `ends_at` span all of its occurrences; no end is a
    window that goes on for ever. `planned_at` is when they were last written ahead. No scope row means
    everything; no lane means every lane.
    """

    name = models.CharField(max_length=120)
    level = models.CharField(max_length=10, choices=[(one.value, one.words) for one in Stops], default="hard")
    effect = models.CharField(
        max_length=5, choices=[(one.value, one.words) for one in Effect], default="deny"
    )
    behaviour = models.CharField(
        max_length=14, choices=[(one.value, one.words) for one in Behaviour], default="hold"
    )
    lanes = ArrayField(
        models.CharField(max_length=8, choices=[(one.value, one.words) for one in Lane]),
        default=list,
        blank=True,
    )
    reason = models.TextField()
    time_zone = models.CharField(max_length=64, default="UTC")
    starts_local = models.CharField(max_length=19)
    ends_local = models.CharField(max_length=19)
    is_all_day = models.BooleanField(default=False)
    day_mode = models.CharField(
        max_length=8, choices=[(one.value, one.words) for one in DayMode], default="zone"
    )
    rule = models.CharField(max_length=4000, blank=True)
    holidays = models.ForeignKey(
        Holidays, null=True, blank=True, on_delete=models.PROTECT, related_name="windows"
    )
    capacity = models.PositiveIntegerField(
        null=True, blank=True, help_text="changes aboard, each time it opens"
    )
    stops_the_line = models.BooleanField(default=False)
    feed = models.ForeignKey(Feed, null=True, blank=True, on_delete=models.PROTECT, related_name="windows")
    uid = models.CharField(max_length=500, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="windows")
    created_at = models.DateTimeField(db_default=Now())
    ended_early_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by_label = models.CharField(max_length=200, blank=True)
    deleted_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=models.F("starts_at")),
                name="window_ends_after_its_start",
            ),
            models.CheckConstraint(
                condition=models.Q(rule="") | models.Q(holidays__isnull=True), name="window_repeats_one_way"
            ),
            models.CheckConstraint(
                condition=models.Q(stops_the_line=False) | models.Q(ends_at__isnull=False),
                name="window_stop_expires",
            ),
        ]
        indexes = [models.Index(fields=["ends_at", "starts_at"], name="window_span")]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return ["calendar"]


class WindowScope(models.Model):
    """What a window covers, or leaves out: a place matches where every field that is filled does."""

    window = models.ForeignKey(Window, on_delete=models.CASCADE, related_name="scopes")
    is_exclusion = models.BooleanField(default=False)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="scopes")
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="scopes"
    )
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="scopes"
    )
    region = models.ForeignKey(Region, null=True, blank=True, on_delete=models.PROTECT, related_name="scopes")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(team__isnull=False)
                | models.Q(service__isnull=False)
                | models.Q(environment__isnull=False)
                | models.Q(region__isnull=False),
                name="window_scope_names_something",
            ),
        ]

    def __str__(self) -> str:
        return " in ".join(
            str(one) for one in (self.team, self.service, self.environment, self.region) if one is not None
        )


class Occurrence(models.Model):
    """One time that a window is open, half-open; `region` where each region has a day of its own (T7)."""

    window = models.ForeignKey(Window, on_delete=models.CASCADE, related_name="occurrences")
    region = models.ForeignKey(
        Region, null=True, blank=True, on_delete=models.CASCADE, related_name="occurrences"
    )
    during = DateTimeRangeField()

    class Meta:
        ordering = ["during"]
        constraints = [
            models.UniqueConstraint(
                fields=["window", "region", "during"], name="occurrence_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=models.Q(during__isempty=False), name="occurrence_lasts"),
        ]
        indexes = [
            GistIndex(fields=["during"], name="occurrence_during"),
            models.Index(fields=["window", "during"], name="occurrence_next"),
        ]

    def __str__(self) -> str:
        return f"{self.window} {self.during}"
