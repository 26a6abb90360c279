"""A vote is bound to what was read, and the last one clears once (RULES D)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import Membership
from releasetrain.accounts.rules import Role
from releasetrain.api.urls import api
from releasetrain.catalog.models import ServiceRole
from releasetrain.events.actions import SYSTEM
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import VoteRefused
from releasetrain.trains.models import Departure, Vote
from releasetrain.trains.rules.states import Choice
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db


def two_asked() -> Departure:
    return make.departure(make.train(policy=make.policy(release_manager=1, on_call=1)))


def test_the_last_go_that_is_needed_clears() -> None:
    departure = world.sealed(two_asked())
    assert not world.vote(departure, world.manager()).cleared
    done = world.vote(departure, make.user("Olu", Role.ON_CALL))
    assert done.cleared
    assert (done.departure.state, done.departure.cleared_at) == ("cleared", departure.cut_off_at)
    assert world.kinds(departure) == ["departure.sealed", "vote.cast", "vote.cast", "departure.cleared"]


def test_a_vote_about_an_older_manifest_is_refused_with_the_present_one() -> None:
    departure = world.sealed()
    with pytest.raises(Stale, match=f"revision 1, digest {world.digest(departure)[:12]}"):
        world.vote(departure, world.manager(), digest="0" * 64)
    assert not Vote.objects.exists()


def test_d3_a_vote_counts_only_while_its_giver_holds_the_role() -> None:
    departure = world.cleared()
    Membership.objects.filter(user=world.manager()).delete()
    make.user("Kim", Role.RELEASE_MANAGER)
    standing = queries.standing_of(departure, departure.departs_at)
    assert standing.tally
    assert not standing.tally.is_go
    assert standing.missing == ["Kim"]


def test_d5_the_authors_go_stands_on_record_is_not_counted_and_said_so() -> None:
    author = make.user("Ann", Role.RELEASE_MANAGER)
    departure = make.departure()
    world.aboard(departure, author=author)
    departure = world.sealed(departure)
    voted = world.vote(departure, author)
    assert not voted.cleared
    assert voted.not_counted == "Ann wrote or submitted a change aboard, so this go is not counted."
    assert Vote.objects.get().user == author


def test_d6_somebody_with_two_of_the_roles_chooses_one_and_votes_once() -> None:
    departure = world.sealed(two_asked())
    both = make.user("Bo", Role.RELEASE_MANAGER, Role.ON_CALL)
    with pytest.raises(Invalid, match="choose the one in which you vote") as refused:
        world.vote(departure, both)
    assert refused.value.field == "role"
    assert not world.vote(departure, both, role=Role.ON_CALL).cleared
    with pytest.raises(VoteRefused, match="You have said go as on-call already"):
        world.vote(departure, both, role=Role.RELEASE_MANAGER)
    world.vote(departure, both, Choice.ABSTAIN, role=Role.ON_CALL)
    assert not world.vote(departure, both, role=Role.RELEASE_MANAGER).cleared
    assert Vote.objects.filter(replaced_at__isnull=True).count() == 1


def test_d6_nobody_votes_in_a_role_that_they_do_not_hold() -> None:
    departure = world.sealed(two_asked())
    with pytest.raises(NotAllowed, match="do not hold the role on-call"):
        world.vote(departure, world.manager(), role=Role.ON_CALL)


def test_d8_a_no_go_needs_a_reason_and_takes_the_clearance_back() -> None:
    departure = world.cleared()
    kim = make.user("Kim", Role.RELEASE_MANAGER)
    with pytest.raises(Invalid, match="needs a reason") as refused:
        world.vote(departure, kim, Choice.NO_GO, reason=" ")
    assert refused.value.field == "reason"
    voted = world.vote(departure, kim, Choice.NO_GO, reason="prices are wrong")
    assert voted.departure.state == "deciding"
    assert "Kim says no-go: prices are wrong" in queries.standing_of(departure, make.NOW).verdict.sentence()
    assert world.kinds(departure)[-1] == "departure.reopened"


def test_d8_the_voter_clears_a_no_go() -> None:
    departure = world.sealed()
    assert not world.vote(departure, world.manager(), Choice.NO_GO, reason="wait").cleared
    assert world.vote(departure, world.manager()).cleared


def test_d10_the_page_knows_what_the_last_go_does() -> None:
    departure = world.sealed()
    world.manager()
    standing = queries.standing_of(departure, departure.cut_off_at)
    after = queries.tally_with(standing, world.manager(), standing.seats[0])
    assert after
    assert after.is_go


def test_d13_a_changed_vote_keeps_both_on_record() -> None:
    departure = world.sealed()
    world.vote(departure, world.manager(), Choice.NO_GO, reason="wait")
    world.vote(departure, world.manager())
    assert [(one.choice, one.replaced_at is None) for one in departure.votes.order_by("pk")] == [
        ("no_go", False),
        ("go", True),
    ]


def test_d13_after_departure_no_vote_changes() -> None:
    departure = world.rolling()
    with pytest.raises(VoteRefused, match="has departed"):
        world.vote(departure, world.manager(), Choice.NO_GO, reason="too late")


def test_d9_the_same_vote_again_changes_nothing() -> None:
    departure = world.sealed()
    first = world.vote(departure, world.manager())
    again = world.vote(departure, world.manager())
    assert (again.vote, again.cleared) == (first.vote, False)
    assert world.kinds(departure).count("departure.cleared") == 1


def test_nobody_votes_before_the_seal() -> None:
    departure = make.departure()
    with pytest.raises(VoteRefused, match="once the manifest is sealed"):
        world.vote(departure, world.manager(), digest="")


def test_d15_a_part_of_the_software_cannot_vote() -> None:
    departure = world.sealed()
    with pytest.raises(NotAllowed, match="Only people vote"):
        actions.vote(departure, choice=Choice.GO, digest=world.digest(departure), by=SYSTEM, now=make.NOW)


def test_d15_the_verdict_says_so_to_everything_that_asks_for_a_token() -> None:
    departure = world.sealed()
    answer = queries.verdict(queries.Action.VOTE, departure, SYSTEM, make.NOW)
    assert [(reason.code, reason.text) for reason in answer.reasons] == [
        ("not_a_person", "Only people vote; tokens and system accounts cannot.")
    ]


def test_d15_no_address_of_the_api_takes_a_vote() -> None:
    assert [path for path in api.get_openapi_schema()["paths"] if "vote" in path or "ballot" in path] == []


def test_somebody_who_is_not_asked_is_told_who_is() -> None:
    departure = world.sealed()
    with pytest.raises(NotAllowed, match="asks for release manager"):
        world.vote(departure, world.submitter())


def test_an_administrator_is_no_release_manager() -> None:
    departure = world.sealed()
    with pytest.raises(NotAllowed):
        world.vote(departure, make.user("Root", Role.ADMINISTRATOR))


def test_d16_who_is_missing_is_everybody_who_could_and_did_not() -> None:
    departure = world.sealed(two_asked())
    world.manager()
    make.user("Olu", Role.ON_CALL, team=make.team())
    make.user("Far", Role.ON_CALL, team=make.team("Payments"))
    make.user("Gone", Role.ON_CALL, is_active=False)
    assert sorted(queries.standing_of(departure, make.NOW).missing) == ["Olu", "Rob"]


def test_a_release_manager_of_another_team_has_no_seat() -> None:
    departure = world.sealed()
    make.user("Far", Role.RELEASE_MANAGER, team=make.team("Payments"))
    assert queries.standing_of(departure, make.NOW).missing == []


def test_the_on_call_person_of_a_service_aboard_has_a_seat() -> None:
    departure = world.sealed(two_asked())
    pager = make.user("Pia")
    ServiceRole.objects.create(user=pager, service=make.service(), role=Role.ON_CALL)
    ServiceRole.objects.create(user=make.user("Quinn"), service=make.service("Search"), role=Role.ON_CALL)
    assert queries.standing_of(departure, make.NOW).missing == ["Pia"]
    assert not world.vote(departure, pager).cleared


def test_standings_ask_no_more_of_the_database_for_more_departures() -> None:
    def asked(count: int) -> int:
        rows = list(queries.departures_with_train().order_by("pk")[:count])
        assert len(rows) == count
        with CaptureQueriesContext(connection) as captured:
            queries.standings(rows, make.NOW)
        return len(captured)

    train = make.train(policy=make.policy(release_manager=1, on_call=1))
    for _ in range(4):
        departure = world.sealed(make.departure(train))
        world.vote(departure, world.manager())
    assert asked(1) == asked(4) <= 8
