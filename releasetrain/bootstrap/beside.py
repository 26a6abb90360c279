"""Run one command in front of the reader and another behind it, and end both together."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from types import FrameType

from releasetrain.bootstrap.locks import ROOT
from releasetrain.embedded.children import end, spawn

SECONDS_TO_TIDY = 60


def run_beside(front: Sequence[str], behind: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run two commands at once and return the first exit code that is not 0, the front's before the other's.

    What the one behind says comes in one piece, once both have ended. SIGINT and SIGTERM reach both.
    """
    with tempfile.TemporaryFile() as said:
        hidden = spawn(behind, output=said.fileno(), env=environ, cwd=ROOT)
        shown = subprocess.Popen(list(front), env=dict(environ), cwd=ROOT)

        def pass_on(number: int, frame: FrameType | None) -> None:
            hidden.send_signal(number)
            if number == signal.SIGTERM:  # a key press reaches the one in front by itself
                shown.send_signal(number)

        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            codes = shown.wait(), hidden.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            end(shown, (signal.SIGTERM, SECONDS_TO_TIDY))
            end(hidden, (signal.SIGTERM, SECONDS_TO_TIDY))
            sys.stdout.flush()
            said.seek(0)
            shutil.copyfileobj(said, sys.stdout.buffer)
            sys.stdout.flush()
    return codes[0] or codes[1]
