"""The board shows what is under way, ahead and just over, at one price however long it is."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain import panels
from releasetrain.accounts.rules import Role
from releasetrain.panels import Audience, Filters
from releasetrain.panels.board import load_board, load_row
from releasetrain.rollouts.models import Hold
from releasetrain.trains.models import Manifest, Vote
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db


def titles_and_rows(**filters: int) -> list[tuple[str, list[int]]]:
    board = load_board(make.NOW, Audience.MEMBER, filters=Filters(**filters))
    return [(group.title, [row.pk for row in group.rows]) for group in board.groups]


def test_departures_stand_under_way_then_ahead_then_just_over() -> None:
    train = make.train()
    later = make.departure(train, departs_at=make.NOW + timedelta(hours=5))
    sooner = make.departure(train, departs_at=make.NOW + timedelta(hours=2))
    rolling = make.departure(train, state="rolling", departed_at=make.NOW)
    over = make.departure(train, state="arrived", finished_at=make.NOW - timedelta(hours=1))
    make.departure(train, state="arrived", finished_at=make.NOW - timedelta(days=3))
    assert titles_and_rows() == [
        ("Under way", [rolling.pk]),
        ("Ahead", [sooner.pk, later.pk]),
        ("Just over", [over.pk]),
    ]


def test_departures_brought_in_from_elsewhere_are_history_and_not_on_the_board() -> None:
    make.departure(state="arrived", finished_at=make.NOW, imported_from="elsewhere")
    assert titles_and_rows() == []


def test_filters_let_through_by_team_service_and_environment() -> None:
    mine, theirs = make.departure(), make.departure(make.train("Ledger Mail", team=make.team("Ledger")))
    assert titles_and_rows(team=make.team("Ledger").pk) == [("Ahead", [theirs.pk])]
    assert titles_and_rows(service=make.service().pk) == [("Ahead", [mine.pk, theirs.pk])]
    assert titles_and_rows(service=make.service().pk, team=make.team().pk) == [("Ahead", [mine.pk])]
    assert titles_and_rows(environment=make.environment("staging").pk) == []


def fill(rows: int) -> None:
    """Put departures of every state on the board, each with all that a row can name."""
    for _ in range(rows):
        number = next(make.number)
        train = make.train(f"Train {number}")
        voting = make.departure(train, state="deciding", sealed_at=make.NOW)
        make.change(departure=voting, state="aboard", boarded_at=make.NOW)
        Manifest.objects.create(departure=voting, revision=1, digest="d", content={}, sealed_at=make.NOW)
        person = make.user(f"Voter {number}", Role.RELEASE_MANAGER)
        vote = {"role": "release_manager", "choice": "go", "digest": "d", "at": make.NOW}
        Vote.objects.create(departure=voting, user=person, user_label=str(person), **vote)
        rolling = make.departure(train, state="rolling")
        target = make.target(f"Service {number}")
        rollout = make.rollout(rolling, target, state="baking", stage_index=2, desired_weight=10)
        Hold.objects.create(
            rollout=rollout, kind="operator", reason="Looking.", opened_at=make.NOW, opened_by=person
        )
        make.departure(train, state="arrived", finished_at=make.NOW)


def test_the_board_costs_the_same_fifteen_queries_at_most_with_three_rows_and_with_nine() -> None:
    counts = []
    for rows in (1, 2):  # two more each time
        fill(rows)
        with CaptureQueriesContext(connection) as asked:
            panels.render("board", 0, Audience.MEMBER, make.NOW)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15


def test_what_is_far_ahead_waits_off_the_board_but_for_the_next_one_of_each_train() -> None:
    daily, yearly = make.train("Daily"), make.train("Yearly")
    day = timedelta(days=1)
    near = [make.departure(daily, state="scheduled", departs_at=make.NOW + n * day) for n in (1, 13)]
    make.departure(daily, state="scheduled", departs_at=make.NOW + 15 * day)
    only = make.departure(yearly, state="scheduled", departs_at=make.NOW + 200 * day)
    make.departure(yearly, state="scheduled", departs_at=make.NOW + 565 * day)
    make.departure(daily, state="boarding", departs_at=make.NOW + 20 * day)
    assert titles_and_rows() == [("Ahead", [*(one.pk for one in near), only.pk])]


def test_what_is_sealed_stays_on_the_board_however_far_it_was_postponed() -> None:
    train, day = make.train(), timedelta(days=1)
    sooner = make.departure(train, departs_at=make.NOW + day)
    sealed = make.departure(train, state="deciding", departs_at=make.NOW + 30 * day)
    assert titles_and_rows() == [("Ahead", [sooner.pk, sealed.pk])]


def test_filters_leave_the_next_one_that_they_let_through_on_the_board() -> None:
    train, day = make.train(), timedelta(days=1)
    make.departure(train, departs_at=make.NOW + day)
    far = make.departure(train, departs_at=make.NOW + 30 * day)
    ledger = make.service("Ledger")
    make.change(departure=far, service=ledger, state="aboard", boarded_at=make.NOW)
    assert titles_and_rows(service=ledger.pk) == [("Ahead", [far.pk])]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (0, ""),
        (1, "1 later departure stands in the calendar"),
        (2, "2 later departures stand in the calendar"),
    ],
)
def test_the_board_counts_what_waits_off_it(more: int, line: str) -> None:
    train, day = make.train(), timedelta(days=1)
    for number in range(1, 2 + more):
        make.departure(train, departs_at=make.NOW + 20 * number * day)
    make.departure(train, state="arrived", finished_at=make.NOW)
    drawn = panels.render("board", 0, Audience.MEMBER, make.NOW)
    assert line in " ".join(re.sub("<[^>]*>", "", drawn).split())
    assert ("/calendar/?view=agenda" in drawn) == bool(more)


def test_the_count_of_what_waits_is_narrowed_down_as_the_board_is() -> None:
    train, other, day = make.train(), make.train("Mail", team=make.team("Ledger")), timedelta(days=1)
    for number in (1, 2, 3):
        make.departure(train, departs_at=make.NOW + 20 * number * day)
        make.departure(other, departs_at=make.NOW + 20 * number * day)
    pk = make.team("Ledger").pk
    board = load_board(make.NOW, Audience.MEMBER, filters=Filters(team=pk))
    assert (board.later, board.later_url) == (2, f"/calendar/?view=agenda&team={pk}")


def test_what_is_beyond_the_longest_board_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releasetrain.panels.board.MOST_COMING", 2)
    train = make.train()
    first, second, _ = (make.departure(train, departs_at=make.NOW + timedelta(hours=n)) for n in (1, 2, 3))
    assert titles_and_rows() == [("Ahead", [first.pk, second.pk])]
    assert load_board(make.NOW, Audience.MEMBER).later == 1


def test_w5_the_worst_reasons_stand_on_the_board_and_the_rest_is_counted() -> None:
    departure = make.departure(
        held_at=make.NOW, held_kind="person", held_reason="Legal asks.", held_by_label="Maya"
    )
    make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    for name, hours in (("Freeze", 9), ("Party", 4)):
        make.window(name=name, starts_at=make.NOW, ends_at=make.NOW + timedelta(hours=hours))
    row = load_row(departure.pk, Audience.MEMBER, make.NOW)
    assert row is not None
    assert [reason.code for reason in row.reasons] == ["held_person", "window_hard"]
    assert "Freeze" in row.reasons[1].text  # the one that lasts longer
    assert row.reasons[1].until == make.NOW + timedelta(hours=9)
    assert "administrator" in row.reasons[1].who
    assert row.more == 1
    drawn = panels.render("board/row", departure.pk, Audience.MEMBER, make.NOW)
    assert "and 1 more" in drawn


def test_w4_the_board_says_where_a_departure_would_be_held_on_its_way() -> None:
    departure = make.departure()
    make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    start = departure.departs_at + timedelta(minutes=25)
    make.window(name="Weekend", starts_at=start, ends_at=start + timedelta(hours=60))
    row = load_row(departure.pk, Audience.MEMBER, make.NOW)
    assert row is not None
    assert [reason.code for reason in row.reasons] == ["will_hold"]
    assert "would be held at 10 %" in row.reasons[0].text
    public = load_row(departure.pk, Audience.STAKEHOLDER, make.NOW)
    assert public is not None
    assert "Weekend" not in public.reasons[0].text


def test_d16_the_board_names_who_has_to_vote_and_since_when() -> None:
    departure = world.sealed()
    world.manager("Maya Chen")
    row = load_row(departure.pk, Audience.MEMBER, departure.sealed_at or make.NOW)
    assert row is not None
    votes = next(reason for reason in row.reasons if reason.code == "votes")
    assert "Maya Chen" in votes.text
    assert row.asked_at == departure.sealed_at


def test_a_held_rollout_makes_its_row_held_and_says_why() -> None:
    departure = make.departure(state="rolling")
    rollout = make.rollout(departure, state="baking", stage_index=3, desired_weight=25)
    Hold.objects.create(rollout=rollout, kind="operator", reason="Looking at errors.", opened_at=make.NOW)
    row = load_row(departure.pk, Audience.MEMBER, make.NOW)
    assert row is not None
    assert (row.state, row.weight, [one.text for one in row.reasons]) == ("held", 25, ["Looking at errors."])
    assert [stage.mark for stage in row.stages] == ["done", "done", "done", "held", "pending", "pending"]


def test_a_stakeholder_reads_that_it_is_held_but_not_what_people_typed() -> None:
    departure = make.departure(state="rolling")
    rollout = make.rollout(departure, state="baking", desired_weight=1)
    Hold.objects.create(rollout=rollout, kind="operator", reason="Ana thinks it leaks.", opened_at=make.NOW)
    row = load_row(departure.pk, Audience.STAKEHOLDER, make.NOW)
    assert row is not None
    assert [(one.text, one.who) for one in row.reasons] == [("It is paused.", "")]


def test_a_rolling_row_counts_down_to_its_next_stage() -> None:
    departure = make.departure(state="rolling")
    make.rollout(
        departure, state="baking", desired_weight=1, bake_credit_seconds=200, bake_needed_seconds=600,
        last_credit_at=make.NOW,
    )  # fmt: skip
    row = load_row(departure.pk, Audience.MEMBER, make.NOW)
    assert row is not None
    assert (row.note, row.until_at) == ("next stage in", make.NOW + timedelta(seconds=400))
    assert row.stages[0].bake_percent == 33


def test_of_several_services_the_one_that_comes_back_is_shown() -> None:
    departure = make.departure(state="rolling")
    make.rollout(departure, make.target("Storefront"), state="baking", stage_index=1, desired_weight=5)
    make.rollout(departure, make.target("Ledger"), state="rolling_back", stage_index=2, desired_weight=0)
    row = load_row(departure.pk, Audience.MEMBER, make.NOW)
    assert row is not None
    assert (row.state, [stage.mark for stage in row.stages][:4]) == (
        "rolling_back",
        ["rolled_back", "rolled_back", "rolled_back", "pending"],
    )


def test_there_is_no_row_of_a_departure_that_does_not_exist() -> None:
    assert load_row(4711, Audience.MEMBER, make.NOW) is None
    assert panels.render("board/row", 4711, Audience.MEMBER, make.NOW) == ""
