"""Rollouts: what each target should be, what it is, and every step between."""

import uuid

from django.db import models

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Target
from releasetrain.incidents.models import Incident
from releasetrain.rollouts.copies import Shadow as Shadow
from releasetrain.rollouts.hooks import HookCall as HookCall
from releasetrain.rollouts.promises import Promise
from releasetrain.rollouts.rules.states import TERMINAL_STATES, HoldKind, RolloutState
from releasetrain.rollouts.standings import Standing as Standing
from releasetrain.trains.models import Departure

STATE_CHOICES = [(state.value, state.value) for state in RolloutState]
# A rollout in one of these does not occupy its target.
UNBOUND_STATES = [*sorted(state.value for state in TERMINAL_STATES), RolloutState.QUEUED.value]


class GuardrailTemplate(Promise):
    """A promise that a team writes once and gives to as many services as it likes."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="guardrail_templates")
    description = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="guardrail_template_once"),
            models.CheckConstraint(
                condition=models.Q(is_critical=False) | models.Q(is_required=True),
                name="guardrail_template_critical_is_required",
            ),
        ]

    def event_topics(self) -> list[str]:
        return []


class InForce(models.Manager["Guardrail"]):
    """Leave out what was removed: it stays for the judgements that it made, and judges nothing any more."""

    def get_queryset(self) -> models.QuerySet["Guardrail"]:
        return super().get_queryset().filter(removed_at__isnull=True)


class Guardrail(Promise):
    """A promise about one metric of a target that the candidate must keep."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="guardrails")
    template = models.ForeignKey(
        GuardrailTemplate, null=True, blank=True, on_delete=models.SET_NULL, related_name="guardrails"
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = InForce()
    all_of_them = models.Manager()

    class Meta:
        ordering = ["-is_required", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["target", "name"],
                condition=models.Q(removed_at__isnull=True),
                name="guardrail_once_in_force",
            ),
            models.CheckConstraint(condition=models.Q(ratio__gte=1), name="guardrail_ratio_allows_equal"),
            models.CheckConstraint(
                condition=models.Q(alpha__gt=0, alpha__lt=1), name="guardrail_alpha_is_a_chance"
            ),
            models.CheckConstraint(
                condition=models.Q(is_critical=False) | models.Q(is_required=True),
                name="guardrail_critical_is_required",
            ),
        ]

    def event_topics(self) -> list[str]:
        return [f"service:{self.target.service_id}"]


class Rollout(models.Model):
    """One version on its way through the stages of one target.

    Weights are whole percents of users. `fence` grows with every claim; a write under an older one finds no
    row. `seq` numbers the transitions, and pages show it so that a stale button can be told.
    `acknowledged_windows` holds the ids of soft windows that somebody has accepted for it on its way.
    `makes_way` says that it gave up its target and comes again at its stage, `yielded_to` for which hotfix.
    `queued_at` is its place in the line for the target, where that is not `created_at`.
    `attempt` counts the retries of a departure on a target. `place` is its place in the manifest's order,
    `bundle` names what goes all or nothing with it (the same words on every member, "" for none).
    `takes_back` is the finished rollout that a way back takes back (ENGINE T13).
    """

    departure = models.ForeignKey(
        Departure, null=True, blank=True, on_delete=models.PROTECT, related_name="rollouts"
    )
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="rollouts")
    kind = models.CharField(
        max_length=8, choices=[("forward", "forward"), ("rollback", "rollback")], default="forward"
    )
    attempt = models.PositiveSmallIntegerField(default=1, db_default=1)
    place = models.PositiveSmallIntegerField(default=0, db_default=0)
    bundle = models.CharField(max_length=200, blank=True, default="", db_default="")
    takes_back = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="taken_back_by"
    )
    from_version = models.CharField(max_length=100, blank=True)
    to_version = models.CharField(max_length=100)
    ladder = models.JSONField()
    is_accelerated = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=STATE_CHOICES, default=RolloutState.QUEUED.value)
    stage_index = models.SmallIntegerField(default=0)
    approved_stage = models.SmallIntegerField(default=-1)
    is_superseded = models.BooleanField(default=False)
    makes_way = models.BooleanField(default=False, db_default=False)
    yielded_to = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="displaced"
    )
    queued_at = models.DateTimeField(null=True, blank=True)
    desired_weight = models.PositiveSmallIntegerField(default=0)
    observed_weight = models.PositiveSmallIntegerField(null=True, blank=True)
    observed_at = models.DateTimeField(null=True, blank=True)
    agreed_at = models.DateTimeField(null=True, blank=True)
    weight_fence = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    seq = models.PositiveIntegerField(default=0)
    bake_credit_seconds = models.FloatField(default=0)
    bake_needed_seconds = models.FloatField(default=0)
    last_credit_at = models.DateTimeField(null=True, blank=True)
    state_entered_at = models.DateTimeField()
    starts_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    overall_deadline_at = models.DateTimeField(null=True, blank=True)
    next_due_at = models.DateTimeField(null=True, blank=True)
    data_fresh_at = models.DateTimeField(null=True, blank=True)
    rollback_attempts = models.PositiveIntegerField(default=0)
    stuck_at = models.DateTimeField(null=True, blank=True)
    drift_reasserted = models.BooleanField(default=False)
    failures = models.PositiveSmallIntegerField(default=0)
    guardrail_states = models.JSONField(default=dict, blank=True)
    counted_reading = models.BigIntegerField(null=True, blank=True)
    acknowledged_windows = models.JSONField(default=list, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    is_window_return = models.BooleanField(
        default=False, db_default=False, help_text="a window took it back; its version did not fail"
    )
    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.SET_NULL, related_name="rollouts"
    )
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["target"],
                condition=~models.Q(state__in=UNBOUND_STATES),
                name="rollout_one_active_on_a_target",
            ),
            models.UniqueConstraint(
                fields=["departure", "target", "kind", "attempt"],
                condition=models.Q(departure__isnull=False),
                name="rollout_once_a_departure",
            ),
            models.CheckConstraint(
                condition=models.Q(desired_weight__lte=100), name="rollout_weight_in_range"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_due_at"],
                name="rollout_due",
                condition=models.Q(next_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.to_version} to {self.target}"

    @property
    def is_finished(self) -> bool:
        return RolloutState(self.state) in TERMINAL_STATES

    def event_topics(self) -> list[str]:
        own = [f"rollout:{self.pk}", "board"]
        return [*own, f"departure:{self.departure_id}"] if self.departure_id else own


class Hold(models.Model):
    """Something that stops a rollout from advancing, and never from rolling back.

    `resumes_at` is when it went, or goes, on after a window: those of one window go one after the other.
    """

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="holds")
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in HoldKind])
    reason = models.CharField(max_length=500)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="holds_opened")
    until = models.DateTimeField(null=True, blank=True)
    resumes_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    cleared_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="holds_cleared")

    class Meta:
        ordering = ["opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["rollout", "kind"],
                condition=models.Q(cleared_at__isnull=True),
                name="hold_one_open_of_a_kind",
            ),
        ]
        indexes = [
            models.Index(
                fields=["resumes_at"],
                name="hold_set_free",
                condition=models.Q(resumes_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class Lock(models.Model):
    """Who has a target to itself: a rollout that moves it, or a person (RULES H1, H6).

    `fence` counts the holders of a target; what an earlier one writes is refused. A person's lock ends at
    `expires_at`, a rollout's with the rollout. No lock ever stops a rollback.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="locks")
    fence = models.PositiveIntegerField()
    rollout = models.ForeignKey(
        Rollout, null=True, blank=True, on_delete=models.CASCADE, related_name="locks"
    )
    holder = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="locks")
    holder_label = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by_label = models.CharField(max_length=200, blank=True)
    ended_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-taken_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(ended_at__isnull=True),
                name="lock_one_holder_of_a_target",
            ),
            models.UniqueConstraint(fields=["target", "fence"], name="lock_fence_once"),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="lock_to_expire",
                condition=models.Q(ended_at__isnull=True, rollout__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.target)

    def event_topics(self) -> list[str]:
        own = ["board", f"service:{self.target.service_id}"]
        if self.rollout is not None and self.rollout.departure_id:
            own.append(f"departure:{self.rollout.departure_id}")
        return own


class Transition(models.Model):
    """One step of a rollout from state to state, numbered without gaps."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="transitions")
    seq = models.PositiveIntegerField()
    rule = models.CharField(max_length=4)
    from_state = models.CharField(max_length=12, choices=STATE_CHOICES)
    to_state = models.CharField(max_length=12, choices=STATE_CHOICES)
    stage_index = models.SmallIntegerField()
    weight = models.PositiveSmallIntegerField()
    fence = models.BigIntegerField()
    bake_credit_seconds = models.FloatField(default=0)
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["rollout", "seq"], name="transition_once")]

    def __str__(self) -> str:
        return f"{self.seq}: {self.from_state} → {self.to_state}"


class Intent(models.Model):
    """What was about to be asked of a driver, written before it was asked.

    `rung` is how far down the ladder of drivers it reaches: 0 asks the target's own alone (ENGINE T11).
    """

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="intents")
    action = models.CharField(max_length=10, choices=[("apply", "apply"), ("rollback", "rollback")])
    weight = models.PositiveSmallIntegerField()
    rung = models.PositiveSmallIntegerField(default=0, db_default=0)
    fence = models.BigIntegerField()
    key = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.action} {self.weight} % under fence {self.fence}"


class Compensation(models.Model):
    """Something besides traffic that a way back sets as it was before; the last one goes first (ENGINE T10).

    `before` is what `what` was when the rollout took its target, e.g. {"percentage": 0, "enabled": true}.
    """

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="compensations")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20)
    what = models.CharField(max_length=200)
    before = models.JSONField(default=dict)
    tries = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "number"], name="compensation_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.kind} {self.what}"


class Judgement(models.Model):
    """What one guardrail says of one stage so far."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="judgements")
    guardrail = models.ForeignKey(Guardrail, on_delete=models.CASCADE, related_name="judgements")
    stage_index = models.SmallIntegerField()
    verdict = models.CharField(max_length=14)
    evidence = models.JSONField(default=dict)
    sentence = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["stage_index", "guardrail__name"]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "guardrail", "stage_index"], name="judgement_once"),
        ]

    def __str__(self) -> str:
        return f"{self.guardrail}: {self.verdict}"


class Command(models.Model):
    """What an operator asked, under the uuid that their page made: the same uuid again changes nothing.

    One that needs a second person waits until `waits_until` for somebody else to second it. `details` is what
    else it says, e.g. {"guardrail": "Errors", "minutes": 30}.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="commands")
    kind = models.CharField(max_length=20)
    reason = models.CharField(max_length=500, blank=True)
    expected_seq = models.PositiveIntegerField(null=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="commands")
    at = models.DateTimeField()
    answer = models.CharField(max_length=500, blank=True)
    details = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    waits_until = models.DateTimeField(null=True, blank=True)
    seconded_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="commands_seconded"
    )
    seconded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}"
