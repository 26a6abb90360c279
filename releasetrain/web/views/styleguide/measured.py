"""Fill what shows where measurements come from."""

from datetime import datetime, timedelta

from releasetrain.web.contexts.sources import SourceRow, SourcesPage, TrialRow
from releasetrain.web.views.styleguide.common import HERE


def sources(now: datetime) -> SourcesPage:
    """Show a source that answers, one that does not, and one that nobody has asked yet."""
    prometheus, page = "Prometheus HTTP API", "A /metrics page"
    return SourcesPage(
        [
            SourceRow(
                name="Prometheus in Frankfurt",
                kind=prometheus,
                address="https://prometheus.example.org",
                state="fresh",
                text="",
                answered_at=now - timedelta(seconds=8),
                url=HERE,
                is_of_house=True,
            ),
            SourceRow(
                name="Checkout’s own page",
                kind=page,
                address="https://{{arm}}.checkout.example.org/metrics",
                state="error",
                text="It answers 503: it is being restarted.",
                answered_at=now - timedelta(minutes=4),
                url=HERE,
                is_of_house=False,
            ),
            SourceRow(
                name="Prometheus in Ohio",
                kind=prometheus,
                address="https://ohio.example.org",
                state="waiting",
                text="",
                answered_at=None,
                url="",
                is_of_house=False,
            ),
        ],
        HERE,
    )


def trials() -> list[TrialRow]:
    """Show what a query gave of the old version, and that the new one lacks a series."""
    return [
        TrialRow(
            "Old version", "v41", "fresh", ["Units: 9,120 of one series.", "Bad units: 31 of two series."]
        ),
        TrialRow("New version", "v42", "no_data", ["Units: no series has these labels."]),
    ]
