"""Invent flags, segments and people of every kind that can be saved, the same for the same seed."""

import random
from collections.abc import Sequence
from typing import Any

from releasetrain.flags.rules.checks import problems_of, problems_of_segment
from releasetrain.flags.rules.segments import SegmentState
from releasetrain.flags.rules.states import FlagState
from releasetrain.flags.rules.variants import FlagType

TEXTS = [
    "NL",
    "BE",
    "DE",
    "pro",
    "free",
    "Zürich",
    "東京",
    "a.b",
    "x y",
    "ada@example.org",
    "",
    "\\d",
    "null",
]
NUMBERS = [-3, 2, 5, 7.5, 100, 1_000_000]
VERSIONS = ["1.2.3", "v2.0", "3", "2.0.0-rc.1", "2.1.0+build.5", "10.4.1"]
NAMES = ["country", "plan", "email", "age", "score", "app_version", "user.plan", "user.tags", "device-type"]
KEYS = [f"user-{number}" for number in range(40)] + ["ü", "ada@example.org"]
VALUES: dict[FlagType, dict[str, Any]] = {
    FlagType.BOOLEAN: {"on": True, "off": False},
    FlagType.STRING: {"a": "red", "b": "green", "c": "ブルー"},
    FlagType.NUMBER: {"low": 1, "mid": 2.5, "high": 100},
    FlagType.OBJECT: {"plain": {"a": 1}, "list": [1, "two"]},
}
TAKES: dict[str, list[Any]] = {
    "in": TEXTS + NUMBERS,
    "contains": [one for one in TEXTS if one],
    "starts_with": [one for one in TEXTS if one],
    "ends_with": [one for one in TEXTS if one],
    "less": NUMBERS,
    "at_most": NUMBERS,
    "greater": NUMBERS,
    "at_least": NUMBERS,
    "version_is": VERSIONS,
    "version_below": VERSIONS,
    "version_at_least": VERSIONS,
    "version_same_major": VERSIONS,
    "version_same_minor": VERSIONS,
    "exists": [],
}
MANY = {"in", "contains", "starts_with", "ends_with"}


class Inventor:
    """Make things up from one source of chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def context(self) -> dict[str, Any]:
        """Invent somebody; every attribute may be missing, of another type, or nothing."""
        chance = self.chance
        found: dict[str, Any] = {"targetingKey": chance.choice(KEYS)}
        if chance.random() < 0.8:
            found["email"] = chance.choice([*TEXTS, 3, 2.5, 7.0, None])
        for name in ("country", "plan", "device-type"):
            if chance.random() < 0.8:
                found[name] = chance.choice([*TEXTS, 3, None, ["NL", "pro"], {"a": 1}])
        for name in ("age", "score"):
            if chance.random() < 0.8:
                found[name] = chance.choice([*NUMBERS, "5", "abc", None, []])
        if chance.random() < 0.8:
            found["app_version"] = chance.choice([*VERSIONS, 2, 1.5, "no version", None])
        if chance.random() < 0.7:
            tags = chance.choice([["pro", "NL"], "pro", [], 4])
            found["user"] = chance.choice([{"plan": chance.choice(TEXTS), "tags": tags}, "nobody", None])
        return found

    def segments(self) -> list[SegmentState]:
        """Invent segments, the later ones of which may name the earlier."""
        found: list[SegmentState] = []
        for number in range(self.chance.randint(0, 3)):
            known = [one.key for one in found]
            conditions = tuple(self.condition(known) for _ in range(self.chance.randint(0, 2)))
            keys = frozenset(self.chance.sample(KEYS, self.chance.randint(0 if conditions else 1, 5)))
            made = SegmentState(f"segment-{number}", conditions, keys)
            others = {one.key: one.conditions for one in found}
            assert problems_of_segment(made.key, list(conditions), sorted(keys), others=others) == {}
            found.append(made)
        return found

    def condition(self, segments: Sequence[str], depth: int = 0) -> dict[str, Any]:
        chance = self.chance
        kind = chance.random()
        if segments and kind < 0.15:
            return {"segment": chance.choice(segments)}
        if depth < 3 and kind < 0.35:
            parts = [self.condition(segments, depth + 1) for _ in range(chance.randint(1, 3))]
            return {chance.choice(["all", "any"]): parts}
        if depth < 3 and kind < 0.45:
            return {"not": self.condition(segments, depth + 1)}
        operator = chance.choice(list(TAKES))
        shape: dict[str, Any] = {"attribute": chance.choice([*NAMES, "targetingKey"]), "operator": operator}
        if TAKES[operator]:
            most = 3 if operator in MANY else 1
            shape["values"] = chance.sample(TAKES[operator], chance.randint(1, most))
        return shape

    def serve(self, names: Sequence[str], *, may_ramp: bool = True) -> dict[str, Any]:
        chance = self.chance
        kind = chance.random()
        by = {"by": chance.choice(["email", "user.plan"])} if chance.random() < 0.2 else {}
        if kind < 0.4:
            return {"variant": chance.choice(names)}
        if kind < 0.7 or not may_ramp:
            some = chance.sample(names, chance.randint(1, len(names)))
            return {"split": [[name, chance.choice([1, 10, 33_333, 50_000])] for name in some], **by}
        share = chance.choice([0, 1, 500, 5_000, 50_000, 99_999, 100_000])
        return {"ramp": share, "serve": self.serve(names, may_ramp=False), **by}

    def rule(self, names: Sequence[str], segments: Sequence[str]) -> dict[str, Any]:
        when = [self.condition(segments) for _ in range(self.chance.randint(0, 2))]
        rule: dict[str, Any] = {"when": when, "serve": self.serve(names)}
        if self.chance.random() < 0.2:
            rule["salt"] = self.chance.choice(["", "another", "ü salt"])
        if self.chance.random() < 0.2:
            rule["version"] = self.chance.choice([1, 3])
        return rule

    def flags(self, segments: Sequence[SegmentState]) -> list[FlagState]:
        """Invent flags, the later ones of which may wait for the earlier."""
        found: list[FlagState] = []
        for number in range(self.chance.randint(1, 5)):
            state = self._flag(f"flag-{number}", [one.key for one in segments], found)
            needs = {one.key: [key for key, _ in one.prerequisites] for one in found}
            if set(
                problems := problems_of(
                    state, segments=dict.fromkeys(one.key for one in segments), needs=needs
                )
            ):
                assert set(problems) == {"prerequisites"}, problems
                continue
            found.append(state)
        return found

    def _flag(self, key: str, segments: Sequence[str], earlier: Sequence[FlagState]) -> FlagState:
        chance = self.chance
        kind = chance.choice(list(FlagType))
        names = list(VALUES[kind])
        default = self.serve(names, may_ramp=False)
        default.pop("by", None)
        needed = chance.sample(list(earlier), min(len(earlier), chance.choice([0, 0, 0, 1, 2])))
        return FlagState(
            key=key,
            enabled=chance.random() < 0.95,
            killed=chance.random() < 0.05,
            percentage=chance.choice([0, 0, 1, 5_000, 50_000, 100_000]),
            salt=chance.choice(["salt", "sälz", f"{key}.1a"]),
            bucket_version=chance.choice([1, 1, 1, 3]),
            revision=1,
            segments=chance.choice(
                [(), (), (("plan=pro", 50_000),), (("country=NL", 100_000), ("age=5", 20_000))]
            ),
            type=kind,
            variants=VALUES[kind],
            off_variant=names[-1],
            ramp_variant=names[0],
            overrides={one: chance.choice(names) for one in chance.sample(KEYS, chance.choice([0, 0, 3]))},
            rules=tuple(self.rule(names, segments) for _ in range(chance.randint(0, 3))),
            default=chance.choice([{}, default]),
            prerequisites=tuple((one.key, tuple(chance.sample(list(one.variants), 1))) for one in needed),
        )
