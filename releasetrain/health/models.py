"""What services report about themselves: counts per arm, and error lines."""

from django.db import models

from releasetrain.catalog.models import Target


class Arm(models.TextChoices):
    """Which version an answer came from."""

    CANDIDATE = "candidate", "candidate"
    BASELINE = "baseline", "baseline"


class Reading(models.Model):
    """Units and bad units of one metric, in one arm, over a half-open span of time.

    For "errors" a unit is a request and a bad one failed; for "latency" a bad one took longer than the
    objective; for a business metric the service says what a unit is.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="readings")
    arm = models.CharField(max_length=10, choices=Arm.choices)
    metric = models.CharField(max_length=60)
    units = models.PositiveBigIntegerField()
    bad = models.PositiveBigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target", "metric", "arm", "starts_at"], name="reading_counted_once"
            ),
            models.CheckConstraint(condition=models.Q(bad__lte=models.F("units")), name="reading_bad_in_units"),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="reading_span_not_empty"
            ),
        ]
        indexes = [
            models.Index(fields=["target", "received_at"], name="reading_received"),
            models.Index(fields=["ends_at"], name="reading_retention"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.arm}: {self.bad} of {self.units}"


class ErrorLine(models.Model):
    """A kind of error line of one target, counted per arm under its fingerprint."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="error_lines")
    arm = models.CharField(max_length=10, choices=Arm.choices)
    fingerprint = models.CharField(max_length=64)
    sample = models.CharField(max_length=2000)
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
