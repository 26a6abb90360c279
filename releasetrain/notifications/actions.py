"""Tell people what concerns them; what a mail server does never stops anything else (RULES L4)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.events.models import Event
from releasetrain.lib.errors import Refused
from releasetrain.notifications.models import Delivery, Notice
from releasetrain.notifications.queries import texts_of
from releasetrain.notifications.rules import TOLD, wait_after

EMAIL = "email"
NO_MAIL = ("django.core.mail.backends.dummy.EmailBackend",)
# A message is lost where a process dies between its commit and its subscribers; the task looks so far back.
CATCH_UP = timedelta(minutes=10)


class NotUndelivered(Refused):
    """Refuse to send again what is delivered or still on its way."""


def has_mail() -> bool:
    """Tell whether a mail server is configured."""
    return settings.EMAIL_BACKEND not in NO_MAIL


def tell(event: Event) -> None:
    """Write a notice to each person whom an event concerns, once; whoever did it knows already."""
    if event.kind not in TOLD:
        return
    if texts := texts_of(event):
        _write(event, texts, url=url_of(event))


def url_of(event: Event) -> str:
    """Say where a person reads on: at the departure, at what rolls, or at the calendars."""
    departure = next((topic for topic in event.topics if topic.startswith("departure:")), "")
    if departure:
        return f"/departures/{departure.removeprefix('departure:')}/"
    return "/rolling/" if event.kind.startswith("rollouts.") else "/calendar/feeds/"


@transaction.atomic
def _write(event: Event, texts: dict[int, str], *, url: str) -> None:
    rows = [
        Notice(user_id=user, event=event, text=text[:500], url=url, created_at=event.at)
        for user, text in texts.items()
    ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    if has_mail():
        unsent = Notice.objects.filter(event=event, deliveries__isnull=True).values_list("pk", flat=True)
        deliveries = [Delivery(notice_id=pk, channel=EMAIL, next_due_at=event.at) for pk in unsent]
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)


def catch_up(now: datetime) -> None:
    """Tell what nobody was told of lately: a process may have died between a commit and its subscribers."""
    untold = Event.objects.filter(kind__in=TOLD, at__gt=now - CATCH_UP, notices__isnull=True)
    for event in untold.order_by("pk"):
        tell(event)


def claim(now: datetime) -> Delivery | None:
    """Take the next due delivery for one attempt: until its next due time nobody else tries.

    The last attempt is noted as failed before it is made, so that a crash leaves nothing waiting for ever.
    """
    with transaction.atomic():
        due = Delivery.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        delivery = due.filter(next_due_at__lte=now).order_by("next_due_at", "pk").first()
        if delivery is None:
            return None
        delivery.attempts += 1
        wait = wait_after(delivery.attempts)
        delivery.next_due_at = now + wait if wait else None
        delivery.state = "waiting" if wait else "undelivered"
        delivery.save(update_fields=["attempts", "next_due_at", "state"])
        return delivery


def send(delivery: Delivery, *, now: datetime) -> bool:
    """Send a claimed delivery, and note how it went; no lock is held while the mail server thinks."""
    notice = Notice.objects.select_related("user", "event").get(pk=delivery.notice_id)
    try:
        _mail(notice)
    except OSError as error:
        delivery.error = f"{type(error).__name__}: {error}"[:300]
        delivery.save(update_fields=["error"])
        return False
    delivery.state, delivery.error = "delivered", ""
    delivery.delivered_at, delivery.next_due_at = now, None
    delivery.save(update_fields=["state", "error", "delivered_at", "next_due_at"])
    return True


def _mail(notice: Notice) -> None:
    # A header holds one line; a title that somebody typed may hold more.
    subject = " ".join(notice.text.split())[:120]
    body = f"{notice.text}\n\n{settings.PUBLIC_URL}{notice.url}\n"
    EmailMessage(subject, body, to=[notice.user.email]).send()


@transaction.atomic
def send_again(delivery: Delivery, *, now: datetime) -> Delivery:
    """Put an undelivered message back into the queue with fresh attempts.

    :raises NotUndelivered: it was delivered, or is still being tried
    """
    locked = Delivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    if locked.state != "undelivered":
        raise NotUndelivered(f"This message is {locked.state}; only undelivered ones are sent again.")
    locked.state, locked.attempts, locked.next_due_at = "waiting", 0, now
    locked.save(update_fields=["state", "attempts", "next_due_at"])
    return locked


def mark_read(user: User, *, now: datetime, notices: Iterable[int] | None = None) -> int:
    """Note that a person has read these notices of theirs, or all; return how many were new."""
    unread = Notice.objects.filter(user=user, read_at__isnull=True)
    if notices is not None:
        unread = unread.filter(pk__in=list(notices))
    return unread.update(read_at=now)
