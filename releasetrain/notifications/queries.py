"""Find who is concerned by an event, and what each of them reads about it."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.queries import on_call
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Feed
from releasetrain.catalog.models import Service
from releasetrain.events.models import Event
from releasetrain.lib.once import once
from releasetrain.notifications.models import Notice
from releasetrain.notifications.rules import Audience, audiences, say
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import changes_of, seat_holders, standing_of
from releasetrain.trains.rules.states import DepartureState

MOST_COUNTED = 100
"""Nobody needs to know whether it is 100 or 400; counting stops here."""
# Keys of an event's data that name people by their id.
PEOPLE = (
    "captain_id",
    "deputy_id",
    "before_captain_id",
    "before_deputy_id",
    "requested_by_id",
    "author_id",
    "submitter_id",
)


def departure_of(event: Event) -> Departure | None:
    """Return the departure that an event is about: its subject's topics name it."""
    named = [topic.partition(":")[2] for topic in event.topics if topic.startswith("departure:")]
    rows = Departure.objects.select_related("train__team", "train__captain")
    return rows.filter(pk=named[0]).first() if named else None


def texts_of(event: Event) -> dict[int, str]:
    """Return what each person reads who is told of an event, whoever did it left out."""
    departure = departure_of(event)
    asked: set[int] = set()
    told: set[int] = set()
    for audience in audiences(event.kind, event.data):
        if audience is Audience.VOTERS:
            asked |= set(_voters(departure, event)) if departure else set()
        else:
            told |= set(_people(audience, event, departure))
    found = {}
    for person in User.objects.filter(
        pk__in=(asked | told) - {event.actor_id} - told_before(event), is_active=True
    ):
        said = say(
            event.kind,
            event.data,
            actor=event.actor_label,
            subject=event.subject_label,
            zone=person.time_zone,
        )
        found[person.pk] = f"{departure} needs your decision. {said}" if person.pk in asked else said
    return found


@once(lambda departure, *, but, at: (departure.pk, but.pk, at))
def told_about(departure: Departure, *, but: User, at: datetime) -> list[str]:
    """Name everybody who hears when the course of a departure changes, whoever changes it left out."""
    answering = [person for one in changes_of(departure.pk) for person in (one.author, one.submitted_by)]
    told = _named(answering) | _running(departure, at)
    return sorted(name for pk, name in told.items() if pk != but.pk)


def _named(people: Iterable[User | None]) -> dict[int, str]:
    return {one.pk: str(one) for one in people if one is not None and one.is_active}


def _running(departure: Departure, at: datetime) -> dict[int, str]:
    """Name those who run a departure, by what its decision has read where that knows them."""
    own = [departure.captain or departure.train.captain, departure.deputy]
    if any(own):
        return _named(own)
    role, team = Role.RELEASE_MANAGER, departure.train.team_id
    known = standing_of(departure, at).holders
    return known.of_train(role, team) if known.knows(role, team) else seat_holders(role, team)


def _people(audience: Audience, event: Event, departure: Departure | None) -> Iterable[int]:
    if audience is Audience.NAMED:
        named = [event.data[key] for key in PEOPLE if isinstance(event.data.get(key), int)]
        return [*named, *event.data.get("people_ids", [])]
    if audience in (Audience.ON_CALL, Audience.OWNERS):
        return _answerable(audience, event)
    if audience is Audience.MANAGERS:
        return _managers(departure.train.team_id if departure else _team_of_feed(event))
    if departure is None:
        return []
    return _aboard(event, departure) if audience is Audience.ABOARD else _runners(departure)


def _answerable(audience: Audience, event: Event) -> Iterable[int]:
    """Return who answers for the service of a rollout: on duty or, where no rota says who, on call at all."""
    if event.subject_kind != "rollouts.rollout":
        return []
    service = Service.objects.filter(targets__rollouts=event.subject_id).first()
    if service is None:
        return []
    if audience is Audience.OWNERS:
        return seat_holders(Role.RELEASE_MANAGER, service.team_id)
    duties = on_call([service.team_id], event.at)[service.team_id]
    on_duty = [duty.user_id for duty in duties if duty.user_id is not None]
    return on_duty or seat_holders(Role.ON_CALL, service.team_id, [service])


def told_before(event: Event) -> set[int]:
    """Return who was told the same of the same step already: what opens and closes again tells once (R4)."""
    if "seq" not in event.data:
        return set()
    same = Notice.objects.filter(
        event__kind=event.kind,
        event__subject_kind=event.subject_kind,
        event__subject_id=event.subject_id,
        event__data__seq=event.data["seq"],
    )
    if "hold" in event.data:
        same = same.filter(event__data__hold=event.data["hold"])
    return set(same.exclude(event=event).values_list("user", flat=True))


def _voters(departure: Departure, event: Event) -> Iterable[int]:
    if departure.state != DepartureState.DECIDING:
        return []
    count = standing_of(departure, event.at).tally
    return list((count.missing or {}) if count else {})


def _aboard(event: Event, departure: Departure) -> Iterable[int]:
    """Return who answers for a change aboard, or for one that this very event took off."""
    placed = [pk for where in ("moved", "standing_by", "returned") for pk in event.data.get(where, [])]
    return _answering(Change.objects.filter(departure=departure) | Change.objects.filter(pk__in=placed))


def _answering(changes: QuerySet[Change]) -> set[int]:
    people = changes.values_list("author_id", "submitted_by_id")
    return {person for pair in people for person in pair if person is not None}


def _runners(departure: Departure) -> Iterable[int]:
    """Return captain and deputy of a departure; where there is none, the release managers of its train."""
    own = {departure.captain_id or departure.train.captain_id, departure.deputy_id}
    named = {person for person in own if person is not None}
    return named or seat_holders(Role.RELEASE_MANAGER, departure.train.team_id)


def _team_of_feed(event: Event) -> int | None:
    """Return whose calendar an event is about; one of the whole house is nobody’s in particular."""
    if event.subject_kind != "calendars.feed":
        return None
    return Feed.objects.filter(pk=event.subject_id).values_list("team", flat=True).first()


def _managers(team: int | None) -> Iterable[int]:
    """Return the release managers of the house and of a team; without one, of the house and every team."""
    held = Membership.objects.filter(role=Role.RELEASE_MANAGER)
    if team is not None:
        held = held.filter(Q(team=None) | Q(team=team))
    return held.values_list("user", flat=True)


def notices_of(user: User) -> QuerySet[Notice]:
    """Return what a person was told, newest first."""
    return Notice.objects.filter(user=user).select_related("event").order_by("-created_at", "-pk")


def unread(user: User) -> int:
    """Count what a person has not read yet, up to a hundred."""
    return Notice.objects.filter(user=user, read_at__isnull=True)[:MOST_COUNTED].count()
