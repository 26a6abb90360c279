"""Changes, their bundles, and what code hosts said of them."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Service
from releasetrain.trains.models.departures import Departure
from releasetrain.trains.rules.risk import UNSAID_POINTS
from releasetrain.trains.rules.standby import Priority
from releasetrain.trains.rules.states import ChangeState

# What a search looks through; the query names the same words, or the index is not used.
SEARCHED = SearchVector("title", "author_label", "version", "external_id", config="simple")


class Bundle(models.Model):
    """Changes that go together on one departure, all or nothing, of whatever services and teams.

    `missing` is [{"change", "title"}]: who has left while the others stayed. It cannot be sealed
    like that before somebody says that it goes without, or takes the rest off as well (RULES I9).
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="bundles")
    name = models.CharField(max_length=100)
    missing = models.JSONField(default=list, blank=True)

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

    `answers` is {question: answer}, `traits` is what is ticked beside them (rules/{risk,vehicles}.py), and
    `risk_points` what they weigh. `ready_at` is since when it may go, apart from `merged_at`, when it landed;
    one that `awaits_ready` keeps its place until the cut-off and no longer. `stand_by_for` is the departure
    whose room it waits for, in the order of `stand_by_place`, `priority` and `stood_by_at` (RULES I11).
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
    ready_at = models.DateTimeField(null=True, blank=True)
    awaits_ready = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    expiry_told_at = models.DateTimeField(null=True, blank=True)
    answers = models.JSONField(default=dict, blank=True)
    traits = models.JSONField(default=list, blank=True)
    risk_points = models.PositiveSmallIntegerField(default=UNSAID_POINTS)
    priority = models.PositiveSmallIntegerField(
        choices=[(one.value, one.label) for one in Priority], default=Priority.NORMAL.value
    )
    stand_by_for = models.ForeignKey(
        Departure, null=True, blank=True, on_delete=models.PROTECT, related_name="standing_by"
    )
    stood_by_at = models.DateTimeField(null=True, blank=True)
    stand_by_place = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-submitted_at"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="aboard") | models.Q(departure__isnull=False),
                name="change_aboard_has_a_departure",
            ),
            models.CheckConstraint(
                condition=models.Q(state="stand_by", stand_by_for__isnull=False, stood_by_at__isnull=False)
                | (~models.Q(state="stand_by") & models.Q(stand_by_for__isnull=True)),
                name="change_stands_by_for_a_departure",
            ),
        ]
        indexes = [
            models.Index(fields=["departure", "service"], name="change_aboard"),
            models.Index(fields=["service", "-submitted_at"], name="change_by_service"),
            models.Index(fields=["-submitted_at", "-id"], name="change_newest"),
            models.Index(fields=["state", "-submitted_at", "-id"], name="change_by_state"),
            models.Index(fields=["author", "-submitted_at"], name="change_by_author"),
            models.Index(fields=["submitted_by", "-submitted_at"], name="change_by_submitter"),
            models.Index(fields=["-risk_points", "-submitted_at", "-id"], name="change_riskiest"),
            models.Index(fields=["priority", "-submitted_at", "-id"], name="change_most_urgent"),
            models.Index(
                fields=["expires_at"], name="change_expires", condition=models.Q(expires_at__isnull=False)
            ),
            GinIndex(SEARCHED, name="change_search"),
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
        on = self.departure_id or self.stand_by_for_id
        return ["board", f"departure:{on}"] if on else ["board"]


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
