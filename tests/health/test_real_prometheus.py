"""A real Prometheus is asked: what it scrapes arrives as counts, and each way to fail is told apart.

It comes from the system (Debian's package “prometheus”; `manage.py test` brings it where it may).
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server
from pytest_django.fixtures import Settings

from releasetrain.bootstrap.packages import find, why_skipped
from releasetrain.health.measuring import claim_due, measure
from releasetrain.health.models import Arm, MetricQuery, Reading
from releasetrain.health.rules.asking import Ask, Fault, Missing, Unanswered
from releasetrain.health.sources.prometheus import PrometheusSource
from releasetrain.lib.credentials import read_credential
from releasetrain.lib.spans import Span
from tests import make
from tests.health.world import query as saved
from tests.health.world import source
from tests.running import free_port, until

PROMETHEUS = find("prometheus", os.environ)
WINDOW = 5
UNITS = 'sum(increase(requests_total{version="{{version}}"}[{{window}}]))'
BAD = 'sum(increase(requests_total{version="{{version}}",code="500"}[{{window}}]))'
TWO = 'vector(1) or label_replace(vector(1), "a", "b", "", "")'
# Of “s3cret”, with the fewest rounds.
HASH = "$2b$04$kbcboHA5Yl6ANu2r67XebuTf8twLV94Vlj2VKtoCpG9UhQfMU3zh2"
SOURCE = PrometheusSource()
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason=why_skipped("prometheus"))


class Shop:
    """A service with counters of its own, and the Prometheus that scrapes them every second."""

    def __init__(
        self, folder: Path, port: int, process: "subprocess.Popen[bytes]", requests: Counter
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.folder, self.process, self.requests = folder, process, requests

    def serve(self, version: str, units: int, bad: int) -> None:
        self.requests.labels(version, "200").inc(units - bad)
        self.requests.labels(version, "500").inc(bad)

    def ask(self, version: str, end: datetime, **changes: Any) -> Ask:
        step = timedelta(seconds=WINDOW)
        asked = Ask(
            address=self.url,
            units=UNITS,
            bad=BAD,
            counts_good=False,
            values={"version": version, "window": f"{WINDOW}s"},
            spans=(Span(end - step, end),),
            seconds=10,
        )
        return replace(asked, **changes)


@contextmanager
def running(folder: Path, **config: str) -> Iterator[Shop]:
    """Start a Prometheus of its own, and wait until it is ready."""
    registry = CollectorRegistry()
    requests = Counter("requests", "", ["version", "code"], registry=registry)
    for version in ("v1", "v2"):
        for code in ("200", "500"):
            requests.labels(version, code)
    port = free_port()
    server, thread = start_http_server(port + 1, "127.0.0.1", registry=registry)
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        f"- {{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{port + 1}']}}]}}\n"
    )
    extra = []
    for name, text in config.items():
        (folder / name).write_text(text)
        extra.append(f"--web.config.file={folder / name}")
    process = subprocess.Popen(
        [
            str(PROMETHEUS),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
            *extra,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    shop = Shop(folder, port, process, requests)
    try:
        until(lambda: is_ready(shop.url), "Prometheus did not start")
        yield shop
    finally:
        process.kill()
        process.wait()
        stop(server)
        thread.join()


def stop(server: WSGIServer) -> None:
    server.shutdown()
    server.server_close()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=5, trust_env=False).status_code in {200, 401}
    except httpx.HTTPError:
        return False


def has_scraped(url: str) -> bool:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": "requests_total"}, timeout=5, trust_env=False)
    return bool(answer.json()["data"]["result"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("prometheus")) as made:
        until(lambda: has_scraped(made.url), "nothing was scraped")
        yield made


@pytest.fixture(autouse=True)
def here(settings: Settings) -> None:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})


def fault_of(ask: Ask) -> tuple[Fault, str]:
    with pytest.raises(Unanswered) as refusal:
        asyncio.run(SOURCE.tell(ask))
    return refusal.value.fault, str(refusal.value)


@pytest.mark.django_db
def test_what_a_service_counts_arrives_as_readings_of_both_arms(shop: Shop) -> None:
    """About as much is told as was counted: Prometheus extrapolates to both ends of a span."""
    asks = saved(
        source(shop.url),
        make.target(stable_version="v1"),
        units=UNITS,
        bad=BAD,
        every_seconds=WINDOW,
        told_until=datetime.now(UTC),
    )
    served = {"baseline": 0, "candidate": 0}

    def told(arm: str) -> tuple[int, int]:
        rows = Reading.objects.filter(target=asks.target_id, arm=arm)
        return sum(one.units for one in rows), sum(one.bad or 0 for one in rows)

    def has_told() -> bool:
        shop.serve("v1", 900, 9)
        shop.serve("v2", 100, 10)
        served["baseline"] += 900
        served["candidate"] += 100
        time.sleep(0.5)
        now = datetime.now(UTC)
        MetricQuery.objects.update(next_due_at=now)
        measure(claim_due(now), {asks.target_id: {Arm.BASELINE: "v1", Arm.CANDIDATE: "v2"}}, now)
        return told("candidate")[0] >= 1_000

    until(has_told, "the candidate's counts did not arrive")
    for arm, share in (("baseline", 0.01), ("candidate", 0.1)):
        units, bad = told(arm)
        assert units <= 1.5 * served[arm]
        assert 0.5 * share < bad / units < 2 * share
    assert 4 <= told("baseline")[0] / told("candidate")[0] <= 18


def before_now(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_a_series_that_is_not_there_is_empty_and_one_that_ended_is_stale(shop: Shop) -> None:
    nobody = asyncio.run(SOURCE.tell(shop.ask("v9", before_now(2))))
    assert [one.units for one in nobody.counts] == [Missing.EMPTY]

    def is_stale() -> bool:
        shop.serve("v1", 10, 0)
        ended, _ = asyncio.run(SOURCE.try_out(shop.ask("v1", datetime.now(UTC) + timedelta(seconds=120))))
        return Missing.STALE.words in ended.sentence

    until(is_stale, "a series that has ended was never told from one that is not there")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("vector(0) / vector(0)", Missing.NAN),
        ("vector(1) / vector(0)", Missing.INFINITE),
        ("vector(-1)", Missing.NEGATIVE),
        ("vector(1e12)", Missing.TOO_MANY),
    ],
)
def test_what_is_no_count_is_told_apart(shop: Shop, text: str, missing: Missing) -> None:
    told = asyncio.run(SOURCE.tell(shop.ask("v1", before_now(2), units=text)))
    assert [one.units for one in told.counts] == [missing]


@pytest.mark.parametrize(
    ("text", "fault", "words"),
    [
        ("sum(", Fault.EXPRESSION, "parse error"),
        ("nonsense(up)", Fault.EXPRESSION, "unknown function"),
        (TWO, Fault.MANY, "2 series: put sum"),
        ("requests_total[5s]", Fault.EXPRESSION, "invalid expression type"),
        (f"({TWO}) * on() ({TWO})", Fault.EXPRESSION, "many-to-ma"),
    ],
)
def test_an_expression_that_cannot_be_a_count_says_why(
    shop: Shop, text: str, fault: Fault, words: str
) -> None:
    found, sentence = fault_of(shop.ask("v1", before_now(2), units=text))
    assert found is fault
    assert words in sentence


def test_another_address_is_not_taken_for_a_prometheus(shop: Shop) -> None:
    assert fault_of(shop.ask("v1", before_now(2), address=f"{shop.url}/graph"))[0] is Fault.NOT_FOUND


def test_a_credential_opens_it_and_without_one_it_is_denied(tmp_path: Path) -> None:
    with running(tmp_path, web=f"basic_auth_users: {{me: {HASH}}}\n") as guarded:
        asked = guarded.ask("v1", before_now(1))
        assert fault_of(asked)[0] is Fault.DENIED
        known = read_credential(f"{guarded.url} basic me:s3cret")
        assert asyncio.run(SOURCE.tell(replace(asked, authorization=known.authorization))).counts
        wrong = read_credential(f"{guarded.url} basic me:other")
        assert fault_of(replace(asked, authorization=wrong.authorization))[0] is Fault.DENIED


def test_one_that_is_frozen_times_out_and_one_that_is_gone_cannot_be_reached(tmp_path: Path) -> None:
    with running(tmp_path) as mortal:
        os.kill(mortal.process.pid, signal.SIGSTOP)
        assert fault_of(mortal.ask("v1", before_now(1), seconds=2))[0] is Fault.TIMEOUT
        os.kill(mortal.process.pid, signal.SIGCONT)
        until(lambda: is_ready(mortal.url), "it did not wake up")
        assert asyncio.run(SOURCE.tell(mortal.ask("v1", before_now(1)))).counts
        mortal.process.kill()
        mortal.process.wait()
        assert fault_of(mortal.ask("v1", before_now(1)))[0] is Fault.UNREACHABLE
