"""Encrypt all secrets under the newest key of the house."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releasetrain.catalog.secrets import encrypt_again
from releasetrain.lib.errors import Refused


class Command(BaseCommand):
    """Finish a change of the house's secret key: afterwards the old one can go."""

    help = "Encrypts every secret under the newest secret key, so that the keys of before can be forgotten."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = encrypt_again()
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{count} secrets are encrypted under the newest key.")
