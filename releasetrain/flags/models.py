"""Feature flags, what they are in each environment, and every revision they went through."""

from django.db import models

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Environment
from releasetrain.flags.rules.variants import SWITCH, FlagType


class FlagKind(models.TextChoices):
    """Why a flag exists."""

    RELEASE = "release", "release"
    EXPERIMENT = "experiment", "experiment"
    OPS = "ops", "ops"
    PERMISSION = "permission", "permission"


class Segment(models.Model):
    """A part of the users that rules of many flags name: who is in `keys`, or meets all conditions.

    Conditions have the shapes of `flags.rules.conditions`; keys are targeting keys.
    """

    key = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="segments")
    conditions = models.JSONField(default=list, blank=True)
    keys = models.JSONField(default=list, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return ["flags"]


class Flag(models.Model):
    """What applications ask for by its key; `variants` are its possible values by name, all of one type.

    Whoever gets nothing special gets `off_variant`, whoever a rollout lets in `ramp_variant`. Only a flag
    that is visible to clients is served to their tokens, which anybody can read. `expires_at` is when it
    should be gone.
    """

    key = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=12, choices=FlagKind.choices, default=FlagKind.RELEASE)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="flags")
    type = models.CharField(
        max_length=7,
        choices=[(one.value, one.value) for one in FlagType],
        default=FlagType.BOOLEAN.value,
        db_default=FlagType.BOOLEAN.value,
    )
    variants = models.JSONField(db_default=models.Value(dict(SWITCH), models.JSONField()))
    off_variant = models.CharField(max_length=60, default="off", db_default="off")
    ramp_variant = models.CharField(max_length=60, default="on", db_default="on")
    is_client_visible = models.BooleanField(default=False, db_default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    def event_topics(self) -> list[str]:
        return ["flags"]


class FlagEnvironment(models.Model):
    """What a flag is in one environment.

    `percentage` is in thousandths of a percent (0 to 100000). `segments` are pairs like ["region=eu", 50000]:
    users of whose context that is true are let in up to that percentage before all others. `fence` is the
    highest generation that has written here; a writer with a lower one is refused. `rules`, `overrides`
    ({targeting key: variant}), `default` and `prerequisites` ([[flag, [variant, …]], …]) are those of
    `flags.rules.states.FlagState`. `taken_back_at` is when a rollback took its ramp variant from everybody,
    whomever rules name; the next rollout that lets users in gives it back.
    """

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="environments")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="flags")
    enabled = models.BooleanField(default=True)
    killed_at = models.DateTimeField(null=True, blank=True)
    killed_reason = models.CharField(max_length=300, blank=True)
    percentage = models.PositiveIntegerField(default=0)
    segments = models.JSONField(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    rules = models.JSONField(default=list, blank=True, db_default=models.Value([], models.JSONField()))
    overrides = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    default = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    prerequisites = models.JSONField(
        default=list, blank=True, db_default=models.Value([], models.JSONField())
    )
    taken_back_at = models.DateTimeField(null=True, blank=True)
    salt = models.CharField(max_length=100)
    bucket_version = models.PositiveSmallIntegerField(default=1)
    fence = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["flag__key"]
        constraints = [
            models.UniqueConstraint(fields=["flag", "environment"], name="flag_environment_once"),
            models.CheckConstraint(
                condition=models.Q(percentage__lte=100_000), name="flag_percentage_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flag} in {self.environment}"

    def event_topics(self) -> list[str]:
        return ["flags"]


class FlagRevision(models.Model):
    """One change of a flag, or of a segment, in one environment; `number` is one sequence per environment."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="flag_revisions")
    number = models.BigIntegerField()
    flag = models.ForeignKey(Flag, null=True, blank=True, on_delete=models.CASCADE, related_name="revisions")
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.CASCADE, related_name="revisions"
    )
    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="flag_revisions")
    actor_label = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "number"], name="flag_revision_once"),
            models.CheckConstraint(
                condition=models.Q(flag__isnull=False) ^ models.Q(segment__isnull=False),
                name="flag_revision_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.environment}"
