"""Say what is kept in HAProxy’s map, and read it back: weight, salt and fence of one target.

The map of a target, at runtime as in its file, has one line for each: “weight 25”, “salt 9f3c…”, “fence 17”.
A map without them means baseline.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from releasetrain.rollouts.drivers.salts import NO_SALT

HEADER = "# Written by Release Train and read by HAProxy when it starts; changes by hand are overwritten.\n"


@dataclass(frozen=True, slots=True)
class Setting:
    """Whole percents of users for the candidate, the fence under which they were decided, and the salt.

    `weight` and `fence` are None where a map says something that is no number.
    """

    weight: int | None = 0
    fence: int | None = 0
    salt: str = NO_SALT

    @property
    def rank(self) -> int:
        """Return the fence as a number; one that cannot be read stands before all others."""
        return self.fence or 0

    def lines(self) -> str:
        """Return it as the lines of a map."""
        return f"weight {self.weight}\nsalt {self.salt}\nfence {self.fence}\n"


def read_lines(lines: Iterable[str]) -> Setting:
    """Read the lines of a map file; comments, empty lines and other keys are passed over."""
    pairs = (line.split(maxsplit=1) for line in lines if line.strip() and not line.lstrip().startswith("#"))
    found = {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs}
    return Setting(
        _number(found.get("weight", "0"), 100), _number(found.get("fence", "0")), found.get("salt", NO_SALT)
    )


def _number(text: str, highest: int | None = None) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    return None if highest is not None and int(text) > highest else int(text)
