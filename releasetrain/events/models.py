"""Keep what happened: append-only rows, numbered and hash-chained as they are committed."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Event(models.Model):
    """One thing that happened; the database refuses to change or delete it."""

    kind = models.CharField(max_length=80)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.CharField(max_length=200)
    subject_kind = models.CharField(max_length=80)
    subject_id = models.BigIntegerField()
    subject_label = models.CharField(max_length=200)
    topics = ArrayField(models.CharField(max_length=80), default=list)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["subject_kind", "subject_id"], name="event_subject"),
            models.Index(fields=["kind", "at"], name="event_kind_at"),
            GinIndex(fields=["topics"], name="event_topics"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.subject_label}"


class EventLink(models.Model):
    """The event's place in commit order and its hash; written by the database at commit."""

    position = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="link")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.position} · {self.hash[:12]}"
