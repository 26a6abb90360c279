"""A Prometheus is asked by the HTTP API; whatever it answers, or does not, is told apart."""

import asyncio
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from releasetrain.health.rules.asking import Ask, Fault, Missing, Told, Unanswered
from releasetrain.health.sources.prometheus import PrometheusSource, filled, query
from releasetrain.lib.spans import Span
from tests.health.world import BAD, UNITS, Prometheus, envelope, later, prometheus

SPANS = tuple(Span(later(30 * number), later(30 * number + 30)) for number in range(4))
SOURCE = PrometheusSource()


@pytest.fixture
def server(settings: Settings) -> Iterator[Prometheus]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    with prometheus() as running:
        yield running


def ask(address: str, **changes: Any) -> Ask:
    values = {"version": "v2", "window": "30s", "arm": "candidate", "service": "shop"}
    fields: dict[str, Any] = {
        "address": address,
        "units": UNITS,
        "bad": BAD,
        "counts_good": False,
        "values": values,
        "spans": SPANS,
        "seconds": 5.0,
    }
    return Ask(**{**fields, **changes})


def tell(server: Prometheus, **changes: Any) -> Told:
    return asyncio.run(SOURCE.tell(ask(server.url(""), **changes)))


def fault_of(server: Prometheus, **changes: Any) -> tuple[Fault, str]:
    with pytest.raises(Unanswered) as refusal:
        tell(server, **changes)
    return refusal.value.fault, str(refusal.value)


def test_each_span_gets_the_value_at_its_end(server: Prometheus) -> None:
    server.knows(lambda text, at: 7.4 if "5.." in text else 100 + at - SPANS[0].end.timestamp())
    told = tell(server)
    assert [one.span for one in told.counts] == list(SPANS)
    assert [one.whole_units for one in told.counts] == [100, 130, 160, 190]
    assert {one.whole_bad for one in told.counts} == {7}
    forms = [json.loads(form) for _, form in server.asked]
    assert {form["step"] for form in forms} == {"30s"}
    assert 'version="v2"' in forms[0]["query"]
    assert "[30s]" in forms[0]["query"]


def test_a_span_without_a_sample_is_empty_and_the_others_count(server: Prometheus) -> None:
    server.knows(lambda text, at: None if "5.." in text or at == SPANS[1].end.timestamp() else 9)
    counts = tell(server).counts
    assert [one.whole_units for one in counts] == [9, None, 9, 9]
    assert {one.bad for one in counts} == {Missing.EMPTY}


@pytest.mark.parametrize(
    ("said", "missing"),
    [("NaN", Missing.NAN), ("+Inf", Missing.INFINITE), ("-Inf", Missing.INFINITE), ("-3", Missing.NEGATIVE)],
)
def test_a_value_that_counts_nothing_is_told_apart(server: Prometheus, said: str, missing: Missing) -> None:
    server.knows(lambda text, at: said)
    assert {one.units for one in tell(server).counts} == {missing}


def test_good_ones_may_be_counted_instead(server: Prometheus) -> None:
    server.knows(lambda text, at: 97 if "5.." in text else 100)
    assert {one.whole_bad for one in tell(server, counts_good=True).counts} == {3}


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, Fault.DENIED),
        (403, Fault.DENIED),
        (404, Fault.NOT_FOUND),
        (405, Fault.NOT_FOUND),
        (429, Fault.BUSY),
        (500, Fault.BROKEN),
        (503, Fault.BROKEN),
        (204, Fault.GARBLED),
        (302, Fault.GARBLED),
    ],
)
def test_each_status_has_its_own_reason(server: Prometheus, status: int, fault: Fault) -> None:
    server.only_says(b"", status)
    found, sentence = fault_of(server)
    assert found is fault
    assert str(status) in sentence


def test_a_redirect_is_not_followed(server: Prometheus) -> None:
    server.leads("http://127.0.0.1:1/", path="/api/v1/query_range")
    assert fault_of(server)[0] is Fault.ADDRESS


@pytest.mark.parametrize(
    ("body", "status", "fault", "words"),
    [
        (
            {"status": "error", "errorType": "bad_data", "error": "parse error"},
            400,
            Fault.EXPRESSION,
            "parse",
        ),
        (
            {"status": "error", "errorType": "execution", "error": "many-to-many"},
            422,
            Fault.EXPRESSION,
            "many",
        ),
        ({"status": "error", "errorType": "timeout", "error": "slow"}, 200, Fault.TIMEOUT, "gave up"),
        ({"status": "error", "errorType": "internal", "error": "disk"}, 200, Fault.BROKEN, "disk"),
        (b"<html>sign in</html>", 200, Fault.GARBLED, "JSON"),
        (b"\xff\xfe", 200, Fault.GARBLED, "JSON"),
        (b"[" * 100_000, 200, Fault.GARBLED, "JSON"),
        ({"hello": "world"}, 200, Fault.GARBLED, "not from the Prometheus API"),
        ({"status": "success", "data": [1, "2"]}, 200, Fault.GARBLED, "no data"),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": "x"}},
            200,
            Fault.GARBLED,
            "series",
        ),
        ({"status": "success", "data": {"resultType": "vector", "result": []}}, 200, Fault.GARBLED, "range"),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1, "x"]]}]}},
            200,
            Fault.GARBLED,
            "no number",
        ),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": [{"values": 5}]}},
            200,
            Fault.GARBLED,
            "instants",
        ),
        (
            {
                "status": "success",
                "data": {"resultType": "matrix", "result": [{"values": []}, {"values": []}]},
            },
            200,
            Fault.MANY,
            "2 series: put sum",
        ),
        (
            {"status": "success", "warnings": ["store down"], "data": {"resultType": "matrix", "result": []}},
            200,
            Fault.PARTIAL,
            "store down",
        ),
    ],
)
def test_what_is_no_answer_says_why(
    server: Prometheus, body: Any, status: int, fault: Fault, words: str
) -> None:
    server.only_says(body, status)
    found, sentence = fault_of(server)
    assert found is fault
    assert words in sentence


def test_an_annotation_of_promql_is_no_partial_answer(server: Prometheus) -> None:
    said = {
        **envelope([[SPANS[0].end.timestamp(), "5"]], is_range=True),
        "warnings": ["PromQL info: no counter"],
    }
    server.only_says(said)
    assert tell(server).counts[0].whole_units == 5


def test_nobody_there_and_somebody_silent_are_told_apart(server: Prometheus) -> None:
    with pytest.raises(Unanswered) as refusal:
        asyncio.run(SOURCE.tell(ask("http://127.0.0.1:1")))
    assert refusal.value.fault is Fault.UNREACHABLE

    def drip(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        for _ in range(200):
            try:
                to.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.05)

    server.answers["/api/v1/query_range"] = drip
    assert fault_of(server, seconds=3)[0] is Fault.TIMEOUT


def test_an_address_inside_a_network_is_refused_unless_it_is_named(
    server: Prometheus, settings: Settings
) -> None:
    settings.INTERNAL_HOSTS = frozenset()
    fault, sentence = fault_of(server)
    assert fault is Fault.ADDRESS
    assert "RELEASETRAIN_INTERNAL_HOSTS" in sentence
    assert server.asked == []


def test_the_credential_is_shown_to_the_source(server: Prometheus) -> None:
    server.knows(lambda text, at: 1)
    tell(server, authorization="Bearer abc")
    assert {header for header, _ in server.asked} == {"Bearer abc"}


def test_a_value_cannot_leave_its_quotes() -> None:
    tricky = ask("", values={"version": 'x"} or vector(1) #\\', "window": "30s"})
    assert filled(tricky, 'a{v="{{version}}"}') == 'a{v="x\\"} or vector(1) #\\\\"}'


def test_an_instant_answer_may_be_a_scalar(server: Prometheus) -> None:
    server.only_says({"status": "success", "data": {"resultType": "scalar", "result": [1, "4"]}})
    assert asyncio.run(query(ask(server.url("")), "4", SPANS[0].end)) == 4


@pytest.mark.parametrize("kind", ["matrix", "string"])
def test_an_instant_answer_that_is_no_number_says_so(server: Prometheus, kind: str) -> None:
    server.only_says({"status": "success", "data": {"resultType": kind, "result": []}})
    with pytest.raises(Unanswered, match="not a number"):
        asyncio.run(query(ask(server.url("")), "x[5m]", SPANS[0].end))


def test_a_trial_tells_a_series_that_ended_from_one_that_never_was(server: Prometheus) -> None:
    ended_at = SPANS[-1].end.timestamp() - 120
    server.knows(lambda text, at: None if "5.." in text or at > ended_at else 3)
    units, bad = asyncio.run(SOURCE.try_out(ask(server.url(""))))
    assert "older than" in units.sentence
    assert "no series matches" in bad.sentence
    assert not units.is_well


SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "metrics" / "http_api"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared data are not beside this checkout")
@pytest.mark.parametrize("name", ["docs-query.json", "docs-query_range.json", "docs-labels.json"])
def test_answers_from_the_documentation_of_prometheus_are_understood(server: Prometheus, name: str) -> None:
    """Two series are refused with a sentence, a list of labels is no data; nothing is misread."""
    said = json.loads((SAMPLES / name).read_text())
    server.only_says(said["response"])
    assert fault_of(server)[0] in {Fault.MANY, Fault.GARBLED}
