"""What changes need and what goes together: circles refused, loose ends shown, nothing sealed by halves."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Role
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import SealRefused, SteeringRefused, TieRefused
from releasetrain.trains.models import Change, Departure, Need
from releasetrain.trains.rules.manifest import changes_in
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def need(change: Change, needed: Change, **fields: Any) -> Need:
    return Need.objects.create(change=change, needed=needed, noted_at=make.NOW, **fields)


def say(change: Change, needed: Change) -> Need:
    return actions.say_need(change, needed, by=world.manager(), now=make.NOW)


def service(name: str, team: str = "Storefront") -> Any:
    made = make.service(name)
    made.team = make.team(team)
    made.save(update_fields=["team"])
    return made


def held(departure: Departure) -> Departure:
    return actions.seal(departure, now=departure.cut_off_at)


def test_a_need_is_said_once_and_on_record() -> None:
    departure = make.departure()
    one, other = world.aboard(departure, title="B"), world.aboard(departure, title="A")
    assert str(say(one, other)) == "“B” needs “A”"
    with pytest.raises(TieRefused, match="is known already"):
        say(one, other)
    assert world.kinds(departure) == ["need.said"]


def test_i9_a_circle_is_refused_on_save_and_printed() -> None:
    departure = make.departure()
    a, b, c = (world.aboard(departure, title=title) for title in "ABC")
    say(c, b)
    say(b, a)
    with pytest.raises(TieRefused, match="“A” → “C” → “B” → “A”") as refused:
        say(a, c)
    assert refused.value.code == "circle"
    assert Need.objects.count() == 2


def test_i9_a_change_cannot_need_itself() -> None:
    change = world.aboard(make.departure())
    with pytest.raises(TieRefused, match="cannot need itself"):
        say(change, change)


def test_i9_members_of_one_bundle_may_need_each_other_and_are_sealed_together() -> None:
    departure = make.departure()
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B", service=service("Search"))
    actions.gather(departure, name="Prices", changes=[a, b], by=world.manager(), now=make.NOW)
    say(a, b)
    say(b, a)
    manifest = world.sealed(departure).manifests.get()
    assert [one["needs"] for one in manifest.content["services"]] == [[], []]
    assert {one["bundle"] for one in changes_in(manifest.content).values()} == {"Prices"}


def test_i9_a_circle_through_two_bundles_is_refused_though_each_end_has_one() -> None:
    departure = make.departure()
    a, b, c, d = (world.aboard(departure, title=title) for title in "ABCD")
    for name, pair in (("One", [a, b]), ("Two", [c, d])):
        actions.gather(departure, name=name, changes=pair, by=world.manager(), now=make.NOW)
    say(a, c)
    with pytest.raises(TieRefused, match="circle"):
        say(c, a)


def test_i9_services_that_wait_for_each_other_through_their_changes_hold_the_seal() -> None:
    departure = make.departure()
    search = service("Search")
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B", service=search)
    c, d = world.aboard(departure, title="C"), world.aboard(departure, title="D", service=search)
    say(a, b)
    say(d, c)
    assert "“A” needs “B”" in held(departure).held_reason
    assert "circle" in Departure.objects.get().held_reason


def test_a_service_moves_after_those_whose_changes_its_own_need() -> None:
    departure = make.departure()
    late = world.aboard(departure, title="Late")
    early = world.aboard(departure, title="Early", service=service("Zebra"))
    say(late, early)
    manifest = world.sealed(departure).manifests.get()
    assert [one["name"] for one in manifest.content["services"]] == ["Zebra", "Storefront"]
    assert manifest.content["services"][1]["waits_for"] == [early.service_id]
    assert changes_in(manifest.content)[late.pk]["needs"] == [early.pk]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("submitted", "is aboard no train yet"),
        ("ejected", "was ejected"),
        ("withdrawn", "was withdrawn"),
        ("returned", "was returned to its author"),
    ],
)
def test_i8_the_seal_is_refused_and_the_chain_to_what_is_not_there_is_shown(state: str, why: str) -> None:
    departure = make.departure()
    gone = make.change("A", state=state)
    middle, end = world.aboard(departure, title="B"), world.aboard(departure, title="C")
    need(end, middle)
    need(middle, gone)
    stuck = held(departure)
    assert (stuck.state, stuck.held_kind) == ("boarding", "manifest")
    assert stuck.held_reason == f"“C” needs “B”, which needs “A”, and that {why}."


def test_i8_what_is_on_a_later_train_stops_the_seal_and_what_shipped_does_not() -> None:
    departure = make.departure()
    later = make.departure(departure.train, departs_at=departure.departs_at + HOUR)
    needed = world.aboard(later, title="A")
    need(world.aboard(departure, title="B"), needed)
    assert f"is aboard {later.code}, which departs later" in held(departure).held_reason
    Change.objects.filter(pk=needed.pk).update(state="shipped")
    departure.refresh_from_db()
    actions.release(departure, by=world.manager(), now=departure.cut_off_at)
    assert held(departure).state == "deciding"


def test_i8_what_is_on_an_earlier_train_must_have_arrived_before_this_one_leaves() -> None:
    departure = make.departure()
    earlier = make.departure(departure.train, departs_at=departure.departs_at - timedelta(minutes=30))
    needed = world.aboard(earlier, title="A")
    need(world.aboard(departure, title="B"), needed)
    departure = world.cleared(departure)
    waiting = actions.depart(departure, now=departure.departs_at)
    assert (waiting.state, waiting.held_kind) == ("cleared", "needs")
    assert (
        waiting.held_reason == f"“B” needs “A”, and that is aboard {earlier.code}, which has not arrived yet."
    )
    Change.objects.filter(pk=needed.pk).update(state="shipped")
    assert actions.recheck_hold(waiting, now=departure.departs_at)
    waiting.refresh_from_db()
    assert actions.depart(waiting, now=waiting.departs_at).state == "rolling"


def test_i8_a_hold_for_what_is_not_there_cannot_be_released_over() -> None:
    departure = make.departure()
    needed = world.aboard(departure, title="A")
    need(world.aboard(departure, title="B"), needed)
    departure = world.cleared(departure)
    Change.objects.filter(pk=needed.pk).update(state="ejected", departure=None)
    stuck = actions.depart(departure, now=departure.departs_at)
    with pytest.raises(SteeringRefused, match="and that was ejected"):
        actions.release(stuck, by=world.manager(), now=departure.departs_at)


def test_i8_taking_the_need_back_lets_the_seal_go_on() -> None:
    departure = make.departure()
    gone, end = make.change("A"), world.aboard(departure, title="B")
    need(end, gone)
    held(departure)
    actions.drop_need(end, gone, by=world.submitter(), now=make.NOW)
    departure.refresh_from_db()
    assert departure.held_at is None
    assert held(departure).state == "deciding"


def test_i8_the_board_says_before_the_cut_off_what_would_stop_the_seal() -> None:
    departure = make.departure()
    need(world.aboard(departure, title="B"), make.change("A"))
    sentence = queries.standing_of(departure, make.NOW).verdict.sentence()
    assert "“B” needs “A”, and that is aboard no train yet." in sentence


def test_a_bundle_holds_changes_of_several_services_and_teams() -> None:
    departure = make.departure()
    a = world.aboard(departure, title="A")
    b = world.aboard(departure, title="B", service=service("Search", "Discovery"))
    bundle = actions.gather(departure, name=" Prices ", changes=[a, b], by=world.manager(), now=make.NOW)
    assert (bundle.name, bundle.changes.count()) == ("Prices", 2)
    assert world.kinds(departure) == ["bundle.gathered"]


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_a_bundle_needs_a_name(name: str) -> None:
    departure = make.departure()
    changes = [world.aboard(departure), world.aboard(departure)]
    with pytest.raises(Invalid, match="needs a name"):
        actions.gather(departure, name=name, changes=changes, by=world.manager(), now=make.NOW)


def test_a_bundle_holds_at_least_two_that_are_aboard() -> None:
    departure = make.departure()
    with pytest.raises(Invalid, match="at least two"):
        actions.gather(
            departure, name="P", changes=[world.aboard(departure)], by=world.manager(), now=make.NOW
        )
    with pytest.raises(TieRefused, match="is not aboard"):
        actions.gather(
            departure,
            name="P",
            changes=[world.aboard(departure), make.change()],
            by=world.manager(),
            now=make.NOW,
        )
    assert not departure.bundles.exists()


def test_nobody_bundles_what_they_do_not_answer_for() -> None:
    departure = make.departure()
    other = Team.objects.create(slug="other", name="Other")
    mine, theirs = world.aboard(departure), world.aboard(departure, service=service("Search", "Other"))
    ada = make.user("Grace", Role.SUBMITTER, team=make.team())
    with pytest.raises(NotAllowed, match="one must have written"):
        actions.gather(departure, name="P", changes=[mine, theirs], by=ada, now=make.NOW)
    assert other.services.exists()


def test_i9_a_bundle_that_somebody_left_is_not_sealed_by_halves() -> None:
    departure = make.departure()
    a, b, c = (world.aboard(departure, title=title) for title in "ABC")
    bundle = actions.gather(departure, name="Prices", changes=[a, b, c], by=world.manager(), now=make.NOW)
    actions.withdraw(a, by=world.submitter(), now=make.NOW)
    stuck = held(departure)
    assert stuck.held_kind == "manifest"
    assert "The bundle Prices goes all or nothing, and “A” has left it" in stuck.held_reason
    actions.go_without(bundle, reason="B and C are fine alone", by=world.manager(), now=departure.cut_off_at)
    departure.refresh_from_db()
    assert departure.held_at is None
    assert held(departure).state == "deciding"


def test_i9_a_bundle_is_whole_again_once_who_left_is_back() -> None:
    departure = make.departure()
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B")
    bundle = actions.gather(departure, name="Prices", changes=[a, b], by=world.manager(), now=make.NOW)
    actions.withdraw(a, by=world.submitter(), now=make.NOW)
    a.refresh_from_db()
    actions.board(a, departure, by=world.submitter(), now=make.NOW, bundle="Prices")
    bundle.refresh_from_db()
    assert bundle.missing == []
    with pytest.raises(TieRefused, match="Nobody has left"):
        actions.go_without(bundle, reason="?", by=world.manager(), now=make.NOW)


def test_going_without_needs_a_reason_and_the_last_one_out_leaves_no_bundle() -> None:
    departure = make.departure()
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B")
    bundle = actions.gather(departure, name="Prices", changes=[a, b], by=world.manager(), now=make.NOW)
    actions.leave_bundle(a, by=world.submitter(), now=make.NOW)
    with pytest.raises(Invalid, match="Say why"):
        actions.go_without(bundle, reason=" ", by=world.manager(), now=make.NOW)
    actions.leave_bundle(b, by=world.submitter(), now=make.NOW)
    assert not departure.bundles.exists()
    with pytest.raises(TieRefused, match="is in no bundle"):
        actions.leave_bundle(b, by=world.submitter(), now=make.NOW)


def test_after_the_cut_off_only_who_runs_the_departure_ties_and_it_makes_a_revision() -> None:
    departure = make.departure()
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B")
    departure = world.sealed(departure)
    with pytest.raises(TieRefused, match="what goes together is fixed"):
        actions.say_need(b, a, by=world.submitter(), now=departure.cut_off_at)
    actions.say_need(b, a, by=world.manager(), now=departure.cut_off_at)
    newest = departure.manifests.order_by("-revision")[0]
    assert (newest.revision, changes_in(newest.content)[b.pk]["needs"]) == (2, [a.pk])


def test_i9_a_tie_that_leaves_no_order_after_the_seal_is_refused_whole() -> None:
    departure = make.departure()
    search = service("Search")
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B", service=search)
    c, d = world.aboard(departure, title="C"), world.aboard(departure, title="D", service=search)
    say(a, b)
    departure = world.sealed(departure)
    with pytest.raises(SealRefused, match="circle"):
        actions.say_need(d, c, by=world.manager(), now=departure.cut_off_at)
    assert Need.objects.count() == departure.manifests.count() == 1


def test_i15_the_manifest_keeps_the_team_of_its_time() -> None:
    departure = world.sealed()
    service("Storefront", "Payments")
    assert departure.manifests.get().content["services"][0]["team"] == "Storefront"


def test_i9_a_bundle_of_which_one_stands_by_is_not_sealed_before_somebody_says_so() -> None:
    departure = make.departure()
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B")
    c = world.aboard(departure, title="C")
    bundle = actions.gather(departure, name="Prices", changes=[a, b, c], by=world.manager(), now=make.NOW)
    Change.objects.filter(pk=c.pk).update(
        state="stand_by", departure=None, stand_by_for=departure, stood_by_at=make.NOW
    )
    assert "and “C” stands by for room" in held(departure).held_reason
    actions.go_without(bundle, reason="C may come later", by=world.manager(), now=departure.cut_off_at)
    departure.refresh_from_db()
    assert held(departure).state == "deciding"


def test_i9_who_is_not_ready_at_the_cut_off_leaves_no_half_of_a_bundle_to_be_sealed() -> None:
    departure = make.departure()
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B")
    actions.gather(departure, name="Prices", changes=[a, b], by=world.manager(), now=make.NOW)
    Change.objects.filter(pk=a.pk).update(awaits_ready=True)
    assert "“A” has left it" in held(departure).held_reason
