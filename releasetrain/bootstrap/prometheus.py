"""Bring a Prometheus for the tests that ask a real one; without it they are skipped, and say so."""

import shutil
from collections.abc import Mapping

from releasetrain.bootstrap.chromium import by_apt, runs
from releasetrain.bootstrap.terminal import say

TESTS = "tests/health"


def wants_prometheus(arguments: list[str]) -> bool:
    """Tell whether these arguments reach the tests of metric sources."""
    paths = [word for word in arguments if not word.startswith("-") and "tests" in word]
    return not paths or any(path.rstrip("/").removeprefix("./") in {"tests", TESTS} for path in paths)


def bring_prometheus(environ: Mapping[str, str]) -> str | None:
    """Give the path of a Prometheus, installing Debian's package where that can be done without asking."""
    if found := shutil.which("prometheus", path=environ.get("PATH")):
        return found
    steps = by_apt("prometheus")
    if steps:
        say("No Prometheus here; fetching Debian's package for the tests of metric sources.")
    if not (steps and all(runs(step) for step in steps)):
        return None
    return shutil.which("prometheus", path=environ.get("PATH"))
