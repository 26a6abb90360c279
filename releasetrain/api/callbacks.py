"""Let the receivers of webhooks report how a call has ended, by the signed address that they were given."""

from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from releasetrain.api import schemas
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.rollouts.drivers.webhook.calls import take_callback
from releasetrain.rollouts.drivers.webhook.messages import Ignored, Report, ReportState

router = Router()
PROBLEMS = {frozenset({400, 401, 413, 415, 422}): schemas.Problem}


class Forged(Refused):
    """Refuse an address that this house has not given to anybody."""

    status = 401
    code = "forged"


class ReportIn(Schema):
    """How a call has ended, and the weight that stands since."""

    state: ReportState
    weight: int | None = Field(None, ge=0, le=100)
    fence: int | None = Field(None, ge=0, le=2**62)
    detail: str = Field("", max_length=2000)


class ReportOut(Schema):
    """Whether the report was taken; one that is ignored need not be sent again."""

    result: Literal["taken", "ignored"]
    reason: str = ""


@router.post(
    "/callbacks/{token}",
    auth=None,
    response={200: ReportOut, **PROBLEMS},
    summary="Report how a call has ended",
    tags=["receivers"],
)
def report_call(request: HttpRequest, token: str, report: ReportIn) -> ReportOut:
    """Take a receiver's report once, at the address `data.callback_url` of its message; no token is needed.

    A repeated, older or late report changes nothing and is answered by 200, so that nobody sends it again.
    """
    said = Report(report.state, report.weight, report.fence, report.detail)
    why = take_callback(token, said, clock.now())
    if why is Ignored.FORGED:
        raise Forged("This address was not given to anybody by this house.")
    if why is not None:
        return ReportOut(result="ignored", reason=why.value)
    return ReportOut(result="taken")
