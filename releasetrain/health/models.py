"""What services report about themselves: counts per arm, and error lines."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Target
from releasetrain.health.rules.asking import EVERY_SECONDS, LONGEST_EXPRESSION, SourceKind
from releasetrain.health.rules.severity import Severity
from releasetrain.lib.addresses import LONGEST as LONGEST_ADDRESS


class Arm(models.TextChoices):
    """Which version an answer came from."""

    CANDIDATE = "candidate", "candidate"
    BASELINE = "baseline", "baseline"


class Reading(models.Model):
    """Units and bad units of one metric, in one arm, over a half-open span of time.

    For "errors" a unit is a request and a bad one failed; for "latency" a bad one took longer than the
    objective; for a business metric the service says what a unit is. Readings of one target are committed in
    the order of their ids (`actions.take_readings`), so an id is a watermark. `source` tells the processes of
    a service apart, each of which reports spans of its own. `bad` is null where a source was asked, knew the
    units, and had no series of bad ones: what that means is the guardrail's to say. The table is partitioned
    by the day of `starts_at` (`health.days`): a query that bounds it leaves the other days alone.
    """

    # The watermark's index begins with it.
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="readings", db_index=False)
    arm = models.CharField(max_length=10, choices=Arm.choices)
    metric = models.CharField(max_length=60)
    source = models.CharField(max_length=100, blank=True, default="", db_default="")
    units = models.PositiveBigIntegerField()
    bad = models.PositiveBigIntegerField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target", "metric", "starts_at", "arm", "source"], name="reading_counted_once"
            ),
            models.CheckConstraint(
                condition=models.Q(bad__lte=models.F("units")), name="reading_bad_in_units"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="reading_span_not_empty"
            ),
        ]
        indexes = [
            models.Index(fields=["target", "id"], name="reading_watermark"),
            models.Index(fields=["target", "ends_at"], name="reading_freshness"),
            BrinIndex(fields=["received_at"], name="reading_retention"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.arm}: {self.bad} of {self.units}"


class MetricSource(models.Model):
    """Something outside that is asked for metrics: a Prometheus, or the /metrics page of a service.

    Without a team it is the whole house's. `credential` names a secret of this server's environment, which
    is never kept here. `failing_since` is the first failure of those that go on; `fault` says the last one.
    """

    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="metric_sources"
    )
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=[(one.value, one.label) for one in SourceKind])
    address = models.CharField(max_length=LONGEST_ADDRESS)
    credential = models.CharField(max_length=60, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=500, blank=True)
    is_told = models.BooleanField(default=False, help_text="its failure stands in the log")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"],
                condition=models.Q(removed_at__isnull=True),
                nulls_distinct=False,
                name="metric_source_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return []


class MetricQuery(models.Model):
    """How one metric of a target is asked for: two expressions, which count units and bad units.

    With `counts_good` the second one counts the good units. `told_until` is the end of the last span whose
    counts became readings, `memory` what a source has to know of its last answer. `fault` is why the last
    try was no answer at all, `missing` what an answer lacked (by arm); `failed_at` and `answered_at` are
    the last tries of both kinds.
    """

    source = models.ForeignKey(MetricSource, on_delete=models.CASCADE, related_name="queries")
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="metric_queries")
    metric = models.CharField(max_length=60)
    units = models.CharField(max_length=LONGEST_EXPRESSION)
    bad = models.CharField(max_length=LONGEST_EXPRESSION)
    counts_good = models.BooleanField(default=False)
    every_seconds = models.PositiveSmallIntegerField(default=EVERY_SECONDS)
    told_until = models.DateTimeField(null=True, blank=True)
    memory = models.JSONField(default=dict, blank=True)
    next_due_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=500, blank=True)
    missing = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["metric", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["target", "metric"],
                condition=models.Q(removed_at__isnull=True),
                name="metric_query_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_due_at"],
                name="metric_query_due",
                condition=models.Q(removed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.target}"

    def event_topics(self) -> list[str]:
        return self.target.event_topics()

    @property
    def reading_source(self) -> str:
        """Return the name under which its readings stand."""
        return f"query:{self.pk}"


class ProviderOutage(models.Model):
    """A time in which many rollouts lost the measurements of one provider: one incident, told once.

    `provider` is "push", or "source:" and the id of a metric source.
    """

    provider = models.CharField(max_length=40)
    label = models.CharField(max_length=120)
    rollouts = models.PositiveIntegerField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider"],
                condition=models.Q(closed_at__isnull=True),
                name="provider_outage_one_open",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def event_topics(self) -> list[str]:
        return ["board"]


class ErrorLine(models.Model):
    """A kind of error line of one target, counted per arm under its fingerprint; `severity` is its worst."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="error_lines")
    arm = models.CharField(max_length=10, choices=Arm.choices)
    fingerprint = models.CharField(max_length=64)
    sample = models.CharField(max_length=2000)
    severity = models.PositiveSmallIntegerField(
        choices=[(one.value, one.name.lower()) for one in Severity],
        default=Severity.ERROR.value,
        db_default=Severity.ERROR.value,
    )
    count = models.PositiveBigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(fields=["target", "arm", "fingerprint"], name="error_line_once"),
        ]

    def __str__(self) -> str:
        return self.sample[:80]


class ErrorCount(models.Model):
    """How often a line came in one minute, so that a rise can be told from what was always there.

    What is older than a day is kept by the hour.
    """

    line = models.ForeignKey(ErrorLine, on_delete=models.CASCADE, related_name="counts")
    minute_at = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["line", "minute_at"], name="error_count_once")]
        indexes = [models.Index(fields=["minute_at"], name="error_count_retention")]

    def __str__(self) -> str:
        return f"{self.count} × {self.line}"


class ErrorBatch(models.Model):
    """A batch of error lines that was counted, so that it counts once however often it is sent."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="error_batches")
    key = models.UUIDField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target", "key"], name="error_batch_once")]
        indexes = [BrinIndex(fields=["received_at"], name="error_batch_retention")]

    def __str__(self) -> str:
        return str(self.key)
