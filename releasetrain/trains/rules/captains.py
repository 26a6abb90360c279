"""Let people take turns as captain: the deputy of a turn is the captain of the one before (real case O2)."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Post:
    """A departure in the order of the timetable, and who runs it.

    `turn` is the same for departures that one person runs. A fixed one keeps its people: it is sealed, or a
    person has handed it over. `in_turn` is whose turn it would have been.
    """

    departure: int
    turn: Hashable
    captain: int | None = None
    deputy: int | None = None
    in_turn: int | None = None
    is_fixed: bool = False


def take_turns(seats: Sequence[int], posts: Iterable[Post], *, last: Post | None = None) -> list[Post]:
    """Return who runs each departure, in the order of the seats.

    Somebody who steps in by a hand-over does not disturb the order; they are the next turn's deputy.

    :param seats: the people in their order; with none nobody is named
    :param posts: departures that are ahead, soonest first
    :param last: the departure before them, from which the order goes on
    """
    if not seats:
        return [post if post.is_fixed else replace(post, captain=None, deputy=None) for post in posts]
    began = last if last is not None and last.in_turn in seats else None
    turn = began.turn if began else None
    place = seats.index(began.in_turn) if began and began.in_turn is not None else -1
    deputy = began.deputy if began else None
    acting = began.captain if began else seats[-1]
    found: list[Post] = []
    for post in posts:
        if post.turn != turn or place < 0:
            turn, deputy = post.turn, acting
            place = (place + 1) % len(seats)
            if post.is_fixed and post.in_turn in seats:
                place = seats.index(post.in_turn)
        if not post.is_fixed:
            second = deputy if deputy != seats[place] else None
            post = replace(post, captain=seats[place], deputy=second)
        acting = post.captain
        found.append(post)
    return found
