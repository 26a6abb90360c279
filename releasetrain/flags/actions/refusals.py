"""Say why a flag is not written."""

from collections.abc import Mapping

from releasetrain.lib.errors import Refused


class FenceTooOld(Refused):
    """Refuse a writer that has been overtaken by a newer one."""

    code = "fence_too_old"


class FlagExists(Refused):
    """Refuse a key that another flag has."""

    code = "flag_exists"


class FlagFrozen(Refused):
    """Refuse a person who would reach more users while a window is open over a flag."""

    code = "flag_frozen"


class NotKilled(Refused):
    """Refuse to revive a flag that is not killed."""

    code = "not_killed"


class TargetingRefused(Refused):
    """Refuse what cannot be served; `problems` has a sentence for each field."""

    code = "targeting_refused"

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


class NothingToRevert(Refused):
    """Refuse to revert a revision that did not change who gets what."""

    code = "nothing_to_revert"


class SegmentInUse(Refused):
    """Refuse to remove a segment that rules name."""

    code = "segment_in_use"
