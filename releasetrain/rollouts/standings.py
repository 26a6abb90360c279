"""What is known of a target's driver between two looks: how it is, what was read back, what is open."""

from datetime import datetime, timedelta
from typing import cast

from django.db import models

from releasetrain.catalog.models import Target

# A look is taken every 5 seconds; what is older says nothing about now.
FRESH = timedelta(seconds=15)
# One look may fail by chance; a version whose servers are gone for so long is dead.
DEAD_AFTER = timedelta(seconds=8)


class Standing(models.Model):
    """How the driver of a target was when it was last looked at, and what users get by it.

    `servers` are {"name", "arm", "is_up", "version", "detail"}; `missing` names the endpoints of a fleet that
    are not what the others are. `candidate_down_at` is since when no server of the new version is up. `drift`
    says what somebody else has set, "" where nobody has. `open_connections` were still open between users and
    the new version at `drained_at`. `configured_at` is when its configuration was last saved: what rollouts
    left before that is no promise about it.
    """

    target = models.OneToOneField(Target, on_delete=models.CASCADE, related_name="standing")
    is_well = models.BooleanField(null=True)
    detail = models.CharField(max_length=500, blank=True)
    servers = models.JSONField(default=list, blank=True)
    candidate_down_at = models.DateTimeField(null=True, blank=True)
    since_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, blank=True)
    weight = models.PositiveSmallIntegerField(null=True, blank=True)
    mirror = models.PositiveSmallIntegerField(default=0)
    fence = models.BigIntegerField(null=True, blank=True)
    missing = models.JSONField(default=list, blank=True)
    read_detail = models.CharField(max_length=500, blank=True)
    drift = models.CharField(max_length=500, blank=True)
    drifted_at = models.DateTimeField(null=True, blank=True)
    set_again_at = models.DateTimeField(null=True, blank=True)
    open_connections = models.PositiveIntegerField(null=True, blank=True)
    drained_at = models.DateTimeField(null=True, blank=True)
    configured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["checked_at"], name="standing_checked")]

    def __str__(self) -> str:
        return str(self.target)


def fresh_standing(target: Target, now: datetime) -> Standing | None:
    """Return a standing that was loaded with its target and is fresh; nothing is asked for it."""
    relation = Target._meta.get_field("standing")
    known = cast(Standing | None, relation.get_cached_value(target, default=None))
    if known is None or known.checked_at is None or now - known.checked_at > FRESH:
        return None
    return known


def is_dead(target: Target, now: datetime) -> bool:
    """Tell whether no server of the new version has answered for a while, though a fall-over may hide it."""
    known = fresh_standing(target, now)
    down_at = known.candidate_down_at if known is not None else None
    return down_at is not None and now - down_at >= DEAD_AFTER
