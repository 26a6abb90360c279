"""Each numbered rule, and each transition and crash rule of the engine, has a test that names it."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Their rows T1 to T13 are those of the machine that moves traffic.
OF_THE_MACHINE = [
    TESTS / "rollouts" / "rules" / "test_machine.py",
    *(TESTS / "rollouts").glob("test_engine*.py"),
    *(TESTS / "faults").rglob("test_*.py"),
]
TRANSITIONS = ["t1", "t2", "t2x", "t3", "t4", "t5", "t7", "t8", "t9", "t10", "t11", "t12", "t13"]
CRASH_RULES = ["r1", "r2", "r3", "r4", "r5", "r6", "r8", "r10", "r11"]
OF_ENGINE = re.compile(r"def test_\w*?((?:(?:t\d+x?|r\d+)_)+)")
LAST = {"t": 13, "w": 12, "i": 16, "h": 6, "d": 16}
NAMED = re.compile(r"def test_\w*?((?:[tdhiw]\d+_)+)")
ROWS = {f"{area}{number}" for area, most in LAST.items() for number in range(1, most + 1)}


def test_every_row_is_tested_by_name() -> None:
    tests = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py") if path not in OF_THE_MACHINE)
    named = {row for found in NAMED.findall(tests) for row in found.rstrip("_").split("_")}
    assert sorted(ROWS - named) == []


def test_every_transition_and_crash_rule_of_the_engine_is_tested_by_name() -> None:
    tests = "\n".join(path.read_text() for path in OF_THE_MACHINE)
    named = {row for found in OF_ENGINE.findall(tests) for row in found.rstrip("_").split("_")}
    assert [row for row in [*TRANSITIONS, *CRASH_RULES] if row not in named] == []
