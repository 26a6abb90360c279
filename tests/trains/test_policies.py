"""A policy can be met, and asks less only with the votes of those whom it asks now (RULES D2, D4, D11)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.actions import StillNeeded, revoke
from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.trains import actions, queries
from releasetrain.trains.actions.refusals import PolicyRefused, VoteRefused
from releasetrain.trains.models import Departure, Policy, PolicyVote, Proposal
from releasetrain.trains.queries.policies import PolicySettings
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Choice, Part
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
RM, ON_CALL = Role.RELEASE_MANAGER, Role.ON_CALL
HOUR = timedelta(hours=1)


def save(*asks: Ask, policy: Policy | None = None, by: User | None = None, **fields: Any) -> Policy:
    fields.setdefault("name", policy.name if policy else "Usual")
    return actions.save_policy(
        owner=make.team(), asks=asks, by=by or world.manager(), now=make.NOW, policy=policy, **fields
    )


def two_managers() -> tuple[Policy, User, User]:
    rob, kim = world.manager(), world.manager("Kim")
    return save(Ask(RM, 2)), rob, kim


def less(policy: Policy, *asks: Ask, by: User | None = None, **fields: Any) -> Proposal:
    settings = replace(PolicySettings.of(policy), asks=asks or (Ask(RM, 1),), **fields)
    return actions.propose_policy(policy, settings, reason="slow", by=by or world.manager(), now=make.NOW)


def say(proposal: Proposal, by: User, choice: Choice = Choice.GO, reason: str = "") -> bool:
    voted = actions.vote_on_policy(proposal, choice=choice, by=by, now=make.NOW, reason=reason)
    return voted.is_adopted


def test_everything_that_a_policy_says_is_kept_and_goes_into_the_plan() -> None:
    world.manager()
    asks = (
        Ask(RM, 1, slot="Captain", allows_not_applicable=True, self_certify_up_to=4, silence_after=HOUR),
        Ask(RM, 1, slot="Watcher", part=Part.OWN, only_veto=True),
    )
    policy = save(
        *asks,
        votes_last=HOUR * 48,
        decide_by={"kind": "lead", "seconds": 1800},
        escalates_to=Role.ADMINISTRATOR,
        guards_quorum=True,
    )
    plan = queries.plan_of(make.train(policy=policy))
    assert (plan.asks, plan.votes_last, plan.escalates_to) == (asks, HOUR * 48, Role.ADMINISTRATOR)
    assert PolicySettings.from_json(PolicySettings.of(policy).to_json()) == PolicySettings.of(policy)
    assert type(plan).from_json(plan.to_json()).asks == asks


def test_d4_two_slots_need_two_different_people() -> None:
    world.manager()
    make.train(policy=(policy := save(Ask(RM, 1))))
    with pytest.raises(
        Invalid, match="not enough different people to fill release manager of Storefront and First"
    ) as refused:
        save(Ask(RM, 1), Ask(RM, 1, slot="First"), Ask(RM, 1, slot="Second"), policy=policy)
    assert refused.value.field == "asks"


def test_d4_the_same_two_people_fill_two_seats_in_whatever_order() -> None:
    rob = world.manager()
    rob.memberships.create(role=ON_CALL)
    policy = save(Ask(RM, 1))
    make.train(policy=policy)
    with pytest.raises(Invalid, match="not enough different people"):
        save(Ask(RM, 1), Ask(ON_CALL, 1), policy=policy)
    world.manager("Kim")
    assert len(save(Ask(RM, 1), Ask(ON_CALL, 1), policy=policy).requirements.all()) == 2


@pytest.mark.parametrize(
    ("asks", "why"),
    [
        ((Ask(RM, 1, only_veto=True),), "Vetoes alone approve nothing"),
        ((Ask(RM, 1), Ask(RM, 1)), "asked twice"),
        ((Ask(RM, 1, silence_after=timedelta(minutes=1)),), "Silence means yes after 10 min to"),
        ((Ask(Role.VIEWER, 1),), "Viewers do not vote"),
    ],
)
def test_d11_what_no_policy_may_ask_is_refused(asks: tuple[Ask, ...], why: str) -> None:
    world.manager()
    with pytest.raises(Invalid, match=why) as refused:
        save(*asks)
    assert refused.value.field == "asks"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"votes_last": timedelta(minutes=1)}, "votes_last"),
        ({"decide_by": {"kind": "lead"}}, "decide_by"),
        ({"decide_by": {"kind": "wall", "days": -1, "time": "12:00"}}, "decide_by"),
        ({"name": " "}, "name"),
    ],
)
def test_what_cannot_be_used_names_its_field(fields: dict[str, Any], field: str) -> None:
    world.manager()
    with pytest.raises(Invalid) as refused:
        save(Ask(RM, 1), **fields)
    assert refused.value.field == field


def test_two_people_who_edit_at_once_do_not_undo_each_other() -> None:
    policy, *_ = two_managers()
    save(Ask(RM, 2), policy=policy, revision=1, name="Better")
    with pytest.raises(Stale, match="saved by somebody else"):
        save(Ask(RM, 2), policy=policy, revision=1, name="Best")


def test_d2_asking_less_is_refused_with_what_it_gives_up_and_who_decides() -> None:
    policy, *_ = two_managers()
    with pytest.raises(PolicyRefused, match="1 instead of 2 × release manager") as refused:
        save(Ask(RM, 1), policy=policy)
    assert (refused.value.code, refused.value.who) == ("weaker", "2 × release manager")
    assert save(Ask(RM, 2), policy=policy, votes_last=HOUR * 24).revision == 2


def test_d2_a_weaker_edition_counts_once_the_old_one_is_met() -> None:
    policy, rob, kim = two_managers()
    proposal = less(policy, by=world.manager("Lee"))
    assert not say(proposal, rob)
    assert say(proposal, kim)
    policy.refresh_from_db()
    assert [one.quorum for one in policy.requirements.all()] == [1]
    assert world.kinds()[-3:] == ["policy.vote_cast", "policy.proposal_ended", "policy.saved"]


def test_d2_whoever_proposes_it_does_not_count() -> None:
    policy, rob, kim = two_managers()
    proposal = less(policy, by=rob)
    voted = actions.vote_on_policy(proposal, choice=Choice.GO, by=rob, now=make.NOW)
    assert "Rob" in voted.not_counted
    assert not say(proposal, kim)


def test_d2_a_no_go_stops_it_and_needs_a_reason() -> None:
    policy, rob, kim = two_managers()
    proposal = less(policy, by=world.manager("Lee"))
    with pytest.raises(Invalid, match="needs a reason"):
        say(proposal, rob, Choice.NO_GO)
    say(proposal, rob, Choice.NO_GO, "two are better")
    assert not say(proposal, kim)
    assert say(proposal, rob)
    assert PolicyVote.objects.filter(user=rob).count() == 2


def test_d2_only_those_whom_it_asks_decide_and_once_only() -> None:
    policy, rob, kim = two_managers()
    proposal = less(policy, by=world.manager("Lee"))
    with pytest.raises(NotAllowed, match="does not ask you"):
        say(proposal, make.user("Olu", ON_CALL))
    say(proposal, rob)
    say(proposal, kim)
    with pytest.raises(VoteRefused, match="is decided"):
        say(proposal, kim)


def test_d2_departures_that_are_sealed_keep_what_they_were_promised() -> None:
    policy, rob, kim = two_managers()
    departure = make.departure(train := make.train(policy=policy), plan=queries.plan_of(train).to_json())
    departure = world.sealed(departure)
    proposal = less(policy, by=world.manager("Lee"))
    say(proposal, rob)
    say(proposal, kim)
    kept = Departure.objects.get(pk=departure.pk)
    assert [(ask.role, ask.quorum) for ask in queries.standing_of(kept, make.NOW).plan.asks] == [(RM, 2)]
    assert [ask.quorum for ask in queries.plan_of(type(train).objects.get(pk=train.pk)).asks] == [1]


def test_d2_another_edition_overtakes_a_proposal() -> None:
    policy, *_ = two_managers()
    proposal = less(policy, by=world.manager("Lee"))
    save(Ask(RM, 3), policy=policy)
    proposal.refresh_from_db()
    assert proposal.outcome == "Rob saved another edition"


def test_d2_one_proposal_waits_at_a_time_and_can_be_taken_back() -> None:
    policy, rob, _ = two_managers()
    proposal = less(policy)
    with pytest.raises(PolicyRefused, match="waits for votes already"):
        less(policy)
    with pytest.raises(NotAllowed):
        actions.withdraw_proposal(proposal, by=world.submitter(), now=make.NOW)
    actions.withdraw_proposal(proposal, by=rob, now=make.NOW)
    assert less(policy).pk != proposal.pk


def test_d2_nothing_is_proposed_that_asks_no_less() -> None:
    policy, *_ = two_managers()
    with pytest.raises(PolicyRefused, match="asks no less"):
        less(policy, Ask(RM, 2))


def membership(person: User) -> Membership:
    return Membership.objects.get(user=person)


def test_d4_a_role_that_is_needed_is_taken_with_a_warning_or_not_at_all() -> None:
    policy, rob, _ = two_managers()
    train = make.train(policy=policy)
    said = revoke(membership(rob), by=world.manager("Kim"), now=make.NOW)
    assert said == [
        f"{train}: The quorum asks for 2 × release manager, but only 1 holds that role in Storefront."
    ]
    again = make.user("Ira", RM)
    Policy.objects.filter(pk=policy.pk).update(guards_quorum=True)
    with pytest.raises(StillNeeded, match="Ira is still needed"):
        revoke(membership(again), by=rob, now=make.NOW)
    assert membership(again)


def test_d4_a_live_quorum_is_guarded_too() -> None:
    rob, kim = world.manager(), world.manager("Kim")
    departure = make.departure(make.train(policy=make.policy(release_manager=2)))
    departure = world.sealed(departure)
    departure.train.policy.requirements.update(quorum=1)
    said = revoke(membership(kim), by=rob, now=make.NOW)
    assert said == [f"RT-{departure.pk} could not be approved: release manager lacks 1 who may still say go."]


def test_d4_what_could_not_be_reached_before_is_nobodys_loss() -> None:
    world.sealed(make.departure(make.train(policy=make.policy(on_call=1))))
    assert revoke(membership(world.manager()), by=None, now=make.NOW) == []


def test_d4_the_administration_asks_the_same(client: Client) -> None:
    policy, rob, _ = two_managers()
    make.train(policy=policy)
    Policy.objects.filter(pk=policy.pk).update(guards_quorum=True)
    client.force_login(make.user("Root", is_superuser=True, is_staff=True))
    row = membership(rob)
    typed = {"email": rob.email, "name": rob.name, "time_zone": "UTC", "is_active": "on"}
    inline = {"TOTAL_FORMS": "1", "INITIAL_FORMS": "1", "0-id": row.pk, "0-user": rob.pk, "0-role": row.role}
    rows = {f"memberships-{key}": value for key, value in {**inline, "0-DELETE": "on"}.items()}
    answer = client.post(f"/admin/accounts/user/{rob.pk}/change/", {**typed, **rows})
    assert (answer.status_code, membership(rob)) == (409, row)
