"""Name what many parts are drawn from: marks, actions, links, pages of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from releasetrain.lib.verdict import Reason

Tone = Literal["quiet", "accent", "think", "ok", "warn", "bad"]
Mark = Literal["pending", "done", "current", "held", "rolled_back"]
Point = tuple[float, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the track; `bake_percent` fills the ring of the current one, `note` stands under it."""

    weight: int
    mark: Mark = "pending"
    bake_percent: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person may press: posts to `url`, or says in `reason` why it cannot be done now.

    `kind` is secondary, primary, quiet or danger. `asks` is "" (press and done), "optional" or "required":
    whether a reason is asked for before it is sent; then `consequence` says in numbers what will happen.
    `fields` are (name, value) pairs that it sends along. One that `opens` leads to a page instead.
    """

    name: str
    label: str
    url: str
    icon: str = ""
    kind: str = "secondary"
    reason: Reason | None = None
    asks: str = ""
    consequence: str = ""
    fields: Sequence[tuple[str, str]] = ()
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere else to go."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several views of a list; `count` may be None."""

    label: str
    url: str
    is_current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Pager:
    """Where a long list stands; an empty address means there is no such page."""

    first: int
    last: int
    total: int
    newer_url: str = ""
    older_url: str = ""
