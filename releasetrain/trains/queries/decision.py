"""Read how departures stand: their votes, who is missing, and what keeps them from leaving."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import prefetch_related_objects

from releasetrain.accounts.models import User
from releasetrain.lib.once import once
from releasetrain.lib.verdict import Reason, Verdict
from releasetrain.trains.models import Departure, Manifest
from releasetrain.trains.queries.aboard import Load, loads_of
from releasetrain.trains.queries.bundling import open_ends
from releasetrain.trains.queries.hotfixes import undone_by, versions_aboard
from releasetrain.trains.queries.leaving import Case, may_leave
from releasetrain.trains.queries.overrides import passings_of
from releasetrain.trains.queries.papers import papers_of
from releasetrain.trains.queries.routes import Foreseen, foresee_all, routes_of
from releasetrain.trains.queries.seats import Holders
from releasetrain.trains.queries.sight import LOOKED_AT, unseen
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.decision import Ballot, Seat, Tally, tally
from releasetrain.trains.rules.departing import MAX_HOLD
from releasetrain.trains.rules.manifest import waits_in
from releasetrain.trains.rules.parts import versions_of
from releasetrain.trains.rules.plan import Ask, Plan
from releasetrain.trains.rules.states import Choice, DepartureState

Counting = Callable[[Iterable[Ballot]], Tally]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one departure stands.

    `tally` is None until the manifest is sealed. `verdict` answers whether it may leave at its time (at once
    where that has passed), with every reason. `foreseen` is None once it has left and where it has no stages.
    """

    departure: Departure
    plan: Plan
    load: Load
    manifest: Manifest | None
    seats: tuple[Seat, ...]
    ballots: tuple[Ballot, ...]
    tally: Tally | None
    verdict: Verdict
    foreseen: Foreseen | None
    counting: Counting | None
    holders: Holders
    at: datetime

    def ballot_of(self, person: User) -> Ballot | None:
        """Return what somebody last said, whether or not it counts."""
        return next((one for one in self.ballots if one.user == person.pk), None)

    @property
    def missing(self) -> list[str]:
        """Return the names of those who could still say go and are needed (RULES D16)."""
        return list((self.tally.missing or {}).values()) if self.tally else []

    @property
    def no_seats(self) -> list[Ask]:
        """Return what the policy asks that does not apply: nothing of that team is aboard."""
        taken = {seat.name.partition("@")[0] for seat in self.seats}
        return [ask for ask in self.plan.asks if ask.key not in taken] if self.manifest else []


@once(lambda departure, at: (departure.pk, departure.state, departure.departs_at, at))
def standing_of(departure: Departure, at: datetime) -> Standing:
    """Return how one departure stands at an instant."""
    return standings([departure], at)[departure.pk]


def standings(departures: Sequence[Departure], at: datetime) -> dict[int, Standing]:
    """Return how departures stand, in a number of queries that does not grow with theirs.

    :param departures: best loaded with `train__team`, `train__environment` and `train__captain`
    """
    if any(one.captain_id for one in departures):
        prefetch_related_objects(list(departures), "captain")
    plans = {one.pk: Plan.from_json(one.plan) for one in departures}
    loads = loads_of(departures)
    passings = passings_of(pk for pk, load in loads.items() if load.has_overrides)
    sealed = [one for one in departures if one.sealed_at is not None]
    papers = papers_of(one.pk for one in sealed)
    asks = [ask for one in sealed for ask in plans[one.pk].asks]
    named = {ask.team[0] for ask in asks if ask.team}
    holders = Holders.of(
        {ask.role for ask in asks},
        teams=named | {team for one in sealed for team in (one.train.team_id, *loads[one.pk].teams)},
        services={service for one in sealed for service in loads[one.pk].services},
        at=at,
    )
    waiting = [one for one in departures if DepartureState(one.state) not in GONE]
    orders = {
        pk: order for pk, one in papers.items() if (order := waits_in(one.manifest.content)) is not None
    }
    foreseen = foresee_all(routes_of(waiting, plans, loads, passings, at, orders=orders), around=True)
    loose = [one for one in waiting if loads[one.pk].has_open_ends]
    ends = open_ends(loose) if loose else {}
    blind = _unseen(waiting, loads, at)
    found: dict[int, Standing] = {}
    for one in departures:
        case = Case(
            one,
            plans[one.pk],
            loads[one.pk],
            passings.get(one.pk, ()),
            foreseen.get(one.pk),
            _untargeted(one, loads[one.pk]),
            ends.get(one.pk, ()),
            _undone(one, loads[one.pk]),
            tuple(blind.get(one.pk, ())),
        )
        own = papers.get(one.pk)
        manifest, ballots = (own.manifest, own.ballots) if own else (None, ())
        seats = tuple(
            seat
            for ask in case.plan.asks
            for seat in holders.seats(ask, one.train.team_id, case.load, manifest)
        )
        found[one.pk] = _standing(case, manifest, seats, ballots, holders, at)
    return found


def _standing(
    case: Case,
    manifest: Manifest | None,
    seats: tuple[Seat, ...],
    ballots: tuple[Ballot, ...],
    holders: Holders,
    at: datetime,
) -> Standing:
    counting = _counting(case, manifest, seats, at) if manifest else None
    count = counting(ballots) if counting else None
    return Standing(
        departure=case.departure,
        plan=case.plan,
        load=case.load,
        manifest=manifest,
        seats=seats,
        ballots=ballots,
        tally=count,
        verdict=may_leave(case, count, at),
        foreseen=case.foreseen,
        counting=counting,
        holders=holders,
        at=at,
    )


def _counting(case: Case, manifest: Manifest, seats: tuple[Seat, ...], at: datetime) -> Counting:
    """Return how votes about a manifest are counted."""
    return partial(
        tally,
        seats,
        digest=manifest.digest,
        authors=frozenset(case.load.authors),
        no_approval_needed=case.plan.no_approval_needed,
        requesters=frozenset(one.requested_by for one in case.passings if one.requested_by),
        stands_until=case.departure.planned_at + MAX_HOLD,
        now=at,
        lasts=case.plan.votes_last,
        aboard=versions_of(manifest.content),
    )


def tally_with(standing: Standing, person: User, seat: Seat) -> Tally | None:
    """Return how the decision would stand if this person said go in a seat now (RULES D10)."""
    if standing.manifest is None or standing.counting is None:
        return None
    own = person.pk in seat.people
    giver, name = (None, "") if own else seat.proxies.get(person.pk, ((None, ""),))[0]
    others = [one for one in standing.ballots if one.user != person.pk]
    go = Ballot(
        person.pk,
        str(person),
        seat.role,
        Choice.GO,
        standing.manifest.digest,
        standing.at,
        seat=seat.name,
        part_digest=seat.part_digest,
        for_user=giver,
        for_name=name,
    )
    return standing.counting([*others, go])


def _untargeted(departure: Departure, load: Load) -> list[str]:
    """Return the services aboard a sealed departure that nothing could move in its train's environment."""
    if departure.sealed_at is None:
        return []
    where = departure.train.environment_id
    return [
        name
        for service, name in load.services.items()
        if where not in load.wiring.environments.get(service, frozenset())
    ]


def _undone(departure: Departure, load: Load) -> tuple[Reason, ...]:
    """Return the live hotfixes that a departure would undo; asked only where any is live, which is rare."""
    where = departure.train.environment_id
    touched = any(where in load.wiring.fixed.get(service, ()) for service in load.services)
    if not touched or DepartureState(departure.state) in GONE:
        return ()
    return tuple(why for _, why in undone_by(departure, versions_aboard(departure)))


def _unseen(departures: Iterable[Departure], loads: Mapping[int, Load], at: datetime) -> dict[int, list[str]]:
    """Return what nobody could watch, by departure; asked only of what is sealed and about to leave."""
    near = [one for one in departures if one.sealed_at and at >= one.departs_at - LOOKED_AT]
    places = {one.pk: [(pk, one.train.environment_id) for pk in loads[one.pk].services] for one in near}
    found = unseen({place for of in places.values() for place in of}, at)
    return {pk: [found[place] for place in of if place in found] for pk, of in places.items()}


def reasons_of(verdict: Verdict, *prefixes: str) -> tuple[Reason, ...]:
    """Return the reasons whose code starts with one of the prefixes."""
    return tuple(reason for reason in verdict.reasons if reason.code.startswith(prefixes))
