"""Read flagd's definition into flags of ours: everybody keeps the variant that flagd gives them.

JsonLogic can say more than our rules: what has no equal is refused in a sentence, flag by flag. Two things
are stricter here, and are noted: a text is no number, and what is missing is not 0.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from releasetrain.flags.flagd.logic import Conditions, Ways, bucket_of, operation_of
from releasetrain.flags.flagd.refusals import CannotImport
from releasetrain.flags.rules.checks import problems_of, problems_of_segment
from releasetrain.flags.rules.segments import SegmentState
from releasetrain.flags.rules.states import FlagState, why_not_key
from releasetrain.flags.rules.variants import FlagType, is_of, why_not_variants

LARGEST = 4 * 1024 * 1024
DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Imported:
    """What a definition holds: flags and segments that can be saved, and a sentence for each that cannot.

    `notes` say where an answer may differ for values of an unexpected type.
    """

    flags: Sequence[FlagState]
    segments: Sequence[SegmentState]
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


def read_definition(text: str) -> Imported:
    """Read a definition.

    :raises CannotImport: it is none at all
    """
    definition = _parsed(text)
    evaluators = definition.get("$evaluators") or {}
    flags = definition.get("flags")
    if not isinstance(flags, Mapping) or not isinstance(evaluators, Mapping):
        raise CannotImport("This is no definition of flagd: it has no “flags”.")
    segments, refused = _segments(evaluators)
    states: list[FlagState] = []
    notes: dict[str, str] = {}
    for key, row in flags.items():
        reader = Reader(str(key), {one.key for one in segments})
        try:
            state = reader.flag(row)
            _refuse_problems(state, segments)
            states.append(state)
        except CannotImport as refusal:
            refused[str(key)] = str(refusal)
        else:
            if reader.conditions.is_loose:
                notes[str(key)] = (
                    "flagd reads texts as numbers, and what is missing as 0; here neither matches."
                )
    return Imported(states, segments, refused, notes)


def _parsed(text: str) -> Mapping[str, Any]:
    if len(text) > LARGEST:
        raise CannotImport(f"A definition may have {LARGEST // 1024 // 1024} MB; import it in parts.")
    try:
        definition = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotImport("This is no JSON.") from error
    if not isinstance(definition, Mapping):
        raise CannotImport("This is no definition of flagd: it is no object.")
    return definition


def _refuse_problems(state: FlagState, segments: Sequence[SegmentState]) -> None:
    problems = problems_of(state, segments={one.key: one for one in segments}, needs={})
    if problems:
        raise CannotImport(" ".join(problems.values()))


def _segments(evaluators: Mapping[str, Any]) -> tuple[list[SegmentState], dict[str, str]]:
    found: dict[str, SegmentState] = {}
    refused: dict[str, str] = {}
    for key in map(str, evaluators):
        try:
            found[key] = _segment(key, evaluators, found)
        except CannotImport as refusal:
            refused[key] = str(refusal)
    return list(found.values()), refused


def _segment(key: str, evaluators: Mapping[str, Any], earlier: Mapping[str, SegmentState]) -> SegmentState:
    """Read one of `$evaluators`."""
    if why := why_not_key(key):
        raise CannotImport(why)
    shape = Conditions(set(map(str, evaluators))).read(evaluators[key])
    others: dict[str, Sequence[Any]] = dict.fromkeys(map(str, evaluators), ())
    others |= {name: one.conditions for name, one in earlier.items()}
    if problems := problems_of_segment(key, [shape], [], others=others):
        raise CannotImport(" ".join(problems.values()))
    return SegmentState(key, (shape,))


@dataclass(slots=True)
class Reader:
    """Read one flag."""

    key: str
    segments: set[str]
    conditions: Conditions = field(init=False)

    def __post_init__(self) -> None:
        self.conditions = Conditions(self.segments)

    def flag(self, row: Any) -> FlagState:
        """Read a flag whole.

        :raises CannotImport: it has no equal here
        """
        if why := why_not_key(self.key):
            raise CannotImport(why)
        if not isinstance(row, Mapping) or row.get("state") not in {"ENABLED", "DISABLED"}:
            raise CannotImport("Its state must be ENABLED or DISABLED.")
        variants, kind = self._variants(row.get("variants"))
        default = _name(row.get("defaultVariant"))
        if default not in variants:
            raise CannotImport("It names no default variant, and we always serve one: add “defaultVariant”.")
        rules, rest = self._rules(row.get("targeting") or None, variants, default)
        return FlagState(
            key=self.key,
            enabled=row["state"] == "ENABLED",
            killed=False,
            percentage=0,
            salt=self.key,
            bucket_version=1,
            revision=0,
            type=kind,
            variants=variants,
            off_variant=default,
            ramp_variant=default if len(variants) == 1 else next(one for one in variants if one != default),
            rules=tuple(rules),
            default={"variant": rest},
        )

    def _variants(self, given: Any) -> tuple[dict[str, Any], FlagType]:
        if not isinstance(given, Mapping) or not given:
            raise CannotImport("It has no variants.")
        kind = next((one for one in FlagType if all(is_of(one, value) for value in given.values())), None)
        if kind is None:
            raise CannotImport("Its variants are of different types.")
        if why := why_not_variants(kind, given):
            raise CannotImport(why)
        return dict(given), kind

    def _rules(
        self, targeting: Any, variants: Mapping[str, Any], default: str
    ) -> tuple[list[dict[str, Any]], str]:
        if targeting is None:
            return [], default
        found: list[dict[str, Any]] = []
        rest = default
        for ways, served in self._chain(targeting, variants, default, Ways.always(), 0):
            if ways.is_always and (name := _name(served)):
                rest = name
                break
            found += self._rules_of(ways, served)
            if ways.is_always:
                break
        return found, rest

    def _chain(
        self, logic: Any, variants: Mapping[str, Any], default: str, under: Ways, depth: int
    ) -> Iterator[tuple[Ways, Any]]:
        """Flatten an “if” into what is served under which conditions, in order."""
        if depth > DEEPEST:
            raise CannotImport("Its rules lie too deep in each other.")
        operator, arguments = operation_of(logic)
        if operator in {"if", "?:"}:
            pairs = range(0, len(arguments) - 1, 2)
            for at in pairs:
                ways = under.and_also(self.conditions.ways(arguments[at], self.key))
                yield from self._chain(arguments[at + 1], variants, default, ways, depth + 1)
            rest = arguments[-1] if len(arguments) % 2 else None
            yield from self._chain(rest, variants, default, under, depth + 1)
        elif logic is None:
            yield under, default
        elif operator is None or operator == "fractional":
            yield under, logic
        elif {"true", "false"} <= variants.keys():
            yield under.and_also(self.conditions.ways(logic, self.key)), "true"
            yield under, "false"
        else:
            raise CannotImport(f"“{operator}” gives no variant.")

    def _rules_of(self, ways: Ways, served: Any) -> Iterator[dict[str, Any]]:
        for way in ways.ways:
            serve, hashed = self._serve(served)
            if way.gate is not None:
                if hashed is not None and hashed != way.gate.hashed:
                    raise CannotImport("It places users for a share and for a split in two different ways.")
                hashed = way.gate.hashed
                by = {"by": way.gate.by} if way.gate.by != serve.get("by", way.gate.by) else {}
                serve = {"ramp": way.gate.share, "serve": serve, **way.gate.by_shape, **by}
            rule: dict[str, Any] = {"when": list(way.conditions), "serve": serve}
            if hashed is not None:
                rule["version"], rule["salt"] = hashed
            yield rule

    def _serve(self, served: Any) -> tuple[dict[str, Any], tuple[int, str] | None]:
        if name := _name(served):
            return {"variant": name}, None
        operator, arguments = operation_of(served)
        if operator != "fractional":
            raise CannotImport("What it serves is neither a variant nor a share of users.")
        bucket, weights = bucket_of(arguments, self.key)
        pairs = [[_name(one[0]), one[1] if len(one) > 1 else 1] for one in weights]
        shape: dict[str, Any] = {"split": pairs}
        return {**shape, **bucket.by_shape}, bucket.hashed


def _name(value: Any) -> str:
    """Return the name of a variant as flagd takes it, "" where it is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ""
