"""Gather what one person may say about a departure: their seats, their vote, and what changed since."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import Choice
from releasetrain.trains.models import Departure, Manifest
from releasetrain.trains.queries.decision import Standing, standing_of, tally_with
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.queries.voting import seats_of
from releasetrain.trains.rules.ballots import FILLS, Ballot, Seat
from releasetrain.trains.rules.decision import go_words
from releasetrain.trains.rules.parts import changed_since


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed that was refused, with why; it stays in the form."""

    error: str = ""
    reason: str = ""
    seat: str = ""
    about: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class PersonalBallot:
    """What one person may vote, or why they may not; nothing at all before the seal and after departure.

    A vote is about `revision`, whose digest goes with it. `changed` are the sentences of what changed in
    their part since they voted on revision `changed_since`; `kept` says that their vote stands, though there
    is a newer revision. `places` are whose place they may vote in.
    """

    pk: int
    vote_url: str = ""
    revision: int = 0
    digest: str = ""
    go_label: str = "Say go"
    seats: list[Choice] = field(default_factory=list)
    places: list[Choice] = field(default_factory=list)
    changes: list[tuple[int, str, bool]] = field(default_factory=list)
    takes_not_applicable: bool = False
    my_choice: str = ""
    my_seat: str = ""
    changed: list[str] = field(default_factory=list)
    changed_since: int = 0
    kept: str = ""
    typed: Typed = field(default_factory=Typed)
    reason: Reason | None = None


def ballot_of(
    departure: Departure, *, person: User, roles: Roles, now: datetime, typed: Typed | None = None
) -> PersonalBallot:
    """Say what this person may vote, with what their go would do on its button (RULES D10)."""
    if departure.state not in {"deciding", "cleared"}:
        return PersonalBallot(departure.pk)
    answer = verdict(Ask.VOTE, departure, person, now, roles=roles)
    if not answer.is_allowed:
        return PersonalBallot(departure.pk, reason=answer.reasons[0])
    standing, typed = standing_of(departure, now), typed or Typed()
    seats, manifest = seats_of(standing, person), standing.manifest
    mine = standing.ballot_of(person)
    seat = _chosen(seats, typed.seat or (mine.seat_name if mine else ""))
    return PersonalBallot(
        pk=departure.pk,
        vote_url=f"/departures/{departure.pk}/vote/",
        revision=manifest.revision if manifest else 0,
        digest=manifest.digest if manifest else "",
        go_label=_go_label(standing, person, seat, now),
        seats=[Choice(one.name, _seat_words(one, person)) for one in seats],
        places=[Choice(str(giver), name) for giver, name in seat.proxies.get(person.pk, ())],
        changes=list(_changes(manifest, typed)),
        takes_not_applicable=any(one.allows_not_applicable for one in seats),
        my_choice=mine.choice.value if mine else "",
        my_seat=seat.name,
        changed=_changed(departure, manifest, mine, seat),
        changed_since=mine.revision if mine else 0,
        kept=_kept(standing, mine),
        typed=typed,
    )


def _chosen(seats: list[Seat], name: str) -> Seat:
    return next((one for one in seats if one.name == name), seats[0])


def _seat_words(seat: Seat, person: User) -> str:
    return seat.words if person.pk in seat.people else f"{seat.words} (in somebody’s place)"


def _changes(manifest: Manifest | None, typed: Typed) -> Iterator[tuple[int, str, bool]]:
    for service in manifest.content["services"] if manifest else ():
        for one in service["changes"]:
            yield one["id"], f"“{one['title']}” of {service['name']}", one["id"] in typed.about


def _changed(departure: Departure, manifest: Manifest | None, mine: Ballot | None, seat: Seat) -> list[str]:
    """Say what changed in a voter's part since they voted, nothing where nothing did (RULES D1)."""
    if manifest is None or mine is None or mine.digest == manifest.digest:
        return []
    read = departure.manifests.filter(digest=mine.digest).first()
    return changed_since(read.content, manifest.content, seat.part) if read else []


def _kept(standing: Standing, mine: Ballot | None) -> str:
    if mine is None or standing.manifest is None or mine.digest == standing.manifest.digest:
        return ""
    if standing.tally is None or mine.choice not in FILLS or not standing.tally.counts(mine):
        return ""
    return (
        f"Your {mine.choice.words} is carried over from revision {mine.revision}: your part has not changed."
    )


def _go_label(standing: Standing, person: User, seat: Seat, now: datetime) -> str:
    departure = standing.departure
    with_mine = tally_with(standing, person, seat)
    return go_words(
        clears=bool(with_mine and with_mine.is_go and not (standing.tally and standing.tally.is_go)),
        departs_at=departure.departs_at,
        zone=departure.train.time_zone,
        is_held=departure.held_at is not None,
        now=now,
    )
