"""Name the kinds of sources that are asked for metrics: a folder each, and a new one copies a neighbour."""

from releasetrain.health.rules.asking import SourceKind
from releasetrain.health.sources.base import Source
from releasetrain.health.sources.prometheus import PrometheusSource
from releasetrain.health.sources.scrape import ScrapeSource

SOURCES: dict[str, Source] = {
    SourceKind.PROMETHEUS.value: PrometheusSource(),
    SourceKind.SCRAPE.value: ScrapeSource(),
}


def source_for(kind: str) -> Source:
    """Return the source of a kind.

    :raises KeyError: there is none
    """
    return SOURCES[kind]
