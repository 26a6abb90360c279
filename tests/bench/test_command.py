import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Result, Row
from releasetrain.bench.management.commands import bench
from releasetrain.bench.options import BENCHMARKS, Options

RESULT = Result(
    "live", "who got what", [Column("p99", "p99 ms")], [Row("hub", {"p99": 12})], [Aim("p99", "ms", 40, 12)]
)


def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Options]]:
    """Let every benchmark have the same result at once, and note which were asked for."""
    asked: list[tuple[str, Options]] = []

    def run(name: str, options: Options) -> Result:
        asked.append((name, options))
        return RESULT

    monkeypatch.setattr(bench, "run", run)
    return asked


def test_json_is_all_that_is_printed_and_names_machine_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = measured(monkeypatch)
    said = StringIO()
    call_command("bench", "live", "--json", "--seconds", "2", "--watchers", "10", stdout=said)
    plain = json.loads(said.getvalue())
    assert asked == [("live", Options(seconds=2, watchers=(10,)))]
    assert {"machine", "cores", "load", "python", "libraries", "postgresql", "valkey", "node"} <= plain[
        "about"
    ].keys()
    assert plain["about"]["postgresql"][0].isdigit()
    assert plain["about"]["valkey"][0].isdigit()
    (result,) = plain["results"]
    assert result.pop("load_when_it_ended") >= 0
    assert result == json.loads(json.dumps(RESULT.as_json()))


def test_all_of_them_run_in_turn_and_are_printed_as_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = measured(monkeypatch)
    said = StringIO()
    call_command("bench", stdout=said)
    assert [name for name, _ in asked] == list(BENCHMARKS)
    assert said.getvalue().count("live: who got what") == len(BENCHMARKS)


def test_a_benchmark_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, options: Options) -> Result:
        raise CannotMeasure("The storefront did not start. It said last: no.")

    monkeypatch.setattr(bench, "run", refuse)
    with pytest.raises(CommandError, match=r"The storefront did not start\. It said last: no\."):
        call_command("bench", "rollback", stdout=StringIO())


def test_wrong_options_are_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "run", lambda name, options: pytest.fail("it started"))
    with pytest.raises(CommandError, match="--seconds 900 cannot be used"):
        call_command("bench", "live", "--seconds", "900", stdout=StringIO())
