"""Trains, their departures, the changes aboard, and the votes that let them go."""

from datetime import datetime, timedelta

from django.db import models

from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Window
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service
from releasetrain.trains.rules.departing import HoldKind
from releasetrain.trains.rules.states import (
    BOARDING_STATES,
    ChangeState,
    Choice,
    DepartureState,
    MovementKind,
    Turns,
)

TRAIN_LANES = (Lane.TRAIN, Lane.HOTFIX)


class Policy(models.Model):
    """Who must say go; an empty one is allowed only where it says so and names an owner (RULES D11)."""

    name = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="policies")
    no_approval_needed = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return []


class Requirement(models.Model):
    """How many people of one role must say go."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="requirements")
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])
    quorum = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["role"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "role"], name="requirement_once"),
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
    captain = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="trains")
    turns = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Turns], default=Turns.DEPARTURE.value
    )
    check_in_lead = models.DurationField(
        null=True, blank=True, help_text="authors say that they are there, from so long before departure on"
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

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


class Departure(models.Model):
    """One run of a train; from boarding on it keeps the plan it was made with (RULES I14, D2).

    `planned_at` is the occurrence of the rule that it stands for; `departs_at` is when it goes. `plan` is
    {"ladder": [{"weight", "bake_seconds"}], "accelerated": bool, "requirements": [{"role", "quorum"}],
    "no_approval_needed": bool, "policy": str, "policy_owner": str, "grace_seconds": int}; see rules/plan.py.
    A hold is an overlay: the held_ fields are filled together, `held_at` tells. `acknowledged_windows` holds
    the ids of soft windows that somebody has accepted for this departure. `cut_offs` is {category: instant},
    "" being everything else; `cut_off_at`, the latest of them, is when it is sealed. `milestones` is
    [{"name", "at"}]. `moved` names what a person has moved by hand: {"departs_at" | "cut_off:CATEGORY" |
    "milestone:NAME" | "captain": {"from", "by", "at", "reason"}}; an edit of the train leaves that alone.
    `accepted_hold` is {"weight", "service", "until", "by", "at"} where somebody accepts that it will be held
    on its way (W4).
    """

    train = models.ForeignKey(Train, on_delete=models.PROTECT, related_name="departures")
    label = models.CharField(max_length=60, blank=True)
    planned_at = models.DateTimeField()
    boards_at = models.DateTimeField()
    cut_off_at = models.DateTimeField()
    departs_at = models.DateTimeField()
    cut_offs = models.JSONField(default=dict, blank=True)
    milestones = models.JSONField(default=list, blank=True)
    moved = models.JSONField(default=dict, blank=True)
    captain = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="departures"
    )
    deputy = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="deputised_departures"
    )
    handover_note = models.CharField(max_length=1000, blank=True)
    state = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in DepartureState],
        default=DepartureState.SCHEDULED.value,
    )
    plan = models.JSONField(default=dict)
    held_at = models.DateTimeField(null=True, blank=True)
    held_reason = models.CharField(max_length=300, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    held_kind = models.CharField(max_length=10, blank=True, choices=[(k.value, k.value) for k in HoldKind])
    held_by_label = models.CharField(max_length=200, blank=True)
    acknowledged_windows = models.JSONField(default=list, blank=True)
    accepted_hold = models.JSONField(default=dict, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    check_in_asked_at = models.DateTimeField(null=True, blank=True)
    sealed_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    departed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=300, blank=True)
    imported_from = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["departs_at"]
        constraints = [
            models.UniqueConstraint(fields=["train", "planned_at"], name="departure_once"),
            models.CheckConstraint(
                condition=models.Q(cut_off_at__lte=models.F("departs_at")), name="departure_after_its_cut_off"
            ),
        ]
        indexes = [
            models.Index(
                fields=["cut_off_at"],
                name="departure_cut_off_due",
                condition=models.Q(state__in=["scheduled", "boarding"]),
            ),
            models.Index(
                fields=["departs_at"],
                name="departure_open",
                condition=models.Q(state__in=["scheduled", "boarding", "deciding", "cleared", "rolling"]),
            ),
            models.Index(fields=["train", "-departs_at"], name="departure_history"),
            models.Index(
                fields=["held_until"],
                name="departure_held",
                condition=models.Q(held_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.label or f"{self.train.name} {self.code}"

    @property
    def code(self) -> str:
        return f"RT-{self.pk}"

    @property
    def is_boarding(self) -> bool:
        return DepartureState(self.state) in BOARDING_STATES

    @property
    def cut_off_times(self) -> dict[str, datetime]:
        """Return the cut-offs by category; "" is the one of everything else."""
        found = {category: datetime.fromisoformat(at) for category, at in self.cut_offs.items()}
        return found or {"": self.cut_off_at}

    @property
    def milestone_times(self) -> list[tuple[str, datetime]]:
        return [(one["name"], datetime.fromisoformat(one["at"])) for one in self.milestones]

    def cut_off_for(self, category: str) -> datetime:
        """Return until when changes of a category may come aboard."""
        at = self.cut_offs.get(category) or self.cut_offs.get("")
        return datetime.fromisoformat(at) if at else self.cut_off_at

    def event_topics(self) -> list[str]:
        return ["board", f"departure:{self.pk}", f"train:{self.train_id}"]


class Movement(models.Model):
    """A promotion, its repetition or a rollback that was brought in from elsewhere.

    `departure` is empty where the source names a version that is none of its trains. `reach` is how far the
    version stood afterwards, `from_reach` how far before.
    """

    train = models.ForeignKey(Train, on_delete=models.CASCADE, related_name="movements")
    departure = models.ForeignKey(
        Departure, null=True, blank=True, on_delete=models.CASCADE, related_name="movements"
    )
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in MovementKind])
    from_reach = models.CharField(max_length=100, blank=True)
    reach = models.CharField(max_length=100, blank=True)
    from_version = models.CharField(max_length=100, blank=True)
    to_version = models.CharField(max_length=100, blank=True)
    source = models.CharField(max_length=100)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["train", "source", "kind", "reach", "from_version", "to_version"],
                name="movement_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reach} {self.to_version}"


class Bundle(models.Model):
    """Changes that belong together on one departure."""

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="bundles")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["departure", "name"], name="bundle_once")]

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """Something a team wants to ship, pinned to a version of one service.

    `submitted_by` answers for it beside the author: whoever filled in the form, or put a change aboard whose
    author is not known here. `latest_version` is what the code host has seen since; where it differs from
    `version`, the change has drifted (RULES I5).
    """

    title = models.CharField(max_length=300)
    url = models.URLField(max_length=500, blank=True)
    external_id = models.CharField(max_length=300, null=True, blank=True, unique=True)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="changes")
    version = models.CharField(max_length=100, help_text="the commit, tag or build that goes out")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="changes")
    author_label = models.CharField(max_length=200)
    submitted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    latest_version = models.CharField(max_length=100, blank=True)
    description = models.TextField(blank=True)
    rollback_plan = models.TextField(blank=True)
    flag_key = models.CharField(max_length=100, blank=True)
    category = models.SlugField(blank=True)
    checked_in_at = models.DateTimeField(null=True, blank=True)
    checked_in_by_label = models.CharField(max_length=200, blank=True)
    state = models.CharField(
        max_length=12, choices=[(s.value, s.value) for s in ChangeState], default=ChangeState.SUBMITTED.value
    )
    departure = models.ForeignKey(
        Departure, null=True, blank=True, on_delete=models.PROTECT, related_name="changes"
    )
    bundle = models.ForeignKey(
        Bundle, null=True, blank=True, on_delete=models.SET_NULL, related_name="changes"
    )
    submitted_at = models.DateTimeField()
    boarded_at = models.DateTimeField(null=True, blank=True)
    merged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-submitted_at"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="aboard") | models.Q(departure__isnull=False),
                name="change_aboard_has_a_departure",
            ),
        ]
        indexes = [
            models.Index(fields=["departure", "service"], name="change_aboard"),
            models.Index(fields=["service", "-submitted_at"], name="change_by_service"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def boarding_category(self) -> str:
        """Return the category whose cut-off counts for it: its own, or that of its service."""
        return self.category or self.service.category

    @property
    def has_drifted(self) -> bool:
        return bool(self.latest_version) and self.latest_version != self.version

    def event_topics(self) -> list[str]:
        return ["board", f"departure:{self.departure_id}"] if self.departure_id else ["board"]


class Override(models.Model):
    """Leave to move in spite of windows: for one departure and some services, until a time (RULES W7).

    It counts once a second person has approved it, who neither asked nor answers for a change aboard.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="overrides")
    windows = models.ManyToManyField(Window, related_name="overrides")
    services = models.ManyToManyField(Service, related_name="overrides")
    reason = models.CharField(max_length=1000)
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="overrides_requested"
    )
    requested_by_label = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="overrides_approved"
    )
    approved_by_label = models.CharField(max_length=200, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by_label = models.CharField(max_length=200, blank=True)
    withdrawn_reason = models.CharField(max_length=500, blank=True)
    review_due_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by_label = models.CharField(max_length=200, blank=True)
    review = models.CharField(max_length=2000, blank=True)
    overdue_told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(requested_by__isnull=True)
                | ~models.Q(approved_by=models.F("requested_by")),
                name="override_has_a_second_person",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("requested_at")), name="override_expires"
            ),
        ]
        indexes = [
            models.Index(
                fields=["review_due_at"],
                name="override_to_review",
                condition=models.Q(review_due_at__isnull=False, reviewed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"override for {self.departure}"

    def event_topics(self) -> list[str]:
        return self.departure.event_topics()


class Manifest(models.Model):
    """What is aboard, fixed at the cut-off; votes are bound to its digest.

    `content` is {"departure", "revision", "services": [{"id", "service", "name", "version", "needs",
    "changes": [{"id", "title", "version", "author", "url", "bundle", "flag", "rollback_plan"}]}]}, the
    services in the order in which they must move.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="manifests")
    revision = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["-revision"]
        constraints = [models.UniqueConstraint(fields=["departure", "revision"], name="manifest_once")]

    def __str__(self) -> str:
        return f"manifest {self.digest[:12]} of {self.departure}"


class Vote(models.Model):
    """What one person said about one manifest, in one role; a later vote replaces it, both stay on record."""

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="votes")
    user_label = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])
    choice = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Choice])
    reason = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["departure", "user"],
                condition=models.Q(replaced_at__isnull=True),
                name="vote_one_a_person",
            ),
            models.CheckConstraint(
                condition=~models.Q(choice="no_go") | ~models.Q(reason=""), name="vote_no_go_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_label}: {self.choice}"


class WebhookDelivery(models.Model):
    """A message from a code host, kept by its id so that the same one never counts twice."""

    host = models.CharField(max_length=30)
    delivery_id = models.CharField(max_length=100)
    event = models.CharField(max_length=100)
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=300)

    class Meta:
        ordering = ["-received_at"]
        constraints = [models.UniqueConstraint(fields=["host", "delivery_id"], name="delivery_once")]

    def __str__(self) -> str:
        return f"{self.host} {self.event} {self.delivery_id}"
