"""Name the folder of flags that stands for a weight, and read names and replies back; without any I/O.

The folder “25-17-9f3c…” holds a flag for each of 25 buckets, decided under fence 17; its salt makes the first
users of this release others than those of the last one. “current” leads to it, so that there is never more
than one weight; “kill” beats it. nginx reads the salt out of the name.
"""

import re
from dataclasses import dataclass

from releasetrain.rollouts.drivers.salts import NO_SALT

EVERYBODY = "all"
NAME = re.compile(r"(?P<weight>\d{1,3})-(?P<fence>\d{1,19})-(?P<salt>[0-9a-z]+)")
TOLD = re.compile(r"(?P<name>\S+) kill=(?P<kill>yes|no)")


@dataclass(frozen=True, slots=True)
class Setting:
    """Whole percents of users for the candidate, the fence under which they were decided, and the salt."""

    weight: int
    fence: int
    salt: str = NO_SALT

    @property
    def name(self) -> str:
        return f"{self.weight}-{self.fence}-{self.salt}"

    def flags(self) -> list[str]:
        """Return the flags that let users in; at 100 those come in, too, of whom nothing is known."""
        buckets = [str(bucket) for bucket in range(1, self.weight + 1)]
        return [*buckets, EVERYBODY] if self.weight == 100 else buckets


@dataclass(frozen=True, slots=True)
class Told:
    """What nginx itself goes by: the name of its flags, "none" without any, and whether kill is set."""

    name: str
    is_killed: bool


def read_name(name: str) -> Setting | None:
    """Read the name of a folder of flags, None where it is none of ours."""
    found = NAME.fullmatch(name)
    if found is None or int(found["weight"]) > 100:
        return None
    return Setting(int(found["weight"]), int(found["fence"]), found["salt"])


def read_told(reply: str) -> Told | None:
    """Read what nginx replied, None where it is something else."""
    found = TOLD.fullmatch(reply.strip())
    return Told(found["name"], found["kill"] == "yes") if found else None


def weight_of(flags: set[str]) -> int:
    """Say how many of a hundred buckets the flags let in."""
    if EVERYBODY in flags:
        return 100
    return len(flags & {str(bucket) for bucket in range(1, 101)})
