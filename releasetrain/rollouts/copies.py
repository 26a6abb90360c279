"""Keep what was learnt from copies of requests: one row for each rollout that has had a shadow stage."""

from django.db import models


class Shadow(models.Model):
    """How the new version has answered copies of requests.

    `found` is a `rules.shadows.Comparison`, `memory` what the driver remembers of its logs. Readings tell of
    everything up to `told_until`. What was noted under a fence older than `first_fence` is not of this
    rollout. `fault` says why nothing could be read at the last look.
    """

    rollout = models.OneToOneField("rollouts.Rollout", on_delete=models.CASCADE, related_name="shadow")
    found = models.JSONField(default=dict, blank=True)
    memory = models.JSONField(default=dict, blank=True)
    first_fence = models.BigIntegerField(default=0)
    told_until = models.DateTimeField()
    next_due_at = models.DateTimeField()
    fault = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"shadow of {self.rollout}"
