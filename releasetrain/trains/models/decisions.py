"""What was decided about a departure: manifests, votes and overrides."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Window
from releasetrain.catalog.models import Service
from releasetrain.trains.models.departures import Departure
from releasetrain.trains.rules.states import Choice


class Override(models.Model):
    """Leave to move in spite of windows: for one departure and some services, until a time (RULES W7).

    It counts once a second person has approved it, who neither asked nor answers for a change aboard.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="overrides")
    windows = models.ManyToManyField(Window, related_name="overrides")
    services = models.ManyToManyField(Service, related_name="overrides")
    reason = models.CharField(max_length=1000)
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="overrides_requested"
    )
    requested_by_label = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="overrides_approved"
    )
    approved_by_label = models.CharField(max_length=200, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by_label = models.CharField(max_length=200, blank=True)
    withdrawn_reason = models.CharField(max_length=500, blank=True)
    review_due_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by_label = models.CharField(max_length=200, blank=True)
    review = models.CharField(max_length=2000, blank=True)
    overdue_told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(requested_by__isnull=True)
                | ~models.Q(approved_by=models.F("requested_by")),
                name="override_has_a_second_person",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("requested_at")), name="override_expires"
            ),
        ]
        indexes = [
            models.Index(
                fields=["review_due_at"],
                name="override_to_review",
                condition=models.Q(review_due_at__isnull=False, reviewed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"override for {self.departure}"

    def event_topics(self) -> list[str]:
        return self.departure.event_topics()


class Manifest(models.Model):
    """What is aboard, fixed at the cut-off; votes are bound to its digest.

    `content` is {"departure", "revision", "services": [{"id", "service", "name", "version", "team",
    "team_id", "needs": names, "waits_for": ids of services, "changes": [{"id", "title", "version", "author",
    "url", "bundle", "flag", "rollback_plan", "tickets", "needs": ids of changes}]}]}, the services in the
    order in which they must move. Older ones lack teams, tickets, `waits_for` and the needs of changes;
    `rules.manifest.changes_in` reads them all.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="manifests")
    revision = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["-revision"]
        constraints = [models.UniqueConstraint(fields=["departure", "revision"], name="manifest_once")]

    def __str__(self) -> str:
        return f"manifest {self.digest[:12]} of {self.departure}"


class Vote(models.Model):
    """What one person said about one manifest, in one role; a later vote replaces it, both stay on record."""

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="votes")
    user_label = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])
    choice = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Choice])
    reason = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["departure", "user"],
                condition=models.Q(replaced_at__isnull=True),
                name="vote_one_a_person",
            ),
            models.CheckConstraint(
                condition=~models.Q(choice="no_go") | ~models.Q(reason=""), name="vote_no_go_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_label}: {self.choice}"
