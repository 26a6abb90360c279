"""Take in saved messages of a code host, by the verb that the HTTP endpoint calls."""

import hashlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releasetrain.accounts.models import Team
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.trains.actions import ingest_webhook
from releasetrain.trains.webhooks.hosts import HOSTS
from releasetrain.trains.webhooks.reading import decode


class Command(BaseCommand):
    """Turn pull-request messages into changes; a file counts once, whatever its name."""

    help = "Take in webhook messages of code hosts that were saved as JSON files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--host", choices=sorted(HOSTS), default="github", help="where they come from")
        parser.add_argument("--event", default="", help="the event's name; told from the content by default")
        parser.add_argument(
            "--create-services",
            metavar="TEAM",
            default="",
            help="add a service of this team (its slug) for a repository that none belongs to",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        team = _team(options["create_services"])
        refused = 0
        for path in options["files"]:
            try:
                self.stdout.write(f"{path}: {self._ingest(path, options['host'], options['event'], team)}")
            except Refused as refusal:
                refused += 1
                self.stderr.write(f"{path}: refused. {refusal.message}")
        if refused:
            raise CommandError(f"{refused} of {len(options['files'])} files were refused.")

    def _ingest(self, path: Path, host: str, event: str, team: Team | None) -> str:
        body = _read(path)
        payload = decode(body)
        return ingest_webhook(
            host=host,
            event=event or HOSTS[host].guess_event(payload),
            delivery_id=f"file:{hashlib.sha256(body).hexdigest()}",
            payload=payload,
            now=clock.now(),
            new_services_of=team,
        ).outcome


def _team(slug: str) -> Team | None:
    if not slug:
        return None
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        known = ", ".join(Team.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no team “{slug}”. Teams: {known}.")
    return team


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"It cannot be read: {error.strerror or error}.") from error
