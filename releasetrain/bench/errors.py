"""Name why something cannot be measured, in a sentence for the person at the terminal."""


class CannotMeasure(Exception):
    """A benchmark cannot run on this machine or in this state; the message says what to do."""
