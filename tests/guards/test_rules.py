"""Each rule about time and windows has a test that names it."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Its rows T1 to T13 are those of the machine that moves traffic.
OF_THE_MACHINE = TESTS / "rollouts" / "rules" / "test_machine.py"
NAMED = re.compile(r"def test_\w*?((?:[tw]\d+_)+)")
ROWS = {f"t{number}" for number in range(1, 14)} | {f"w{number}" for number in range(1, 13)}


def test_every_row_of_time_and_windows_is_tested_by_name() -> None:
    tests = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py") if path != OF_THE_MACHINE)
    named = {row for found in NAMED.findall(tests) for row in found.rstrip("_").split("_")}
    assert sorted(ROWS - named) == []
