"""Issue an API token from the command line."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releasetrain.accounts.actions import issue_token
from releasetrain.accounts.rules import why_not_scope
from releasetrain.lib import clock


class Command(BaseCommand):
    """Print a new token once; only its digest is kept."""

    help = "Issue a token, e.g. issue_token storefront metrics:storefront ofrep:production"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="who will show it")
        parser.add_argument(
            "scopes",
            nargs="+",
            metavar="scope",
            help="read, metrics:SERVICE, evidence:SERVICE, ofrep:ENVIRONMENT",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for scope in options["scopes"]:
            if reason := why_not_scope(scope):
                raise CommandError(reason)
        _, secret = issue_token(name=options["name"], scopes=options["scopes"], by=None, now=clock.now())
        self.stdout.write(secret)
