"""What people are told, and whether it reached them."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.events.models import Event


class Notice(models.Model):
    """One event told to one person, once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="notices")
    text = models.CharField(max_length=500)
    url = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["user", "event"], name="notice_once")]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notice_newest"),
            models.Index(fields=["user"], name="notice_unread", condition=models.Q(read_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.text


class Delivery(models.Model):
    """The way of one notice through one channel; undelivered ones stay visible and can be sent again."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=20)
    state = models.CharField(
        max_length=12,
        choices=[("waiting", "waiting"), ("delivered", "delivered"), ("undelivered", "undelivered")],
        default="waiting",
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    next_due_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "channel"], name="delivery_one_a_channel")]
        indexes = [
            models.Index(
                fields=["next_due_at"], name="delivery_due", condition=models.Q(next_due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.state}"
