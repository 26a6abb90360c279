"""Read what ties changes together: needs, bundles, requests to leave, and what falls with what."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Exists, OuterRef

from releasetrain.lib.verdict import Reason
from releasetrain.trains.models import Bundle, Change, Departure, Need, Withdrawal
from releasetrain.trains.queries.leaving import runner_words
from releasetrain.trains.rules.bundling import (
    Tied,
    Ties,
    why_bundle_is_broken,
    why_not_all_met,
    why_withdrawal_waits,
)
from releasetrain.trains.rules.graph import falls_with, needs_of, turned
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState, WithdrawalState

WITH_BOTH = ("change__departure", "change__bundle", "needed__departure", "needed__bundle", "needed__service")
# The few numbers, not the whole manifest: rollouts that wait ask at every tick.
WAITS_FOR = """
WITH newest AS (
    SELECT DISTINCT ON (departure_id) departure_id, content FROM trains_manifest
    WHERE departure_id = ANY (%(departures)s) ORDER BY departure_id, revision DESC
)
SELECT asked.departure, asked.service, array(SELECT jsonb_array_elements_text(one -> 'waits_for'))
FROM unnest(%(departures)s::bigint[], %(services)s::bigint[]) AS asked (departure, service)
JOIN newest ON newest.departure_id = asked.departure
CROSS JOIN LATERAL jsonb_array_elements(newest.content -> 'services') AS one
WHERE (one ->> 'id')::bigint = asked.service AND one ? 'waits_for'
"""
MOST_OFFERED = 200
REACHABLE = """
WITH RECURSIVE reach (change_id, needed_id) AS (
    SELECT change_id, needed_id FROM trains_need WHERE change_id = ANY(%(changes)s::bigint[])
    UNION SELECT n.change_id, n.needed_id FROM trains_need n JOIN reach r ON n.change_id = r.needed_id
)
SELECT change_id, needed_id FROM reach
"""


def tied(change: Change) -> Tied:
    """Say where a change is, as its ties see it; it needs its departure."""
    return Tied(
        change=change.pk,
        title=change.title,
        state=ChangeState(change.state),
        departure=change.departure_id,
        code=change.departure.code if change.departure else "",
        departs_at=change.departure.departs_at if change.departure else None,
        bundle=change.bundle_id,
    )


def needs_aboard(departures: Iterable[int]) -> dict[int, list[Need]]:
    """Return what the changes aboard need, by departure; in one query."""
    rows = Need.objects.filter(change__departure__in=list(departures), change__state=ChangeState.ABOARD)
    found: dict[int, list[Need]] = defaultdict(list)
    for row in rows.select_related(*WITH_BOTH).order_by("change_id", "needed_id"):
        if row.change.departure_id is not None:
            found[row.change.departure_id].append(row)
    return dict(found)


def ties_from(needs: Iterable[Need]) -> Ties:
    """Return needs as the rules read them."""
    rows = list(needs)
    changes = {one.pk: tied(one) for row in rows for one in (row.change, row.needed)}
    return Ties(changes, tuple((row.change_id, row.needed_id) for row in rows))


def reachable(changes: Iterable[int]) -> list[tuple[int, int]]:
    """Return every need that some changes lead to, in one step or several; in one query."""
    with connection.cursor() as cursor:
        cursor.execute(REACHABLE, {"changes": list(changes)})
        rows: list[tuple[int, int]] = cursor.fetchall()
    return rows


def open_ends(departures: Sequence[Departure]) -> dict[int, tuple[Reason, ...]]:
    """Return what is loose aboard departures: needs that nothing meets, broken bundles, requests to leave.

    :param departures: loaded with their train, its team and captain; in three queries, however many
    """
    pks = [one.pk for one in departures]
    needs, bundles = needs_aboard(pks), _broken(pks)
    asked: dict[int, list[Withdrawal]] = defaultdict(list)
    for request in asked_withdrawals(pks):
        asked[request.departure_id].append(request)
    return {
        one.pk: tuple(_ends(one, needs.get(one.pk, []), bundles.get(one.pk, []), asked.get(one.pk, [])))
        for one in departures
    }


def _ends(
    departure: Departure, needs: list[Need], bundles: list[tuple[Bundle, list[str]]], asked: list[Withdrawal]
) -> list[Reason]:
    who = runner_words(departure)
    found = why_not_all_met(
        ties_from(needs),
        departure=departure.pk,
        departs_at=departure.departs_at,
        zone=departure.train.time_zone,
        is_sealing=departure.state in BOARDING_STATES,
        who=who,
    )
    broken = [
        why_bundle_is_broken(one.name, [left["title"] for left in one.missing], standing, who)
        for one, standing in bundles
    ]
    waiting = [
        why_withdrawal_waits(one.change.title, one.requested_by_label, one.reason, who) for one in asked
    ]
    return [*found, *(reason for reason in broken if reason), *waiting]


def _broken(departures: list[int]) -> dict[int, list[tuple[Bundle, list[str]]]]:
    """Return the bundles that are not whole, each with the titles of its members that stand by."""
    standing = Change.objects.filter(bundle=OuterRef("pk"), state=ChangeState.STAND_BY).order_by("title")
    aboard = Change.objects.filter(bundle=OuterRef("pk"), state=ChangeState.ABOARD)
    rows = Bundle.objects.filter(Exists(aboard), departure__in=departures)
    found: dict[int, list[tuple[Bundle, list[str]]]] = defaultdict(list)
    for row in rows.annotate(standing=ArraySubquery(standing.values("title"))):
        if row.missing or row.standing:
            found[row.departure_id].append((row, row.standing))
    return found


def asked_withdrawals(departures: Iterable[int]) -> list[Withdrawal]:
    """Return the requests that wait for an answer, oldest first, of changes that are still aboard."""
    rows = Withdrawal.objects.filter(departure__in=list(departures), state=WithdrawalState.ASKED)
    rows = rows.filter(change__state=ChangeState.ABOARD).select_related("change__service")
    return list(rows.order_by("requested_at", "pk"))


@dataclass(frozen=True, slots=True)
class Fallen:
    """A change that goes off with another one: it needs that, or goes all or nothing with it."""

    change: Change
    because_of: Change
    needs_it: bool

    @property
    def why(self) -> str:
        title = f"“{self.because_of.title}”"
        return f"it needs {title}" if self.needs_it else f"it goes all or nothing with {title}"


def what_falls(change: Change, *, staying: Iterable[int] = ()) -> list[Fallen]:
    """Return what goes off its departure together with a change, nearest first (RULES I3, I8).

    :param staying: ids of dependants that need something else from then on
    """
    if change.departure_id is None:
        return []
    rows = {one.pk: one for one in aboard_with_people(change.departure_id)}
    kept = set(staying)
    edges = Need.objects.filter(change__in=rows, needed__in=rows).values_list("change_id", "needed_id")
    needed_by = needs_of(turned((one, needed) for one, needed in edges if one not in kept))
    bundles: dict[int, list[int]] = defaultdict(list)
    for one in rows.values():
        if one.bundle_id is not None:
            bundles[one.bundle_id].append(one.pk)

    def mates(pk: int) -> list[int]:
        bundle = rows[pk].bundle_id if pk in rows else None
        return bundles[bundle] if bundle is not None else []

    return [
        Fallen(rows[fall.one], rows[fall.because_of], fall.needs_it)
        for fall in falls_with([change.pk], needed_by, mates)
        if fall.one in rows and fall.because_of in rows
    ]


def aboard_with_people(departure: int) -> list[Change]:
    """Return the changes aboard a departure with everybody who answers for them, in the order of boarding."""
    rows = Change.objects.filter(departure=departure, state=ChangeState.ABOARD)
    rows = rows.select_related("service__team", "author", "submitted_by", "bundle", "departure__train")
    return list(rows.order_by("boarded_at", "pk"))


def dependants(change: Change) -> list[Change]:
    """Return the changes aboard the same departure that need this one themselves."""
    return [one.change for one in what_falls(change) if one.needs_it and one.because_of.pk == change.pk]


def could_be_needed(change: Change) -> list[Change]:
    """Return what a change may be said to need: what is aboard with it, then the newest, at most 200."""
    rows = Change.objects.select_related("service", "departure__train").exclude(pk=change.pk)
    rows = rows.exclude(needed_by__change=change)
    on_their_way = rows.filter(state__in=[ChangeState.SUBMITTED, ChangeState.ABOARD])
    near = on_their_way.filter(departure__isnull=False, departure=change.departure_id)
    newest = [some.order_by("-submitted_at", "-pk")[:MOST_OFFERED] for some in (near, on_their_way)]
    return list({one.pk: one for some in newest for one in some}.values())[:MOST_OFFERED]


def repointed_pks(repointed: Mapping[str, int | None]) -> dict[int, int | None]:
    """Read which dependants need what instead, as a request keeps it."""
    return {int(one): needed for one, needed in repointed.items()}


def waits_for_each(aboard: Collection[tuple[int, int]]) -> dict[tuple[int, int], list[int]]:
    """Return after which services each goes by the newest manifest of its departure.

    :param aboard: pairs of departure and service; those of which the manifest does not say are left out
    """
    pairs = list(aboard)
    asked = {"departures": [one for one, _ in pairs], "services": [service for _, service in pairs]}
    with connection.cursor() as cursor:
        cursor.execute(WAITS_FOR, asked)
        return {
            (departure, service): [int(one) for one in needed]
            for departure, service, needed in cursor.fetchall()
        }
