"""Each numbered rule of time, windows, intake, hotfixes and decisions has a test that names it."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Its rows T1 to T13 are those of the machine that moves traffic.
OF_THE_MACHINE = TESTS / "rollouts" / "rules" / "test_machine.py"
LAST = {"t": 13, "w": 12, "i": 16, "h": 6, "d": 16}
NAMED = re.compile(r"def test_\w*?((?:[tdhiw]\d+_)+)")
ROWS = {f"{area}{number}" for area, most in LAST.items() for number in range(1, most + 1)}


def test_every_row_is_tested_by_name() -> None:
    tests = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py") if path != OF_THE_MACHINE)
    named = {row for found in NAMED.findall(tests) for row in found.rstrip("_").split("_")}
    assert sorted(ROWS - named) == []
