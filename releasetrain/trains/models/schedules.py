"""Trains: their schedules, captains, and who must say go."""

from datetime import timedelta

from django.db import models

from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service
from releasetrain.trains.rules.states import OnNewVersion, Part, Turns

TRAIN_LANES = (Lane.TRAIN, Lane.HOTFIX)


class Policy(models.Model):
    """Who must say go; an empty one is allowed only where it says so and names an owner (RULES D11).

    A go lasts `votes_last`; `decide_by` is the deadline of the decision as lib.deadlines reads it, {} for
    none, after which it is put to the people of the role `escalates_to` in the owner's team. Where
    `guards_quorum`, nobody may lose a role that a departure still needs; otherwise that is only said (D4).
    `revision` counts its editions.
    """

    name = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="policies")
    no_approval_needed = models.BooleanField(default=False)
    votes_last = models.DurationField(null=True, blank=True)
    decide_by = models.JSONField(default=dict, blank=True)
    escalates_to = models.CharField(
        max_length=20,
        choices=[(role.value, role.label) for role in Role],
        default=Role.RELEASE_MANAGER.value,
    )
    guards_quorum = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return []


class Requirement(models.Model):
    """How many people of one role must say go, and what their go is about.

    `slot` tells apart several seats of one role by name. `team` asks the people of that team alone. A seat of
    the part OWN is about the services of its team, or there is one for each team aboard; it re-opens only
    when these change (RULES D1). Where `only_veto`, a no-go is heard and no go is waited for.
    `self_certify_up_to` are the risk points up to which authors may say go to their own; `silence_after` is
    how long after being asked silence means yes.
    """

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="requirements")
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])
    quorum = models.PositiveSmallIntegerField(default=1)
    slot = models.CharField(max_length=60, blank=True)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="requirements"
    )
    part = models.CharField(
        max_length=8, choices=[(one.value, one.words) for one in Part], default=Part.WHOLE.value
    )
    only_veto = models.BooleanField(default=False)
    allows_not_applicable = models.BooleanField(default=False)
    self_certify_up_to = models.PositiveSmallIntegerField(null=True, blank=True)
    silence_after = models.DurationField(null=True, blank=True)

    class Meta:
        ordering = ["role", "slot"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "role", "slot"], name="requirement_once_a_slot"),
            models.CheckConstraint(condition=models.Q(quorum__gte=1), name="requirement_asks_for_someone"),
        ]

    def __str__(self) -> str:
        return f"{self.quorum} × {Role(self.role).label}"


class Train(models.Model):
    """A schedule on which departures run: an RFC 5545 rule on the wall clock of an IANA zone.

    `rule` may be several lines (RRULE, RDATE, EXDATE). `first_departs_at_local` is the rule's DTSTART without
    a zone. `cut_offs` is [{"category": "" or a service's category, **deadline}] and `milestones` is [{"name",
    **deadline}]; a deadline is what lib.deadlines reads: {"kind": "lead", "seconds": 7200} and others. The
    manifest is sealed at the latest cut-off. People take their turn as captain in the order of the seats.
    `capacity` (changes) and `risk_budget` (points) are what one departure carries; without them there is no
    limit. It `refuses` changes with one of these traits and `takes_only` those with one of those; see
    rules/vehicles.py.
    `checks` is {"kinds", "manual", "minimum_seconds", "objective"} of rules/readiness.py, {} asks for none.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="trains")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="trains")
    services = models.ManyToManyField(Service, related_name="trains")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="trains")
    time_zone = models.CharField(max_length=64)
    rule = models.TextField(help_text="RFC 5545 recurrence rule, e.g. FREQ=WEEKLY;BYDAY=TU")
    first_departs_at_local = models.CharField(max_length=19, help_text="local wall time, 2026-11-24T14:00")
    lane = models.CharField(
        max_length=8, choices=[(one.value, one.words) for one in TRAIN_LANES], default=Lane.TRAIN.value
    )
    cut_offs = models.JSONField(default=list)
    milestones = models.JSONField(default=list, blank=True)
    boarding_lead = models.DurationField(default=timedelta(days=7))
    grace = models.DurationField(default=timedelta(minutes=30))
    ladder = models.JSONField(default=list)
    is_accelerated = models.BooleanField(default=False)
    on_new_version = models.CharField(
        max_length=10,
        choices=[(one.value, one.words) for one in OnNewVersion],
        default=OnNewVersion.QUEUE.value,
        db_default=OnNewVersion.QUEUE.value,
    )
    captain = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="trains")
    turns = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Turns], default=Turns.DEPARTURE.value
    )
    check_in_lead = models.DurationField(
        null=True, blank=True, help_text="authors say that they are there, from so long before departure on"
    )
    capacity = models.PositiveSmallIntegerField(null=True, blank=True)
    risk_budget = models.PositiveSmallIntegerField(null=True, blank=True)
    refuses = models.JSONField(default=list, blank=True)
    takes_only = models.JSONField(default=list, blank=True)
    checks = models.JSONField(default=dict, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(capacity__isnull=True) | models.Q(capacity__gte=1),
                name="train_carries_something",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return ["board", f"train:{self.pk}"]


class CaptainSeat(models.Model):
    """One person's place in the turn of a train's captains; the deputy is the captain of the turn before."""

    train = models.ForeignKey(Train, on_delete=models.CASCADE, related_name="captain_seats")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="captain_seats")
    order = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["train", "order"], name="captain_seat_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.order}"


class Variant(models.Model):
    """Another schedule of a train, chosen for single weeks; without a rule nothing departs in such a week."""

    train = models.ForeignKey(Train, on_delete=models.CASCADE, related_name="variants")
    name = models.CharField(max_length=60)
    rule = models.TextField(blank=True)
    first_departs_at_local = models.CharField(max_length=19, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["train", "name"], name="variant_once")]

    def __str__(self) -> str:
        return self.name


class Week(models.Model):
    """The variant that a train runs by in one week of its own zone, which begins on a Monday."""

    train = models.ForeignKey(Train, on_delete=models.CASCADE, related_name="weeks")
    monday = models.DateField()
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="weeks")

    class Meta:
        ordering = ["monday"]
        constraints = [models.UniqueConstraint(fields=["train", "monday"], name="week_once")]

    def __str__(self) -> str:
        return f"{self.variant} from {self.monday}"
