"""Decide what a flag answers (FLAGS section 2).

Asked in this order: killed, disabled, prerequisites, whoever is named, the rules from the top, the ramp, and
what everybody else gets. A flag is compiled once and asked many times.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from releasetrain.flags.rules.buckets import FULL, PLACES, gate
from releasetrain.flags.rules.conditions import Context, Segments, all_of, compile_condition
from releasetrain.flags.rules.serving import BY, Hash, KeyMissing, Reason, Serve, always, compile_serve
from releasetrain.flags.rules.states import (
    Answer,
    ErrorCode,
    Failure,
    FlagState,
    Outcome,
    Shape,
    key_missing,
    not_found,
    taken_back,
)

NOTHING: Mapping[str, Any] = MappingProxyType({})
NO_SEGMENTS: Segments = MappingProxyType({})
DEEPEST_PREREQUISITE = 5


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag, ready to be asked; `settled` is its only answer where it has but one."""

    state: FlagState
    settled: Outcome | None
    ask: Callable[[Context, "Flags", int], Outcome]

    def evaluate(self, context: Context, flags: "Flags", depth: int = 0) -> Outcome:
        """Answer for whoever has this context; a fault inside is this flag's failure and no other's.

        :param context: with the targeting key as "targetingKey"
        :param flags: those of the environment, which prerequisites look into
        """
        if self.settled is not None:
            return self.settled
        try:
            return self.ask(context, flags, depth)
        except KeyMissing:
            return key_missing(self.state.key)
        except Exception as error:  # noqa: BLE001 - whatever it is, other flags must go on to answer
            return broken(self.state.key, f"{type(error).__name__}")


Flags = Mapping[str, Flag]


def broken(key: str, why: str) -> Failure:
    """Say that a flag cannot be evaluated at all."""
    return Failure(ErrorCode.GENERAL, f"The flag “{key}” cannot be evaluated ({why}).")


def compile_flag(state: FlagState, segments: Segments = NO_SEGMENTS) -> Flag:
    """Make a flag ready to be asked; one that cannot be compiled answers with why, for itself alone."""
    if state.killed or not state.enabled:
        return _always(state, _off(state, is_killed=state.killed))
    if state.bucket_version not in PLACES:
        version = f"it places users by version {state.bucket_version}, which this server does not know"
        return _always(state, broken(state.key, version))
    try:
        return replace(_compile(taken_back(state), segments), state=state)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _always(state, broken(state.key, str(error)[:200] or type(error).__name__))


def _always(state: FlagState, outcome: Outcome) -> Flag:
    def ask(context: Context, flags: Flags, depth: int) -> Outcome:
        return outcome

    return Flag(state, outcome, ask)


def _off(state: FlagState, *, is_killed: bool = False, missed: str = "") -> Answer:
    value = state.variants[state.off_variant]
    return Answer(state.off_variant, value, Reason.DISABLED, is_killed=is_killed, missed=missed)


def _compile(state: FlagState, segments: Segments) -> Flag:
    """Put together what is asked one after the other; the last step serves everybody who is left."""
    answers = _answers(state)
    is_plain = not (state.rules or state.overrides or state.prerequisites)
    ramp, fallthrough = _ramp(state), state.fallthrough
    if is_plain and state.percentage >= FULL:
        return _always(state, answers[state.ramp_variant, Reason.STATIC])
    if is_plain and ramp is None and "variant" in fallthrough:
        return _always(state, answers[str(fallthrough["variant"]), Reason.STATIC])
    steps = [_rule(rule, state, segments) for rule in state.rules]
    if ramp is not None:
        steps.append(ramp)
    if "variant" in fallthrough:
        reason = Reason.SPLIT if is_plain else Reason.DEFAULT
        steps.append(always((str(fallthrough["variant"]), reason)))
    else:
        steps.append(compile_serve(fallthrough, Hash(state.bucket_version, state.salt)))
    return Flag(state, None, _asker(state, steps, answers))


def _answers(state: FlagState) -> dict[tuple[str, Reason], Answer]:
    return {
        (name, reason): Answer(name, value, reason)
        for name, value in state.variants.items()
        for reason in Reason
    }


def _asker(
    state: FlagState, steps: list[Serve], answers: Mapping[tuple[str, Reason], Answer]
) -> Callable[[Context, Flags, int], Outcome]:
    overrides, prerequisites = state.overrides, state.prerequisites

    def ask(context: Context, flags: Flags, depth: int) -> Outcome:
        if prerequisites and (outcome := _unmet(state, context, flags, depth)) is not None:
            return outcome
        if overrides and (named := overrides.get(context.get(BY) or "")):
            return answers[named, Reason.TARGETING_MATCH]
        for step in steps:
            if (found := step(context)) is not None:
                return answers[found]
        raise AssertionError("the last step serves everybody who is left")

    return ask


def _unmet(state: FlagState, context: Context, flags: Flags, depth: int) -> Outcome | None:
    """Return what a flag answers whose prerequisites are not met, None where they are."""
    if depth >= DEEPEST_PREREQUISITE:
        return broken(state.key, f"prerequisites lie more than {DEEPEST_PREREQUISITE} deep")
    for key, wanted in state.prerequisites:
        other = flags.get(key)
        outcome = not_found(key) if other is None else other.evaluate(context, flags, depth + 1)
        if isinstance(outcome, Failure):
            if outcome.code is ErrorCode.TARGETING_KEY_MISSING:
                return key_missing(state.key)
            return broken(state.key, f"its prerequisite “{key}” has no answer")
        if outcome.variant not in wanted:
            return _off(state, missed=key)
    return None


def _rule(rule: Shape, state: FlagState, segments: Segments) -> Serve:
    """Build one rule: what it serves to those for whom all its conditions hold."""
    holds = all_of([compile_condition(one, segments) for one in rule.get("when", ())])
    serve = compile_serve(
        rule["serve"], Hash(rule.get("version") or state.bucket_version, salt_of(rule, state))
    )

    def step(context: Context) -> tuple[str, Reason] | None:
        return serve(context) if holds(context) else None

    return step


def salt_of(rule: Shape, state: FlagState) -> str:
    """Return the salt by which a rule places users: its own, else the flag's."""
    return str(rule["salt"]) if "salt" in rule else state.salt


def _ramp(state: FlagState) -> Serve | None:
    """Build the ramp that the rollout engine moves; None where it lets nobody in, or is not there."""
    version, salt, name = state.bucket_version, state.salt, state.ramp_variant
    if state.percentage >= FULL:
        return always((name, Reason.DEFAULT))
    if not any(share > 0 for share in (state.percentage, *(share for _, share in state.segments))):
        return None

    def serve(context: Context) -> tuple[str, Reason] | None:
        key = context.get(BY)
        if not isinstance(key, str) or not key:
            raise KeyMissing
        return (name, Reason.SPLIT) if gate(version, salt, key) < share_of(state, context) else None

    return serve


def share_of(state: FlagState, context: Context) -> int:
    """Return up to which place on the ramp users like this are let in, in thousandths of a percent."""
    if not state.segments:
        return state.percentage
    return max([state.percentage, *(share for name, share in state.segments if is_of(name, context))])


def is_of(segment: str, context: Context) -> bool:
    """Tell whether a context belongs to a segment of a ramp such as "region=eu": by text, number, or true."""
    attribute, _, wanted = segment.partition("=")
    value = context.get(attribute)
    if isinstance(value, bool):
        return wanted == str(value).lower()
    return isinstance(value, str | int | float) and str(value) == wanted


def is_in(state: FlagState, targeting_key: str, context: Context = NOTHING) -> bool:
    """Tell whether a user is on the ramp; who is in at 5 % is in at 10 %."""
    return gate(state.bucket_version, state.salt, targeting_key) < share_of(state, context)


def evaluate(
    state: FlagState | None, key: str, targeting_key: str | None, context: Context = NOTHING
) -> Outcome:
    """Answer for one user of one flag that needs no other."""
    if state is None:
        return not_found(key)
    asked = {**context, BY: targeting_key} if targeting_key else context
    return compile_flag(state).evaluate(asked, {})
