"""Keep a promise about one metric: the fields that guardrails share with the templates of guardrails."""

from django.db import models

from releasetrain.health.rules.severity import Severity
from releasetrain.rollouts.rules.guardrails import WINDOW_SECONDS, GuardrailKind, NoData


class Promise(models.Model):
    """What a candidate must keep by one metric; the fields are those of `rules.guardrails.Guardrail`.

    `revision` counts how often it was saved, so that nobody overwrites what they have not seen.
    """

    name = models.CharField(max_length=100)
    metric = models.CharField(max_length=60)
    kind = models.CharField(
        max_length=12, choices=[(kind.value, kind.value) for kind in GuardrailKind], default="ratio"
    )
    ratio = models.FloatField(default=1.1)
    alpha = models.FloatField(default=0.01)
    is_required = models.BooleanField(default=True)
    is_critical = models.BooleanField(default=False, db_default=False)
    absolute_limit = models.FloatField(null=True, blank=True, default=0.2)
    absolute_minimum = models.PositiveIntegerField(default=20)
    tolerated_rate = models.FloatField(default=0.001)
    excludes = models.FloatField(null=True, blank=True)
    no_data = models.CharField(
        max_length=12, choices=[(one.value, one.value) for one in NoData], default="inconclusive"
    )
    fewer_is_worse = models.BooleanField(default=False, db_default=False)
    failure_limit = models.PositiveSmallIntegerField(default=2)
    window_seconds = models.FloatField(default=WINDOW_SECONDS, db_default=WINDOW_SECONDS)
    least_severity = models.PositiveSmallIntegerField(
        choices=[(one.value, one.name.lower()) for one in Severity],
        default=Severity.ERROR.value,
        db_default=Severity.ERROR.value,
    )
    revision = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name
