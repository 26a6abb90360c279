"""Who gets off after the seal: asked, answered, ejected; what falls along is named before and after."""

from datetime import timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import CannotLeave
from releasetrain.trains.models import Change, Departure, Withdrawal
from releasetrain.trains.queries.bundling import dependants, what_falls
from releasetrain.trains.rules.manifest import changes_in
from tests import make
from tests.trains import world
from tests.trains.test_bundles import need, say, service

pytestmark = pytest.mark.django_db


def sealed_with(*titles: str) -> tuple[Departure, list[Change]]:
    departure = make.departure()
    changes = [world.aboard(departure, title=title) for title in titles]
    return world.sealed(departure), changes


def ask(change: Change, departure: Departure) -> Withdrawal:
    return actions.ask_to_withdraw(
        change, reason="It breaks search", by=world.submitter(), now=departure.cut_off_at
    )


def aboard_now(departure: Departure) -> set[str]:
    newest = departure.manifests.order_by("-revision")[0]
    return {one["title"] for one in changes_in(newest.content).values()}


def states() -> dict[str, str]:
    return dict(Change.objects.values_list("title", "state"))


def test_i3_after_the_seal_a_withdrawal_is_a_request_with_a_reason() -> None:
    departure, [a] = sealed_with("A")
    with pytest.raises(CannotLeave, match="Ask with a reason to take it off"):
        actions.withdraw(a, by=world.submitter(), now=departure.cut_off_at)
    with pytest.raises(Invalid, match="Say why"):
        actions.ask_to_withdraw(a, reason=" ", by=world.submitter(), now=departure.cut_off_at)
    request = ask(a, departure)
    assert (request.state, request.reason) == ("asked", "It breaks search")
    a.refresh_from_db()
    assert a.state == "aboard"
    with pytest.raises(CannotLeave, match="is asked already"):
        ask(a, departure)


def test_i3_before_the_cut_off_nobody_has_to_ask() -> None:
    departure = make.departure()
    with pytest.raises(CannotLeave, match="can simply be withdrawn"):
        actions.ask_to_withdraw(world.aboard(departure), reason="?", by=world.submitter(), now=make.NOW)


def test_i3_accepting_makes_a_revision_without_it_and_asks_people_again() -> None:
    departure, [a, _] = sealed_with("A", "B")
    request = ask(a, departure)
    world.vote(departure, world.manager())
    departure.refresh_from_db()
    assert departure.state == "cleared"
    taken = actions.accept_withdrawal(request, by=world.manager(), now=departure.cut_off_at)
    request.refresh_from_db()
    departure.refresh_from_db()
    assert (request.state, request.revision, taken.fallen) == ("accepted", 2, [])
    assert (aboard_now(departure), states()) == ({"B"}, {"A": "withdrawn", "B": "aboard"})
    assert departure.state == "deciding"
    assert departure.manifests.count() == 2


def test_i3_dependants_are_listed_and_go_too() -> None:
    departure, [a, b, c, _] = sealed_with("A", "B", "C", "D")
    need(b, a)
    need(c, b)
    assert dependants(a) == [b]
    assert [(one.change.title, one.why) for one in what_falls(a)] == [
        ("B", "it needs “A”"),
        ("C", "it needs “B”"),
    ]
    taken = actions.accept_withdrawal(ask(a, departure), by=world.manager(), now=departure.cut_off_at)
    assert [one.change.title for one in taken.fallen] == ["B", "C"]
    assert states() == {"A": "withdrawn", "B": "returned", "C": "returned", "D": "aboard"}
    assert aboard_now(departure) == {"D"}


def test_i3_a_dependant_that_is_repointed_stays_with_what_needs_it() -> None:
    departure, [a, b, c, d] = sealed_with("A", "B", "C", "D")
    need(b, a)
    need(c, b)
    request = actions.ask_to_withdraw(
        a, reason="broken", by=world.submitter(), now=departure.cut_off_at, repointed={b.pk: d.pk}
    )
    actions.accept_withdrawal(request, by=world.manager(), now=departure.cut_off_at)
    assert aboard_now(departure) == {"B", "C", "D"}
    assert list(b.needs.values_list("needed__title", flat=True)) == ["D"]
    newest = departure.manifests.order_by("-revision")[0]
    assert changes_in(newest.content)[b.pk]["needs"] == [d.pk]


def test_i3_who_decides_may_repoint_otherwise_or_let_a_need_go() -> None:
    departure, [a, b] = sealed_with("A", "B")
    need(b, a)
    request = ask(a, departure)
    actions.accept_withdrawal(request, by=world.manager(), now=departure.cut_off_at, repointed={b.pk: None})
    assert (aboard_now(departure), b.needs.count()) == ({"B"}, 0)


def test_i3_nothing_is_repointed_to_what_leaves_or_is_not_there_or_closes_a_circle() -> None:
    departure, [a, b, c, d] = sealed_with("A", "B", "C", "D")
    need(b, a)
    need(c, b)
    loose = make.change("Loose")
    for other, why in ((a.pk, "leaves as well"), (loose.pk, "is aboard no train yet"), (c.pk, "circle")):
        with pytest.raises(CannotLeave, match=why):
            actions.ask_to_withdraw(
                a, reason="x", by=world.submitter(), now=departure.cut_off_at, repointed={b.pk: other}
            )
    with pytest.raises(CannotLeave, match="Only what needs a change that leaves"):
        actions.ask_to_withdraw(
            a, reason="x", by=world.submitter(), now=departure.cut_off_at, repointed={d.pk: None}
        )
    assert not Withdrawal.objects.exists()


def test_i9_a_bundle_gets_off_whole() -> None:
    departure = make.departure()
    a, b, _ = (world.aboard(departure, title=title) for title in "ABC")
    actions.gather(departure, name="Prices", changes=[a, b], by=world.manager(), now=make.NOW)
    departure = world.sealed(departure)
    taken = actions.accept_withdrawal(ask(a, departure), by=world.manager(), now=departure.cut_off_at)
    assert [one.why for one in taken.fallen] == ["it goes all or nothing with “A”"]
    assert (aboard_now(departure), departure.bundles.count()) == ({"C"}, 0)


def test_i9_who_is_bundled_with_what_leaves_cannot_be_kept_by_repointing() -> None:
    departure = make.departure()
    a, b, c = (world.aboard(departure, title=title) for title in "ABC")
    actions.gather(departure, name="Prices", changes=[a, b], by=world.manager(), now=make.NOW)
    say(b, a)
    departure = world.sealed(departure)
    with pytest.raises(CannotLeave, match="goes all or nothing with what leaves"):
        actions.eject(
            a, reason="broken", by=world.manager(), now=departure.cut_off_at, repointed={b.pk: c.pk}
        )
    assert set(states().values()) == {"aboard"}


def test_i3_a_request_keeps_the_departure_until_somebody_answers() -> None:
    departure, [a, _] = sealed_with("A", "B")
    world.vote(departure, world.manager())
    departure.refresh_from_db()
    request = ask(a, departure)
    waiting = actions.depart(departure, now=departure.departs_at)
    assert (waiting.held_kind, waiting.held_reason) == (
        "withdrawal",
        "Ada asks to take “A” off: It breaks search.",
    )
    actions.refuse_withdrawal(
        request, reason="it is behind a flag", by=world.manager(), now=departure.departs_at
    )
    assert actions.recheck_hold(waiting, now=departure.departs_at)
    waiting.refresh_from_db()
    assert actions.depart(waiting, now=waiting.departs_at).state == "rolling"


def test_i3_only_who_runs_the_departure_answers_and_who_asked_may_take_it_back() -> None:
    departure, [a] = sealed_with("A")
    request = ask(a, departure)
    for answer in (
        lambda: actions.accept_withdrawal(request, by=world.submitter(), now=departure.cut_off_at),
        lambda: actions.refuse_withdrawal(
            request, reason="no", by=world.submitter(), now=departure.cut_off_at
        ),
    ):
        with pytest.raises(NotAllowed, match="To answer this request"):
            answer()
    with pytest.raises(NotAllowed):
        actions.take_back_withdrawal(request, by=make.user("Eve", Role.VIEWER), now=departure.cut_off_at)
    actions.take_back_withdrawal(request, by=world.submitter(), now=departure.cut_off_at)
    with pytest.raises(CannotLeave, match="was taken back already"):
        actions.accept_withdrawal(request, by=world.manager(), now=departure.cut_off_at)


def test_i4_while_it_rolls_a_withdrawal_is_refused_and_what_helps_is_named() -> None:
    departure, [a] = sealed_with("A")
    request = ask(a, departure)
    Departure.objects.filter(pk=departure.pk).update(state="rolling")
    a.refresh_from_db()
    helps = "Switch the change.s flag off, roll the departure back, or mend it with a hotfix"
    for leave in (
        lambda: actions.withdraw(a, by=world.submitter(), now=departure.departs_at),
        lambda: ask(a, departure),
        lambda: actions.eject(a, reason="x", by=world.manager(), now=departure.departs_at),
        lambda: actions.accept_withdrawal(request, by=world.manager(), now=departure.departs_at),
    ):
        with pytest.raises(CannotLeave, match=helps):
            leave()
    assert states() == {"A": "aboard"}


def test_i8_ejecting_says_what_falls_with_it_and_recomputes() -> None:
    departure, [a, b, _] = sealed_with("A", "B", "C")
    need(b, a)
    taken = actions.eject(a, reason="fails its tests", by=world.manager(), now=departure.cut_off_at)
    assert [one.change.title for one in taken.fallen] == ["B"]
    assert states() == {"A": "ejected", "B": "returned", "C": "aboard"}
    assert aboard_now(departure) == {"C"}
    assert world.kinds(departure)[-3:] == ["change.left", "change.ejected", "departure.sealed"]


def test_i8_ejecting_before_the_cut_off_makes_no_revision() -> None:
    departure = make.departure()
    a, b = world.aboard(departure, title="A"), world.aboard(departure, title="B")
    need(b, a)
    actions.eject(a, reason="not this week", by=world.manager(), now=make.NOW)
    assert (states(), departure.manifests.count()) == ({"A": "ejected", "B": "returned"}, 0)


def test_ejecting_needs_a_reason_and_the_right_to_it() -> None:
    departure, [a] = sealed_with("A")
    with pytest.raises(Invalid, match="Say why"):
        actions.eject(a, reason="", by=world.manager(), now=departure.cut_off_at)
    with pytest.raises(NotAllowed, match="To take this change off its departure"):
        actions.eject(a, reason="x", by=world.submitter(), now=departure.cut_off_at)
    with pytest.raises(CannotLeave, match="aboard no departure"):
        actions.eject(make.change(), reason="x", by=world.submitter(), now=departure.cut_off_at)


def test_ejecting_the_last_one_cancels_the_departure() -> None:
    departure, [a] = sealed_with("A")
    actions.eject(a, reason="broken", by=world.manager(), now=departure.cut_off_at)
    departure.refresh_from_db()
    assert (departure.state, departure.outcome) == ("cancelled", "Everything aboard was withdrawn.")


def test_ejecting_answers_who_had_asked_for_it() -> None:
    departure, [a, _] = sealed_with("A", "B")
    request = ask(a, departure)
    actions.eject(a, reason="indeed", by=world.manager(), now=departure.cut_off_at)
    request.refresh_from_db()
    assert (request.state, request.decision) == ("accepted", "indeed")


def test_i8_ejecting_what_holds_the_seal_lets_it_go_on() -> None:
    departure = make.departure()
    bad = world.aboard(departure, title="B")
    world.aboard(departure, title="C")
    need(bad, make.change("A"))
    stuck = actions.seal(departure, now=departure.cut_off_at)
    assert stuck.held_kind == "manifest"
    actions.eject(bad, reason="A is not ready", by=world.manager(), now=departure.cut_off_at)
    departure.refresh_from_db()
    assert departure.held_at is None
    assert actions.seal(departure, now=departure.cut_off_at).state == "deciding"


def test_i5_new_commits_after_the_seal_leave_the_pinned_version_aboard() -> None:
    shop = service("Storefront")
    shop.repository = "octo/shop"
    shop.save(update_fields=["repository"])
    departure = make.departure()
    change = world.aboard(
        departure, external_id="github:octo/shop#7", version="a" * 40, author_label="octocat"
    )
    departure = world.sealed(departure)
    actions.ingest_webhook(
        host="github",
        event="pull_request",
        delivery_id="1",
        payload=world.pull_request("synchronize", sha="b" * 40),
        now=departure.cut_off_at + timedelta(minutes=5),
    )
    change.refresh_from_db()
    assert (change.version, change.has_drifted) == ("a" * 40, True)
    assert departure.manifests.count() == 1
    assert (
        queries.latest_manifests([departure.pk])[departure.pk].content["services"][0]["version"] == "a" * 40
    )


def test_i11_the_room_that_an_ejection_makes_goes_to_who_stands_by() -> None:
    departure = make.departure()
    departure.plan = {**departure.plan, "capacity": 2}
    departure.save(update_fields=["plan"])
    a, _ = world.aboard(departure, title="A"), world.aboard(departure, title="B")
    waiting = make.change("C", state="stand_by", stand_by_for=departure, stood_by_at=make.NOW)
    actions.eject(a, reason="not this week", by=world.manager(), now=make.NOW)
    waiting.refresh_from_db()
    assert waiting.state == "aboard"
