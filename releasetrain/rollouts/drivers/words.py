"""Say in words what a driver can do, for its help page and a target's."""

from releasetrain.rollouts.drivers.base import Capabilities

CAN = {
    "is_sticky": "A user stays on one version: whoever is in at a stage is in at the next.",
    "is_instant": "Instant: no request is sent to the new version once a rollback call has returned.",
    "is_fenced": "Fenced: it refuses a call that comes too late.",
    "has_segments": "A segment such as region=eu can go first.",
    "can_mirror": "Shadow stages: it can copy requests to the new version.",
    "can_drain": "It counts the connections that are still open on the new version after a rollback.",
    "can_cut": "It can cut those connections.",
    "falls_over": "It falls over to the old version where the new one does not answer.",
    "drops_on_shift": "It may lose a request while it shifts.",
}
CANNOT = {
    "is_sticky": "Users may flip between the versions: it splits requests, not people.",
    "is_fenced": "It cannot refuse a late call: 0 % is asked for again for a while after a rollback.",
    "falls_over": "Where the new version does not answer, its users see that.",
    "is_persistent": "It forgets on a restart what was set; the house sets it again within 10 seconds.",
}


def capability_words(capabilities: Capabilities) -> list[str]:
    """Return what a driver can and cannot do, a sentence each."""
    can = [words for name, words in CAN.items() if getattr(capabilities, name)]
    cannot = [words for name, words in CANNOT.items() if not getattr(capabilities, name)]
    step = f"Its smallest step is {capabilities.min_step:g} %." if capabilities.min_step != 1 else ""
    return [*can, *cannot, *([step] if step else [])]
