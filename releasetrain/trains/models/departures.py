"""Departures: the single runs of a train, and what was brought in of earlier ones."""

from datetime import datetime

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.trains.models.schedules import Train
from releasetrain.trains.rules.departing import HoldKind
from releasetrain.trains.rules.standby import Room
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState, MovementKind


class Departure(models.Model):
    """One run of a train; from boarding on it keeps the plan it was made with (RULES I14, D2).

    `planned_at` is the occurrence of the rule that it stands for; `departs_at` is when it goes. `plan` is
    {"ladder": [{"weight", "bake_seconds"}], "accelerated": bool, "requirements": [{"role", "quorum"}],
    "no_approval_needed": bool, "policy": str, "policy_owner": str, "grace_seconds": int,
    "capacity": int | null, "risk_budget": int | null, "refuses": [trait], "takes_only": [trait],
    "checks": {…}} (rules/plan.py).
    A hold is an overlay: the held_ fields are filled together, `held_at` tells. `acknowledged_windows` holds
    the ids of soft windows that somebody has accepted for this departure. `cut_offs` is {category: instant},
    "" being everything else; `cut_off_at`, the latest of them, is when it is sealed. `milestones` is
    [{"name", "at"}]. `moved` names what a person has moved by hand: {"departs_at" | "cut_off:CATEGORY" |
    "milestone:NAME" | "captain": {"from", "by", "at", "reason"}}; an edit of the train leaves that alone.
    `accepted_hold` is {"weight", "service", "until", "by", "at"} where somebody accepts that it will be held
    on its way (W4). `readiness` is the newest sample of its checks, see rules/readiness.py, and `blocking` is
    what queries.blockers.blocking_of says of its open blockers, so that no verdict has to ask for either.
    `decide_by_at` is the deadline of its decision, `escalated_at` when that was missed, and
    `decide_at` when the decision has to be looked at next without anybody doing anything.
    on its way (W4). `late_passes_asked` counts all that were ever asked of it, so that where there is none
    nobody looks for them.
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
    readiness = models.JSONField(default=dict, blank=True)
    blocking = models.JSONField(default=list, blank=True)
    late_passes_asked = models.PositiveSmallIntegerField(default=0, db_default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    check_in_asked_at = models.DateTimeField(null=True, blank=True)
    sealed_at = models.DateTimeField(null=True, blank=True)
    decide_by_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    decide_at = models.DateTimeField(null=True, blank=True)
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
            models.Index(
                fields=["decide_at"],
                name="departure_to_decide",
                condition=models.Q(decide_at__isnull=False),
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

    @property
    def room(self) -> Room:
        """Return how much it may carry, as it was promised when boarding opened."""
        return Room(self.plan.get("capacity"), self.plan.get("risk_budget"))

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
