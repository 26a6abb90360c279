"""Say when a vote grows old, and when a decision has to be looked at next (RULES D7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# Shares of its lifetime, in percent, at which a voter is told.
SHARES = (50, 75, 100)


@dataclass(frozen=True, slots=True)
class Given:
    """A go as its lifetime sees it: when it was given, how long it lasts, of which share it was told last."""

    at: datetime
    lasts: timedelta
    told: int = 0

    @property
    def expires_at(self) -> datetime:
        return self.at + self.lasts

    def reaches(self, share: int) -> datetime:
        return self.at + self.lasts * share / 100

    def due(self, now: datetime, departs_at: datetime) -> int | None:
        """Return the share to tell of now, the greatest that is reached and was not told of, or None.

        A go that lasts beyond the departure needs no word.
        """
        if self.expires_at > max(departs_at, now):
            return None
        reached = [share for share in SHARES if share > self.told and self.reaches(share) <= now]
        return max(reached, default=None)

    def next_at(self, now: datetime, departs_at: datetime) -> datetime | None:
        """Return when its next share is reached, or None."""
        if self.expires_at > max(departs_at, now):
            return None
        ahead = [self.reaches(share) for share in SHARES if share > self.told]
        return min((at for at in ahead if at > now), default=None)


def next_look(
    *,
    now: datetime,
    departs_at: datetime,
    given: Iterable[Given],
    silent_yes: Iterable[datetime],
    decide_by_at: datetime | None,
) -> datetime | None:
    """Return when a decision has to be looked at next without anybody doing anything, or None.

    :param silent_yes: from when on silence means yes in a seat
    :param decide_by_at: the deadline, where nobody has been told yet that it was missed
    """
    ahead = [one.next_at(now, departs_at) for one in given]
    ahead += [*silent_yes, decide_by_at]
    return min((at for at in ahead if at is not None and at > now), default=None)
