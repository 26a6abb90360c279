"""Measure what the design promises, beside yardsticks in the same run."""

import json
import signal
from argparse import ArgumentParser
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releasetrain.bench import guardrails, machine, memory
from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Result
from releasetrain.bench.house import measure
from releasetrain.bench.options import BENCHMARKS, Options, checked
from releasetrain.bench.progress import say
from releasetrain.bench.tables import facts, page

# These need no house of their own: one starts the whole product, one is arithmetic.
WITHOUT_A_HOUSE = {"memory": memory.run, "guardrails": guardrails.run}
ASKED = ("seconds", "watchers", "rollbacks", "rate", "scale")


class Command(BaseCommand):
    """Run one benchmark or all; figures go to the output, progress to the error stream."""

    help = "Measure one of the product’s promises or all, each beside a yardstick in the same run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        standard = Options()
        parser.add_argument("which", nargs="?", choices=[*BENCHMARKS, "all"], default="all")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON and nothing else")
        parser.add_argument("--seconds", type=float, help=f"measure each row so long ({standard.seconds:g})")
        parser.add_argument("--watchers", default="", help="sizes for live (1000,5000)")
        parser.add_argument("--rollbacks", type=int, help=f"how many for rollback ({standard.rollbacks})")
        parser.add_argument("--rate", type=int, help=f"requests a second for rollback ({standard.rate})")
        parser.add_argument("--scale", type=float, help="make the house, or the simulation, smaller (1)")

    def handle(self, *args: Any, **given: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            options = checked(**{name: given[name] for name in ASKED})
            self._measure(given["which"], options, as_json=given["as_json"])
        except CannotMeasure as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped; everything that was started has ended.", returncode=130) from None

    def _measure(self, which: str, options: Options, *, as_json: bool) -> None:
        machine.require_linux()
        about = {
            "measured at": datetime.now(UTC).isoformat(timespec="seconds"),
            **machine.machine(),
            **machine.versions(),
        }
        results = []
        if not as_json:
            self.stdout.write(facts(about))
        for name in BENCHMARKS if which == "all" else [which]:
            say(f"{name} …")
            result = run(name, options)
            load = machine.load()
            results.append({**result.as_json(), "load_when_it_ended": load})
            if not as_json:
                self.stdout.write(f"\n{page(result)}\n  Load over the last minute when it ended: {load}.")
        if as_json:
            self.stdout.write(json.dumps({"about": about, "results": results}, indent=2))


def run(name: str, options: Options) -> Result:
    """Run one benchmark by its name."""
    alone = WITHOUT_A_HOUSE.get(name)
    return alone(options) if alone else measure(name, options)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
