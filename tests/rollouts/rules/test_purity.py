"""The rules decide from values alone."""

import subprocess
import sys
from pathlib import Path

import releasetrain.rollouts.rules as rules


def test_the_rules_import_no_django() -> None:
    folder = Path(rules.__file__).parent
    names = [
        f"{rules.__name__}.{path.stem}" for path in sorted(folder.glob("*.py")) if path.stem != "__init__"
    ]
    code = f"import sys, {', '.join(names)}; print('django' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (len(names) > 10, run.stdout.strip()) == (True, "False")
