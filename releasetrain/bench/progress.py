"""Say on the error stream what is being measured, so that figures alone go to the output."""

import sys


def say(text: str) -> None:
    """Write one line at once."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()
