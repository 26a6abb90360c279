"""Tickets say who may see what, by the roles that somebody holds at that moment."""

from datetime import timedelta

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import roles_of
from releasetrain.catalog.models import ServiceRole
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.panels import Audience, tickets
from releasetrain.panels.tickets import TicketRefused
from tests import make

pytestmark = pytest.mark.django_db


def admitted(
    *topics: str, roles: tuple[Role, ...] = (), team: str = "", service: str = ""
) -> dict[str, Audience]:
    """Ask for topics as somebody with these roles in a team, in the house, or on call for a service."""
    person = make.user("", *roles, team=make.team(team) if team else None)
    if service:
        ServiceRole.objects.create(user=person, service=make.service(service), role=Role.ON_CALL)
    return tickets.admit(topics, user=person, roles=roles_of(person))


def test_a_ticket_is_read_as_it_was_issued() -> None:
    words = tickets.issue({"board": Audience.MEMBER, "rollout:5": Audience.OPERATOR}, person=7, now=make.NOW)
    ticket = tickets.read(words, make.NOW)
    assert (ticket.person, dict(ticket.topics)) == (
        7,
        {"board": Audience.MEMBER, "rollout:5": Audience.OPERATOR},
    )


@pytest.mark.parametrize("words", ["", "x", "x:y:z", "{}", "a" * 5000])
def test_a_forged_ticket_is_refused(words: str) -> None:
    with pytest.raises(TicketRefused, match="not issued here"):
        tickets.read(words, make.NOW)


def test_a_ticket_with_one_letter_changed_is_refused() -> None:
    words = tickets.issue({"board": Audience.MEMBER}, person=7, now=make.NOW)
    with pytest.raises(TicketRefused):
        tickets.read(("B" if words[0] != "B" else "C") + words[1:], make.NOW)


def test_a_ticket_expires_at_its_instant() -> None:
    words = tickets.issue({"board": Audience.MEMBER}, person=7, now=make.NOW)
    tickets.read(words, make.NOW + tickets.LIFETIME - timedelta(seconds=1))
    with pytest.raises(TicketRefused, match="expired"):
        tickets.read(words, make.NOW + tickets.LIFETIME)


def test_somebody_without_a_role_may_watch_nothing() -> None:
    with pytest.raises(NotAllowed):
        admitted("board")


def test_the_roles_in_the_train_s_team_make_an_operator_of_its_departures() -> None:
    departure = make.departure()
    topic = f"departure:{departure.pk}"
    manager = (Role.RELEASE_MANAGER,)
    assert admitted(topic, roles=manager, team="Storefront") == {topic: Audience.OPERATOR}
    assert admitted(topic, roles=manager, team="Elsewhere") == {topic: Audience.MEMBER}
    assert admitted(topic, roles=manager) == {topic: Audience.OPERATOR}
    assert admitted(topic, roles=(Role.SUBMITTER,), team="Storefront") == {topic: Audience.MEMBER}


def test_on_call_for_a_service_makes_an_operator_of_its_rollouts_and_of_no_others() -> None:
    departure = make.departure(make.train(team=make.team("Trains")), state="rolling")
    mine = f"rollout:{make.rollout(departure, make.target('Ledger')).pk}"
    other = f"rollout:{make.rollout(departure, make.target('Search')).pk}"
    found = admitted(mine, other, roles=(Role.VIEWER,), service="Ledger")
    assert found == {mine: Audience.OPERATOR, other: Audience.MEMBER}


def test_whoever_has_left_may_watch_nothing() -> None:
    person = make.user("Ana", Role.ADMINISTRATOR)
    roles = roles_of(person)
    person.is_active = False
    with pytest.raises(NotAllowed):
        tickets.admit(["board"], user=person, roles=roles)


@pytest.mark.parametrize(
    "topics",
    [
        [],
        ["nonsense"],
        ["departure:x"],
        ["departure:"],
        ["departure:-1"],
        ["departure:1²"],
        ["a:" + "9" * 30],
        [f"departure:{number}" for number in range(tickets.MOST_TOPICS + 1)],
    ],
)
def test_topics_that_cannot_be_are_refused_in_a_sentence(topics: list[str]) -> None:
    with pytest.raises(Invalid, match=r"\.$"):
        admitted(*topics, roles=(Role.VIEWER,))


@pytest.mark.parametrize("topic", ["departure:4711", "rollout:4711", "train:4711", "service:4711"])
def test_a_topic_of_nothing_can_be_watched_and_shows_nothing(topic: str) -> None:
    assert admitted(topic, roles=(Role.VIEWER,)) == {topic: Audience.MEMBER}
