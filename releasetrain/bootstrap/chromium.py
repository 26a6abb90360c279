"""Find a Chromium that starts, or bring one where that can be done without asking."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from releasetrain.bootstrap.terminal import say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_A_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
MINUTES_TO_BRING = 10


def find_chromium(environ: Mapping[str, str]) -> str | None:
    """Give the first Chromium that really starts: the one that is set, the system's, Playwright's own."""
    return next((each for each in _candidates(environ) if starts(each)), None)


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    if given := environ.get("RELEASETRAIN_CHROMIUM"):
        yield given
        return
    found = (shutil.which(name, path=environ.get("PATH")) for name in NAMES)
    yield from (path for path in found if path)
    yield from ON_A_MAC
    for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"):
        yield from (str(path) for path in sorted(_playwright_folder(environ).glob(pattern), reverse=True))


def _playwright_folder(environ: Mapping[str, str]) -> Path:
    if given := environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return Path(given)
    cache = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / cache / "ms-playwright"


def starts(path: str) -> bool:
    """Tell whether it answers with a version: some systems install a stub that only advertises."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and any(character.isdigit() for character in said.stdout)


def bring_chromium(environ: Mapping[str, str]) -> str | None:
    """Install one (as root on Debian its package, elsewhere Playwright's) and give its path."""
    if environ.get("RELEASETRAIN_CHROMIUM"):
        return None  # a path was set, and it does not start: not ours to overrule
    say("No Chromium here; fetching one for the journeys in the browser. That takes a minute or two.")
    ways = [by_apt("chromium"), [[sys.executable, "-m", "playwright", "install", "chromium"]]]
    for steps in ways:
        if steps and all(runs(step) for step in steps) and (found := find_chromium(environ)):
            return found
    return None


def by_apt(*packages: str) -> list[list[str]]:
    """Return the commands that install packages of Debian, none where that is not ours to do."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return []
    quietly = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    return [[*quietly, "update"], [*quietly, "install", "-y", "--no-install-recommends", *packages]]


def runs(argv: list[str]) -> bool:
    """Run a command to its end, and tell whether it went well."""
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            argv, capture_output=True, env=environ, timeout=MINUTES_TO_BRING * 60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def why_none() -> str:
    """Say what is missing and how to bring it."""
    how = "brew install --cask chromium" if platform.system() == "Darwin" else "apt-get install chromium"
    return (
        f"No Chromium starts on this machine, and none could be fetched. Install one ({how}) or set "
        "RELEASETRAIN_CHROMIUM to its path."
    )
