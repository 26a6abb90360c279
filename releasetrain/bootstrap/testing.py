"""Run the tests with what they need: a Chromium above all, and the programs that are asked for real."""

import os
import sys

from releasetrain.bootstrap.chromium import bring_chromium, find_chromium, why_none
from releasetrain.bootstrap.locks import ROOT
from releasetrain.bootstrap.packages import bring, wanted
from releasetrain.bootstrap.terminal import say

JOURNEYS = "tests/journeys"


def run_tests(arguments: list[str]) -> int:
    """Run pytest over the whole of tests/ unless the arguments say otherwise.

    The journeys spend their time waiting for trains: with everything, they run beside the rest.
    """
    environ = dict(os.environ)
    chromium = find_chromium(environ)
    if not chromium and wants_a_browser(arguments):
        chromium = bring_chromium(environ)
        if not chromium:
            say(why_none())
            if is_ci(environ):
                return 1  # there, a test that quietly does not run would be a lie
    missing = bring(wanted(arguments), environ)
    if missing and is_ci(environ):
        say(f"Debian’s {', '.join(missing)} could not be fetched, and here no test may be skipped.")
        return 1
    environ["RELEASETRAIN_CHROMIUM"] = chromium or ""
    os.chdir(ROOT)
    pytest = [sys.executable, "-m", "pytest", *arguments]
    if not asks_for_everything(arguments):
        return os.execve(sys.executable, pytest, environ)  # noqa: S606 - ours
    from releasetrain.bootstrap.beside import run_beside  # it needs the libraries

    return run_beside([*pytest, f"--ignore={JOURNEYS}"], [*pytest, JOURNEYS], environ)


def asks_for_everything(arguments: list[str]) -> bool:
    """Tell whether nothing narrows the tests down: there is no path, and no option with a word of its own."""
    return all(word.startswith("-") for word in arguments)


def wants_a_browser(arguments: list[str]) -> bool:
    """Tell whether these arguments reach the journeys: no path, all of tests/, or a path among them."""
    paths = [word for word in arguments if not word.startswith("-") and word.startswith(("tests", "./tests"))]
    return not paths or any(path.rstrip("/").endswith("tests") or "journeys" in path for path in paths)


def is_ci(environ: dict[str, str]) -> bool:
    """Tell whether this is a machine on which nothing may be skipped."""
    return environ.get("CI", "").lower() in {"1", "true", "yes"}
