"""A full departure takes nobody more; who comes then stands by and is promoted in stated order (I11)."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.notifications.queries import texts_of
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import BoardingClosed, SteeringRefused
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.queries.room import standing_by
from releasetrain.trains.rules.risk import weigh
from releasetrain.trains.tasks import tick
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def limited(of: Departure | None = None, **room: Any) -> Departure:
    departure = of or make.departure()
    departure.plan |= room
    departure.save(update_fields=["plan"])
    return departure


def submit(departure: Departure, title: str, minute: int = 0, **fields: Any) -> Change:
    return actions.submit_change(
        title=title,
        service=make.service(),
        version="v1",
        departure=departure,
        by=world.submitter(),
        now=make.NOW + minute * MINUTE,
        **fields,
    ).change


def states(departure: Departure) -> dict[str, str]:
    on_it = Change.objects.filter(departure=departure) | Change.objects.filter(stand_by_for=departure)
    return dict(on_it.values_list("title", "state"))


def line(departure: Departure) -> list[str]:
    return [one.title for one in standing_by(departure)]


def test_i11_the_one_too_many_stands_by_and_says_its_place() -> None:
    departure = limited(capacity=1)
    submit(departure, "First")
    second = actions.submit_change(
        title="Second",
        service=make.service(),
        version="v1",
        departure=departure,
        by=world.submitter(),
        now=make.NOW,
    )
    assert second.stands_by
    assert second.why_not_aboard
    assert second.why_not_aboard.text.endswith("It stands by, first in line.")
    assert states(departure) == {"First": "aboard", "Second": "stand_by"}
    assert world.kinds(departure)[-1] == "change.stood_by"


def test_i11_the_verdict_holds_and_names_who_can_make_room() -> None:
    departure = limited(capacity=1)
    submit(departure, "First")
    answer = verdict(Action.BOARD, make.change(), world.submitter(), make.NOW, departure=departure)
    assert (answer.decision, answer.reasons[0].code) == ("hold", "stand_by")
    assert answer.reasons[0].who == "a release manager of Storefront"


def test_i11_a_risk_budget_counts_the_points_of_what_is_aboard() -> None:
    heavy = {"blast": "house", "users": "all"}
    points = weigh(heavy, has_flag=False).points
    departure = limited(risk_budget=points + 3)
    submit(departure, "Heavy", answers=heavy)
    submit(departure, "Also heavy", answers=heavy)
    light = {"blast": "part", "users": "few", "undo": "version", "schema": "none", "evidence": "automatic"}
    submit(departure, "Light", answers={**light, "others": "none"})
    assert states(departure) == {"Heavy": "aboard", "Also heavy": "stand_by", "Light": "aboard"}


def test_i11_who_stands_by_is_promoted_by_priority_and_then_by_time() -> None:
    departure = limited(capacity=1)
    first = submit(departure, "First")
    submit(departure, "Early", 1)
    submit(departure, "Late but urgent", 2, priority=1)
    assert line(departure) == ["Late but urgent", "Early"]
    actions.withdraw(first, by=world.submitter(), now=make.NOW + 3 * MINUTE)
    assert states(departure) == {"Late but urgent": "aboard", "Early": "stand_by"}
    promoted = Event.objects.get(kind="trains.change.promoted")
    assert list(texts_of(promoted).values()) == [
        f"{departure} has room: “Late but urgent” came off stand-by and is aboard."
    ]


def test_i11_moving_to_another_departure_makes_room_too() -> None:
    departure = limited(capacity=1)
    first = submit(departure, "First")
    submit(departure, "Second", 1)
    actions.move(first, make.departure(departure.train), by=world.submitter(), now=make.NOW)
    assert states(departure) == {"Second": "aboard"}


def test_i11_room_that_is_made_in_any_other_way_is_filled_by_the_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    departure = limited(capacity=1)
    submit(departure, "First")
    submit(departure, "Second", 1)
    limited(departure, capacity=2)
    monkeypatch.setattr("releasetrain.lib.clock.now", lambda: make.NOW + 5 * MINUTE)
    tick()
    assert states(departure) == {"First": "aboard", "Second": "aboard"}


def test_i11_nobody_is_promoted_once_the_cut_off_has_passed() -> None:
    departure = limited(capacity=1)
    first = submit(departure, "First")
    submit(departure, "Second", 1)
    limited(departure, capacity=2)
    assert actions.fill_up(departure, now=departure.cut_off_at) == []
    assert states(departure) == {first.title: "aboard", "Second": "stand_by"}


def test_i11_a_release_manager_reorders_with_a_reason_that_everybody_reads() -> None:
    departure = limited(capacity=1)
    submit(departure, "First")
    a, b = submit(departure, "A", 1), submit(departure, "B", 2)
    by = world.manager()
    before = actions.reorder_stand_by(departure, order=[b.pk, a.pk], reason="The law", by=by, now=make.NOW)
    assert (before, line(departure)) == ([a.pk, b.pk], ["B", "A"])
    event = Event.objects.get(kind="trains.stand_by.reordered")
    assert texts_of(event) == {world.submitter().pk: f"Rob reordered who stands by for {departure}: The law."}
    submit(departure, "C", 3, priority=1)
    assert line(departure) == ["B", "A", "C"]


def test_i11_an_order_needs_a_reason_a_right_and_the_present_line() -> None:
    departure = limited(capacity=1)
    submit(departure, "First")
    a, b = submit(departure, "A", 1), submit(departure, "B", 2)
    order, now = [b.pk, a.pk], make.NOW
    with pytest.raises(Invalid, match="everybody who stands by will read it"):
        actions.reorder_stand_by(departure, order=order, reason=" ", by=world.manager(), now=now)
    with pytest.raises(NotAllowed, match="reorder the stand-by line"):
        actions.reorder_stand_by(departure, order=order, reason="Mine", by=world.submitter(), now=now)
    with pytest.raises(Stale, match="Somebody came or left"):
        actions.reorder_stand_by(departure, order=[b.pk], reason="Law", by=world.manager(), now=now)
    with pytest.raises(SteeringRefused, match="keeps what it was sealed with"):
        actions.reorder_stand_by(
            departure, order=order, reason="Law", by=world.manager(), now=departure.cut_off_at
        )


def test_i2_who_stands_by_may_withdraw_freely() -> None:
    departure = limited(capacity=1)
    submit(departure, "First")
    second = submit(departure, "Second", 1, bundle="Alone")
    actions.withdraw(second, by=world.submitter(), now=make.NOW, reason="no need")
    second.refresh_from_db()
    assert (second.state, second.stand_by_for, second.bundle) == ("withdrawn", None, None)
    assert not departure.bundles.exists()


def test_i7_who_stands_by_for_one_departure_does_not_board_another_but_moves_in_one_step() -> None:
    departure, other = limited(capacity=1), make.departure()
    submit(departure, "First")
    second = submit(departure, "Second", 1)
    with pytest.raises(BoardingClosed, match=f"stands by for Checkout Express {departure.code}"):
        actions.board(second, other, by=world.submitter(), now=make.NOW)
    actions.move(second, other, by=world.submitter(), now=make.NOW)
    assert (states(departure), states(other)) == ({"First": "aboard"}, {"Second": "aboard"})


def test_i7_a_change_that_is_aboard_does_not_give_its_place_up_for_a_full_departure() -> None:
    departure, full = make.departure(), limited(make.departure(), capacity=1)
    submit(full, "First")
    mine = submit(departure, "Mine")
    with pytest.raises(BoardingClosed, match="It is full"):
        actions.move(mine, full, by=world.submitter(), now=make.NOW)
    mine.refresh_from_db()
    assert (mine.state, mine.departure) == ("aboard", departure)


def test_i11_who_is_left_standing_at_the_cut_off_gets_a_place_on_the_next_departure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make.target()
    departure = limited(capacity=1)
    following = make.departure(
        departure.train,
        planned_at=departure.planned_at + timedelta(days=1),
        cut_off_at=departure.cut_off_at + timedelta(days=1),
        departs_at=departure.departs_at + timedelta(days=1),
    )
    submit(departure, "First")
    submit(departure, "Second", 1)
    monkeypatch.setattr("releasetrain.lib.clock.now", lambda: departure.cut_off_at)
    tick()
    departure.refresh_from_db()
    assert departure.state == "deciding"
    assert (states(departure), states(following)) == ({"First": "aboard"}, {"Second": "aboard"})
    assert world.kinds(departure)[-1] == "change.stood_down"


def test_i11_without_a_next_departure_it_waits_with_its_author() -> None:
    departure = limited(capacity=1)
    submit(departure, "First")
    second = submit(departure, "Second", 1)
    actions.seat_left_standing(second, now=departure.cut_off_at)
    second.refresh_from_db()
    assert (second.state, second.stand_by_for) == ("submitted", None)
    with pytest.raises(Stale):
        actions.seat_left_standing(second, now=departure.cut_off_at)


def test_i10_nothing_is_aboard_at_the_cut_off_but_somebody_too_heavy_stands_by() -> None:
    departure = limited(risk_budget=1)
    heavy = submit(departure, "Heavy")
    assert heavy.state == "stand_by"
    skipped = actions.seal(departure, now=departure.cut_off_at)
    assert (skipped.state, skipped.failures) == ("skipped", 0)
    actions.seat_left_standing(heavy, now=departure.cut_off_at)
    heavy.refresh_from_db()
    assert heavy.state == "submitted"


def test_case_o5_a_departure_does_not_carry_what_its_train_refuses() -> None:
    departure = limited(refuses=["schema"])
    late = actions.submit_change(
        title="Add a column",
        service=make.service(),
        version="v1",
        departure=departure,
        answers={"schema": "expand"},
        by=world.submitter(),
        now=make.NOW,
    )
    assert late.why_not_aboard
    assert late.why_not_aboard.code == "vehicle"
    assert late.change.state == "submitted"
    assert (
        actions.board(
            late.change, limited(make.departure(), takes_only=["schema"]), by=world.submitter(), now=make.NOW
        ).state
        == "aboard"
    )


def test_case_o4_the_seventh_patch_of_six_stands_by() -> None:
    departure = limited(capacity=6)
    found = [submit(departure, f"c{number}", number).state for number in range(1, 8)]
    assert found == ["aboard"] * 6 + ["stand_by"]
