"""Bring the programs that some tests ask for real; without one its tests are skipped, and say so."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from releasetrain.bootstrap.chromium import by_apt, runs
from releasetrain.bootstrap.terminal import say

# Debian asks this file before it starts what it has just installed.
POLICY = Path("/usr/sbin/policy-rc.d")
NOTHING_STARTS = "#!/bin/sh\nexit 101\n"
# Where Debian keeps servers; the path of a person often leaves it out.
BESIDE_THE_PATH = "/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Package:
    """A program, by the name that it and its Debian package have, and the tests that start it."""

    name: str
    tests: tuple[str, ...]


PACKAGES = (
    Package("prometheus", ("tests/health/test_real_prometheus.py",)),
    Package("haproxy", ("tests/drivers/haproxy", "tests/drivers/test_conformance.py")),
    Package("nginx", ("tests/drivers/nginx", "tests/drivers/test_conformance.py")),
)


def find(name: str, environ: Mapping[str, str]) -> str | None:
    """Give the path of a program, looking also where servers lie."""
    return shutil.which(name, path=f"{environ.get('PATH', '')}:{BESIDE_THE_PATH}")


def why_skipped(name: str) -> str:
    """Say why the tests that start a program do not run."""
    return f"there is no {name} here: install Debian’s package of that name"


def wanted(arguments: Sequence[str]) -> tuple[Package, ...]:
    """Return the packages that tests start which these arguments reach; no path reaches all tests."""
    paths = [
        word.split("::")[0].rstrip("/").removeprefix("./")
        for word in arguments
        if not word.startswith("-") and "tests" in word
    ]
    return tuple(
        package
        for package in PACKAGES
        if not paths or any(_meet(path, test) for path in paths for test in package.tests)
    )


def _meet(path: str, test: str) -> bool:
    """Tell whether one of two paths lies within the other."""
    return f"{path}/".startswith(f"{test}/") or f"{test}/".startswith(f"{path}/")


def bring(packages: Sequence[Package], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Install what is absent where that can be done without asking; return what should have come and did not.

    Where nothing may be installed, nothing should have come. None of it is started as a service.
    """
    absent = [package.name for package in packages if not find(package.name, environ)]
    steps = by_apt(*absent) if absent else []
    if not steps:
        return ()
    say(f"Fetching Debian’s {', '.join(absent)} for the tests that ask real ones.")
    with _services_kept_down():
        # One that fails leaves the others; what has come is seen by looking for it.
        all(runs(step) for step in steps)
    return tuple(name for name in absent if not find(name, environ))


@contextlib.contextmanager
def _services_kept_down() -> Iterator[None]:
    """Keep Debian from starting what it installs; a rule of the machine’s own stays as it is."""
    try:
        with POLICY.open("x") as file:
            file.write(NOTHING_STARTS)
    except OSError:
        yield
        return
    try:
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink(missing_ok=True)
