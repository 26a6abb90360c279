"""Fill departures as full as they get: 300 changes in 60 bundles, which need each other, and 12 voters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from releasetrain.accounts.actions import add_person, grant
from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.bench.progress import say
from releasetrain.bench.worlds.decade import BUILDER, LADDER, ZONES, keep_ledger
from releasetrain.catalog.models import Environment, Service
from releasetrain.trains import actions
from releasetrain.trains.models import Bundle, Change, Departure, Need, Train
from releasetrain.trains.queries import latest_manifests
from releasetrain.trains.queries.terms import TrainSettings
from releasetrain.trains.rules.states import ChangeState, Choice, DepartureState

CHANGES, BUNDLES, VOTERS = 300, 60, 12


@dataclass(frozen=True, slots=True)
class FullTrain:
    """Departures that are past their cut-off and not sealed, and who decides about them."""

    departures: Sequence[Departure]
    voters: Sequence[User]


def lay_full_train(departures: int, scale: float, now: datetime) -> FullTrain:
    """Fill some departures of one train, whole or smaller."""
    say("decision: filling departures")
    voters = [_voter(number, now) for number in range(VOTERS)]
    services = list(Service.objects.order_by("pk"))
    train = _train(services, now)
    filled = list(train.departures.order_by("departs_at")[:departures])
    for departure in filled:
        _fill(departure, services, max(len(services), round(CHANGES * scale)), voters[0], now)
    keep_ledger()
    return FullTrain(filled, voters)


def _voter(number: int, now: datetime) -> User:
    person = add_person(
        email=f"voter-{number}@example.org", name=f"Voter {number}", time_zone=ZONES[0], by=None, now=now
    )
    grant(user=person, role=Role.RELEASE_MANAGER, team=None, by=None, now=now)
    return person


def _train(services: Sequence[Service], now: datetime) -> Train:
    team = Team.objects.earliest("pk")
    first = now.replace(tzinfo=None, microsecond=0) + timedelta(hours=2)
    settings = TrainSettings(
        name="Full train",
        slug="full-train",
        team=team,
        environment=Environment.objects.earliest("pk"),
        services=tuple(services),
        policy=actions.save_policy(
            name="Go by twelve", owner=team, asks={Role.RELEASE_MANAGER: VOTERS}, by=BUILDER, now=now
        ),
        time_zone="UTC",
        rule="FREQ=HOURLY",
        first_departs_at_local=f"{first:%Y-%m-%dT%H:%M:%S}",
        ladder=LADDER,
    )
    return actions.create_train(settings, by=BUILDER, now=now)


def _fill(
    departure: Departure, services: Sequence[Service], changes: int, author: User, now: datetime
) -> None:
    """Put changes aboard as if they had come in time; every second one needs the one before it."""
    cut_off = now - timedelta(minutes=1)
    departure.state, departure.cut_off_at = DepartureState.BOARDING.value, cut_off
    departure.boards_at, departure.cut_offs = now - timedelta(days=1), {"": cut_off.isoformat()}
    departure.save(update_fields=["state", "boards_at", "cut_off_at", "cut_offs"])
    bundles = Bundle.objects.bulk_create(
        Bundle(departure=departure, name=f"Bundle {number}")
        for number in range(min(BUNDLES, changes // len(services)))
    )
    aboard = Change.objects.bulk_create(
        Change(
            title=f"Change {number} of {departure.code}",
            url=f"https://code.example.org/shop/{departure.pk}-{number}",
            service=services[number % len(services)],
            version=f"v{number}",
            author=author,
            author_label=author.name,
            departure=departure,
            bundle=bundles[number % len(bundles)],
            state=ChangeState.ABOARD.value,
            submitted_at=cut_off,
            boarded_at=cut_off,
        )
        for number in range(changes)
    )
    Need.objects.bulk_create(
        Need(change=one, needed=before, noted_by_label=author.name, noted_at=cut_off)
        for number, (before, one) in enumerate(pairwise(aboard))
        if number % 2 == 0
    )


def vote(world: FullTrain, departure: Departure, now: datetime) -> None:
    """Let everybody but the last say go."""
    digest = latest_manifests([departure.pk])[departure.pk].digest
    for person in world.voters[1:-1]:
        actions.vote(departure, choice=Choice.GO, digest=digest, by=person, now=now)
