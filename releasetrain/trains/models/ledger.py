"""The ledger: every stay of a change aboard a departure, and how it ended."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.trains.models.changes import Change
from releasetrain.trains.models.departures import Departure
from releasetrain.trains.rules.ledger import End


class LedgerEntry(models.Model):
    """One stay of a change aboard a departure: since when, and how, by whom and why it ended (RULES I16).

    It is open while `ended_at` is empty. `to` is the departure that the change went on to. Names are those
    of their time; a departure that was dropped from the timetable leaves its label.
    """

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="ledger")
    departure = models.ForeignKey(Departure, null=True, on_delete=models.SET_NULL, related_name="ledger")
    departure_label = models.CharField(max_length=200)
    entered_at = models.DateTimeField()
    entered_by_label = models.CharField(max_length=200)
    end = models.CharField(max_length=12, blank=True, choices=[(end.value, end.words) for end in End])
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="ledger_ends"
    )
    ended_by_label = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    to = models.ForeignKey(Departure, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["entered_at", "pk"]
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(
                fields=["change"], condition=models.Q(ended_at__isnull=True), name="ledger_one_open_a_change"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, end="")
                | (
                    models.Q(ended_at__isnull=False)
                    & ~models.Q(end="")
                    & ~models.Q(ended_by_label="")
                    & ~models.Q(reason="")
                ),
                name="ledger_ends_by_somebody_for_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["departure", "entered_at"], name="ledger_of_a_departure")]

    def __str__(self) -> str:
        return f"{self.change} aboard {self.departure_label}"
