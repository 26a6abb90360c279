"""Incidents: what went wrong with a service, and how it was made good."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Service


class Incident(models.Model):
    """Something that hurt a service; opened by a rollback or by a person."""

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="incidents")
    title = models.CharField(max_length=200)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="incidents_opened")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]

    def __str__(self) -> str:
        return self.title

    def event_topics(self) -> list[str]:
        return ["board", f"service:{self.service_id}"]
