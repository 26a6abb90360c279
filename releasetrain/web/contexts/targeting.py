"""Gather what the page of a flag in one environment shows: who gets what, and why."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from releasetrain.flags.flagd.reading import Imported
from releasetrain.flags.models import Flag, FlagEnvironment, Segment
from releasetrain.flags.queries import segments_in_force, state_of, states_in
from releasetrain.flags.rules import compile_flag, percent
from releasetrain.flags.rules.conditions import words_of
from releasetrain.flags.rules.explaining import Seen, explain
from releasetrain.flags.rules.segments import compile_segments
from releasetrain.flags.rules.states import Answer, FlagState, shares_of, taken_back
from releasetrain.lib.words import listed


@dataclass(frozen=True, slots=True)
class Part:
    """One step of the evaluation in words: for whom, and what they get."""

    name: str
    who: str
    gets: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What somebody gets, and every step on the way there."""

    got: str
    reason: str
    steps: tuple[Seen, ...]


def who_gets_what(placed: FlagEnvironment) -> list[Part]:
    """Return the steps of the evaluation, in their order."""
    return list(_parts(taken_back(state_of(placed))))


def _parts(state: FlagState) -> Iterator[Part]:
    if state.killed or not state.enabled:
        word = "Killed" if state.killed else "Disabled"
        yield Part(word, "everybody", state.off_variant)
        return
    if state.is_taken_back:
        yield Part("Taken back", f"whoever would get {state.ramp_variant}", state.off_variant)
    for key, variants in state.prerequisites:
        who = f"whoever does not get {' or '.join(variants)} of {key}"
        yield Part("Prerequisite", who, state.off_variant)
    for key, variant in state.overrides.items():
        yield Part("Named", key, variant)
    for number, rule in enumerate(state.rules, 1):
        who = " and ".join(words_of(one) for one in rule.get("when", ())) or "everybody"
        yield Part(rule.get("name") or f"Rule {number}", who, served_words(rule["serve"]))
    for name, share in state.segments:
        yield Part("Ramp", f"{percent(share)} % of those with {name}", state.ramp_variant)
    if state.percentage:
        yield Part("Ramp", f"{percent(state.percentage)} % of everybody", state.ramp_variant)
    yield Part("Everybody else", "whoever is left", served_words(state.fallthrough))


def served_words(serve: Mapping[str, Any]) -> str:
    """Say what is served."""
    if "variant" in serve:
        return str(serve["variant"])
    by = f", placed by {serve['by']}" if serve.get("by") else ""
    if "ramp" in serve:
        return f"{served_words(serve['serve'])}, but only {percent(serve['ramp'])} % of them{by}"
    return " · ".join(f"{name} {share} %" for name, share in shares_of(serve["split"])) + by


def variant_words(flag: Flag) -> str:
    """Name the variants of a flag with their values."""
    return listed(
        [f"{name} ({json.dumps(value, ensure_ascii=False)[:60]})" for name, value in flag.variants.items()]
    )


def trial_of(placed: FlagEnvironment, context: Mapping[str, Any]) -> Trial:
    """Evaluate a flag for somebody, as it is served, and say why."""
    segments = compile_segments(segments_in_force())
    flags = {one.key: compile_flag(one, segments) for one in states_in(placed.environment)}
    found = explain(state_of(placed), context, segments=segments, flags=flags)
    outcome = found.outcome
    if isinstance(outcome, Answer):
        return Trial(outcome.variant, outcome.reason.value, found.steps)
    return Trial("no answer", outcome.details, found.steps)


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment in the list."""

    key: str
    name: str
    owner: str
    description: str
    who: str
    users: int


def segment_rows() -> list[SegmentRow]:
    """Return every segment."""
    rows = Segment.objects.filter(removed_at=None).select_related("owner")
    return [
        SegmentRow(
            one.key,
            one.name,
            one.owner.name,
            one.description,
            " and ".join(words_of(shape) for shape in one.conditions),
            len(one.keys),
        )
        for one in rows
    ]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a definition would create: names with what they get, what is refused, and what to know."""

    flags: list[tuple[str, list[Part]]]
    segments: list[tuple[str, str]]
    refused: list[tuple[str, str]]
    notes: list[tuple[str, str]]


def preview_of(found: Imported) -> Preview:
    """Say what a definition holds before it is taken over."""
    return Preview(
        [(state.key, list(_parts(state))) for state in found.flags],
        [(one.key, " and ".join(words_of(shape) for shape in one.conditions)) for one in found.segments],
        sorted(found.refused.items()),
        sorted(found.notes.items()),
    )
