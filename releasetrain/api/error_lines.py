"""Let a log's reader tell of error lines, without counts of requests."""

from uuid import UUID

from ninja import Field, Router, Schema

from releasetrain.accounts.access import refuse_without_scope
from releasetrain.api import schemas
from releasetrain.api.auth import Request, Token
from releasetrain.catalog.models import Target
from releasetrain.health.access import target_for
from releasetrain.health.error_lines import Batch, TakenLines, take_error_lines
from releasetrain.health.models import Arm
from releasetrain.health.rules.reports import MOST_ERRORS
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid
from releasetrain.rollouts.arms import arm_of_version

router = Router()
PROBLEMS = {frozenset({400, 401, 403, 404, 409, 413, 415, 422}): schemas.Problem}


class ErrorsIn(Schema):
    """Error lines of one version, or of one arm where the sender knows that."""

    service: schemas.Slug
    environment: schemas.Slug
    version: str | None = Field(
        None, description="the version that wrote them", json_schema_extra=schemas.LENGTH
    )
    arm: schemas.Arm | None = Field(None, description="instead of the version")
    batch: UUID = Field(description="made by the sender; the same batch again counts once")
    errors: list[schemas.LineIn] = Field(
        description="none: the log is read, and there is nothing to tell",
        json_schema_extra={"maxItems": MOST_ERRORS},
    )


class TakenLinesOut(Schema):
    """How much of a batch was counted, and whose it was."""

    arm: Arm
    error_lines: int = Field(description="kinds of error lines that were counted now")
    is_repeated: bool = Field(description="this batch had been counted before")


@router.post(
    "/errors",
    auth=Token(),
    response={200: TakenLinesOut, **PROBLEMS},
    summary="Report error lines",
    tags=["reporting"],
)
def report_errors(request: Request, said: ErrorsIn) -> TakenLinesOut:
    """Count error lines of a service by their kind; scope `metrics:<service>`.

    Name the version, and the house knows whether users get it as the new one (candidate) or the old one
    (baseline). `manage.py tail FILE` sends these from a log file.
    """
    refuse_without_scope(request.auth, f"metrics:{said.service}")
    target = target_for(said.service, said.environment)
    arm = arm_of(target, said)
    errors = [one.as_complaint(arm.value, place) for place, one in enumerate(said.errors)]
    taken: TakenLines = take_error_lines(target=target, batch=Batch(said.batch, errors), now=clock.now())
    return TakenLinesOut(arm=arm, error_lines=taken.error_lines, is_repeated=taken.is_repeated)


def arm_of(target: Target, said: ErrorsIn) -> Arm:
    """Return whose lines these are.

    :raises Invalid: neither a version nor an arm is named, or both are
    """
    if said.arm is not None and said.version is None:
        return Arm(said.arm)
    if said.arm is None and said.version:
        return arm_of_version(target, said.version)
    raise Invalid("Name the version that wrote these lines, or its arm, and not both.", field="version")
