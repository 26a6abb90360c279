"""Open the house, look into it with Django, and break it; `manage.py chaos` runs this in its own process."""

import os
import signal
import sys
from types import FrameType

import django

from releasetrain.chaos.house import chaos_house
from releasetrain.embedded import ServerError


def main(minutes: float, seed: int) -> int:
    """Break a house of our own for so many minutes; 0 means that every promise was kept."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with chaos_house() as house:
            os.environ.update(house.env)
            django.setup()
            from releasetrain.chaos.running import break_for  # inline: settings must be ready
            from releasetrain.chaos.tables import page

            outcome = break_for(minutes, house, seed=seed, say=_say)
            sys.stdout.write(f"{page(outcome)}\n")
            return 0 if outcome.holds else 1
    except ServerError as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        return 130


def _say(words: str) -> None:
    sys.stderr.write(f"chaos: {words}\n")
    sys.stderr.flush()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
