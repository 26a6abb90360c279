"""Verify the audit log from the command line."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releasetrain.events.audit import flaws
from releasetrain.events.queries import last_position


class Command(BaseCommand):
    """Walk the chain and say what holds."""

    help = "Check that no event was changed, removed or put in between; exits 1 where one was."

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(flaws())
        for flaw in found:
            self.stderr.write(f"Position {flaw.position}: {flaw.what}")
        if found:
            raise CommandError(f"The audit log does not hold in {len(found)} places.")
        self.stdout.write(f"The audit log holds: {last_position()} events in an unbroken chain.")
