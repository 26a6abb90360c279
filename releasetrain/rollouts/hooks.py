"""Remember what was sent to the receivers of targets, and what they reported."""

from django.db import models

from releasetrain.catalog.models import Target


class HookCall(models.Model):
    """One message to a target's receiver, under the id that it keeps however often it is sent.

    `key` is that of the newest intent which asks for it. `next_at` is when it may be sent again, None once
    the receiver has taken it; `report` is what its callback said, the first one only.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="hook_calls")
    message_id = models.CharField(max_length=60, unique=True)
    key = models.CharField(max_length=200)
    action = models.CharField(max_length=10)
    weight = models.PositiveSmallIntegerField()
    version = models.CharField(max_length=100, blank=True)
    fence = models.BigIntegerField()
    asked_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10)
    detail = models.CharField(max_length=500, blank=True)
    report = models.JSONField(null=True, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-fence", "-pk"]
        indexes = [models.Index(fields=["target", "-fence"], name="hook_call_newest")]

    def __str__(self) -> str:
        return f"{self.action} {self.weight} % under fence {self.fence}"


class HookState(models.Model):
    """What is known of a target's receiver: the weight that it reported last, and whether it is gone.

    `gone_url` is the address that answered 410: nothing is sent there any more. `ignored` counts callbacks
    that changed nothing by why: {"duplicate": 3, "forged": 1, …}.
    """

    target = models.OneToOneField(Target, on_delete=models.CASCADE, related_name="hook_state")
    fence = models.BigIntegerField(default=0)
    weight = models.PositiveSmallIntegerField(null=True, blank=True)
    weight_fence = models.BigIntegerField(null=True, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)
    gone_url = models.CharField(max_length=500, blank=True)
    ignored = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"The receiver of {self.target}"
