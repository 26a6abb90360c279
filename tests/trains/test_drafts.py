"""Drafts keep what is typed; being ready is not having landed; what waits too long expires."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.notifications.queries import texts_of
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import BoardingClosed
from releasetrain.trains.models import Change
from releasetrain.trains.rules.boarding import EXPIRES_AFTER, TOLD_BEFORE
from releasetrain.trains.tasks import expire_changes
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def draft(**fields: Any) -> Change:
    typed: dict[str, Any] = {"title": "Prices", "by": world.submitter(), "now": make.NOW, **fields}
    typed.setdefault("service", make.service())
    return actions.save_draft(**typed)


def test_a_draft_needs_a_title_and_a_service_and_keeps_everything_else() -> None:
    kept = draft(description="Half a thought", answers={"undo": "steps"}, traits=["cookie"], priority=2)
    kept.refresh_from_db()
    assert (kept.state, kept.version, kept.description) == ("draft", "", "Half a thought")
    assert (kept.answers["undo"], kept.traits, kept.priority) == ("steps", ["cookie"], 2)
    with pytest.raises(Invalid, match="a title"):
        draft(title=" ")


def test_a_draft_is_gone_on_with_and_submitted_as_the_same_change() -> None:
    first = draft()
    again = draft(draft=first, title="Prices with tax", version="v2")
    assert (again.pk, again.title) == (first.pk, "Prices with tax")
    done = actions.submit_change(
        title="Prices with tax",
        service=make.service(),
        version="v2",
        departure=make.departure(),
        draft=again,
        by=world.submitter(),
        now=make.NOW,
    ).change
    assert (done.pk, done.state, Change.objects.count()) == (first.pk, "aboard", 1)
    with pytest.raises(Stale, match="is no draft any more; it is aboard"):
        draft(draft=again)


def test_a_draft_of_a_pull_request_that_the_code_host_told_of_becomes_that_one() -> None:
    known = make.change(external_id="github:octo/shop#7", url="https://github.com/octo/shop/pull/7")
    mine = draft(url="https://github.com/octo/shop/pull/7")
    done = actions.submit_change(
        title="Prices",
        service=make.service(),
        version="v2",
        url="https://github.com/octo/shop/pull/7",
        draft=mine,
        by=world.submitter(),
        now=make.NOW,
    ).change
    assert (done.pk, list(Change.objects.all())) == (known.pk, [known])


def test_nobody_goes_on_with_somebody_elses_draft_or_boards_one() -> None:
    mine, bob = draft(), make.user("Bob", Role.SUBMITTER)
    with pytest.raises(NotAllowed, match="is a draft of Ada"):
        draft(draft=mine, by=bob)
    with pytest.raises(BoardingClosed, match="is a draft; submit it first"):
        actions.board(mine, make.departure(), by=world.submitter(), now=make.NOW)


def test_steps_to_go_back_have_to_be_written_down_before_it_is_submitted() -> None:
    with pytest.raises(Invalid, match="write down what is to be done") as refused:
        actions.submit_change(
            title="Drop a column",
            service=make.service(),
            version="v1",
            answers={"schema": "contract"},
            by=world.submitter(),
            now=make.NOW,
        )
    assert refused.value.field == "rollback_plan"
    assert not Change.objects.exists()


def test_case_o7_ready_in_time_may_land_late_and_ready_late_stays_behind() -> None:
    make.target()
    departure = make.departure()
    cut_off = departure.cut_off_at
    a = world.aboard(departure, title="A", awaits_ready=True)
    b = world.aboard(departure, title="B", awaits_ready=True)
    actions.make_ready(a, by=world.submitter(), now=cut_off - MINUTE)
    with pytest.raises(BoardingClosed, match="was not ready then"):
        actions.make_ready(b, by=world.submitter(), now=cut_off + MINUTE)
    actions.seal(departure, now=cut_off + MINUTE)
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.state, a.ready_at, a.merged_at) == ("aboard", cut_off - MINUTE, None)
    assert (b.state, b.departure) == ("returned", None)
    assert "change.left_behind" in world.kinds(departure)


def test_i10_a_departure_whose_only_change_is_not_ready_is_skipped() -> None:
    departure = make.departure()
    world.aboard(departure, awaits_ready=True)
    assert actions.seal(departure, now=departure.cut_off_at).state == "skipped"


def test_what_nobody_takes_along_expires_and_can_be_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    change, aboard = make.change(author=world.submitter()), world.aboard(make.departure())
    now = make.NOW
    monkeypatch.setattr("releasetrain.lib.clock.now", lambda: now)
    expire_changes()
    change.refresh_from_db()
    assert (change.state, change.expires_at) == ("submitted", now + EXPIRES_AFTER)
    now += EXPIRES_AFTER
    expire_changes()
    change.refresh_from_db()
    aboard.refresh_from_db()
    assert (change.state, aboard.state) == ("withdrawn", "aboard")
    assert Event.objects.filter(kind="trains.change.expired").count() == 1
    with pytest.raises(Stale):
        actions.expire_change(change, now=now)
    departure = make.departure(boards_at=now, cut_off_at=now + MINUTE, departs_at=now + 2 * MINUTE)
    assert actions.board(change, departure, by=world.submitter(), now=now).state == "aboard"


def test_its_people_are_told_once_for_each_end_that_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    author = world.submitter()
    change, now = make.change(author=author, expires_at=make.NOW + TOLD_BEFORE), make.NOW - MINUTE
    monkeypatch.setattr("releasetrain.lib.clock.now", lambda: now)

    def told() -> int:
        expire_changes()
        return Event.objects.filter(kind="trains.change.expires_soon").count()

    assert told() == 0
    now = make.NOW
    assert (told(), told()) == (1, 1)
    event = Event.objects.get(kind="trains.change.expires_soon")
    assert list(texts_of(event)) == [author.pk]
    assert "expires on Mon 30 Nov, 12:00" in texts_of(event)[author.pk]
    with pytest.raises(Stale):
        actions.warn_of_expiry(change, now=now)
    # It went along and came back meanwhile: it has another end.
    Change.objects.update(expires_at=now + EXPIRES_AFTER)
    assert told() == 1
    now += EXPIRES_AFTER - TOLD_BEFORE
    assert told() == 2
