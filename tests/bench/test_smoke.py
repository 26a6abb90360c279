"""Each benchmark runs through with real parts, as small as it can be; nobody looks at how fast."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from releasetrain.bench import calendar, decision, drivers, engine, ingest, live, ofrep, rollback, timing
from releasetrain.bench.designs import Design
from releasetrain.bench.figures import Result
from releasetrain.bench.options import Options
from releasetrain.bench.serving import ROOT
from releasetrain.trains.models import LedgerEntry
from releasetrain.trains.queries.ledger import lost_property

SMALL = Options(seconds=0.3, watchers=(3,), rollbacks=1, rate=20, scale=0.001)


def figures_of(result: Result) -> dict[str, dict[str, float | int | None]]:
    return {row.what: dict(row.figures) for row in result.rows}


@pytest.mark.parametrize(
    "wanted", ["the tutorial's consumer", "Node ws", "hub, WebSocket", "hub, server-sent events"]
)
def test_everybody_hears_everything(bench_house: None, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    all_designs = live._designs

    def only(*given: object) -> tuple[list[Design], list[str]]:
        designs, absent = all_designs(*given)  # type: ignore[arg-type]
        return [one for one in designs if one.what == wanted], absent

    monkeypatch.setattr(live, "_designs", only)
    result = live.run(SMALL)
    if not result.rows:
        pytest.skip(result.notes[-1])
    for figures in figures_of(result).values():
        assert figures["lost"] == 0
        assert figures["bytes"] and figures["bytes"] > 500
        assert figures["p99"] and figures["p99"] > 0


def test_flags_are_evaluated_beside_both_yardsticks(bench_house: None) -> None:
    figures = figures_of(ofrep.run(replace(SMALL, seconds=2)))
    assert len(figures) == 8
    assert all(found["rate"] and found["rate"] > 0 for found in figures.values())
    assert figures["single: bare Django async view"]["of_django"] == 1


def test_ticks_are_counted_beside_a_bare_update(bench_house: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "ROUNDS_LEFT_OUT", 0)
    figures = figures_of(engine.run(SMALL))
    assert figures["10 active"]["count"] == 10
    assert figures["5 active"]["python"] and figures["5 active"]["python"] > 0
    assert figures[engine.UPDATE]["of_yardstick"] == 1


def test_a_rollback_takes_everybody_back(bench_house: None) -> None:
    result = rollback.run(SMALL)
    button, write = figures_of(result).values()
    assert (button["count"], button["sent_after"]) == (1, 0)
    assert write["count"] == 1
    assert [row.is_yardstick for row in result.rows] == [False, True]
    assert next(aim for aim in result.aims if aim.what.startswith("failed of")).found == 0


def test_a_decade_is_laid_and_every_page_and_rule_is_measured_beside_a_yardstick(
    bench_house: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "FEWEST", 2)
    monkeypatch.setattr(calendar, "REARRANGED", 2)
    result = calendar.run(SMALL)
    figures = figures_of(result)
    measured = [row.what for row in result.rows if not row.is_yardstick]
    pages = [calendar.MONTH, calendar.THIS_MONTH, calendar.BOARD, *calendar.LISTS]
    assert measured == [*pages, calendar.VERDICT, calendar.TIMETABLE]
    for what in measured:
        assert figures[what]["queries"] and figures[what]["p95"] and figures[what]["of_yardstick"]
    assert figures[timing.BARE]["queries"] == figures[calendar.ONE]["queries"] == 1
    assert all(aim.found is not None for aim in result.aims)
    assert "form no chain" in result.notes[0]
    assert (lost_property(), LedgerEntry.objects.exists()) == ([], True)


def test_a_full_train_is_sealed_and_looked_at_beside_a_yardstick(
    bench_house: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "FEWEST", 2)
    result = decision.run(SMALL)
    figures = figures_of(result)
    measured = [row.what for row in result.rows if not row.is_yardstick]
    assert measured == [decision.SEAL, decision.PAGE, *decision.ADDRESSES, decision.ORDER]
    for what in measured:
        assert figures[what]["p95"] and figures[what]["of_yardstick"]
    assert figures[timing.BARE]["queries"] == 1
    assert figures[decision.ORDER]["queries"] == 0
    assert all(aim.found is not None for aim in result.aims)
    assert (lost_property(), LedgerEntry.objects.exists()) == ([], True)


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "django", "bench", "live", "--seconds", "30", "--watchers", "3"]
    with subprocess.Popen(
        command, env=env, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as bench:
        assert bench.stderr
        while (line := bench.stderr.readline()) and b"3 watchers" not in line:
            pass
        started = psutil.Process(bench.pid).children(recursive=True)
        bench.send_signal(signal.SIGINT)
        said = bench.stderr.read().decode()
        bench.wait(30)
    assert bench.returncode == 130
    assert "everything that was started has ended" in said
    assert "Traceback" not in said
    assert len(started) > 5
    assert [process for process in started if process.is_running()] == []
    assert list(tmp_path.iterdir()) == []


def test_reports_are_taken_in_while_pages_are_read(bench_house: None) -> None:
    result = ingest.run(SMALL)
    figures = figures_of(result)
    assert [row.is_yardstick for row in result.rows] == [False, False, False, True, True]
    assert all(found["p99"] and found["p99"] > 0 and found["failed"] == 0 for found in figures.values())


def test_a_driver_is_measured_on_its_way_back_over_shifts_and_late_calls(
    bench_house: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "DRIVERS", ["simulated"])
    monkeypatch.setattr(drivers, "carried", lambda around: contextlib.nullcontext())
    figures = figures_of(drivers.run(SMALL))["Simulated"]
    assert (figures["sent_after"], figures["failed"], figures["late"]) == (0, 0, 1)
    assert (figures["requests"] or 0) > 0
