"""Hotfixes: which of them are live, which versions contain them, and what was promised for a broken glass."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Environment, Service
from releasetrain.trains.models.departures import Departure


class LiveFix(models.Model):
    """A hotfix that everybody has in one environment, until a version that contains it takes its place.

    While it is live, nothing without it may go there: that would undo it.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="live_fixes")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="live_fixes")
    version = models.CharField(max_length=100)
    departure = models.ForeignKey(
        Departure, null=True, blank=True, on_delete=models.SET_NULL, related_name="live_fixes"
    )
    since_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by_version = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["-since_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "environment"],
                condition=models.Q(ended_at__isnull=True),
                name="live_fix_one_a_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.version} in {self.environment}"


class Containment(models.Model):
    """Somebody's word that one version of a service contains another one (RULES H3)."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="containments")
    version = models.CharField(max_length=100)
    contains = models.CharField(max_length=100)
    attested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="containments"
    )
    attested_by_label = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["service", "version", "contains"], name="containment_once"),
        ]

    def __str__(self) -> str:
        return f"{self.version} contains {self.contains}"

    def event_topics(self) -> list[str]:
        return ["board", f"service:{self.service_id}"]


class BreakGlass(models.Model):
    """A hotfix that fewer people let go than its policy asks for (RULES H4).

    `full_asks` is what the policy asks for, [{"role", "quorum"}]; the votes that are missing from it are owed
    until `owed_until`. `confirmed_at` is when the last of them was given. The review opens with it.
    """

    departure = models.OneToOneField(Departure, on_delete=models.CASCADE, related_name="break_glass")
    reason = models.CharField(max_length=1000)
    asked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="glasses_broken")
    asked_by_label = models.CharField(max_length=200)
    at = models.DateTimeField()
    full_asks = models.JSONField(default=list)
    owed_until = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    overdue_told_at = models.DateTimeField(null=True, blank=True)
    review_due_at = models.DateTimeField()
    review_overdue_told_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by_label = models.CharField(max_length=200, blank=True)
    review = models.CharField(max_length=2000, blank=True)

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(
                fields=["owed_until"],
                name="break_glass_owed",
                condition=models.Q(confirmed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"break-glass of {self.departure}"

    def event_topics(self) -> list[str]:
        return self.departure.event_topics()
