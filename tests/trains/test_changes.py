"""Nothing typed is lost, and a change is in one place at a time."""

from datetime import timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, queries
from releasetrain.trains.actions import Submitted
from releasetrain.trains.actions.refusals import BoardingClosed, CannotLeave
from releasetrain.trains.models import Change, Departure
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


def submit(departure: Departure | None = None, **fields: object) -> Submitted:
    typed: dict[str, object] = {"title": "Prices", "version": "v9", "now": make.NOW, "by": world.submitter()}
    typed.update(fields)
    typed.setdefault("service", make.service())
    return actions.submit_change(departure=departure, **typed)  # type: ignore[arg-type]


def test_a_submitted_change_comes_aboard_in_its_bundle() -> None:
    departure = make.departure()
    change = submit(departure, bundle="Checkout", url="https://example.org/1", flag_key="new-checkout").change
    change.refresh_from_db()
    assert (change.state, change.departure, str(change.bundle)) == ("aboard", departure, "Checkout")
    assert (change.author, change.submitted_by, change.author_label) == (world.submitter(),) * 2 + ("Ada",)


def test_i1_a_change_that_comes_late_is_saved_and_says_why_it_waits() -> None:
    departure = make.departure()
    late = submit(departure, now=departure.cut_off_at, description="Everything that I typed")
    assert late.why_not_aboard
    assert late.why_not_aboard.code == "cut_off"
    late.change.refresh_from_db()
    assert (late.change.state, late.change.departure) == ("submitted", None)
    assert late.change.description == "Everything that I typed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "  "),
        ("title", "x" * 301),
        ("title", "\0"),
        ("version", ""),
        ("version", "v" * 101),
        ("url", "javascript:alert(1)"),
        ("url", "not an address"),
        ("url", "http://[::1"),
        ("flag_key", "two words"),
        ("description", "x" * 20_001),
        ("bundle", "x" * 101),
    ],
)
def test_a_field_that_cannot_be_used_is_named(field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        submit(make.departure(), **{field: value})
    assert refused.value.field == field
    assert Change.objects.count() == 0


def test_signs_that_no_database_keeps_are_left_out() -> None:
    assert submit(title="a\0b \ud800", description="\udfff").change.title == "ab"


def test_somebody_who_is_no_submitter_of_the_service_is_refused() -> None:
    elsewhere = make.user("Eve", Role.SUBMITTER, team=make.team("Payments"))
    with pytest.raises(NotAllowed, match="the role submitter"):
        submit(by=elsewhere)


def test_i15_an_archived_service_takes_no_changes() -> None:
    service = make.service()
    service.archived_at = make.NOW
    service.save(update_fields=["archived_at"])
    with pytest.raises(Invalid, match="archived"):
        submit(service=service)


def test_a_pull_request_known_from_its_code_host_is_completed_and_not_doubled() -> None:
    known = make.change(title="From the host", external_id="github:octo/shop#7", author_label="octocat")
    change = submit(make.departure(), url="https://github.com/Octo/shop/pull/7/files", title="Mine").change
    assert (change.pk, change.title, change.author_label) == (known.pk, "Mine", "octocat")
    assert change.submitted_by == world.submitter()


def test_i7_a_pull_request_that_is_aboard_is_refused_with_its_place() -> None:
    departure = make.departure()
    submit(departure, url="https://github.com/octo/shop/pull/7")
    with pytest.raises(BoardingClosed, match=f"is aboard Checkout Express {departure.code}"):
        submit(make.departure(), url="https://github.com/octo/shop/pull/7")


def test_i7_a_change_aboard_one_departure_does_not_board_another() -> None:
    change = submit(make.departure()).change
    with pytest.raises(BoardingClosed, match="withdraw it there first"):
        actions.board(change, make.departure(), by=world.submitter(), now=make.NOW)


def test_i7_moving_a_change_is_one_step() -> None:
    first = make.departure()
    second = make.departure(first.train)
    change = actions.move(submit(first).change, second, by=world.submitter(), now=make.NOW)
    assert (change.departure, change.state) == (second, "aboard")
    assert world.kinds(first)[-1] == "change.left"
    assert world.kinds(second)[-1] == "change.boarded"


def test_i7_a_move_that_cannot_end_does_not_begin() -> None:
    first, second = make.departure(), make.departure(state="cancelled")
    change = submit(first).change
    with pytest.raises(BoardingClosed, match="was cancelled"):
        actions.move(change, second, by=world.submitter(), now=make.NOW)
    change.refresh_from_db()
    assert (change.departure, change.state) == (first, "aboard")
    assert "change.left" not in world.kinds(first)


def test_i2_a_withdrawal_before_the_cut_off_is_free_and_audited() -> None:
    departure = make.departure()
    change = submit(departure, bundle="Alone").change
    actions.withdraw(change, by=world.submitter(), now=departure.cut_off_at - INSTANT, reason="found a bug")
    change.refresh_from_db()
    assert (change.state, change.departure, change.bundle) == ("withdrawn", None, None)
    assert not departure.bundles.exists()
    assert world.kinds(departure)[-1] == "change.left"


def test_i3_after_the_cut_off_a_change_stays_aboard() -> None:
    departure = world.sealed()
    change = departure.changes.get()
    with pytest.raises(CannotLeave, match="Ask with a reason to take it off"):
        actions.withdraw(change, by=world.submitter(), now=departure.cut_off_at)
    change.refresh_from_db()
    assert change.state == "aboard"


def test_i4_a_change_does_not_leave_while_it_rolls() -> None:
    departure = world.rolling()
    with pytest.raises(CannotLeave, match="Switch the change's flag off"):
        actions.withdraw(departure.changes.get(), by=world.submitter(), now=departure.departs_at)


def test_a_stranger_cannot_withdraw_somebody_elses_change() -> None:
    change = submit(make.departure()).change
    with pytest.raises(NotAllowed, match="must have written or submitted it"):
        actions.withdraw(change, by=make.user("Eve", Role.VIEWER), now=make.NOW)


def test_what_is_withdrawn_cannot_be_withdrawn_again() -> None:
    change = make.change(state="withdrawn")
    with pytest.raises(CannotLeave, match="nothing to withdraw"):
        actions.withdraw(change, by=world.submitter(), now=make.NOW)


def test_a_change_that_waits_is_withdrawn_where_it_stands() -> None:
    change = make.change()
    actions.withdraw(change, by=world.submitter(), now=make.NOW)
    change.refresh_from_db()
    assert change.state == "withdrawn"
    assert world.kinds() == ["change.withdrawn"]


def test_t10_received_in_time_a_change_comes_aboard_with_a_new_revision_although_a_tick_has_sealed() -> None:
    departure = world.cleared()
    before = world.digest(departure)
    actions.board(
        make.change(author=world.submitter()),
        departure,
        by=world.submitter(),
        now=departure.cut_off_at - INSTANT,
    )
    departure.refresh_from_db()
    assert departure.manifests.count() == 2
    assert world.digest(departure) != before
    assert departure.state == "deciding", "the go was about another manifest"


def test_t10_received_at_the_cut_off_a_change_is_late_although_no_tick_has_sealed() -> None:
    departure = make.departure()
    with pytest.raises(BoardingClosed, match="The cut-off was on"):
        actions.board(make.change(), departure, by=world.submitter(), now=departure.cut_off_at)


def by_category() -> Departure:
    """Make a departure whose libraries board half an hour less than everything else."""
    departure = make.departure()
    departure.cut_offs = {
        "": departure.cut_off_at.isoformat(),
        "library": (departure.cut_off_at - timedelta(minutes=30)).isoformat(),
    }
    departure.save(update_fields=["cut_offs"])
    return departure


def test_t10_each_category_is_judged_by_its_own_cut_off() -> None:
    departure = by_category()
    library = departure.cut_off_for("library")
    assert submit(departure, category="library", now=library - INSTANT).is_aboard
    late = submit(departure, category="library", now=library)
    assert late.why_not_aboard
    assert late.why_not_aboard.text.startswith("The cut-off of library was on Mon 23 Nov 2026 13:30")
    assert submit(departure, now=departure.cut_off_at - INSTANT).is_aboard, "everything else boards longer"
    assert submit(departure, category="docs", now=departure.cut_off_at - INSTANT).is_aboard
    assert not submit(departure, category="docs", now=departure.cut_off_at).is_aboard


def test_t10_a_change_has_the_category_of_its_service_where_nobody_says_another() -> None:
    departure = by_category()
    service = make.service()
    service.category = "library"
    service.save(update_fields=["category"])
    found = submit(departure, now=departure.cut_off_at - INSTANT)
    assert (found.is_aboard, found.change.category) == (False, "library")
    older = make.change(service=service, author=world.submitter())
    with pytest.raises(BoardingClosed, match="The cut-off of library"):
        actions.board(older, departure, by=world.submitter(), now=departure.cut_off_at - INSTANT)
    assert submit(departure, category="service", now=departure.cut_off_at - INSTANT).is_aboard


def test_a_category_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(Invalid, match="A category is made of letters") as refused:
        submit(make.departure(), category="two words")
    assert refused.value.field == "category"


def test_i2_a_change_may_leave_until_the_seal_though_its_own_cut_off_has_passed() -> None:
    departure = by_category()
    change = submit(departure, category="library").change
    actions.withdraw(change, by=world.submitter(), now=departure.cut_off_at - INSTANT)
    change.refresh_from_db()
    assert change.state == "withdrawn"


def test_t10_the_last_change_withdrawn_in_time_cancels_what_a_tick_has_sealed() -> None:
    departure = world.sealed()
    actions.withdraw(departure.changes.get(), by=world.submitter(), now=departure.cut_off_at - INSTANT)
    departure.refresh_from_db()
    assert departure.state == "cancelled"


def test_d5_whoever_puts_a_strangers_change_aboard_answers_for_it() -> None:
    change = make.change(author=None)
    departure = make.departure()
    actions.board(change, departure, by=world.manager(), now=make.NOW)
    change.refresh_from_db()
    assert change.submitted_by == world.manager()
    departure = world.sealed(departure)
    assert "not counted" in world.vote(departure, world.manager()).not_counted


def test_the_departures_that_a_service_may_board_are_listed_soonest_first() -> None:
    later = make.departure(departs_at=make.NOW + timedelta(hours=9))
    sooner = make.departure()
    make.departure(cut_off_at=make.NOW)
    make.departure(boards_at=make.NOW + INSTANT)
    assert list(queries.open_for_boarding(make.NOW, [make.service()])) == [sooner, later]
    assert list(queries.open_for_boarding(make.NOW, [make.service("Search")])) == []
