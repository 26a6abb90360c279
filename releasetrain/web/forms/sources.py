"""Ask what is asked for metrics: a source, and the two expressions of one metric."""

from collections.abc import Mapping
from typing import Any

from django import forms

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Target
from releasetrain.health.models import MetricQuery, MetricSource
from releasetrain.health.queries import sources_for
from releasetrain.health.rules.asking import EVERY_SECONDS, LONGEST, SHORTEST, SourceKind
from releasetrain.lib.credentials import Credential

EXAMPLE_UNITS = 'sum(increase(http_requests_total{version="{{version}}"}[{{window}}]))'
EXAMPLE_BAD = 'sum(increase(http_requests_total{version="{{version}}",code=~"5.."}[{{window}}]))'


class SourceForm(forms.Form):
    """Where metrics come from."""

    name = forms.CharField(
        max_length=100, help_text="As people shall read it, e.g. “Prometheus in Frankfurt”."
    )
    kind = forms.ChoiceField(
        choices=[(one.value, one.label) for one in SourceKind],
        widget=forms.RadioSelect,
        initial=SourceKind.PROMETHEUS.value,
        label="It is",
    )
    address = forms.CharField(
        max_length=500,
        help_text="E.g. https://prometheus.example.org, or of a page https://{{arm}}.shop.example.org/metrics.",
    )
    credential = forms.ChoiceField(
        required=False,
        help_text="Its name on this server. The secret itself is never typed or shown here.",
    )

    def __init__(
        self, data: Mapping[str, Any] | None, *, credentials: Mapping[str, Credential], **rest: Any
    ) -> None:
        super().__init__(data, **rest)
        names = sorted(credentials)
        field = self.fields["credential"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - tells the type checker
        field.choices = [("", "None"), *((name, f"{name}, for {credentials[name].origin}") for name in names)]


def initial_of_source(source: MetricSource) -> dict[str, Any]:
    """Return what a source is now, as the fields show it."""
    return {name: getattr(source, name) for name in ("name", "kind", "address", "credential")}


class QueryForm(forms.Form):
    """What is counted of one metric."""

    source = forms.ModelChoiceField(MetricSource.objects.none(), empty_label=None)
    target = forms.ModelChoiceField(Target.objects.none(), empty_label=None, label="Service")
    metric = forms.CharField(
        max_length=60, help_text="The name that guardrails use: errors, latency, or one of your own."
    )
    units = forms.CharField(
        max_length=2000,
        label="Units",
        widget=forms.Textarea(attrs={"rows": 3, "class": "code", "spellcheck": "false"}),
        help_text=f"How many there were, e.g. all requests: {EXAMPLE_UNITS}",
    )
    bad = forms.CharField(
        max_length=2000,
        label="Bad units",
        widget=forms.Textarea(attrs={"rows": 3, "class": "code", "spellcheck": "false"}),
        help_text=f"How many of them went wrong: {EXAMPLE_BAD}",
    )
    counts_good = forms.BooleanField(
        required=False,
        label="The second expression counts the good ones",
        help_text="E.g. those within the objective, as the bucket of a histogram counts them.",
    )
    every_seconds = forms.IntegerField(
        min_value=SHORTEST,
        max_value=LONGEST,
        initial=EVERY_SECONDS,
        label="Every so many seconds",
        help_text="At least twice as long as the source itself takes from sample to sample.",
    )

    def __init__(self, data: Mapping[str, Any] | None, *, team: Team, **rest: Any) -> None:
        super().__init__(data, **rest)
        sources, targets = self.fields["source"], self.fields["target"]
        assert isinstance(sources, forms.ModelChoiceField)  # noqa: S101 - tells the type checker
        assert isinstance(targets, forms.ModelChoiceField)  # noqa: S101 - tells the type checker
        sources.queryset = sources_for(team)
        targets.queryset = Target.objects.filter(
            service__team=team, service__archived_at=None
        ).select_related("service", "environment")


def initial_of_query(query: MetricQuery) -> dict[str, Any]:
    """Return what a query is now, as the fields show it."""
    names = ("source", "target", "metric", "units", "bad", "counts_good", "every_seconds")
    return {name: getattr(query, name) for name in names}
