"""Say which trains a change may ride: what is special about it forces some and forbids others (case O5)."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.trains.rules.risk import WITHIN_AN_HOUR, Question, minutes_of


class Trait(StrEnum):
    """What is special about a change; those in DERIVED follow from its answers."""

    SECURITY = "security"
    INCIDENT = "incident"
    PLATFORM = "platform"
    COOKIE = "cookie"
    READ_ONLY = "read_only"
    SCHEMA = "schema"
    CONTRACT = "contract"
    ONE_WAY = "one_way"
    LONG = "long"

    @property
    def label(self) -> str:
        return LABELS[self]


T = Trait
LABELS = {
    T.SECURITY: "mends a security hole",
    T.INCIDENT: "ends an incident",
    T.PLATFORM: "updates underlying software",
    T.COOKIE: "sets a new cookie",
    T.READ_ONLY: "needs read-only time",
    T.SCHEMA: "changes a schema",
    T.CONTRACT: "takes something out of a schema",
    T.ONE_WAY: "cannot be undone",
    T.LONG: "takes longer than an hour",
}
DERIVED = frozenset({T.SCHEMA, T.CONTRACT, T.ONE_WAY, T.LONG})
TYPED = tuple(one for one in Trait if one not in DERIVED)


def traits_of(answers: Mapping[str, object], typed: Iterable[str]) -> frozenset[Trait]:
    """Return everything special about a change: what is ticked, and what follows from its answers."""
    known = {one.value: one for one in TYPED}
    found = {known[one] for one in typed if one in known}
    data = answers.get(Question.DATA.value)
    if data in ("expand", "contract"):
        found.add(T.SCHEMA)
    if data == "contract":
        found.add(T.CONTRACT)
    if answers.get(Question.UNDO.value) == "never":
        found.add(T.ONE_WAY)
    if (minutes_of(answers) or 0) > WITHIN_AN_HOUR:
        found.add(T.LONG)
    return frozenset(found)


def why_not_ride(
    traits: Collection[Trait], *, refuses: Iterable[str], takes_only: Iterable[str], train: str, team: str
) -> Reason | None:
    """Return why a train does not carry such a change, or None.

    :param refuses: traits that the train never carries
    :param takes_only: the train carries only changes with one of these; empty means any
    :param team: who decides what the train carries
    """
    forbidden = [one.label for one in Trait if one in traits and one.value in set(refuses)]
    who = f"a release manager of {team}"
    if forbidden:
        text = f"{train} carries nothing that {listed(forbidden)}; choose a departure that is meant for it."
        return Reason("vehicle", text, who=who)
    wanted = [one for one in Trait if one.value in set(takes_only)]
    if wanted and not any(one in traits for one in wanted):
        named = " or ".join(one.label for one in wanted)
        return Reason("vehicle", f"{train} carries only what {named}; choose another train.", who=who)
    return None
