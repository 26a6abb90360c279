"""What ties changes together: which one needs which other, and requests to leave a sealed departure."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.trains.models.changes import Change
from releasetrain.trains.models.departures import Departure
from releasetrain.trains.rules.states import WithdrawalState


class Need(models.Model):
    """A change that needs another one: aboard with it, or shipped before it departs (RULES I8, I9)."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="needs")
    needed = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="needed_by")
    noted_by_label = models.CharField(max_length=200)
    noted_at = models.DateTimeField()

    class Meta:
        ordering = ["noted_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["change", "needed"], name="need_once"),
            models.CheckConstraint(condition=~models.Q(change=models.F("needed")), name="need_not_of_itself"),
        ]

    def __str__(self) -> str:
        return f"“{self.change}” needs “{self.needed}”"


class Withdrawal(models.Model):
    """A request to take a change off a departure that is sealed; accepting it makes a revision (RULES I3).

    `repointed` is {id of a dependant: id of the change that it needs instead, or None}: those stay aboard.
    `revision` is that of the manifest without the change.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="withdrawals")
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="withdrawals")
    reason = models.CharField(max_length=300)
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="withdrawals_requested"
    )
    requested_by_label = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    state = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in WithdrawalState],
        default=WithdrawalState.ASKED.value,
    )
    repointed = models.JSONField(default=dict, blank=True)
    decided_by_label = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=300, blank=True)
    revision = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["change", "departure"],
                condition=models.Q(state="asked"),
                name="withdrawal_asked_once",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="withdrawal_has_a_reason"),
            models.CheckConstraint(
                condition=models.Q(state="asked") | models.Q(decided_at__isnull=False),
                name="withdrawal_decided_at_some_time",
            ),
        ]

    def __str__(self) -> str:
        return f"withdrawal of “{self.change}”"

    def event_topics(self) -> list[str]:
        return self.departure.event_topics()
