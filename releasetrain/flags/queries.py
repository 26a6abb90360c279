"""Read flags the way they are served."""

from dataclasses import dataclass

from django.db import connection

from releasetrain.flags.models import FlagEnvironment
from releasetrain.flags.rules import FlagState


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


def state_of(flag_environment: FlagEnvironment, revision: int) -> FlagState:
    """Take from a row what evaluation needs."""
    return FlagState(
        key=flag_environment.flag.key,
        enabled=flag_environment.enabled,
        killed=flag_environment.killed_at is not None,
        percentage=flag_environment.percentage,
        salt=flag_environment.salt,
        bucket_version=flag_environment.bucket_version,
        revision=revision,
    )


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
