"""Print what was injected and what held."""

from collections.abc import Iterable, Mapping

from releasetrain.chaos.running import Outcome

PROMISES = (
    "no transition lost or doubled, each by a rule",
    "fences only rise; nothing older than the target's fence was taken",
    "every call to a driver was written down before",
    "no stage skipped, no bake shorter than its time",
    "no weight after a rollback",
    "every rollout ended, and its target stands where it says",
    "everything was told once",
)


def page(outcome: Outcome) -> str:
    """Write the whole table."""
    lines = ["Injected", *_rows(outcome.injected), "", "Rollouts ended as", *_rows(outcome.ended), ""]
    audited = sum(outcome.ended.values())
    lines.append(
        f"Audited: {audited} rollouts, {outcome.transitions} transitions, {outcome.intents} intents, beside "
        f"the drivers' own journals (seed {outcome.seed})."
    )
    if outcome.holds:
        return "\n".join([*lines, "Held:", *(f"  {promise}" for promise in PROMISES)])
    return "\n".join([*lines, "BROKEN:", *(f"  {sentence}" for sentence in outcome.wrong)])


def _rows(counted: Mapping[str, int]) -> Iterable[str]:
    width = max((len(what) for what in counted), default=0)
    return (f"  {what:<{width}}  {times:>5,}" for what, times in sorted(counted.items()))
