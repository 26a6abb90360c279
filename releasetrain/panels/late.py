"""Gather late passes: what each would cost, who asked, who granted, and until when it is good."""

from datetime import datetime

from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import LateLine, LatePasses
from releasetrain.trains.models import Departure, LatePass
from releasetrain.trains.queries.late import passes_with_everything
from releasetrain.trains.rules.late import PassState, Price

TO_PAY = {PassState.PRICED, PassState.ASKED, PassState.GRANTED}
LOOKS = {PassState.ASKED: "late_asked", PassState.USED: "late_used"}


def load_late(pk: int, audience: Audience, now: datetime) -> LatePasses | None:
    """Gather the late passes that were asked of a departure."""
    departure = Departure.objects.filter(pk=pk).first()
    return None if departure is None else late_of(departure, audience, now)


def late_of(departure: Departure, audience: Audience, now: datetime) -> LatePasses:
    """Gather the passes of a departure that is loaded; nothing is read where none was ever asked."""
    if not departure.late_passes_asked:
        return LatePasses(departure.pk)
    rows = passes_with_everything().filter(departure=departure, asked_at__isnull=False)
    return LatePasses(departure.pk, [line_of(row, audience, now) for row in rows])


def state_of(row: LatePass, now: datetime) -> str:
    """Say how far a pass has come, whether or not a tick has let it lapse; the keys are those of LOOKS."""
    state = PassState(row.state)
    if state is PassState.GRANTED and row.use_by is not None and now >= row.use_by:
        state = PassState.LAPSED
    return LOOKS.get(state, state.value)


def line_of(row: LatePass, audience: Audience, now: datetime, *, price: Price | None = None) -> LateLine:
    """Say one pass, with its price while that is still to be paid.

    A stakeholder reads what comes and what it costs in time, not who wants it and why.

    :param price: what it costs now, where that is worked out; else what it cost when it was asked for
    """
    sees = audience.sees_people
    cost = price or Price.from_json(row.price)
    granted = [name for name in (row.granted_by_label, row.seconded_by_label) if name]
    extended = f"{row.extended_by_label}: {row.extended_reason}" if row.extended_at else ""
    return LateLine(
        pk=row.pk,
        state=state_of(row, now),
        title=row.change.title if sees else row.change.service.name,
        change_url=links.change(row.change_id) if sees else "",
        service=row.change.service.name,
        version=row.version or row.change.version,
        price=cost.sentences() if sees and row.state in TO_PAY else [],
        brief=cost.brief(),
        reason=row.reason if sees else "",
        fixes=row.fixes if sees else "",
        asked_by=row.asked_by_label if sees else "",
        asked_at=row.asked_at,
        granted_by=" and ".join(granted) if sees else "",
        use_by=row.use_by,
        extended=extended if sees else "",
        over=f"{row.over_by_label}: {row.over_reason}" if sees and row.over_at else "",
        url=links.late_pass(row.departure_id, row.pk) if sees else "",
    )
