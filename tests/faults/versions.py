"""Find an older version of this software, as workers run it while a new one is deployed."""

import subprocess
from pathlib import Path

from releasetrain.bench.serving import ROOT


def check_out_before_the_last_migration(folder: Path) -> Path | None:
    """Unpack the version from before the newest change of a table; None where the clone lacks it."""
    changed = _git("log", "-1", "--format=%H", "--", "releasetrain/*/migrations/0*.py")
    if not changed or not _git("rev-parse", "--verify", "--quiet", f"{changed}~1"):
        return None
    archive = folder / "before.tar"
    _git("archive", "--output", str(archive), f"{changed}~1", "releasetrain")
    before = folder / "before"
    before.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(before)], check=True)
    return before


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else ""
