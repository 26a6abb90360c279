"""Changes, their bundles, and what code hosts said of them."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Service
from releasetrain.trains.models.departures import Departure
from releasetrain.trains.rules.states import ChangeState


class Bundle(models.Model):
    """Changes that belong together on one departure."""

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="bundles")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["departure", "name"], name="bundle_once")]

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """Something a team wants to ship, pinned to a version of one service.

    `submitted_by` answers for it beside the author: whoever filled in the form, or put a change aboard whose
    author is not known here. `latest_version` is what the code host has seen since; where it differs from
    `version`, the change has drifted (RULES I5).
    """

    title = models.CharField(max_length=300)
    url = models.URLField(max_length=500, blank=True)
    external_id = models.CharField(max_length=300, null=True, blank=True, unique=True)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="changes")
    version = models.CharField(max_length=100, help_text="the commit, tag or build that goes out")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="changes")
    author_label = models.CharField(max_length=200)
    submitted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    latest_version = models.CharField(max_length=100, blank=True)
    description = models.TextField(blank=True)
    rollback_plan = models.TextField(blank=True)
    flag_key = models.CharField(max_length=100, blank=True)
    category = models.SlugField(blank=True)
    checked_in_at = models.DateTimeField(null=True, blank=True)
    checked_in_by_label = models.CharField(max_length=200, blank=True)
    state = models.CharField(
        max_length=12, choices=[(s.value, s.value) for s in ChangeState], default=ChangeState.SUBMITTED.value
    )
    departure = models.ForeignKey(
        Departure, null=True, blank=True, on_delete=models.PROTECT, related_name="changes"
    )
    bundle = models.ForeignKey(
        Bundle, null=True, blank=True, on_delete=models.SET_NULL, related_name="changes"
    )
    submitted_at = models.DateTimeField()
    boarded_at = models.DateTimeField(null=True, blank=True)
    merged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-submitted_at"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="aboard") | models.Q(departure__isnull=False),
                name="change_aboard_has_a_departure",
            ),
        ]
        indexes = [
            models.Index(fields=["departure", "service"], name="change_aboard"),
            models.Index(fields=["service", "-submitted_at"], name="change_by_service"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def boarding_category(self) -> str:
        """Return the category whose cut-off counts for it: its own, or that of its service."""
        return self.category or self.service.category

    @property
    def has_drifted(self) -> bool:
        return bool(self.latest_version) and self.latest_version != self.version

    def event_topics(self) -> list[str]:
        return ["board", f"departure:{self.departure_id}"] if self.departure_id else ["board"]


class WebhookDelivery(models.Model):
    """A message from a code host, kept by its id so that the same one never counts twice."""

    host = models.CharField(max_length=30)
    delivery_id = models.CharField(max_length=100)
    event = models.CharField(max_length=100)
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=300)

    class Meta:
        ordering = ["-received_at"]
        constraints = [models.UniqueConstraint(fields=["host", "delivery_id"], name="delivery_once")]

    def __str__(self) -> str:
        return f"{self.host} {self.event} {self.delivery_id}"
