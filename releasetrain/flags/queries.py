"""Read flags the way they are served."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from releasetrain.calendars.queries import windows_at
from releasetrain.calendars.rules.judging import judge
from releasetrain.calendars.rules.windows import Lane, Place
from releasetrain.catalog.models import Environment, Target
from releasetrain.flags.models import FlagEnvironment, Segment
from releasetrain.flags.rules import FlagState, prerequisites_of, segments_of
from releasetrain.flags.rules.segments import SegmentState
from releasetrain.flags.rules.variants import FlagType
from releasetrain.lib.verdict import Verdict

NO_SERVICE = 0


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the database says a flag is in one environment, in thousandths of a percent."""

    percentage: int
    effective: int
    fence: int
    enabled: bool
    killed: bool


def read_back(flag_environment: FlagEnvironment) -> ReadBack:
    """Read a flag afresh; `effective` is what users get once a kill or a disabled flag is counted in.

    :raises FlagEnvironment.DoesNotExist: the flag is gone
    """
    fresh = FlagEnvironment.objects.get(pk=flag_environment.pk)
    killed = fresh.killed_at is not None
    is_off = killed or not fresh.enabled
    return ReadBack(fresh.percentage, 0 if is_off else fresh.percentage, fresh.fence, fresh.enabled, killed)


def state_of(flag_environment: FlagEnvironment, revision: int = 0) -> FlagState:
    """Take from a row, and from its flag, what evaluation needs."""
    flag = flag_environment.flag
    return FlagState(
        key=flag.key,
        enabled=flag_environment.enabled,
        killed=flag_environment.killed_at is not None,
        percentage=flag_environment.percentage,
        salt=flag_environment.salt,
        bucket_version=flag_environment.bucket_version,
        revision=revision,
        segments=segments_of(flag_environment.segments),
        type=FlagType(flag.type),
        variants=flag.variants,
        off_variant=flag.off_variant,
        ramp_variant=flag.ramp_variant,
        overrides=flag_environment.overrides,
        rules=tuple(flag_environment.rules),
        default=flag_environment.default,
        prerequisites=prerequisites_of(flag_environment.prerequisites),
        is_client_visible=flag.is_client_visible,
        is_taken_back=flag_environment.taken_back_at is not None,
    )


def segment_state_of(segment: Segment) -> SegmentState:
    """Take from a row what evaluation needs."""
    return SegmentState(segment.key, tuple(segment.conditions), frozenset(segment.keys))


def segments_in_force() -> list[SegmentState]:
    """Return every segment that rules may name."""
    return [segment_state_of(one) for one in Segment.objects.filter(removed_at=None)]


def states_in(environment: Environment) -> list[FlagState]:
    """Return what every flag of an environment is."""
    rows = FlagEnvironment.objects.filter(environment=environment, flag__archived_at=None)
    return [state_of(one) for one in rows.select_related("flag")]


def last_revision(environment_id: int) -> int:
    """Return the number of an environment's last revision, 0 before the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(number), 0) FROM flags_flagrevision WHERE environment_id = %s",
            [environment_id],
        )
        row = cursor.fetchone()
    number: int = row[0]
    return number


def verdicts_on(flags: Collection[FlagEnvironment], at: datetime) -> dict[int, Verdict]:
    """Judge for which flags a person may reach more users now; less is never asked about (RULES W9, W12).

    :param flags: best loaded with `flag` and `environment`; the queries do not grow with them
    """
    freezes = windows_at(at)
    if not freezes:
        return {one.pk: Verdict() for one in flags}
    moved = _services_moved_by(flags)
    return {one.pk: judge(freezes, _places(one, moved), at, lane=Lane.FLAGS) for one in flags}


def _services_moved_by(flags: Collection[FlagEnvironment]) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Return, by key and environment, the teams and services whose traffic a flag moves."""
    keys, environments = {one.flag.key for one in flags}, {one.environment_id for one in flags}
    named = Target.objects.filter(driver_config__flag__in=sorted(keys), environment__in=environments)
    found: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for key, environment, team, service in named.values_list(
        "driver_config__flag", "environment_id", "service__team_id", "service_id"
    ):
        found[key, environment].append((team, service))
    return found


def _places(one: FlagEnvironment, moved: dict[tuple[str, int], list[tuple[int, int]]]) -> list[Place]:
    """Return where a flag reaches: as its owner's, and as that of each service that it moves here."""
    owner, where = one.flag.owner_id, one.environment
    services = moved.get((one.flag.key, where.pk), [])
    pairs = {(team, service) for own, service in services for team in (own, owner)} or {(owner, NO_SERVICE)}
    return [Place(team, service, where.pk, where.region_id) for team, service in sorted(pairs)]
