"""Name the captain and the deputy of each departure that is ahead, in the order of their train's seats."""

from collections.abc import Hashable
from datetime import datetime
from zoneinfo import ZoneInfo

from releasetrain.accounts.models import User
from releasetrain.trains.models import CaptainSeat, Departure, Train
from releasetrain.trains.rules.captains import Post, take_turns
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState, Turns
from releasetrain.trains.rules.timetable import CAPTAIN
from releasetrain.trains.rules.weeks import monday_of

# Whoever was to run a skipped departure has had their turn; it may be restored.
SEATED_STATES = BOARDING_STATES | {DepartureState.SKIPPED}


def save_seats(train: Train, captains: tuple[User, ...]) -> bool:
    """Write whose turn comes after whose; tell whether that is new."""
    before = list(train.captain_seats.values_list("user", flat=True))
    if before == [person.pk for person in captains]:
        return False
    train.captain_seats.all().delete()
    CaptainSeat.objects.bulk_create(
        CaptainSeat(train=train, user=person, order=place) for place, person in enumerate(captains)
    )
    return True


def seat_captains(train: Train, now: datetime) -> None:
    """Let the people of a train take turns over the departures that are ahead.

    Those that are sealed, or that a person has handed over, keep theirs.
    """
    seats = list(train.captain_seats.filter(user__is_active=True).values_list("user", flat=True))
    rows = list(train.departures.filter(planned_at__gt=now, imported_from="").order_by("planned_at"))
    if not seats and not any(row.captain_id or row.deputy_id for row in rows):
        return
    earlier = train.departures.filter(planned_at__lte=now, imported_from="", captain__isnull=False)
    last = earlier.order_by("-planned_at").first()
    posts = take_turns(seats, [_post(row, train) for row in rows], last=_post(last, train) if last else None)
    changed: list[Departure] = []
    for row, post in zip(rows, posts, strict=True):
        if (row.captain_id, row.deputy_id) != (post.captain, post.deputy):
            row.captain_id, row.deputy_id = post.captain, post.deputy
            changed.append(row)
    Departure.objects.bulk_update(changed, ["captain", "deputy"], batch_size=500)


def _post(row: Departure, train: Train) -> Post:
    by_hand = row.moved.get(CAPTAIN)
    return Post(
        departure=row.pk,
        turn=_turn(row, train),
        captain=row.captain_id,
        deputy=row.deputy_id,
        in_turn=by_hand.get("from_id") if by_hand else row.captain_id,
        is_fixed=by_hand is not None or row.state not in SEATED_STATES,
    )


def _turn(row: Departure, train: Train) -> Hashable:
    if train.turns == Turns.WEEK:
        return monday_of(row.planned_at, ZoneInfo(train.time_zone))
    return row.planned_at
