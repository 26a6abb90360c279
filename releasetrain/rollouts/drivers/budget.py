"""Spend one total deadline over everything that a call does; a limit per read would add up."""

import time


class Budget:
    """Seconds of which every step takes its part."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends_at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self._ends_at - time.monotonic())

    @property
    def is_spent(self) -> bool:
        return self.left <= 0

    def part(self, seconds: float) -> "Budget":
        """Return a budget for one step: its own seconds, or what is left of these."""
        return Budget(min(seconds, self.left))
