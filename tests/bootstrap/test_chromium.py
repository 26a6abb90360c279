from pathlib import Path

import pytest

from releasetrain.bootstrap.chromium import bring_chromium, find_chromium, starts
from releasetrain.bootstrap.testing import is_ci, wants_a_browser


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_chromium_on_the_path_is_found(tmp_path: Path) -> None:
    browser = program(tmp_path / "chromium", "echo Chromium 131.0")
    assert find_chromium({"PATH": str(tmp_path)}) == str(browser)


def test_a_stub_that_only_advertises_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "chromium", "echo 'requires the chromium snap to be installed' >&2; exit 1")
    own = program(tmp_path / "own" / "chromium-1200" / "chrome-linux" / "chrome", "echo Chromium 131.0")
    environ = {"PATH": str(tmp_path / "bin"), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "own")}
    assert find_chromium(environ) == str(own)


def test_a_path_that_was_set_wins_and_is_never_overruled(tmp_path: Path) -> None:
    program(tmp_path / "chromium", "echo Chromium 131.0")
    environ = {"PATH": str(tmp_path), "RELEASETRAIN_CHROMIUM": "/nowhere/chromium"}
    assert find_chromium(environ) is None
    assert bring_chromium(environ) is None


def test_what_is_no_program_does_not_start(tmp_path: Path) -> None:
    assert not starts(str(tmp_path))
    assert not starts("/nowhere/chromium")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], True),
        (["-q", "-x"], True),
        (["tests"], True),
        (["tests/"], True),
        (["tests/journeys/test_rollback.py"], True),
        (["tests/lib"], False),
        (["-q", "tests/lib", "tests/journeys"], True),
    ],
)
def test_a_browser_is_only_fetched_for_the_journeys(arguments: list[str], wanted: bool) -> None:
    assert wants_a_browser(arguments) is wanted


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("", False), ("false", False)])
def test_ci_is_recognised(value: str, expected: bool) -> None:
    assert is_ci({"CI": value}) is expected
