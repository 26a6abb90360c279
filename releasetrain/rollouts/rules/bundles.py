"""Say which services a bundle binds together: they hold, arrive and return together (RULES H2, ENGINE 2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from releasetrain.rollouts.rules.states import RolloutState

R = RolloutState


@dataclass(frozen=True, slots=True)
class Member:
    """Where one rollout of a bundle stands; `waits` says that another service has to arrive first."""

    name: str
    state: RolloutState
    stage_index: int = 0
    is_baked: bool = False
    waits: bool = False


def has_soaked(member: Member) -> bool:
    """Tell whether a member has done all that it does alone: it arrives with the rest of its bundle."""
    return member.state is R.SUCCEEDED or (member.state is R.SOAKING and member.is_baked)


def behind(own: Member, others: Iterable[Member]) -> list[str]:
    """Return the names of the members that one has to wait for at the end of its bake: the group barrier.

    Between stages those count that climb beside it, not those that wait until others have arrived; before it
    arrives, all of them do: until then every member can still be brought back.
    """
    if own.state is R.SOAKING:
        return sorted(one.name for one in others if not has_soaked(one))
    if own.state is not R.BAKING:
        return []
    return sorted(one.name for one in others if not one.waits and not _has_come_as_far(one, own.stage_index))


def _has_come_as_far(one: Member, stage_index: int) -> bool:
    if one.state in (R.SUCCEEDED, R.SOAKING):
        return True
    is_further = one.stage_index > stage_index and one.state in (R.SHIFTING, R.BAKING)
    return is_further or (one.stage_index == stage_index and one.state is R.BAKING)


def all_or_nothing(members: Iterable[tuple[int, str]]) -> dict[int, str]:
    """Name for each service the bundles that bind it to others: the same words for all that hang together.

    :param members: as `bound_together` takes them; a service that is bound to no other is left out
    """
    pairs = list(members)
    found: dict[int, str] = {}
    for service, _ in pairs:
        together = bound_together(pairs, service)
        if len(together) > 1:
            found[service] = ", ".join(sorted({name for one, name in pairs if one in together and name}))
    return found


def bound_together(members: Iterable[tuple[int, str]], service: int) -> frozenset[int]:
    """Return the services that share a bundle with one, through other bundles, itself included.

    :param members: a service and the name of a bundle that a change of it belongs to, "" for none
    """
    pairs = [(one, name) for one, name in members if name]
    found, names = {service}, set[str]()
    while True:
        names |= {name for one, name in pairs if one in found}
        wider = found | {one for one, name in pairs if name in names}
        if wider == found:
            return frozenset(found)
        found = wider
