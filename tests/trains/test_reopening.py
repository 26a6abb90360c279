"""A sealed departure stays sealed; opening it again is somebody's word, and makes a revision (RULES I13)."""

from datetime import timedelta

import pytest

from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import BoardingClosed, SteeringRefused
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_i13_postponing_after_the_seal_opens_nothing() -> None:
    departure = world.sealed()
    later = departure.departs_at + timedelta(days=1)
    actions.postpone(departure, to=later, reason="a holiday", by=world.manager(), now=departure.cut_off_at)
    departure.refresh_from_db()
    assert (departure.state, departure.manifests.count()) == ("deciding", 1)
    with pytest.raises(BoardingClosed):
        actions.board(
            make.change(author=world.submitter()), departure, by=world.submitter(), now=departure.cut_off_at
        )


def test_i13_opening_it_again_is_explicit_and_makes_a_revision() -> None:
    departure = world.cleared()
    first, until = departure.cut_off_at, departure.cut_off_at + 30 * MINUTE
    again = actions.reopen_boarding(
        departure, cut_off_at=until, reason="one more fix", by=world.manager(), now=first + MINUTE
    )
    assert (again.state, again.sealed_at, again.cleared_at) == ("boarding", None, None)
    assert again.cut_off_for("") == again.cut_off_at == until
    assert queries.standing_of(again, first + MINUTE).tally is None
    actions.board(
        make.change("Fix", author=world.submitter()), again, by=world.submitter(), now=first + MINUTE
    )
    sealed = actions.seal(again, now=until)
    assert sealed.state == "deciding"
    assert [one.revision for one in departure.manifests.order_by("revision")] == [1, 2]
    standing = queries.standing_of(sealed, until)
    assert standing.tally
    assert not standing.tally.is_go
    assert "departure.boarding_reopened" in world.kinds(departure)


def test_i13_the_same_content_sealed_again_is_another_revision() -> None:
    departure = world.sealed()
    until = departure.cut_off_at + MINUTE
    actions.reopen_boarding(
        departure, cut_off_at=until, reason="a look", by=world.manager(), now=departure.cut_off_at
    )
    departure.refresh_from_db()
    actions.seal(departure, now=until)
    first, second = departure.manifests.order_by("revision")
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("minutes", "why"), [(0, "has passed already"), (-5, "has passed already"), (61, "after the departure")]
)
def test_i13_the_new_cut_off_lies_between_now_and_the_departure(minutes: int, why: str) -> None:
    departure = world.sealed()
    with pytest.raises(Invalid, match=why) as refused:
        actions.reopen_boarding(
            departure,
            cut_off_at=departure.cut_off_at + minutes * MINUTE,
            reason="x",
            by=world.manager(),
            now=departure.cut_off_at,
        )
    assert refused.value.field == "cut_off_at"


def test_i13_what_boards_or_has_left_cannot_be_opened_again_and_not_by_everybody() -> None:
    boarding = make.departure()
    with pytest.raises(SteeringRefused, match="is not sealed"):
        actions.reopen_boarding(
            boarding, cut_off_at=boarding.cut_off_at, reason="x", by=world.manager(), now=make.NOW
        )
    departure = world.rolling()
    with pytest.raises(SteeringRefused, match="has departed"):
        actions.reopen_boarding(
            departure,
            cut_off_at=departure.departs_at,
            reason="x",
            by=world.manager(),
            now=departure.departs_at,
        )
    sealed = world.sealed(make.departure(boarding.train))
    with pytest.raises(NotAllowed):
        actions.reopen_boarding(
            sealed,
            cut_off_at=sealed.departs_at,
            reason="x",
            by=world.submitter(),
            now=sealed.cut_off_at,
        )
    with pytest.raises(Invalid, match="Say why"):
        actions.reopen_boarding(
            sealed, cut_off_at=sealed.departs_at, reason=" ", by=world.manager(), now=sealed.cut_off_at
        )
