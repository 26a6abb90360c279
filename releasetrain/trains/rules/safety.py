"""Find when a departure can leave and finish untouched: the last safe instant, and the next (RULES W4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.calendars.rules.windows import Behaviour, Freeze
from releasetrain.lib.spans import Span
from releasetrain.trains.rules.forecast import FOREVER, PAUSES, Closures, Run, Step, offsets

SECOND = timedelta(seconds=1)
NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Touched:
    """Departing after `low` and before `high` would be touched; at `low` itself only where it says so.

    `because` is the window that would; None stands for a stage without anybody on call.
    """

    low: datetime
    high: datetime
    because: Freeze | None = None
    takes_low: bool = False

    def __contains__(self, instant: datetime) -> bool:
        return self.low < instant < self.high or (self.takes_low and instant == self.low)


def touched(runs: Sequence[Run], closures: Closures) -> list[Touched]:
    """Return every span of departure instants from which a window would touch any stage, united.

    The stages of a departure that nothing holds stand at fixed distances from its start, so each window maps
    to departures: one that holds or rolls back touches whatever runs in it, one that lets the stage finish
    touches stages that would start in it, one that lets the rollout finish only its first stage.
    """
    begins = offsets(runs)
    found: list[Touched] = []
    for run in runs:
        begin, lasts, starts = begins[run.service], run.lasts, _starts(run.steps)
        for one in closures.get(run.service, ()):
            if one.freeze.behaviour in PAUSES:
                found.append(Touched(one.start - begin - lasts, _ended(one.end, begin), one.freeze))
                continue
            met = starts[:1] if one.freeze.behaviour is Behaviour.FINISH_ROLLOUT else starts
            found += [
                Touched(one.start - begin - start, _ended(one.end, begin + start), one.freeze, takes_low=True)
                for start in met
            ]
    return united(found)


def uncovered(runs: Sequence[Run], nobody: Mapping[int, Sequence[Span]]) -> list[Touched]:
    """Return every span of departure instants from which a stage would have nobody on call.

    :param nobody: by team, when it has nobody on call
    """
    begins = offsets(runs)
    return [
        Touched(span.start - begins[run.service] - run.lasts, _ended(span.end, begins[run.service]))
        for run in runs
        for span in nobody.get(run.place.team, ())
    ]


def _starts(steps: Sequence[Step]) -> list[timedelta]:
    """Return how long after its first stage each stage of a service starts."""
    found = [NOTHING]
    for step in steps[:-1]:
        found.append(found[-1] + step.lasts)
    return found


def _ended(end: datetime, by: timedelta) -> datetime:
    return end if end == FOREVER else end - by


def united(spans: Iterable[Touched]) -> list[Touched]:
    """Unite spans between which nobody could depart, soonest first; each keeps the reason that begins it."""
    found: list[Touched] = []
    for one in sorted(spans, key=lambda span: (span.low, not span.takes_low)):
        last = found[-1] if found else None
        if last is None or one.low > last.high or (one.low == last.high and not one.takes_low):
            found.append(one)
        elif one.high > last.high:
            found[-1] = Touched(last.low, one.high, last.because, last.takes_low)
    return found


@dataclass(frozen=True, slots=True)
class LastSafe:
    """The latest instant to depart and finish untouched, and the window that makes it the last."""

    at: datetime
    because: Freeze | None


def last_safe(spans: Sequence[Touched], base: datetime, *, since: datetime) -> LastSafe | None:
    """Return the last safe departure of the time around an instant; None where nothing is known to end it.

    From an instant that is safe that is the end of its time, from another one the end of the time before.

    :param spans: united
    :param since: how far back the windows are known
    """
    following = next((one for one in spans if base in one or one.low >= base), None)
    if following is None:
        return None
    index = spans.index(following)
    floor = spans[index - 1].high if index else since
    at = following.low - SECOND if following.takes_low else following.low
    if at < floor:
        return LastSafe(floor, following.because) if index else None
    return LastSafe(at, following.because)


def last_before(spans: Sequence[Touched], base: datetime, *, since: datetime) -> datetime | None:
    """Return the latest instant up to another one that none of the spans touches."""
    if not any(base in one for one in spans):
        return base
    found = last_safe(spans, base, since=since)
    return found.at if found else None


def next_starts(
    spans: Sequence[Touched], after: datetime, until: datetime, *, limit: int = 3
) -> list[datetime]:
    """Return the instants at which a time begins from which a departure finishes untouched.

    :param spans: united
    """
    starts = [one.high for one in spans if after < one.high <= until]
    return [at for at in starts if not any(at in one for one in spans)][:limit]
