"""Break a private house on purpose, and say what held."""

import random
import signal
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releasetrain.bench.serving import ROOT

LONGEST_MINUTES = 24 * 60
LARGEST_SEED = 1_000_000


class Command(BaseCommand):
    """Run servers and processes of its own, whatever else runs on this machine."""

    help = "Kill, freeze and starve a private house for some minutes, and audit every rollout in it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--minutes", type=float, default=2.0, help="how long faults are injected (2)")
        parser.add_argument("--seed", type=int, help="repeat the order of faults of another run")

    def handle(self, *args: Any, **given: Any) -> None:
        minutes = given["minutes"]
        if not 0 < minutes <= LONGEST_MINUTES:
            raise CommandError(f"--minutes {minutes:g} cannot be used: choose more than 0, at most a day.")
        seed = given["seed"]
        if seed is None:
            seed = random.randrange(LARGEST_SEED)  # noqa: S311 - a choice, not a secret
        command = [sys.executable, "-m", "releasetrain.chaos.inside", str(minutes), str(seed)]
        with subprocess.Popen(command, cwd=ROOT) as process:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGTERM)
                code = process.wait()
        if code:
            raise CommandError("Not everything held; see above.", returncode=code)
