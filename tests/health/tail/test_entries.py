import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.health.rules.severity import Severity
from releasetrain.health.tail.entries import MOST_LINES, Entries, Entry

ERROR, CRITICAL, WARNING = Severity.ERROR, Severity.CRITICAL, Severity.WARNING


def read(text: str, least: Severity = ERROR) -> list[Entry]:
    entries = Entries(least)
    return [*entries.feed(text.splitlines()), *entries.end()]


def test_only_error_lines_are_taken() -> None:
    log = "INFO started\n2026-11-27 12:00:01 ERROR no basket\nDEBUG error-free\nFATAL: no disk\n"
    assert read(log) == [
        Entry("2026-11-27 12:00:01 ERROR no basket", ERROR),
        Entry("FATAL: no disk", CRITICAL),
    ]
    assert [one.message for one in read("WARN slow\nINFO ok", WARNING)] == ["WARN slow"]


def test_a_python_trace_is_one_entry_with_its_chain() -> None:
    trace = """ERROR shop.views: Internal Server Error: /basket
Traceback (most recent call last):
  File "views.py", line 3, in basket
    tax = rates[country]
KeyError: 'XX'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "views.py", line 9, in basket
    raise NoTax from None
shop.errors.NoTax"""
    assert [one.message for one in read(f"{trace}\nINFO next request")] == [trace]


def test_a_bare_trace_is_one_entry() -> None:
    trace = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x\nMemoryError'
    assert read(trace) == [Entry(trace, CRITICAL)]


def test_a_java_trace_is_one_entry() -> None:
    trace = """2026-11-27 12:00:01 ERROR c.s.Basket - failed
java.lang.IllegalStateException: no rates
\tat com.shop.Basket.price(Basket.java:118)
\t... 12 more
Caused by: java.io.IOException: refused
\tat com.shop.Rates.load(Rates.java:7)"""
    first, second = read(f"{trace}\n2026-11-27 12:00:02 INFO on")
    assert first.message == "2026-11-27 12:00:01 ERROR c.s.Basket - failed"
    assert second.message.startswith("java.lang.IllegalStateException: no rates\n\tat com")
    assert second.message.endswith("Rates.java:7)")


def test_a_go_panic_is_critical_with_its_goroutines() -> None:
    trace = "panic: runtime error: index out of range\n\tmain.go:7\ngoroutine 1 [running]:\n\tmain.main()"
    assert read(trace) == [Entry(trace, CRITICAL)]


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        ({"level": "error", "msg": "refused"}, Entry("refused", ERROR)),
        ({"levelname": "CRITICAL", "message": "no disk"}, Entry("no disk", CRITICAL)),
        ({"level": 50, "msg": "boom", "err": {"message": "x"}}, Entry("boom", ERROR)),
        ({"level": 60, "err": {"type": "E", "message": "x", "stack": "at y"}}, Entry("E\nx\nat y", CRITICAL)),
        (
            {"level": "error", "event": "failed", "exception": "Trace\n  at x"},
            Entry("failed\nTrace\n  at x", ERROR),
        ),
        ({"severity": "ERROR", "message": "panic: nil"}, Entry("panic: nil", CRITICAL)),
        ({"level": "info", "msg": "an ERROR page was shown"}, None),
        ({"level": 30, "msg": "fine"}, None),
        ({"msg": "no level at all"}, None),
    ],
)
def test_json_lines_are_read_as_loggers_write_them(value: dict[str, Any], entry: Entry | None) -> None:
    assert read(json.dumps(value)) == ([entry] if entry else [])


def test_a_line_that_only_looks_like_json_is_a_line() -> None:
    assert read('{"level": ERROR oops') == [Entry('{"level": ERROR oops', ERROR)]


def test_of_an_endless_trace_the_beginning_and_the_end_are_kept() -> None:
    trace = "ERROR deep\n" + "\n".join(f"  at frame {number}" for number in range(1000))
    (entry,) = read(trace)
    lines = entry.message.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (MOST_LINES, "ERROR deep", "  at frame 999")


def test_an_entry_may_come_in_pieces() -> None:
    entries = Entries()
    assert list(entries.feed(["ERROR one"])) == []
    assert entries.is_open
    assert list(entries.feed(["  at x"])) == []
    assert [one.message for one in entries.feed(["INFO next"])] == ["ERROR one\n  at x"]
    assert not entries.is_open


@given(
    st.lists(
        st.text(max_size=40)
        | st.sampled_from(["ERROR x", "  at y", "Traceback (most recent call last):", "E: z", ""])
    ),
    st.integers(),
)
def test_it_does_not_matter_in_which_portions_lines_come(lines: list[str], seed: int) -> None:
    whole, parts, chance = Entries(), Entries(), random.Random(seed)
    expected = [*whole.feed(lines), *whole.end()]
    found: list[Entry] = []
    rest = list(lines)
    while rest:
        size = chance.randint(1, 5)
        found += parts.feed(rest[:size])
        rest = rest[size:]
    assert [*found, *parts.end()] == expected
