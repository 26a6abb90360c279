"""Record what happened, in the caller's transaction, and tell the subscribers after its commit."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Protocol

from django.db import transaction

from releasetrain.events.kinds import KINDS
from releasetrain.events.models import Event

logger = logging.getLogger(__name__)

Subscriber = Callable[[Event], None]
subscribers: list[Subscriber] = []


class Subject(Protocol):
    """What an event is about: a saved row that knows which live topics it belongs to."""

    pk: Any
    _meta: ClassVar[Any]

    def event_topics(self) -> list[str]: ...


class Actor(Protocol):
    """Who did it: a person, or a part of this software under its name."""

    @property
    def pk(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class SystemActor:
    """A part of this software that acts on its own."""

    name: str
    pk: None = None

    def __str__(self) -> str:
        return self.name


SYSTEM = SystemActor("Release Train")


def subscribe(subscriber: Subscriber) -> None:
    """Call the subscriber with each event, in order, once it has been committed."""
    if subscriber not in subscribers:
        subscribers.append(subscriber)


def record(*, kind: str, subject: Subject, actor: Actor | None, now: datetime, **data: Any) -> Event:
    """Append one event to the log.

    :param kind: one of `KINDS`, `area.noun.past_tense`
    :param data: JSON values; ids and public facts, never a secret
    :raises KeyError: the kind is not registered
    """
    KINDS[kind]
    event = Event.objects.create(
        kind=kind,
        at=now,
        actor_id=actor.pk if actor else None,
        actor_label=str(actor or SYSTEM)[:200],
        subject_kind=subject._meta.label_lower,
        subject_id=subject.pk,
        subject_label=str(subject)[:200],
        topics=subject.event_topics(),
        data=data,
    )
    transaction.on_commit(partial(tell, event), robust=True)
    return event


def tell(event: Event) -> None:
    """Call every subscriber with a committed event; the commit stands whatever happens to one of them."""
    for subscriber in subscribers:
        try:
            subscriber(event)
        except Exception:
            logger.exception("A subscriber failed on event %s.", event.pk)
