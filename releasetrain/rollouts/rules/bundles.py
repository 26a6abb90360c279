"""Say which services a bundle binds together: they hold together, too (RULES H2)."""

from collections.abc import Iterable


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
