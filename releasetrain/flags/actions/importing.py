"""Take over the flags and segments of a definition, all or none."""

from datetime import datetime

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment
from releasetrain.events.actions import Actor
from releasetrain.flags.actions.creating import create_flag
from releasetrain.flags.actions.segments import SegmentDraft, save_segment
from releasetrain.flags.actions.targeting import Targeting, last_of, retarget
from releasetrain.flags.flagd.reading import Imported
from releasetrain.flags.models import Flag, FlagKind, Segment
from releasetrain.flags.rules.segments import SegmentState
from releasetrain.flags.rules.states import FlagState
from releasetrain.flags.rules.variants import Values
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief

REASON = "Imported from a definition of flagd."


def take_over(
    found: Imported, *, owner: Team, environment: Environment, actor: Actor | None, now: datetime
) -> list[Flag]:
    """Create what a definition holds in one environment; everybody gets at once what flagd gave them.

    :raises FlagExists: one of the keys is taken
    :raises Invalid: a segment of that key means somebody else here
    :raises FlagFrozen: a window is open
    """
    with brief():
        for segment in found.segments:
            _segment(segment, owner, actor, now)
        return [_flag(state, owner, environment, actor, now) for state in found.flags]


def _segment(state: SegmentState, owner: Team, actor: Actor | None, now: datetime) -> None:
    known = Segment.objects.filter(key=state.key, removed_at=None).first()
    conditions = list(state.conditions)
    if known is not None and (known.conditions, known.keys) != (conditions, []):
        raise Invalid(
            f"There is a segment “{state.key}” already, for somebody else: rename the one in the file.",
            field="definition",
        )
    draft = SegmentDraft(state.key, state.key, owner, conditions=conditions)
    save_segment(draft, reason=REASON, actor=actor, now=now)


def _flag(
    state: FlagState, owner: Team, environment: Environment, actor: Actor | None, now: datetime
) -> Flag:
    flag = create_flag(
        key=state.key,
        owner=owner,
        environments=[environment],
        kind=FlagKind.OPS,
        enabled=state.enabled,
        values=Values(state.type, state.variants, state.off_variant, state.ramp_variant),
        actor=actor,
        now=now,
    )
    placed = flag.environments.select_related("flag", "environment").get()
    targeting = Targeting(rules=state.rules, default=state.default)
    retarget(placed, targeting, base=last_of(placed), reason=REASON, actor=actor, now=now)
    return flag
