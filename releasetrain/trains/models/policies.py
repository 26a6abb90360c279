"""Weaker editions of policies that wait for votes under the one that stands (RULES D2)."""

from django.db import models

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.trains.models.schedules import Policy
from releasetrain.trains.rules.states import Choice


class Proposal(models.Model):
    """An edition of a policy that would ask less, until those whom the policy asks now have said go to it.

    `content` is what queries/policies.py reads; `weaker` are the sentences that say what it gives up.
    """

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="proposals")
    base_revision = models.PositiveIntegerField()
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    weaker = models.JSONField(default=list)
    reason = models.CharField(max_length=500)
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="proposals")
    proposed_by_label = models.CharField(max_length=200)
    proposed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-proposed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy"], condition=models.Q(ended_at__isnull=True), name="proposal_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return str(self.policy)

    def event_topics(self) -> list[str]:
        return self.policy.event_topics()


class PolicyVote(models.Model):
    """What one person said to a weaker edition of a policy, in one seat of the edition that stands."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="policy_votes")
    user_label = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])
    seat = models.CharField(max_length=120)
    choice = models.CharField(max_length=14, choices=[(c.value, c.value) for c in Choice])
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "user"],
                condition=models.Q(replaced_at__isnull=True),
                name="policy_vote_one_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_label}: {self.choice}"
