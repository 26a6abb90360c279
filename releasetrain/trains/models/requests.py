"""What people ask for after the cut-off: late passes."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.trains.models.changes import Change
from releasetrain.trains.models.departures import Departure
from releasetrain.trains.rules.late import LIVE, PassState


class LatePass(models.Model):
    """Leave for one change to come aboard one departure after its cut-off (RULES I1, I6).

    It is priced before it is asked for, then granted or refused by people who run the departure, and used or
    lapsed. `price` is what rules.late.Price writes: as it was when it was asked for. `version` is what comes
    aboard where the change is aboard already with an older one (I5). `fixes` says what would stop the
    departure without it. A pass asked of a cleared departure needs two people.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="late_passes")
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="late_passes")
    bundle = models.CharField(max_length=100, blank=True)
    version = models.CharField(max_length=100, blank=True)
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in PassState], default=PassState.PRICED.value
    )
    price = models.JSONField(default=dict)
    priced_at = models.DateTimeField()
    reason = models.CharField(max_length=1000, blank=True)
    fixes = models.CharField(max_length=300, blank=True)
    asked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="late_passes_asked"
    )
    asked_by_label = models.CharField(max_length=200)
    asked_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="late_passes_granted"
    )
    granted_by_label = models.CharField(max_length=200, blank=True)
    granted_at = models.DateTimeField(null=True, blank=True)
    seconded_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="late_passes_seconded"
    )
    seconded_by_label = models.CharField(max_length=200, blank=True)
    use_by = models.DateTimeField(null=True, blank=True)
    extended_at = models.DateTimeField(null=True, blank=True)
    extended_by_label = models.CharField(max_length=200, blank=True)
    extended_reason = models.CharField(max_length=500, blank=True)
    over_at = models.DateTimeField(null=True, blank=True)
    over_by_label = models.CharField(max_length=200, blank=True)
    over_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-priced_at"]
        verbose_name_plural = "late passes"
        constraints = [
            models.UniqueConstraint(
                fields=["change"],
                condition=models.Q(state__in=[state.value for state in LIVE]),
                name="late_pass_one_a_change",
            ),
            models.CheckConstraint(
                condition=models.Q(granted_by__isnull=True)
                | models.Q(asked_by__isnull=True)
                | ~models.Q(granted_by=models.F("asked_by")),
                name="late_pass_is_granted_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(seconded_by__isnull=True)
                | models.Q(granted_by__isnull=True)
                | ~models.Q(seconded_by=models.F("granted_by")),
                name="late_pass_has_a_second_person",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["granted", "used"]) | models.Q(use_by__isnull=False),
                name="late_pass_has_a_limit",
            ),
            models.CheckConstraint(
                condition=models.Q(state="priced") | ~models.Q(reason=""), name="late_pass_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["use_by"], name="late_pass_live", condition=models.Q(state__in=["asked", "granted"])
            ),
        ]

    def __str__(self) -> str:
        return f"late pass of “{self.change.title}” for {self.departure.code}"

    def event_topics(self) -> list[str]:
        return self.departure.event_topics()
