"""Load the record of past trains from a folder."""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releasetrain.events.actions import SystemActor
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.trains.actions import import_history

MOST_SHOWN = 20


class Command(BaseCommand):
    """Turn the record's trains into past departures; the same record again changes nothing."""

    help = "Load wikimedia_trains.csv and wikimedia_train_events.csv from a folder as past departures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the folder that holds both files")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            done = import_history(options["path"], by=SystemActor("import_history"), now=clock.now())
        except Refused as refusal:
            raise CommandError(refusal.message) from None
        for name, flaw in done.flaws[:MOST_SHOWN]:
            self.stderr.write(f"{name}, line {flaw.line}: {flaw.why} It was left out.")
        if len(done.flaws) > MOST_SHOWN:
            self.stderr.write(f"… and {len(done.flaws) - MOST_SHOWN} more lines that were left out.")
        self.stdout.write(
            f"{done.train}: {done.departures} departures ({done.new_departures} new) and "
            f"{done.movements} movements ({done.new_movements} new) in {time.monotonic() - began:.1f} s."
        )
        if done.alone:
            self.stdout.write(
                f"{done.alone} of the movements are of versions that {done.train}'s list of trains does not "
                "name; they stand with the train alone."
            )
