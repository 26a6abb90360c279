"""Say rule by rule why somebody gets what they get."""

from collections.abc import Iterator
from dataclasses import dataclass

from releasetrain.flags.rules.buckets import gate
from releasetrain.flags.rules.conditions import (
    Context,
    Segments,
    attribute_of,
    compile_condition,
    words_of,
)
from releasetrain.flags.rules.evaluation import Flag, Flags, compile_flag, salt_of, share_of
from releasetrain.flags.rules.serving import BY, Hash, KeyMissing, compile_serve, text_of
from releasetrain.flags.rules.states import Answer, FlagState, Outcome, Shape, percent, shares_of, taken_back


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was asked on the way to an answer; `decides` marks the one that gave it."""

    what: str
    sentence: str
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """What somebody gets, and everything that was asked until then."""

    outcome: Outcome
    steps: tuple[Seen, ...]


def explain(state: FlagState, context: Context, *, segments: Segments, flags: Flags) -> Explanation:
    """Evaluate a flag for one context, and say why; the outcome is the one that is served.

    :param context: with the targeting key as "targetingKey"
    """
    flag = compile_flag(state, segments)
    steps = tuple(_steps(taken_back(state), context, segments, flags))
    return Explanation(flag.evaluate(context, flags), steps)


def _steps(state: FlagState, context: Context, segments: Segments, flags: Flags) -> Iterator[Seen]:
    if state.killed:
        yield Seen("Kill switch", f"It is killed: everybody gets {state.off_variant}.", decides=True)
        return
    if not state.enabled:
        yield Seen("State", f"It is disabled: everybody gets {state.off_variant}.", decides=True)
        return
    for key, wanted in state.prerequisites:
        step = _prerequisite(key, wanted, state, context, flags)
        yield step
        if step.decides:
            return
    named = state.overrides.get(str(context.get(BY) or ""))
    if state.overrides:
        said = f"is named, and gets {named}." if named else "is not among those who are named."
        yield Seen("Named users", f"{context.get(BY) or 'Nobody'} {said}", decides=bool(named))
    if named:
        return
    for number, rule in enumerate(state.rules, 1):
        step = _rule(number, rule, state, context, segments)
        yield step
        if step.decides:
            return
    yield from _rest(state, context)


def _prerequisite(
    key: str, wanted: tuple[str, ...], state: FlagState, context: Context, flags: Flags
) -> Seen:
    other: Flag | None = flags.get(key)
    outcome = other.evaluate(context, flags, 1) if other is not None else None
    got = outcome.variant if isinstance(outcome, Answer) else "no answer"
    is_met = got in wanted
    needed = " or ".join(wanted)
    rest = "" if is_met else f", so everybody like this gets {state.off_variant}"
    return Seen(f"Prerequisite {key}", f"It needs {needed}, and gets {got}{rest}.", decides=not is_met)


def _rule(number: int, rule: Shape, state: FlagState, context: Context, segments: Segments) -> Seen:
    name = f"Rule {number}" + (f", {rule['name']}" if rule.get("name") else "")
    for one in rule.get("when", ()):
        if not compile_condition(one, segments)(context):
            return Seen(name, f"Does not match: {words_of(one)}.")
    salt = salt_of(rule, state)
    version = rule.get("version") or state.bucket_version
    said = " and ".join(words_of(one) for one in rule.get("when", ())) or "matches everybody"
    try:
        found = compile_serve(rule["serve"], Hash(version, salt))(context)
    except KeyMissing:
        return Seen(name, f"Matches ({said}), but nobody says who asks.", decides=True)
    if found is None:
        return Seen(name, f"Matches ({said}), but {_outside(rule['serve'], version, salt, context)}.")
    return Seen(name, f"Matches ({said}), and serves {found[0]}.", decides=True)


def _outside(serve: Shape, version: int, salt: str, context: Context) -> str:
    by = str(serve.get("by") or BY)
    key = text_of(attribute_of(context, by.split(".")))
    share = percent(int(serve.get("ramp", 0)))
    if key is None:
        return f"{by} is not given"
    return f"stands at {percent(gate(version, salt, key))} %, outside its {share} %"


def _rest(state: FlagState, context: Context) -> Iterator[Seen]:
    share, key = share_of(state, context), context.get(BY)
    if share > 0:
        if not isinstance(key, str) or not key:
            yield Seen("Ramp", f"On for {percent(share)} %, but nobody says who asks.", decides=True)
            return
        place = gate(state.bucket_version, state.salt, key)
        is_inside = place < share
        side = f"inside its {percent(share)} %" if is_inside else f"outside its {percent(share)} %"
        yield Seen("Ramp", f"Stands at {percent(place)} %, {side}.", decides=is_inside)
        if is_inside:
            return
    yield Seen("Everybody else", _served(state.fallthrough), decides=True)


def _served(serve: Shape) -> str:
    if "variant" in serve:
        return f"Gets {serve['variant']}."
    return "Is split: " + ", ".join(f"{name} {share} %" for name, share in shares_of(serve["split"])) + "."
