"""Load the demonstration's world, empty it, break and mend its shop, or let its train depart soon."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releasetrain.demo import build, emptying, journey, running
from releasetrain.demo.shop import Fault
from releasetrain.events.actions import SystemActor
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused

OPERATOR = SystemActor("somebody at the command line")


class Command(BaseCommand):
    """Do to the demonstration what its control panel does, and what `up` needs."""

    help = "Load, reset, break, mend the demonstration's world, or let its train depart soon."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_subparsers(dest="what", required=True, metavar="what")
        what.add_parser("load", help="build what is missing of the demonstration's world")
        what.add_parser("reset", help="delete everything in this house, and load the demonstration anew")
        fault = what.add_parser("break", help="break the shop's new checkout")
        fault.add_argument("mode", nargs="?", default=Fault.ERROR.value, choices=[one.value for one in Fault])
        what.add_parser("kill-candidate", help="kill the process of the shop's new version (up --proxy)")
        what.add_parser("mend", help="mend the shop's new checkout")
        soon = what.add_parser("depart-soon", help="plan another departure, two minutes from now")
        soon.add_argument("--seconds", type=int, default=120, help="how soon; the cut-off lies half way")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        verbs: dict[str, Callable[[], None]] = {
            "load": self._load,
            "reset": self._reset,
            "break": lambda: self._break(Fault(options.get("mode") or Fault.ERROR.value)),
            "kill-candidate": self._kill,
            "mend": self._mend,
            "depart-soon": lambda: self._depart_soon(timedelta(seconds=options["seconds"])),
        }
        try:
            verbs[what]()
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal

    def _load(self) -> None:
        try:
            build.load(clock.now(), self._tell)
        except build.HouseInUse as refusal:
            self.stdout.write(refusal.message)
            return
        departure = journey.current_departure()
        self.stdout.write(f"The demonstration is loaded; {departure} is its train to watch.")

    def _reset(self) -> None:
        emptying.empty()
        self.stdout.write("Everything in this house was deleted.")
        self._load()

    def _break(self, fault: Fault) -> None:
        running.break_new_version(fault, by=OPERATOR, now=clock.now())
        self.stdout.write(f"The shop's new checkout is broken: {fault.value}.")

    def _kill(self) -> None:
        running.kill_new_version(by=OPERATOR, now=clock.now())
        self.stdout.write("The process of the shop's new version is dead.")

    def _mend(self) -> None:
        running.mend_new_version(by=OPERATOR, now=clock.now())
        self.stdout.write("The shop's new checkout works again.")

    def _depart_soon(self, departs_after: timedelta) -> None:
        departure = running.depart_soon(clock.now(), departs_after)
        self.stdout.write(f"{departure} is boarding and departs at {departure.departs_at:%H:%M:%S} UTC.")

    def _tell(self, sentence: str) -> None:
        self.stdout.write(f"Loading {sentence} …")
