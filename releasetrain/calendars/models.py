"""Windows in which nothing may move."""

from django.db import models
from django.db.models.functions import Now

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Environment, Service


class Level(models.TextChoices):
    """How much a window stops."""

    HARD = "hard", "hard: nothing moves"
    SOFT = "soft", "soft: needs an acknowledgement"
    NOTICE = "notice", "notice: shown only"


class Window(models.Model):
    """A span of time in which moving is stopped for everything, or for what the scope names.

    An empty scope means everything; a filled one must match in every field that is filled.
    """

    name = models.CharField(max_length=120)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.HARD)
    reason = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="windows")
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="windows"
    )
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="windows"
    )
    stops_the_line = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="windows")
    created_at = models.DateTimeField(db_default=Now())
    ended_early_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="window_ends_after_its_start"
            ),
        ]
        indexes = [models.Index(fields=["ends_at", "starts_at"], name="window_span")]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return ["board"]
