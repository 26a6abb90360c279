"""Fail a version that writes severe error lines which the old one never wrote (ENGINE section 5).

A new kind of line is evidence as soon as chance does not explain it: had it always been there, k lines would
all fall to the candidate with a chance of its share of the requests to the power of k. That is the chance of
one thing that happens or not, so looking at it on every tick costs nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from releasetrain.rollouts.rules.findings import worse_than_dismissed
from releasetrain.rollouts.rules.guardrails import HOLD_ALPHA, Guardrail, GuardrailState, Verdict
from releasetrain.rollouts.rules.measuring import Look

# A state carries the names of so many kinds at most.
MOST_NAMES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class NewError:
    """A kind of error line of the candidate that the baseline has not had.

    `severity` is 10 for a warning, 20 for an error and 30 for a critical one; `chance` bounds the chance of
    so many in the candidate alone, had the line nothing to do with it.
    """

    name: str
    words: str
    severity: int
    count: int
    chance: float


def look_at_lines(
    guardrail: Guardrail, state: GuardrailState, lines: Sequence[NewError] | None, look: Look
) -> GuardrailState:
    """Take in which new lines there are; None where nobody sends any, which is never good news.

    The chance of a false alarm is shared among the kinds looked at and the guardrails that roll back.
    """
    if lines is None:
        return state.changed(oks=0, bads=0, is_suspected=False, lines=())
    severe = _severe(guardrail, lines)
    state = state.changed(oks=1, lines=tuple(one.name for one in severe)[:MOST_NAMES])
    accepted = state.dismissal.lines if state.dismissal is not None else ()
    news = [one for one in severe if one.name not in accepted]
    worst = min(news, key=lambda one: (one.chance, -one.severity, -one.count), default=None)
    if worst is None or look.weight >= 100:
        return state.changed(bads=0, is_suspected=False, told="")
    chance = min(1.0, worst.chance * len(lines))
    told = sentence_of(guardrail, worst)
    if not state.failed and guardrail.rolls_back and chance <= guardrail.alpha / max(look.sharing, 1):
        return _failed(state, told)
    is_suspected = state.dismissal is None and chance <= HOLD_ALPHA
    return state.changed(bads=len(news), is_suspected=is_suspected, told=told)


def _severe(guardrail: Guardrail, lines: Iterable[NewError]) -> list[NewError]:
    return [
        one
        for one in lines
        if one.severity >= guardrail.least_severity and one.count >= guardrail.absolute_minimum
    ]


def _failed(state: GuardrailState, told: str) -> GuardrailState:
    if state.dismissal is None:
        return state.changed(failed=told, told=told)
    return state.changed(failed=worse_than_dismissed(told), told=told, dismissal=None)


def sentence_of(guardrail: Guardrail, line: NewError) -> str:
    """Say what the new version writes that the old one never wrote."""
    times = "once" if line.count == 1 else f"{line.count:,} times"
    return f"{guardrail.name}: “{line.words}” came {times} from the new version and never from the old one."


def find_lines(guardrail: Guardrail, state: GuardrailState) -> tuple[Verdict, str]:
    """Say what a guardrail over error lines finds so far."""
    if not state.oks:
        return Verdict.NOT_RUN, f"{guardrail.name}: nobody sends error lines of this service."
    if state.is_suspected:
        return (
            Verdict.INCONCLUSIVE,
            f"{state.told} That is suspicious, but not certain enough to roll back.",
        )
    if state.bads:
        return Verdict.PENDING, f"{state.told} That may be chance yet."
    return Verdict.PASS, f"{guardrail.name}: no severe error line is new on the new version."
