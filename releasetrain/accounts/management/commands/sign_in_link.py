"""Make a one-time sign-in link from the command line."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from releasetrain.accounts.actions import add_person, make_sign_in_link
from releasetrain.accounts.models import User
from releasetrain.lib import clock


class Command(BaseCommand):
    """Print a link; whoever can run this command can let people in."""

    help = "Print a link that signs one person in once, within a day."

    def add_arguments(self, parser: CommandParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("email", nargs="?", help="whom to sign in")
        whom.add_argument(
            "--first",
            action="store_true",
            help="the first administrator, added if there is none; prints nothing when one has a password",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        if options["first"]:
            user = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
            if user and user.last_login:
                return
            user = user or add_person(
                email="administrator@localhost", name="Administrator", by=None, now=now, is_superuser=True
            )
        else:
            user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
            if user is None:
                raise CommandError(f"Nobody with the address {options['email']} can sign in here.")
        self.stdout.write(f"{settings.PUBLIC_URL}/sign-in/link/{make_sign_in_link(user, now)}/")
