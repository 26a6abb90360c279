"""Feature flags, what they are in each environment, and every revision they went through."""

from django.db import models

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Environment


class FlagKind(models.TextChoices):
    """Why a flag exists."""

    RELEASE = "release", "release"
    EXPERIMENT = "experiment", "experiment"
    OPS = "ops", "ops"
    PERMISSION = "permission", "permission"


class Flag(models.Model):
    """A switch that applications ask for by its key; both variants are boolean for now."""

    key = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=12, choices=FlagKind.choices, default=FlagKind.RELEASE)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="flags")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    def event_topics(self) -> list[str]:
        return ["flags"]


class FlagEnvironment(models.Model):
    """What a flag is in one environment.

    `percentage` is in thousandths of a percent (0 to 100000). `segments` are pairs like ["region=eu", 50000]:
    users of whose context that is true are let in up to that percentage before all others. `fence` is the
    highest generation that has written here; a writer with a lower one is refused.
    """

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="environments")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="flags")
    enabled = models.BooleanField(default=True)
    killed_at = models.DateTimeField(null=True, blank=True)
    killed_reason = models.CharField(max_length=300, blank=True)
    percentage = models.PositiveIntegerField(default=0)
    segments = models.JSONField(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    salt = models.CharField(max_length=100)
    bucket_version = models.PositiveSmallIntegerField(default=1)
    fence = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["flag__key"]
        constraints = [
            models.UniqueConstraint(fields=["flag", "environment"], name="flag_environment_once"),
            models.CheckConstraint(
                condition=models.Q(percentage__lte=100_000), name="flag_percentage_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flag} in {self.environment}"

    def event_topics(self) -> list[str]:
        return ["flags"]


class FlagRevision(models.Model):
    """One change of one flag in one environment; `number` is one monotone sequence per environment."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="flag_revisions")
    number = models.BigIntegerField()
    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="revisions")
    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="flag_revisions")
    actor_label = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "number"], name="flag_revision_once"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.environment}"
