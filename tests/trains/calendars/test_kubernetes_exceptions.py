"""Kubernetes: every published request for an exception to a freeze is a late pass that ends as recorded."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from releasetrain.accounts.rules import Role
from releasetrain.lib.errors import Invalid
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import BoardingClosed
from releasetrain.trains.models import Change, Departure, LatePass, LedgerEntry
from releasetrain.trains.queries.ledger import lost_property
from tests import make
from tests.trains import world
from tests.trains.calendars.published import SHARED, WHY_NOT

EXCEPTIONS = SHARED / "kubernetes" / "exceptions"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not EXCEPTIONS.is_dir(), reason=WHY_NOT),
]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# The sections of the files, as the categories that have a cut-off of their own; old files have no sections.
FREEZES = {"enhancementFreeze": "enhancements", "codeFreeze": "code", "docsFreeze": "docs"}
# These three are no YAML as they were published.
BROKEN = {"v1.14", "v1.20", "v1.23"}


@dataclass(frozen=True)
class Request:
    """One published request: for which freeze, when, and what became of it."""

    release: str
    name: str
    freeze: str
    asked_at: datetime
    decided_at: datetime
    outcome: str
    urls: tuple[str, ...]


def instant(day: Any, otherwise: datetime) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC) if isinstance(day, date) else otherwise


def requests() -> Iterator[Request]:
    for path in sorted(EXCEPTIONS.glob("*.yaml")):
        if path.stem in BROKEN:
            continue
        published = yaml.safe_load(path.read_text())
        sections = published.items() if isinstance(published, dict) else [("codeFreeze", published)]
        for section, rows in sections:
            for row in rows or ():
                yield _request(path.stem, FREEZES[section], row)


def _request(release: str, freeze: str, row: dict[str, Any]) -> Request:
    asked = instant(row.get("date_requested"), datetime(2018, 3, 1, tzinfo=UTC))
    # One was reviewed a year before it was requested, by its date; nobody decides before they are asked.
    decided = max(instant(row.get("date_reviewed"), asked), asked) + HOUR
    return Request(
        release=release,
        name=row["name"],
        freeze=freeze,
        asked_at=asked,
        decided_at=decided,
        outcome=row["status"].strip().lower(),
        urls=tuple(url for url in row.get("pull_requests") or () if url),
    )


def released(of: list[Request]) -> Departure:
    """Make the release that these requests are about: every freeze has begun the day before the first."""
    first, last = min(one.asked_at for one in of), max(one.decided_at for one in of)
    frozen, departs = first - DAY, last + 30 * DAY
    return make.departure(
        planned_at=departs,
        boards_at=first - 60 * DAY,
        cut_off_at=departs - DAY,
        departs_at=departs,
        cut_offs={
            "": (departs - DAY).isoformat(),
            **{freeze: frozen.isoformat() for freeze in FREEZES.values()},
        },
    )


def replay(request: Request, departure: Departure) -> LatePass:
    """Ask as they have asked, decide as they have decided."""
    contributor, lead = world.submitter("A contributor"), world.manager("A release lead")
    change = make.change(
        request.name[:300],
        category=request.freeze,
        author=contributor,
        submitted_at=request.asked_at,
        url=request.urls[0] if request.urls else "",
    )
    with pytest.raises(BoardingClosed, match=f"The cut-off of {request.freeze} was on"):
        actions.board(change, departure, by=contributor, now=request.asked_at)
    row = actions.ask_pass(change, departure, reason="see the thread", by=contributor, now=request.asked_at)
    if request.outcome in ("denied", "rejected"):
        return actions.refuse_pass(row, reason="see the thread", by=lead, now=request.decided_at)
    if request.outcome == "removed":
        return actions.withdraw_pass(row, by=contributor, now=request.decided_at)
    row = actions.grant_pass(row, by=lead, now=request.decided_at)
    actions.use_pass(row, by=contributor, now=request.decided_at + HOUR)
    if request.outcome == "reverted":
        change.refresh_from_db()
        actions.eject(change, reason="it was reverted", by=lead, now=request.decided_at + DAY)
    row.refresh_from_db()
    return row


def test_i1_all_173_requests_end_as_they_are_recorded() -> None:
    known = list(requests())
    assert len(known) == 173
    outcomes = Counter(one.outcome for one in known)
    assert outcomes == {"approved": 137, "denied": 23, "rejected": 11, "reverted": 1, "removed": 1}
    for release in sorted({one.release for one in known}):
        own = sorted((one for one in known if one.release == release), key=lambda one: one.asked_at)
        departure = released(own)
        for one in own:
            replay(one, departure)
        departure.refresh_from_db()
        assert departure.late_passes_asked == len(own)
        aboard = [one.name for one in own if one.outcome == "approved"]
        assert sorted(departure.changes.values_list("title", flat=True)) == sorted(aboard)
    assert Counter(LatePass.objects.values_list("state", flat=True)) == {
        "used": 138,
        "refused": 34,
        "withdrawn": 1,
    }
    ends = Counter(LedgerEntry.objects.values_list("end", flat=True))
    assert ends == {"": 137, "ejected": 1}
    assert Change.objects.filter(state="submitted").count() == 35
    assert lost_property() == []


# Wikimedia and Kubernetes: what is ready before the freeze may land after it; later, only fixes proceed (O7).


def test_o7_i1_ready_before_the_cut_off_and_one_that_was_not_and_a_release_blocking_fix() -> None:
    departure = make.departure()
    contributor = world.submitter("A contributor")
    ready = make.change("Ready a minute before", author=contributor)
    late = make.change("Ready a minute after", author=contributor)
    cut_off = departure.cut_off_at
    actions.board(ready, departure, by=contributor, now=cut_off - timedelta(minutes=1))
    actions.seal(departure, now=cut_off)
    # Its merge lands forty minutes later; it was aboard by then.
    Change.objects.filter(pk=ready.pk).update(merged_at=cut_off + timedelta(minutes=40))
    with pytest.raises(BoardingClosed):
        actions.board(late, departure, by=contributor, now=cut_off + timedelta(minutes=1))
    make.target()
    world.vote(departure, world.manager())
    departure.refresh_from_db()
    assert departure.state == "cleared"
    when = cut_off + timedelta(minutes=30)
    with pytest.raises(Invalid, match="only what fixes something"):
        actions.ask_pass(late, departure, reason="it is nice to have", by=contributor, now=when)
    fix = make.change("Fix the blocker", author=contributor)
    row = actions.ask_pass(
        fix, departure, reason="it crashes", fixes="the release blocker", by=contributor, now=when
    )
    for name in ("A release lead", "A second lead"):
        row = actions.grant_pass(row, by=make.user(name, Role.RELEASE_MANAGER), now=when)
    actions.use_pass(row, by=contributor, now=when)
    titles = departure.changes.order_by("pk").values_list("title", flat=True)
    assert list(titles) == ["Ready a minute before", "Fix the blocker"]
