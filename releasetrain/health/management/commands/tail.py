"""Follow a log file and send its error lines, for as long as it runs."""

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from releasetrain.health.rules.severity import Severity
from releasetrain.health.tail.entries import Entries
from releasetrain.health.tail.follow import Follower
from releasetrain.health.tail.run import PAUSE_SECONDS, Tail, kept_place, may_read
from releasetrain.health.tail.sending import Batch, Sender, Writer

TOKEN = "RELEASETRAIN_TOKEN"  # noqa: S105 - the name of a setting


class Command(BaseCommand):
    """Send the error lines of one log file, masked before they leave this machine."""

    help = (
        "Follow a log file through its rotations and send its error lines to the house, with secrets masked. "
        f"The token (scope metrics:SERVICE) is read from {TOKEN} or from --token-file."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let `--version` name the log's version; Django's own is asked for by `manage.py version`."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--service", required=True, help="its slug")
        parser.add_argument("--environment", default="production", help="its slug")
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--version", default="", help="the version that writes this log")
        whose.add_argument(
            "--arm", default="", choices=["candidate", "baseline"], help="instead of the version"
        )
        parser.add_argument("--address", default=settings.PUBLIC_URL, help="where the house is")
        parser.add_argument("--token-file", type=Path, help="a file with the token in it")
        parser.add_argument("--from-start", action="store_true", help="send what is in the file already, too")
        parser.add_argument("--place-file", type=Path, help="where to write down how far it came")
        parser.add_argument(
            "--least",
            default="error",
            choices=[one.name.lower() for one in Severity],
            help="leave out milder lines",
        )
        parser.add_argument("--once", action="store_true", help="stop at the end of the file")

    def handle(self, *args: Any, **options: Any) -> None:
        if not may_read(options["file"]):
            raise CommandError(f"{options['file']} cannot be read, and nothing can appear there.")
        address = options["address"].rstrip("/")
        if urlsplit(address).scheme not in ("http", "https"):
            raise CommandError(f"“{address}” is no address of a house: it begins with http:// or https://.")
        writer = Writer(options["service"], options["environment"], options["version"], options["arm"])
        sender = Sender(address, token_of(options["token_file"]), writer)
        resume = kept_place(options["place_file"])
        follower = Follower(options["file"], from_start=options["from_start"], resume=resume)
        with closing(follower), sender:
            self.greet(sender, options)
            tail = Tail(
                follower=follower,
                send=sender.send,
                say=self.say,
                clock=time.monotonic,
                entries=Entries(Severity[options["least"].upper()]),
                place_file=options["place_file"],
            )
            self.follow(tail, is_once=options["once"])

    def greet(self, sender: Sender, options: dict[str, Any]) -> None:
        """Ask the house once, so that a wrong token or name is told now and not with the first error."""
        answer = sender.send(Batch())
        if not answer.is_taken and answer.is_refused:
            raise CommandError(answer.words)
        whose = f"They count as the {answer.arm}’s." if answer.is_taken else answer.words
        self.say(f"Follows {options['file']} and sends its error lines to {options['address']}. {whose}")

    def follow(self, tail: Tail, *, is_once: bool) -> None:
        """Go round until told to stop, then send the rest."""
        stop = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        while not stop.is_set() and not is_once:
            if not tail.step():
                stop.wait(PAUSE_SECONDS)
        is_done = tail.finish()
        self.say(f"{tail.sent} error lines were sent.")
        if not is_done:
            raise CommandError("The house did not take the last lines.")

    def say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()


def token_of(path: Path | None) -> str:
    """Read the token where people keep it; never from the command line, which everybody can read.

    :raises CommandError: there is none
    """
    try:
        token = path.read_text().strip() if path is not None else os.environ.get(TOKEN, "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The token cannot be read from {path}: {error}.") from error
    if not token.isascii() or not token.isprintable() or not token:
        raise CommandError(
            f"Put a token into {TOKEN} or into --token-file; an administrator makes one with "
            "`manage.py issue_token NAME metrics:SERVICE`."
        )
    return token
