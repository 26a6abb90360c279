"""Find the demonstration's departure, say what comes next, and help it along by ordinary actions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.demo import world
from releasetrain.lib.errors import Refused
from releasetrain.trains.actions import vote
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Standing, standing_of
from releasetrain.trains.rules.states import Choice, DepartureState

OPEN_STATES = frozenset(
    {
        DepartureState.SCHEDULED,
        DepartureState.BOARDING,
        DepartureState.DECIDING,
        DepartureState.CLEARED,
        DepartureState.ROLLING,
    }
)


class NothingToSay(Refused):
    """Refuse to say go where nobody is asked."""

    code = "nothing_to_say"


def demo_people() -> dict[str, User]:
    """Return the demonstration's people by their mail address, those whom visitors may be first."""
    addresses = [person.email for person in world.PEOPLE]
    there = {user.email: user for user in User.objects.filter(email__in=addresses, is_active=True)}
    return {address: there[address] for address in addresses if address in there}


def current_departure() -> Departure | None:
    """Return the demonstration train's newest departure, or None before there is one."""
    rows = Departure.objects.filter(train__slug=world.DEMO_TRAIN).select_related(
        "train__team", "train__environment", "train__captain"
    )
    return rows.order_by("-pk").first()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A go that is still missing and that one of the demonstration's people could give."""

    person: User
    role: Role


def wanted_gos(standing: Standing, people: Iterable[User]) -> list[Wanted]:
    """Return the votes that would clear a departure, as far as these people, in their order, can."""
    if standing.tally is None:
        return []
    known = list(people)
    missing = standing.tally.missing or {}
    wanted: list[Wanted] = []
    for seat, line in zip(standing.seats, standing.tally.lines, strict=True):
        free = [person for person in known if person.pk in seat.people and person.pk in missing]
        spent = {one.person.pk for one in wanted}
        chosen = [person for person in free if person.pk not in spent][: line.lacking]
        wanted += [Wanted(person, seat.role) for person in chosen]
    return wanted


@transaction.atomic
def say_go(departure: Departure, now: datetime) -> list[Wanted]:
    """Let the demonstration's people say go, each in their own name, through the ordinary vote.

    :raises NothingToSay: nothing is being decided, or they have all spoken
    """
    standing = standing_of(departure, now)
    wanted = wanted_gos(standing, demo_people().values())
    if standing.manifest is None or not wanted:
        raise NothingToSay(
            "Nobody waits for a go at the moment: people decide between the cut-off and the departure."
        )
    for one in wanted:
        vote(
            departure,
            choice=Choice.GO,
            digest=standing.manifest.digest,
            by=one.person,
            role=one.role,
            now=now,
        )
    return wanted
