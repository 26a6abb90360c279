"""Policies are made, edited and weakened on pages that lose nothing (RULES D2, D4, D8, D11, D14)."""

import re
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.trains import actions
from releasetrain.trains.actions.sealing import seal_again
from releasetrain.trains.models import Delegation, Departure, Policy, Proposal, Vote
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Choice
from tests import make
from tests.trains import world
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
RM = Role.RELEASE_MANAGER
HTMX = {"HX-Request": "true"}


def typed(*asks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "name": "Two people",
        "owner": make.team().pk,
        "escalates_to": RM.value,
        "asks-TOTAL_FORMS": len(asks),
        "asks-INITIAL_FORMS": 0,
    }
    for number, ask in enumerate(asks):
        row = {"role": RM.value, "quorum": 1, "part": "whole", **ask}
        known |= {f"asks-{number}-{key}": value for key, value in row.items()}
    return {**known, **fields}


def two_managers() -> tuple[Policy, User, User]:
    rob, kim = world.manager(), world.manager("Kim")
    policy = actions.save_policy(
        name="Two people", owner=make.team(), asks=(Ask(RM, 2),), by=rob, now=make.NOW
    )
    return policy, rob, kim


def test_a_policy_is_made_and_shown_with_everything_that_it_says(sign_in: SignIn) -> None:
    browser = sign_in(person=world.manager())
    page = browser.get("/policies/new/").content.decode()
    assert "Another requirement" in page
    answer = browser.post(
        "/policies/new/",
        typed(
            {"slot": "Captain", "silence_after": 60, "self_certify_up_to": 3, "allows_not_applicable": "on"},
            {"slot": "Payments", "part": "own", "only_veto": "on", "team": make.team("Payments").pk},
            votes_last=48,
            due="workdays",
            due_count=1,
            due_time="12:00",
            guards_quorum="on",
        ),
    )
    assert answer.status_code == 422
    assert "nobody holds that role in Payments" in answer.content.decode()
    assert 'value="Captain"' in answer.content.decode()
    make.user("Pia", RM, team=make.team("Payments"))
    answer = browser.post(
        "/policies/new/",
        typed(
            {"slot": "Captain", "silence_after": 60},
            {"slot": "Payments", "part": "own", "only_veto": "on", "team": make.team("Payments").pk},
            votes_last=48,
            due="workdays",
            due_count=1,
            due_time="12:00",
        ),
    )
    policy = Policy.objects.get()
    assert answer.headers["Location"] == f"/policies/{policy.pk}/"
    assert (policy.votes_last, policy.decide_by) == (
        timedelta(hours=48),
        {"kind": "workdays", "days": 1, "time": "12:00"},
    )
    shown = browser.get(f"/policies/{policy.pk}/").content.decode()
    for words in (
        "1 × Captain",
        "a veto by Payments",
        "silence means yes 1 h",
        "A go lasts 2 d",
        "1 working day",
    ):
        assert words in shown
    assert "Two people" in browser.get("/policies/").content.decode()
    assert 'value="Captain"' in browser.get(f"/policies/{policy.pk}/edit/").content.decode()


def test_a_requirement_more_or_less_loses_nothing_and_judges_nothing(sign_in: SignIn) -> None:
    browser = sign_in(person=world.manager())
    answer = browser.post("/policies/new/", typed({"slot": "Captain"}, name="", add="asks"))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'value="Captain"' in page
    assert 'name="asks-1-role"' in page
    assert re.search(r'name="asks-1-quorum" value="1"', page)
    assert "This field is required" not in page
    less = browser.post("/policies/new/", typed({"slot": "A"}, {"slot": "B"}, leave_out="asks:0"))
    assert 'value="B"' in less.content.decode()
    assert 'value="A"' not in less.content.decode()


def test_d11_an_empty_policy_is_refused_beside_its_field(sign_in: SignIn) -> None:
    answer = sign_in(person=world.manager()).post("/policies/new/", typed())
    assert answer.status_code == 422
    assert "Nobody is asked. Say so on purpose" in answer.content.decode()
    assert not Policy.objects.exists()


def test_only_those_who_run_trains_make_policies_and_strangers_see_none(sign_in: SignIn) -> None:
    assert sign_in(Role.SUBMITTER).get("/policies/new/").status_code == 403
    assert sign_in(Role.VIEWER).get("/policies/").status_code == 200
    assert sign_in().get("/policies/").status_code == 403
    assert sign_in(Role.VIEWER).get("/policies/999999/").status_code == 404


def test_d2_asking_less_is_proposed_and_decided_on_the_page(sign_in: SignIn) -> None:
    policy, rob, kim = two_managers()
    browser = sign_in(person=world.manager("Lee"))
    url = f"/policies/{policy.pk}/"
    answer = browser.post(f"{url}edit/", typed({"quorum": 1}, revision=1))
    assert answer.status_code == 409
    assert "1 instead of 2 × release manager" in answer.content.decode()
    assert "Propose it to those whom it asks now" in answer.content.decode()
    assert browser.post(f"{url}edit/", typed({"quorum": 1}, propose="1", reason="slow")).status_code == 302
    proposal = Proposal.objects.get()
    shown = sign_in(person=rob).get(url).content.decode()
    assert "A weaker edition waits" in shown
    assert "Missing:" in shown
    vote = f"{url}proposals/{proposal.pk}/vote/"
    refused = sign_in(person=rob).post(vote, {"choice": "no_go", "reason": ""})
    assert refused.status_code == 422
    sign_in(person=rob).post(vote, {"choice": "go"})
    assert "Approve, and let it count from now on" in sign_in(person=kim).get(url).content.decode()
    sign_in(person=kim).post(vote, {"choice": "go"})
    policy.refresh_from_db()
    assert [one.quorum for one in policy.requirements.all()] == [1]
    assert "adopted by those whom the policy asked" in browser.get(url).content.decode()


def test_d2_a_proposal_is_taken_back_by_whoever_made_it(sign_in: SignIn) -> None:
    policy, rob, _ = two_managers()
    browser = sign_in(person=rob)
    browser.post(f"/policies/{policy.pk}/edit/", typed({"quorum": 1}, propose="1", reason="slow"))
    proposal = Proposal.objects.get()
    url = f"/policies/{policy.pk}/proposals/{proposal.pk}/withdraw/"
    assert sign_in(Role.VIEWER).post(url).status_code == 403
    assert browser.post(url).status_code == 302
    proposal.refresh_from_db()
    assert proposal.outcome == "Rob withdrew it"


def test_an_edit_of_an_older_page_is_refused_with_what_was_typed(sign_in: SignIn) -> None:
    policy, *_ = two_managers()
    Policy.objects.filter(pk=policy.pk).update(revision=2)
    browser = sign_in(person=world.manager())
    answer = browser.post(f"/policies/{policy.pk}/edit/", typed({"quorum": 2}, name="Mine", revision=1))
    assert answer.status_code == 409
    assert 'value="Mine"' in answer.content.decode()


def no_go() -> tuple[Departure, Vote]:
    departure = world.sealed()
    return departure, world.vote(departure, world.manager("Nia"), Choice.NO_GO, reason="it leaks").vote


def test_d8_two_people_overrule_an_objection_on_its_page(sign_in: SignIn) -> None:
    departure, vote = no_go()
    url = f"/departures/{departure.pk}/votes/{vote.pk}/overrule/"
    first, second = sign_in(person=world.manager("Kim")), sign_in(person=world.manager("Lee"))
    assert f'href="{url}"' in first.get(f"/departures/{departure.pk}/").content.decode()
    assert first.post(url, {"ask": "1", "reason": " "}).status_code == 422
    assert first.post(url, {"ask": "1", "reason": "measured twice"}).status_code == 302
    assert "You asked for this; somebody else must agree." in first.get(url).content.decode()
    assert "Agree: the objection no longer blocks" in second.get(url).content.decode()
    assert second.post(url, {"agree": "1"}).status_code == 302
    shown = second.get(f"/departures/{departure.pk}/").content.decode()
    assert "Nia was overruled by Kim and Lee: measured twice." in shown
    assert second.get(f"/departures/{departure.pk}/votes/999999/overrule/").status_code == 404


def test_d14_somebody_is_let_vote_in_ones_place_and_the_vote_shows_it(sign_in: SignIn) -> None:
    departure, tom = world.sealed(), make.user("Tom", Role.VIEWER)
    browser = sign_in(person=world.manager())
    box = {"starts_at": "2026-11-23T10:00", "ends_at": "2026-11-24T10:00", "reason": "on a plane"}
    refused = browser.post("/delegations/", {**box, "taker": tom.pk, "ends_at": "2026-11-22T10:00"})
    assert refused.status_code == 422
    assert "on a plane" in refused.content.decode()
    assert browser.post("/delegations/", {**box, "taker": tom.pk}).status_code == 302
    other = sign_in(person=tom)
    page = other.get(f"/departures/{departure.pk}/").content.decode()
    assert "You vote for" in page
    digest = world.digest(departure)
    other.post(
        f"/departures/{departure.pk}/vote/",
        {"choice": "go", "digest": digest, "seat": "release_manager"},
        headers=HTMX,
    )
    assert "In place of Rob" in other.get(f"/departures/{departure.pk}/").content.decode()
    given = Delegation.objects.get()
    assert sign_in(Role.VIEWER).post(f"/delegations/{given.pk}/end/").status_code == 403
    assert browser.post(f"/delegations/{given.pk}/end/").status_code == 302
    assert browser.post("/delegations/999999/end/").status_code == 404


def test_d1_the_ballot_says_what_changed_since_the_vote(sign_in: SignIn) -> None:
    departure = world.cleared()
    world.aboard(departure, title="One more")
    departure.refresh_from_db()
    seal_again(departure, departure.cut_off_at)
    page = sign_in(person=world.manager()).get(f"/departures/{departure.pk}/").content.decode()
    assert "Changed since your vote on revision 1" in page
    assert "New: “One more”" in page
    assert "said go to an older manifest" in page


def test_d1_a_vote_that_stands_says_that_it_is_carried_over(sign_in: SignIn) -> None:
    departure = world.cleared()
    departure.refresh_from_db()
    seal_again(departure, departure.cut_off_at)
    page = sign_in(person=world.manager()).get(f"/departures/{departure.pk}/").content.decode()
    assert "Carried over from revision 1" in page
    assert "Your go is carried over from revision 1" in page


def test_who_has_voted_is_not_asked_again(sign_in: SignIn) -> None:
    departure, browser = world.sealed(), sign_in(person=world.manager())
    at = f"/departures/{departure.pk}/"
    assert "Your vote is asked" in browser.get(at).content.decode()
    said = {"choice": "no_go", "digest": world.digest(departure), "reason": "it leaks"}
    assert browser.post(f"{at}vote/", {**said, "seat": "release_manager"}, headers=HTMX).status_code == 200
    page = browser.get(at).content.decode()
    assert "You said no-go." in page
    assert "Your vote is asked" not in page


@pytest.mark.parametrize("seat", ["release_manager", "nonsense"])
def test_a_refused_vote_keeps_what_was_typed(sign_in: SignIn, seat: str) -> None:
    departure = world.sealed()
    answer = sign_in(person=world.manager()).post(
        f"/departures/{departure.pk}/vote/",
        {
            "choice": "no_go",
            "digest": "0" * 64,
            "reason": "it leaks badly",
            "seat": seat,
            "about": ["x", "1"],
        },
        headers=HTMX,
    )
    assert answer.status_code == 409
    assert "it leaks badly" in answer.content.decode()


def test_the_number_of_queries_does_not_grow_with_policies(
    sign_in: SignIn, django_assert_max_num_queries: Any
) -> None:
    browser = sign_in(Role.VIEWER)
    for _ in range(6):
        make.train(policy=make.policy(release_manager=1, on_call=1))
    with django_assert_max_num_queries(8):
        assert browser.get("/policies/").status_code == 200
