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
    `since` is {service id: instant} since when each service is aboard as it is, "" being anything at all.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="manifests")
    revision = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    since = models.JSONField(default=dict, blank=True)
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["-revision"]
        constraints = [models.UniqueConstraint(fields=["departure", "revision"], name="manifest_once")]

    def __str__(self) -> str:
        return f"manifest {self.digest[:12]} of {self.departure}"


class Vote(models.Model):
    """What one person said about one manifest, in one seat; a later vote replaces it, both stay on record.

    `seat` names the seat in the plan; `revision` and `digest` the manifest that was read, `part_digest` the
    part of it that the seat is about. `about` is {change id: version} of what an objection is about, empty
    for everything. `for_user` is whom this person stood in for (RULES D14). `reminded` is the share of its
    lifetime in percent of which the voter was told last (D7). An objection is overruled once a second person
    has agreed with whoever asked for that (D8).
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="votes")
    user_label = models.CharField(max_length=200)
    for_user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="votes_by_others"
    )
    for_label = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])
    seat = models.CharField(max_length=120, blank=True)
    choice = models.CharField(max_length=14, choices=[(c.value, c.value) for c in Choice])
    reason = models.CharField(max_length=500, blank=True)
    about = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64)
    part_digest = models.CharField(max_length=64, blank=True)
    revision = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)
    reminded = models.PositiveSmallIntegerField(default=0)
    overrule_asked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="overrulings_asked"
    )
    overrule_asked_by_label = models.CharField(max_length=200, blank=True)
    overrule_asked_at = models.DateTimeField(null=True, blank=True)
    overrule_reason = models.CharField(max_length=500, blank=True)
    overruled_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="overrulings_approved"
    )
    overruled_by_label = models.CharField(max_length=200, blank=True)
    overruled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["departure", "user"],
                condition=models.Q(replaced_at__isnull=True),
                name="vote_one_a_person",
            ),
            models.UniqueConstraint(
                fields=["departure", "for_user"],
                condition=models.Q(replaced_at__isnull=True, for_user__isnull=False),
                name="vote_one_in_a_persons_place",
            ),
            models.CheckConstraint(
                condition=~models.Q(choice__in=["no_go", "needs_work", "not_applicable"])
                | ~models.Q(reason=""),
                name="vote_objection_has_a_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(overruled_by__isnull=True)
                | models.Q(overrule_asked_by__isnull=True)
                | ~models.Q(overruled_by=models.F("overrule_asked_by")),
                name="vote_overruled_by_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_label}: {self.choice}"

    def event_topics(self) -> list[str]:
        return self.departure.event_topics()


class Delegation(models.Model):
    """Leave to vote in somebody's place for a time: one hop, shown on the vote (RULES D14).

    An empty `role` means every role that the giver holds.
    """

    giver = models.ForeignKey(User, on_delete=models.CASCADE, related_name="delegations_given")
    taker = models.ForeignKey(User, on_delete=models.CASCADE, related_name="delegations_taken")
    role = models.CharField(max_length=20, blank=True, choices=[(role.value, role.label) for role in Role])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    given_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="delegation_ends"
            ),
            models.CheckConstraint(
                condition=~models.Q(giver=models.F("taker")), name="delegation_to_somebody_else"
            ),
        ]
        indexes = [
            models.Index(
                fields=["giver", "ends_at"],
                name="delegation_standing",
                condition=models.Q(ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.giver} to {self.taker}"

    def event_topics(self) -> list[str]:
        return []
