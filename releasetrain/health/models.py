"""What services report about themselves: counts per arm, and error lines."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from releasetrain.catalog.models import Target
from releasetrain.health.rules.severity import Severity


class Arm(models.TextChoices):
    """Which version an answer came from."""

    CANDIDATE = "candidate", "candidate"
    BASELINE = "baseline", "baseline"


class Reading(models.Model):
    """Units and bad units of one metric, in one arm, over a half-open span of time.

    For "errors" a unit is a request and a bad one failed; for "latency" a bad one took longer than the
    objective; for a business metric the service says what a unit is. Readings of one target are committed in
    the order of their ids (`actions.take_readings`), so an id is a watermark. `source` tells the processes of
    a service apart, each of which reports spans of its own.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="readings")
    arm = models.CharField(max_length=10, choices=Arm.choices)
    metric = models.CharField(max_length=60)
    source = models.CharField(max_length=100, blank=True, default="", db_default="")
    units = models.PositiveBigIntegerField()
    bad = models.PositiveBigIntegerField()
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
