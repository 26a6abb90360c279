"""Let a page watch its topics: a signed ticket says who may see what, with whose eyes, and until when.

A streaming process can check it without asking the database. It lives for minutes and is renewed every
minute, each time from the roles as they are then (RULES L2).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core import signing

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.catalog.models import Service
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.once import once
from releasetrain.panels.audience import Audience, audience_of
from releasetrain.rollouts.models import Rollout
from releasetrain.trains.models import Train
from releasetrain.trains.queries import departure_in_full

SALT = "releasetrain.live.ticket"
LIFETIME = timedelta(seconds=150)
MOST_TOPICS = 20
NOWHERE: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())


class TicketRefused(NotAllowed):
    """Refuse a ticket that was forged or has expired; the page must ask for another one."""

    code = "ticket"
    status = 401


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one page may watch; `person` is None on a page that is seen without an account."""

    person: int | None
    topics: Mapping[str, Audience]
    expires_at: datetime


def issue(
    topics: Mapping[str, Audience], *, person: int | None, now: datetime, lifetime: timedelta = LIFETIME
) -> str:
    """Sign a ticket for these topics."""
    expires = int((now + lifetime).timestamp())
    payload = {"p": person, "t": {topic: str(audience) for topic, audience in topics.items()}, "x": expires}
    return signing.dumps(payload, salt=SALT, compress=True)


def read(text: str, now: datetime) -> Ticket:
    """Check a ticket's signature and its date.

    :raises TicketRefused: it was not issued here, or not lately
    """
    try:
        payload = signing.loads(text, salt=SALT)
        topics = {str(topic): Audience(audience) for topic, audience in payload["t"].items()}
        ticket = Ticket(payload["p"], topics, datetime.fromtimestamp(payload["x"], tz=UTC))
    except (signing.BadSignature, KeyError, TypeError, ValueError, AttributeError):
        raise TicketRefused("This ticket was not issued here. Reload the page for a new one.") from None
    if now >= ticket.expires_at:
        raise TicketRefused("This ticket has expired. Reload the page for a new one.")
    return ticket


def admit(topics: Iterable[str], *, user: User, roles: Roles) -> dict[str, Audience]:
    """Say with whose eyes a person may watch each topic, by the roles that they hold now.

    :raises Invalid: there is no such topic
    :raises NotAllowed: the person may see nothing here
    """
    wanted = list(dict.fromkeys(topics))
    if not wanted or len(wanted) > MOST_TOPICS:
        raise Invalid(
            f"A page watches between one and {MOST_TOPICS} topics, not {len(wanted)}.", field="topics"
        )
    admitted = {}
    for topic in wanted:
        teams, services = _owners(topic)
        audience = audience_of(roles, teams=teams, services=services)
        if audience is None or not user.is_active:
            raise NotAllowed(
                "To watch this one needs a role in the house, which you do not hold.", who="an administrator"
            )
        admitted[topic] = audience
    return admitted


@once(lambda topic: topic)
def _owners(topic: str) -> tuple[frozenset[int], frozenset[int]]:
    """Return the teams and services whose operators operate a topic."""
    noun, _, number = topic.partition(":")
    if topic in {"board", "flags"}:
        return NOWHERE
    if not (number.isascii() and number.isdigit() and len(number) < 19) or noun not in OWNERS:
        raise Invalid(f"There is no live topic “{topic[:80]}”.", field="topics")
    return OWNERS[noun](int(number))


def _owners_of_departure(pk: int) -> tuple[frozenset[int], frozenset[int]]:
    departure = departure_in_full(pk)
    return (frozenset({departure.train.team_id}), frozenset()) if departure else NOWHERE


def _owners_of_train(pk: int) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(Train.objects.filter(pk=pk).values_list("team_id", flat=True)), frozenset()


def _owners_of_service(pk: int) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(Service.objects.filter(pk=pk).values_list("team_id", flat=True)), frozenset({pk})


def _owners_of_rollout(pk: int) -> tuple[frozenset[int], frozenset[int]]:
    columns = ("target__service_id", "target__service__team_id", "departure__train__team_id")
    row = Rollout.objects.filter(pk=pk).values_list(*columns).first()
    if row is None:
        return NOWHERE
    service, team, train_team = row
    return frozenset({team} if train_team is None else {team, train_team}), frozenset({service})


OWNERS = {
    "departure": _owners_of_departure,
    "train": _owners_of_train,
    "service": _owners_of_service,
    "rollout": _owners_of_rollout,
}
