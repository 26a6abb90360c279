"""Before somebody steers a departure they read what that would do, and who would be told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.trains import actions
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action
from releasetrain.trains.queries.consequences import Consequences, consequences
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TUESDAY = datetime(2026, 12, 1, 13, tzinfo=UTC)


def departure(**fields: Any) -> Departure:
    """Return the departure of Tue 1 Dec 2026 of a weekly train with a milestone."""
    fields = {"milestones": [{"name": "Dry run", "kind": "wall", "days": 1, "time": "10:00"}], **fields}
    train = make.train(boarding_lead=14 * DAY, **fields)
    actions.materialise(train, until=make.NOW + 30 * DAY, now=make.NOW)
    return train.departures.get(planned_at=TUESDAY)


def ask(action: Action, of: Departure, to: datetime | None = None, **fields: Any) -> Consequences:
    return consequences(action, of, fields.pop("now", make.NOW), to=to, **fields)


def test_postponing_says_what_moves_and_what_stays() -> None:
    found = ask(Action.POSTPONE, departure(), TUESDAY + 3 * HOUR)
    assert found.verdict.is_allowed
    assert found.sentences == [
        "It goes from Tue 1 Dec, 14:00 to Tue 1 Dec, 17:00 Berlin (UTC+1).",
        "It is sealed at its cut-off on Tue 1 Dec, 12:00 Berlin (UTC+1) as before.",
        "Nothing is aboard yet.",
    ]
    assert found.told == []


def test_postponing_says_where_deadlines_go_along() -> None:
    found = ask(Action.POSTPONE, departure(), TUESDAY + DAY, moves_deadlines=True)
    assert found.sentences[1:3] == [
        "The cut-off moves from Tue 1 Dec, 12:00 to Wed 2 Dec, 12:00 Berlin (UTC+1).",
        "The milestone Dry run moves from Mon 30 Nov, 10:00 to Tue 1 Dec, 10:00 Berlin (UTC+1).",
    ]


def test_a_time_at_which_it_cannot_go_is_the_verdict() -> None:
    found = ask(Action.POSTPONE, departure(), TUESDAY + 7 * DAY)
    assert not found.verdict.is_allowed
    assert found.verdict.reasons[0].code == "collides"
    assert found.sentences == []


def test_whose_changes_are_aboard_and_who_is_told() -> None:
    of = departure(captain=make.user("Cap", Role.VIEWER))
    world.aboard(of)
    world.aboard(of, author=make.user("Bob"), submitted_by=world.submitter())
    found = ask(Action.POSTPONE, of, TUESDAY + HOUR, by=world.submitter())
    assert "2 changes of Ada and Bob stay aboard." not in found.sentences, "Ada may not postpone"
    found = ask(Action.POSTPONE, of, TUESDAY + HOUR)
    assert "2 changes of Ada and Bob stay aboard." in found.sentences
    assert found.told == ["Cap", "Ada", "Bob"]
    assert ask(Action.POSTPONE, of, TUESDAY + HOUR, by=of.train.captain).told == ["Ada", "Bob"]


def test_i13_a_sealed_departure_stays_sealed_and_its_votes_stand() -> None:
    of = world.cleared()
    found = ask(Action.POSTPONE, of, of.departs_at + DAY, now=of.cut_off_at, moves_deadlines=True)
    assert found.sentences[1:4] == [
        "Its manifest stays sealed as it is; nothing more comes aboard.",
        "The go of Rob stands.",
        "1 change of Ada stays aboard.",
    ]


def test_d7_a_go_that_would_be_too_old_by_then_is_named() -> None:
    of = world.cleared()
    found = ask(Action.POSTPONE, of, of.departs_at + 15 * DAY, now=of.cut_off_at)
    assert "The go of Rob will be too old by then and is asked for again." in found.sentences
    assert "The go of Rob stands." not in found.sentences


def test_w6_the_windows_that_it_meets_then_are_named() -> None:
    of = departure()
    make.window("Sale", starts_at=TUESDAY + 2 * HOUR, ends_at=TUESDAY + 5 * HOUR)
    world.aboard(of)
    said = " ".join(ask(Action.POSTPONE, of, TUESDAY + 3 * HOUR).sentences)
    assert "It would wait then until Tue 1 Dec, 19:00 Berlin (UTC+1)" in said
    assert "Sale" in said


def test_w4_where_it_would_be_held_on_its_way_is_named() -> None:
    of = departure()
    world.aboard(of)
    make.window("Sale", starts_at=TUESDAY + 2 * HOUR, ends_at=TUESDAY + 5 * HOUR)
    said = " ".join(ask(Action.POSTPONE, of, TUESDAY + 1.75 * HOUR).sentences)
    assert "% of Storefront until Tue 1 Dec, 19:00 Berlin (UTC+1)" in said


def test_w4_that_nothing_holds_it_any_more_is_said() -> None:
    of = departure()
    world.aboard(of)
    make.window("Sale", starts_at=TUESDAY + HOUR / 4, ends_at=TUESDAY + 5 * HOUR)
    found = ask(Action.POSTPONE, of, TUESDAY + 6 * HOUR)
    assert "No window that is known holds it on its way any more." in found.sentences


def test_i12_cancelling_says_where_each_change_goes() -> None:
    of = departure()
    world.aboard(of)
    next_code = of.train.departures.get(planned_at=TUESDAY + 7 * DAY).code
    found = ask(Action.CANCEL, of)
    assert found.sentences == [
        "It does not depart on Tue 1 Dec, 14:00 Berlin (UTC+1).",
        f"1 change of Ada goes to {next_code} on Tue 8 Dec, 14:00 Berlin (UTC+1), unless placed otherwise.",
    ]


def test_i11_i12_what_finds_no_room_on_the_next_departure_is_foretold() -> None:
    of = departure()
    world.aboard(of)
    world.aboard(of)
    following = of.train.departures.get(planned_at=TUESDAY + 7 * DAY)
    following.plan = {**following.plan, "capacity": 1}
    following.save()
    goes, waits = ask(Action.CANCEL, of).sentences[1:]
    assert goes.startswith(f"1 change of Ada goes to {following.code} on Tue 8 Dec")
    assert waits == f"1 change of Ada stands by for {following.code}, which has no more room."


def test_i12_without_a_next_departure_changes_are_returned() -> None:
    of = world.cleared()
    found = ask(Action.CANCEL, of, now=of.cut_off_at)
    assert found.sentences[1:] == [
        "1 change of Ada is returned: there is no next departure.",
        "Votes do not travel: people decide again about wherever its changes go.",
    ]


def test_a_skipped_date_can_be_restored_until_its_cut_off() -> None:
    found = ask(Action.SKIP, departure())
    assert found.sentences[-2:] == [
        "Nothing is aboard, so nothing has to be placed.",
        "It can be restored until its cut-off on Tue 1 Dec, 12:00 Berlin (UTC+1).",
    ]


def test_restoring_says_until_when_it_boards() -> None:
    of = departure()
    actions.skip(of, reason="Holidays", by=world.manager(), now=make.NOW)
    of.refresh_from_db()
    assert ask(Action.RESTORE, of).sentences[1] == (
        "Changes may board it until its cut-off on Tue 1 Dec, 12:00 Berlin (UTC+1)."
    )


@pytest.mark.parametrize(
    ("until", "says"),
    [
        (
            None,
            "It does not depart on Tue 1 Dec, 14:00 Berlin (UTC+1) unless somebody releases it before.",
        ),
        (TUESDAY - HOUR, "The hold ends on Tue 1 Dec, 13:00 Berlin (UTC+1), before its departure on"),
        (TUESDAY + HOUR, "It departs on Tue 1 Dec, 15:00 Berlin (UTC+1) at the earliest, 1 h later,"),
    ],
)
def test_holding_says_when_it_goes_on(until: datetime | None, says: str) -> None:
    found = ask(Action.HOLD, departure(), until)
    assert found.sentences[0].startswith(says)
    assert "Boarding and the seal on Tue 1 Dec, 12:00 Berlin (UTC+1) go on meanwhile." in found.sentences


def test_a_hold_until_a_time_that_has_passed_is_refused() -> None:
    found = ask(Action.HOLD, departure(), make.NOW)
    assert "That time has passed" in found.verdict.sentence()


def test_w2_a_hold_of_more_than_a_day_needs_a_person_to_go_on() -> None:
    said = ask(Action.HOLD, departure(), make.NOW + 2 * DAY).sentences
    assert "After more than 1 d a person must say that it goes on." in said


def test_what_is_asked_of_the_database_does_not_grow_with_the_changes_aboard() -> None:
    def asked(count: int) -> int:
        of = departure()
        for _ in range(count):
            world.aboard(of)
        with CaptureQueriesContext(connection) as captured:
            ask(Action.POSTPONE, of, TUESDAY + HOUR)
        return len(captured)

    assert asked(1) == asked(3)
