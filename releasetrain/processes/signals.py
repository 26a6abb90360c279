"""Notice a wish to stop at any moment, and act on it at the next safe point."""

import signal
import time
from types import FrameType

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
TICK = 0.1


class StoppedError(Exception):
    """Somebody asked the house to stop."""


class Wish:
    """Whether somebody asked us to stop.

    A signal only leaves a note. Nothing is torn out of the middle of starting a process, so nothing that was
    started can be forgotten; every wait looks at the note ten times a second.
    """

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self.is_urgent = False

    def listen(self) -> None:
        """Take the signals over."""
        for each in EXIT_CODES:
            signal.signal(each, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        # The second Ctrl-C means it.
        self.is_urgent = self.is_urgent or (self.asked is not None and number == signal.SIGINT)
        self.asked = self.asked or signal.Signals(number)

    def check(self) -> None:
        """Stop here if somebody asked.

        :raises StoppedError: somebody did
        """
        if self.asked:
            raise StoppedError

    def pause(self, seconds: float = TICK) -> None:
        """Sleep, unless somebody asks us to stop."""
        until = time.monotonic() + seconds
        self.check()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, TICK))
            self.check()

    @property
    def exit_code(self) -> int:
        """The code that a shell expects after this signal."""
        return EXIT_CODES[self.asked] if self.asked else 0
