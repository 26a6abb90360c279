"""A /metrics page is read in both formats, and its counters become counts, whatever restarts."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open
from pytest_django.fixtures import Settings

from releasetrain.health.rules.asking import Ask, Fault, Missing, Told, Unanswered
from releasetrain.health.sources.scrape import OPENMETRICS, ScrapeSource, parse
from releasetrain.lib.fetching import Fetched
from releasetrain.lib.spans import Span
from tests.health.world import NOW, Prometheus, later, page, prometheus

SOURCE = ScrapeSource()
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "metrics" / "exposition"
UNITS = 'requests_total{version="{{version}}"}'
BAD = 'requests_total{version="{{version}}",code=~"5.."}'


@pytest.fixture
def server(settings: Settings) -> Iterator[Prometheus]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    with prometheus() as running:
        yield running


def tell(server: Prometheus, second: float, memory: Mapping[str, Any], **changes: Any) -> Told:
    fields: dict[str, Any] = {
        "address": server.url("/{{arm}}/metrics"),
        "units": UNITS,
        "bad": BAD,
        "counts_good": False,
        "values": {"version": "v2", "arm": "candidate"},
        "spans": (Span(later(second - 10), later(second)),),
        "seconds": 5.0,
        "memory": memory,
    }
    return asyncio.run(SOURCE.tell(Ask(**{**fields, **changes})))


def shows(server: Prometheus, *lines: str, kind: str = "text/plain; version=0.0.4") -> None:
    server.says(page(lines), "/candidate/metrics", Content_Type=kind)


def counters(good: float, bad: float, began: float = 1000) -> tuple[str, ...]:
    return (
        "# TYPE requests_total counter",
        f'requests_total{{version="v2",code="200"}} {good}',
        f'requests_total{{version="v2",code="503"}} {bad}',
        'requests_total{version="v1",code="200"} 99999',
        "# TYPE process_start_time_seconds gauge",
        f"process_start_time_seconds {began}",
    )


def test_the_first_reading_remembers_and_the_second_counts(server: Prometheus) -> None:
    shows(server, *counters(1000, 10))
    first = tell(server, 0, {})
    assert [(one.units, one.whole_units) for one in first.counts] == [(Missing.BEGINNING, None)]
    shows(server, *counters(1080, 14))
    (counted,) = tell(server, 10, first.memory).counts
    assert counted.span == Span(NOW, later(10))
    assert (counted.whole_units, counted.whole_bad) == (84, 4)


def test_a_restart_counts_from_zero(server: Prometheus) -> None:
    shows(server, *counters(1000, 10))
    first = tell(server, 0, {})
    shows(server, *counters(1500, 12, began=2000))
    (counted,) = tell(server, 10, first.memory).counts
    assert (counted.whole_units, counted.whole_bad) == (1512, 12)


def test_an_error_series_that_is_new_counts_from_its_first_error(server: Prometheus) -> None:
    shows(server, 'requests_total{version="v2",code="200"} 1000')
    first = tell(server, 0, {})
    assert tell(server, 5, first.memory).counts[0].bad is Missing.EMPTY
    shows(server, 'requests_total{version="v2",code="200"} 1000', 'requests_total{version="v2",code="500"} 2')
    (counted,) = tell(server, 10, first.memory).counts
    assert (counted.whole_units, counted.whole_bad) == (2, 2)


def test_after_a_long_silence_it_begins_anew(server: Prometheus) -> None:
    shows(server, *counters(1000, 10))
    first = tell(server, 0, {})
    shows(server, *counters(9000, 10))
    assert tell(server, 700, first.memory).counts[0].units is Missing.BEGINNING


def test_counters_of_another_version_are_never_compared(server: Prometheus) -> None:
    shows(server, *counters(1000, 10))
    first = tell(server, 0, {})
    other = tell(server, 10, first.memory, values={"version": "v1", "arm": "candidate"})
    assert other.counts[0].units is Missing.BEGINNING


def test_a_reading_that_came_too_late_changes_nothing(server: Prometheus) -> None:
    shows(server, *counters(1000, 10))
    first = tell(server, 10, {})
    late = tell(server, 5, first.memory)
    assert late.counts == ()
    assert late.memory == first.memory


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        (("other_total 5",), Missing.EMPTY),
        (('requests_total{version="v2"} NaN',), Missing.NAN),
        (('requests_total{version="v2"} +Inf',), Missing.INFINITE),
        (('requests_total{version="v2"} -4',), Missing.NEGATIVE),
        ((f'requests_total{{version="v2"}} 4 {(int(NOW.timestamp()) - 70) * 1000}',), Missing.STALE),
    ],
)
def test_what_is_no_count_is_told_apart_and_not_remembered(
    server: Prometheus, lines: tuple[str, ...], missing: Missing
) -> None:
    shows(server, *counters(1000, 10))
    first = tell(server, 0, {})
    shows(server, *lines)
    assert tell(server, 10, first.memory).counts[0].units is missing


def test_after_a_nan_nothing_seems_to_begin_from_zero(server: Prometheus) -> None:
    shows(server, *counters(1000, 10))
    first = tell(server, 0, {})
    shows(server, *counters(float("nan"), 10))
    second = tell(server, 10, first.memory)
    shows(server, *counters(1040, 10))
    (counted,) = tell(server, 20, second.memory).counts
    assert counted.whole_units == 40
    assert counted.span == Span(NOW, later(20))


def test_a_gauge_is_refused(server: Prometheus) -> None:
    shows(server, "# TYPE requests_total gauge", 'requests_total{version="v2"} 4')
    with pytest.raises(Unanswered, match="only a counter") as refusal:
        tell(server, 0, {})
    assert refusal.value.fault is Fault.EXPRESSION


def test_more_series_than_can_be_meant_are_refused(server: Prometheus) -> None:
    shows(server, *(f'requests_total{{version="v2",user="{number}"}} 1' for number in range(2001)))
    with pytest.raises(Unanswered, match="2001 series"):
        tell(server, 0, {})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html><body>Sign in</body></html>", "text/html"),
        (b"", "text/plain"),
        (b"\xff\xfe\x00", "text/plain"),
        (b'requests_total{version="v2" 4\n', "text/plain"),
        (b"requests_total 4\n", f"{OPENMETRICS}; version=1.0.0"),  # cut off: there is no end
        (b'{"status": "ok"}', "application/json"),
    ],
)
def test_what_is_no_page_of_metrics_says_so(server: Prometheus, body: bytes, kind: str) -> None:
    server.says(body, "/candidate/metrics", Content_Type=kind)
    with pytest.raises(Unanswered) as refusal:
        tell(server, 0, {})
    assert refusal.value.fault is Fault.GARBLED


@pytest.mark.parametrize("is_open", [False, True])
def test_what_the_library_for_services_writes_is_counted(server: Prometheus, *, is_open: bool) -> None:
    """Slow ones are those of a histogram that were not within the objective; created times are heeded."""
    registry = CollectorRegistry()
    seconds = Histogram("latency_seconds", "", ["version"], registry=registry, buckets=(0.3, 1.0))
    Counter("requests", "", ["version"], registry=registry).labels("v2").inc(7)
    write, kind = (generate_open, OPENMETRICS) if is_open else (generate_latest, "text/plain")
    within = 'latency_seconds_bucket{version="{{version}}",le="0.3"}'
    asked = {"units": 'latency_seconds_count{version="{{version}}"}', "bad": within, "counts_good": True}

    def observe(*values: float) -> None:
        for value in values:
            seconds.labels("v2").observe(value)
        server.says(write(registry), "/candidate/metrics", Content_Type=kind)

    observe(0.1, 2.0)
    first = tell(server, 0, {}, **asked)
    observe(0.1, 0.2, 0.9, 5.0)
    (counted,) = tell(
        server, 1_000_000_000, {**first.memory, "at": later(999_999_990).isoformat()}, **asked
    ).counts
    assert (counted.whole_units, counted.whole_bad) == (4, 2)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared data are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "kind", "least"),
    [
        ("common-text.txt", "text/plain", 30),
        ("prometheus-1histogram.om.txt", OPENMETRICS, 1),
        ("prometheus-alltypes.5mfs.om.txt", OPENMETRICS, 5),
    ],
)
def test_pages_that_others_publish_are_read(name: str, kind: str, least: int) -> None:
    assert len(parse(Fetched(200, (SAMPLES / name).read_bytes(), kind)).families) >= least


def test_a_trial_says_what_the_counters_stand_at(server: Prometheus) -> None:
    shows(
        server, 'requests_total{version="v2",code="200"} 1200', 'requests_total{version="v2",code="500"} 34'
    )
    spans = (Span(later(-10), NOW),)
    asked = Ask(
        address=server.url("/candidate/metrics"),
        units=UNITS,
        bad='requests_total{version="{{version}}",code="404"}',
        counts_good=False,
        values={"version": "v2"},
        spans=spans,
        seconds=5.0,
    )
    units, bad = asyncio.run(SOURCE.try_out(asked))
    assert units.sentence == "2 counters together stand at 1,234; what it rises by is counted."
    assert not bad.is_well
