"""Somebody comes after the cut-off: what it costs is said first, people decide, and a pass has a limit."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.events.actions import SYSTEM
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.notifications.models import Notice
from releasetrain.trains import actions
from releasetrain.trains.actions.changes import Submitted
from releasetrain.trains.actions.refusals import BoardingClosed, PassRefused
from releasetrain.trains.models import Change, Departure, LatePass
from releasetrain.trains.queries import Action, By, latest_manifests, standing_of, verdict
from releasetrain.trains.queries.late import price_of
from releasetrain.trains.rules.late import Price
from releasetrain.trains.tasks import lapse_late_passes
from tests import make
from tests.trains import test_deciding, world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def bob() -> User:
    return world.submitter("Bob")


def kim() -> User:
    return world.manager("Kim")


def late(title: str = "Fix the tax", **fields: Any) -> Change:
    fields.setdefault("author", bob())
    return make.change(title, **fields)


def asked(departure: Departure, change: Change | None = None, **fields: Any) -> LatePass:
    defaults: dict[str, Any] = {
        "reason": "the law changes tomorrow",
        "by": bob(),
        "now": departure.cut_off_at + MINUTE,
    }
    return actions.ask_pass(change or late(), departure, **{**defaults, **fields})


def granted(departure: Departure, **fields: Any) -> LatePass:
    now = departure.cut_off_at + 2 * MINUTE
    return actions.grant_pass(asked(departure, **fields), by=kim(), now=now)


def submit(departure: Departure, now: datetime) -> Submitted:
    make.service()
    return actions.submit_change(
        title="Fix the tax",
        service=Service.objects.get(),
        version="abc",
        description="As the law says.",
        rollback_plan="Nothing.",
        bundle="Tax",
        departure=departure,
        by=bob(),
        now=now,
    )


def test_i1_at_the_cut_off_nothing_typed_is_lost_and_it_is_priced() -> None:
    departure = world.cleared()
    submitted = submit(departure, departure.cut_off_at)
    assert not submitted.is_aboard
    assert submitted.change.description == "As the law says."
    row = submitted.late
    assert row is not None
    assert (row.state, row.departure, row.bundle, row.change) == (
        "priced",
        departure,
        "Tax",
        submitted.change,
    )
    assert row.price["reopened"] == [{"role": "release_manager", "people": ["Rob"]}]


def test_i1_t13_a_microsecond_before_the_cut_off_it_is_aboard_and_no_pass_is_needed() -> None:
    departure = make.departure()
    submitted = submit(departure, departure.cut_off_at - timedelta(microseconds=1))
    assert submitted.is_aboard
    assert submitted.late is None
    assert not LatePass.objects.exists()


def test_i1_nobody_is_told_of_a_pass_that_is_only_priced() -> None:
    departure = world.cleared()
    submit(departure, departure.cut_off_at)
    assert "late_pass.asked" not in world.kinds()


def test_i1_a_submission_that_is_refused_for_more_than_the_hour_is_not_priced() -> None:
    departure = world.rolling()
    submitted = submit(departure, departure.departs_at)
    assert submitted.late is None
    assert submitted.why_not_aboard is not None
    assert submitted.why_not_aboard.code == "gone"


def test_i1_the_price_is_shown_before_it_is_asked_for_and_kept_as_it_was() -> None:
    departure = world.cleared()
    change = late()
    shown = price_of(change, departure, departure.cut_off_at + MINUTE)
    row = asked(departure, change, fixes="INC-7")
    assert row.price == shown.to_json()
    assert shown.brief() == "re-opens 1 vote"


def test_i1_the_price_is_what_really_becomes_of_the_votes() -> None:
    """Whatever the rule of the votes is: those that the price names are asked for again, no others."""
    departure = world.sealed()
    world.vote(departure, kim())
    change = late()
    cost = price_of(change, departure, departure.cut_off_at + MINUTE)
    before = {one.ballot.name for one in _tally(departure).not_counted}
    row = asked(departure, change, fixes="INC-7")
    for person in (world.manager("Lee"), world.manager("Mia")):
        row = actions.grant_pass(row, by=person, now=departure.cut_off_at + 2 * MINUTE)
    actions.use_pass(row, by=bob(), now=departure.cut_off_at + 3 * MINUTE)
    departure.refresh_from_db()
    lost = {one.ballot.name for one in _tally(departure).not_counted} - before
    assert lost == {name for one in cost.reopened for name in one.people}


def _tally(departure: Departure) -> Any:
    tally = standing_of(departure, departure.cut_off_at + MINUTE).tally
    assert tally is not None
    return tally


def test_i1_d1_only_the_team_whose_part_changes_pays_with_its_votes() -> None:
    departure, olu, pia = test_deciding.two_parts()
    for person in (olu, pia):
        world.vote(departure, person)
    departure.refresh_from_db()
    change = late()
    now = departure.cut_off_at + MINUTE
    cost = price_of(change, departure, now)
    assert [one.people for one in cost.reopened] == [("Olu",)]
    assert price_of(late(service=test_deciding.ledger()), departure, now).reopened[0].people == ("Pia",)
    row = asked(departure, change, fixes="INC-7")
    for person in (kim(), world.manager("Lee")):
        row = actions.grant_pass(row, by=person, now=now)
    actions.use_pass(row, by=bob(), now=now)
    departure.refresh_from_db()
    assert {one.ballot.name for one in _tally(departure).not_counted} == {"Olu"}


def test_i1_a_new_service_of_another_team_adds_its_bake_and_its_people() -> None:
    departure = world.sealed()
    search = Service.objects.create(slug="search", name="Search", team=make.team("Finders"))
    departure.train.services.add(search)
    cost = price_of(late(service=search), departure, departure.cut_off_at)
    assert (cost.services, cost.teams) == (("Search",), ("Finders",))
    assert cost.bake == timedelta(hours=1)


def test_i1_a_pass_that_is_asked_for_is_told_to_who_runs_the_departure() -> None:
    departure = world.sealed()
    world.manager()
    row = asked(departure)
    event = Event.objects.get(kind="trains.late_pass.asked")
    assert event.topics == departure.event_topics()
    assert event.data["price"] == "costs nothing"
    departure.refresh_from_db()
    assert (row.state, departure.late_passes_asked) == ("asked", 1)


def test_i1_a_reason_is_asked_for() -> None:
    with pytest.raises(Invalid, match="Say why it cannot wait"):
        asked(world.sealed(), reason=" ")


def test_i1_while_boarding_is_open_no_pass_is_needed() -> None:
    departure = make.departure()
    with pytest.raises(PassRefused, match="Boarding is open until"):
        asked(departure, now=make.NOW)


@pytest.mark.parametrize("code", ["elsewhere", "not_served", "role"])
def test_i1_what_keeps_a_change_from_boarding_keeps_it_from_a_pass(code: str) -> None:
    departure, change, person = world.sealed(), late(), bob()
    if code == "elsewhere":
        change = world.aboard(make.departure(departure.train))
    if code == "not_served":
        departure.train.services.clear()
    if code == "role":
        person = make.user("Vi", Role.VIEWER)
    answer = verdict(Action.ASK_LATE, change, person, departure.cut_off_at, departure=departure)
    assert code in [reason.code for reason in answer.reasons]
    with pytest.raises((PassRefused, NotAllowed)):
        asked(departure, change, by=person)


def test_i1_granted_and_used_it_is_aboard_with_a_new_revision_and_the_vote_is_asked_again() -> None:
    departure = world.sealed()
    row = granted(departure)
    actions.use_pass(row, by=bob(), now=departure.cut_off_at + 3 * MINUTE)
    row.refresh_from_db()
    manifest = latest_manifests([departure.pk])[departure.pk]
    assert (row.state, manifest.revision) == ("used", 2)
    assert Change.objects.get(pk=row.change_id).state == "aboard"
    assert "late_pass.used" in world.kinds(departure)


def test_i1_boarding_uses_the_pass_too() -> None:
    departure = world.sealed()
    row = granted(departure)
    actions.board(row.change, departure, by=bob(), now=departure.cut_off_at + 3 * MINUTE)
    row.refresh_from_db()
    assert row.state == "used"


def test_i1_without_a_granted_pass_it_stays_on_the_platform() -> None:
    departure = world.sealed()
    row = asked(departure)
    now = departure.cut_off_at + 2 * MINUTE
    with pytest.raises(BoardingClosed):
        actions.board(row.change, departure, by=bob(), now=now)
    with pytest.raises(PassRefused, match="not granted yet"):
        actions.use_pass(row, by=bob(), now=now)


def test_i1_before_the_seal_of_other_categories_a_pass_lets_it_aboard_without_a_revision() -> None:
    departure = make.departure()
    early = {
        "": (departure.cut_off_at - 30 * MINUTE).isoformat(),
        "database": departure.cut_off_at.isoformat(),
    }
    departure.cut_offs = early
    departure.save(update_fields=["cut_offs"])
    now = departure.cut_off_at - 20 * MINUTE
    row = actions.grant_pass(asked(departure, now=now), by=kim(), now=now)
    assert row.price["reopened"] == []
    actions.use_pass(row, by=bob(), now=now)
    assert not departure.manifests.exists()
    assert departure.changes.get() == row.change


@pytest.mark.parametrize("who", ["asker", "author", "stranger", "machine"])
def test_i1_somebody_else_who_runs_the_departure_decides(who: str) -> None:
    departure = world.sealed()
    asker = make.user("Una", Role.SUBMITTER, Role.RELEASE_MANAGER)
    author = make.user("Al", Role.SUBMITTER, Role.RELEASE_MANAGER)
    row = asked(departure, late(author=author), by=asker)
    people: dict[str, By] = {"asker": asker, "author": author, "stranger": bob(), "machine": SYSTEM}
    with pytest.raises((PassRefused, NotAllowed)):
        actions.grant_pass(row, by=people[who], now=departure.cut_off_at + 2 * MINUTE)
    row.refresh_from_db()
    assert row.state == "asked"


def test_i1_cleared_takes_only_fixes_and_two_people() -> None:
    departure = world.cleared()
    with pytest.raises(Invalid, match="Say what it fixes"):
        asked(departure)
    row = asked(departure, fixes="INC-7: nobody can pay")
    now = departure.cut_off_at + 2 * MINUTE
    assert actions.grant_pass(row, by=kim(), now=now).state == "asked"
    with pytest.raises(PassRefused, match="a second person has to as well"):
        actions.grant_pass(row, by=kim(), now=now)
    row = actions.grant_pass(row, by=world.manager("Lee"), now=now)
    assert (row.state, row.granted_by_label, row.seconded_by_label) == ("granted", "Kim", "Lee")
    actions.use_pass(row, by=bob(), now=now)
    departure.refresh_from_db()
    assert departure.state == "deciding"


def test_i1_a_price_that_has_changed_since_it_was_read_is_refused() -> None:
    departure = world.sealed(make.departure(make.train(policy=make.policy(release_manager=2))))
    row = asked(departure)
    now = departure.cut_off_at + 2 * MINUTE
    seen = price_of(row.change, departure, now).seal
    world.vote(departure, world.manager("Lee"))
    with pytest.raises(Stale, match="re-opens 1 vote"):
        actions.grant_pass(row, by=kim(), now=now, seen=seen)
    seen = price_of(row.change, departure, now).seal
    assert actions.grant_pass(row, by=kim(), now=now, seen=seen).state == "granted"


def test_i1_refused_says_why_and_leaves_the_change_where_it_is() -> None:
    departure = world.sealed()
    row = asked(departure)
    now = departure.cut_off_at + 2 * MINUTE
    with pytest.raises(Invalid, match="Say why"):
        actions.refuse_pass(row, reason="", by=kim(), now=now)
    row = actions.refuse_pass(row, reason="it can wait", by=kim(), now=now)
    assert (row.state, row.over_reason) == ("refused", "it can wait")
    assert Change.objects.get(pk=row.change_id).state == "submitted"
    assert asked(departure, row.change).state == "asked"


def test_i1_one_live_pass_a_change() -> None:
    departure = world.sealed()
    row = asked(departure)
    with pytest.raises(PassRefused, match="already; it is asked"):
        asked(departure, row.change)
    with pytest.raises(IntegrityError, match="late_pass_one_a_change"), transaction.atomic():
        LatePass.objects.create(
            change=row.change, departure=departure, priced_at=make.NOW, asked_by_label="somebody"
        )


def test_i1_a_pass_ends_with_its_change_when_that_boards_elsewhere_or_is_withdrawn() -> None:
    departure = world.sealed()
    later = make.departure(departure.train, cut_off_at=make.NOW + 9 * HOUR, departs_at=make.NOW + 10 * HOUR)
    row = asked(departure)
    actions.board(row.change, later, by=bob(), now=departure.cut_off_at + 2 * MINUTE)
    row.refresh_from_db()
    assert row.state == "withdrawn"
    other = asked(departure, late("Another"))
    actions.withdraw(other.change, by=bob(), now=departure.cut_off_at + 2 * MINUTE)
    other.refresh_from_db()
    assert other.state == "withdrawn"


def test_i5_new_content_of_what_is_aboard_needs_a_pass_and_comes_with_it() -> None:
    departure = make.departure()
    change = world.aboard(departure, version="v1")
    world.sealed(departure)
    Change.objects.filter(pk=change.pk).update(latest_version="v2")
    change.refresh_from_db()
    row = actions.grant_pass(asked(departure, change, by=world.submitter()), by=kim(), now=_after(departure))
    assert row.version == "v2"
    actions.use_pass(row, by=world.submitter(), now=_after(departure))
    manifest = latest_manifests([departure.pk])[departure.pk]
    assert manifest.revision == 2
    assert manifest.content["services"][0]["version"] == "v2"


def _after(departure: Departure) -> datetime:
    return departure.cut_off_at + 2 * MINUTE


def test_i6_at_its_limit_a_pass_lets_nothing_aboard_whether_or_not_a_tick_ran() -> None:
    departure = world.sealed()
    row = granted(departure)
    assert row.use_by == departure.departs_at
    limit = departure.cut_off_at + 10 * MINUTE
    LatePass.objects.update(use_by=limit)
    with pytest.raises(PassRefused, match="has lapsed"):
        actions.use_pass(row, by=bob(), now=limit)
    with pytest.raises(BoardingClosed):
        actions.board(row.change, departure, by=bob(), now=limit)
    actions.use_pass(row, by=bob(), now=limit - timedelta(microseconds=1))


def test_i6_a_pass_that_is_not_used_lapses_and_its_people_are_told(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    departure = world.sealed()
    row = granted(departure)
    assert row.use_by is not None
    monkeypatch.setattr(clock, "now", lambda: row.use_by)
    with django_capture_on_commit_callbacks(execute=True):
        lapse_late_passes()
    lapse_late_passes()
    row.refresh_from_db()
    assert row.state == "lapsed"
    assert world.kinds().count("late_pass.lapsed") == 1
    assert Notice.objects.filter(user=bob(), event__kind="trains.late_pass.lapsed").count() == 1
    assert Change.objects.get(pk=row.change_id).state == "submitted"


def test_i6_before_its_limit_it_does_not_lapse() -> None:
    row = granted(world.sealed())
    assert row.use_by is not None
    with pytest.raises(PassRefused, match="does not lapse now"):
        actions.lapse_pass(row.pk, now=row.use_by - timedelta(microseconds=1))


def test_i6_what_was_only_asked_for_lapses_when_the_departure_has_left() -> None:
    departure = world.sealed()
    row = asked(departure)
    priced = actions.price_pass(late("Another"), departure, by=bob(), now=_after(departure))
    Departure.objects.filter(pk=departure.pk).update(state="rolling")
    for one in (row, priced):
        actions.lapse_pass(one.pk, now=departure.departs_at)
    assert set(LatePass.objects.values_list("state", flat=True)) == {"lapsed"}
    assert world.kinds().count("late_pass.lapsed") == 1


def test_i6_it_is_extended_once_and_a_second_extension_is_refused() -> None:
    departure = world.sealed()
    row = granted(departure)
    limit = departure.cut_off_at + 10 * MINUTE
    LatePass.objects.update(use_by=limit)
    longer = departure.cut_off_at + 20 * MINUTE
    row = actions.extend_pass(row, use_by=longer, reason="its build is slow", by=kim(), now=_after(departure))
    assert row.use_by == longer
    with pytest.raises(PassRefused, match="a second extension is refused"):
        actions.extend_pass(
            row, use_by=longer + MINUTE, reason="slower still", by=kim(), now=_after(departure)
        )
    with pytest.raises(NotAllowed):
        actions.extend_pass(row, use_by=longer, reason="please", by=bob(), now=_after(departure))


def test_i6_no_pass_is_good_after_its_departure() -> None:
    departure = world.sealed()
    row = asked(departure)
    with pytest.raises(Invalid, match="then it departs"):
        actions.grant_pass(
            row, use_by=departure.departs_at + MINUTE, by=kim(), now=departure.cut_off_at + 2 * MINUTE
        )


def cleared_after(row: LatePass) -> Departure:
    """Clear the departure of a pass that was granted while people were deciding."""
    assert world.vote(row.departure, world.manager()).cleared
    return Departure.objects.get(pk=row.departure_id)


def test_i1_a_pass_granted_before_clearance_is_priced_again_and_granted_by_a_second_person() -> None:
    row = granted(world.sealed(), fixes="INC-7: nobody can pay")
    departure = cleared_after(row)
    now = departure.cut_off_at + 3 * MINUTE
    with pytest.raises(PassRefused, match="a second person who runs it has to grant the pass"):
        actions.use_pass(row, by=bob(), now=now)
    with pytest.raises(BoardingClosed):
        actions.board(row.change, departure, by=bob(), now=now)
    with pytest.raises(PassRefused, match="You have granted it already"):
        actions.grant_pass(row, by=kim(), now=now)
    row = actions.grant_pass(row, by=world.manager("Lee"), now=now)
    assert (row.state, row.seconded_by_label) == ("granted", "Lee")
    assert Price.from_json(row.price).votes == 1
    actions.use_pass(row, by=bob(), now=now)
    departure.refresh_from_db()
    assert departure.state == "deciding"


def test_i1_a_pass_granted_before_clearance_that_fixes_nothing_is_asked_for_again() -> None:
    row = granted(world.sealed())
    departure = cleared_after(row)
    now = departure.cut_off_at + 3 * MINUTE
    with pytest.raises(PassRefused, match="take the pass back, and ask again for what it fixes"):
        actions.use_pass(row, by=bob(), now=now)
    with pytest.raises(PassRefused, match="only what fixes something"):
        actions.grant_pass(row, by=world.manager("Lee"), now=now)
    actions.withdraw_pass(row, by=bob(), now=now)
    again = asked(departure, row.change, fixes="INC-7", now=now)
    assert again.state == "asked"
