"""Whether a departure is ready: what its checks said, what people ticked, what blocks it, what CI says."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.trains.models.departures import Departure
from releasetrain.trains.rules.blockers import LONG, SHORT, BlockerKind
from releasetrain.trains.rules.evidence import EvidenceState


class Evidence(models.Model):
    """What a machine says about one version of a service: the newest state of each named check."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="evidence")
    version = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=8, choices=[(one.value, one.value) for one in EvidenceState])
    url = models.URLField(max_length=500, blank=True)
    reported_by = models.CharField(max_length=200)
    at = models.DateTimeField(help_text="when it was so, by the clock of whoever reports")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["service", "version", "name"], name="evidence_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.service} {self.version[:12]}"

    def event_topics(self) -> list[str]:
        return [f"service:{self.service_id}"]


class Mark(models.Model):
    """What a person has said about one check of a departure: ticked it, or waived it for a reason.

    `key` is that of the check, see rules/readiness.py. Taken back, it stays on record.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="marks")
    key = models.CharField(max_length=120)
    is_waiver = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    revision = models.PositiveSmallIntegerField(default=0)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="marks")
    by_label = models.CharField(max_length=200)
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["departure", "key", "is_waiver"],
                condition=models.Q(undone_at__isnull=True),
                name="mark_once",
            ),
            models.CheckConstraint(
                condition=models.Q(is_waiver=False) | ~models.Q(reason=""), name="mark_waived_for_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} by {self.by_label}"


class Stretch(models.Model):
    """A time in which every sample of a departure said the same, without a gap between them.

    `states` is {key of the check: "green" | "red" | "waiting" | "no_data" | "waived"}.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="stretches")
    states = models.JSONField()
    is_green = models.BooleanField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-first_at"]
        verbose_name_plural = "stretches"
        constraints = [
            models.UniqueConstraint(fields=["departure", "first_at"], name="stretch_once"),
            models.CheckConstraint(
                condition=models.Q(last_at__gte=models.F("first_at")), name="stretch_ends_after_its_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{'ready' if self.is_green else 'not ready'} from {self.first_at:%Y-%m-%d %H:%M}"


class Blocker(models.Model):
    """Something that keeps a departure from leaving until somebody clears it.

    One that watches an error rate (`kind` error_rate) blocks only while `blocks` is set by what it finds:
    `limit` is in percent of bad answers, over both horizons. `clears` is the role that may clear it, "" its
    owner and whoever runs the departure.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="blockers")
    kind = models.CharField(max_length=10, choices=[(one.value, one.words) for one in BlockerKind])
    title = models.CharField(max_length=200)
    url = models.URLField(max_length=500, blank=True)
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="blockers_owned"
    )
    owner_label = models.CharField(max_length=200, blank=True)
    clears = models.CharField(max_length=20, blank=True, choices=[(one.value, one.label) for one in Role])
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="blockers"
    )
    limit = models.FloatField(null=True, blank=True)
    short = models.DurationField(default=SHORT)
    long = models.DurationField(default=LONG)
    blocks = models.BooleanField(default=True)
    finding = models.CharField(max_length=300, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    opened_by_label = models.CharField(max_length=200)
    opened_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    cleared_by_label = models.CharField(max_length=200, blank=True)
    cleared_reason = models.CharField(max_length=300, blank=True)
    # Where it was until this very moment: what is told of it is told there, too.
    came_from: Departure | None = None

    class Meta:
        ordering = ["opened_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cleared_at__isnull=True) | ~models.Q(cleared_reason=""),
                name="blocker_cleared_for_a_reason",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="error_rate")
                | models.Q(service__isnull=False, limit__isnull=False, long__gt=models.F("short")),
                name="blocker_watches_a_service",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="error_rate") | models.Q(blocks=True), name="blocker_blocks"
            ),
        ]
        indexes = [
            models.Index(
                fields=["departure"], name="blocker_open", condition=models.Q(cleared_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def event_topics(self) -> list[str]:
        before = self.came_from.event_topics() if self.came_from else []
        return list(dict.fromkeys([*self.departure.event_topics(), *before]))
