"""Start hotfixes on demand, attest what contains them, and note which of them are live (RULES H2, H3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from releasetrain.accounts.models import User
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.schedule import at_words
from releasetrain.trains.actions.glasses import break_locked
from releasetrain.trains.actions.ledger import enter
from releasetrain.trains.actions.locking import locked_departure, locked_train
from releasetrain.trains.actions.refusals import HotfixRefused, refuse, refuse_unless
from releasetrain.trains.actions.sealing import seal
from releasetrain.trains.models import Change, Containment, Departure, LiveFix, Train
from releasetrain.trains.queries import Action, By, plan_of, verdict
from releasetrain.trains.queries.hotfixes import (
    hotfixes_under_way,
    is_contained,
    lanes_for,
    pattern_for,
)
from releasetrain.trains.rules.boarding import MAY_COME_ABOARD
from releasetrain.trains.rules.hotfixes import PATIENCE, why_twice
from releasetrain.trains.rules.states import ChangeState, DepartureState

LONGEST = {"title": 300, "version": 100, "url": 500, "reason": 1000}
# The schedule of a lane that only ever departs on demand: one date, and that has passed.
ONCE = "FREQ=DAILY;COUNT=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotfix:
    """What somebody wants to send before everything else; `break_glass` says why all votes take too long."""

    service: Service
    environment: Environment
    version: str
    title: str
    reason: str
    url: str = ""
    break_glass: str = ""


@transaction.atomic
def start_hotfix(asked: Hotfix, *, by: User, now: datetime) -> Departure:
    """Make an express departure for one service, sealed at once, and ask for its votes.

    It goes by the hotfix lane of the service; the first one makes the lane, on the terms of its train. It
    leaves as soon as it is cleared. Started twice, it is one: the second is refused with the first.

    :raises Invalid: something is missing, or no train carries the service there
    :raises HotfixRefused: the same version is under way already, or the glass cannot be broken
    :raises NotAllowed: this person may not
    """
    typed = _checked(asked)
    refuse_unless(verdict(Action.START_HOTFIX, asked.service, by, now), HotfixRefused)
    lane = _lane(asked.service, asked.environment, by=by, now=now)
    _refuse_twice(lane, asked.service, typed["version"])
    departure = _departure(lane, now)
    change = _change(asked, typed, departure, by=by, now=now)
    enter(change, departure, by=by, now=now)
    record(
        kind="trains.hotfix.started",
        subject=departure,
        actor=by,
        now=now,
        service=asked.service.name,
        version=change.version,
        reason=typed["reason"],
    )
    seal(departure, now=now)
    locked = locked_departure(departure.pk)
    if asked.break_glass.strip():
        break_locked(locked, reason=asked.break_glass, by=by, now=now)
    return locked


def _checked(asked: Hotfix) -> dict[str, str]:
    typed = {
        "title": asked.title.strip(),
        "version": asked.version.strip(),
        "url": asked.url.strip(),
        "reason": asked.reason.strip(),
    }
    wanted = {
        "title": "Say what it mends.",
        "version": "Name the version that goes out: the commit, tag or build.",
        "reason": "Say why it cannot wait for the next train.",
    }
    for field, sentence in wanted.items():
        if not typed[field]:
            raise Invalid(sentence, field=field)
    for field, text in typed.items():
        if len(text) > LONGEST[field]:
            raise Invalid(f"This has at most {LONGEST[field]} characters.", field=field)
    if asked.service.archived_at:
        text = f"{asked.service.name} is archived; an administrator can bring it back."
        raise Invalid(text, field="service")
    return typed


def _lane(service: Service, environment: Environment, *, by: User, now: datetime) -> Train:
    """Return the locked hotfix lane of a service, made on the terms of its train where there is none."""
    Service.objects.select_for_update(no_key=True).get(pk=service.pk)
    lane = lanes_for(service, environment).first()
    if lane is not None:
        return locked_train(lane.pk)
    pattern = pattern_for(service, environment)
    if pattern is None:
        raise Invalid(
            f"No train carries {service.name} to {environment.name}, so nothing says who decides and by "
            "which stages. A release manager makes one first.",
            field="service",
            who="a release manager",
        )
    return _make_lane(pattern, by=by, now=now)


def _make_lane(pattern: Train, *, by: User, now: datetime) -> Train:
    made = Train.objects.create(
        slug=_free_slug(f"{pattern.slug[:38]}-hotfix"),
        name=f"{pattern.name[:85]} hotfixes",
        team=pattern.team,
        environment=pattern.environment,
        policy=pattern.policy,
        time_zone=pattern.time_zone,
        rule=ONCE,
        first_departs_at_local=f"{now - timedelta(days=2):%Y-%m-%dT%H:%M:%S}",
        lane=Lane.HOTFIX.value,
        cut_offs=pattern.cut_offs,
        ladder=pattern.ladder,
        is_accelerated=pattern.is_accelerated,
        captain=pattern.captain,
    )
    made.services.set(pattern.services.all())
    record(
        kind="trains.train.created",
        subject=made,
        actor=by,
        now=now,
        schedule=f"on demand, on the terms of {pattern.name}",
    )
    return locked_train(made.pk)


def _free_slug(wanted: str) -> str:
    slug = slugify(wanted)
    taken = Train.objects.filter(slug__startswith=slug).count()
    return f"{slug}-{taken + 1}" if taken else slug


def _refuse_twice(lane: Train, service: Service, version: str) -> None:
    """Refuse the same version of a service while it is under way in this lane, which is locked."""
    same = hotfixes_under_way().filter(train=lane)
    same = same.filter(changes__service=service, changes__version=version, changes__state=ChangeState.ABOARD)
    if known := same.first():
        raise refuse(HotfixRefused, why_twice(version, service.name, known.code))


def _departure(lane: Train, now: datetime) -> Departure:
    plan = plan_of(lane).to_json()
    return Departure.objects.create(
        train=lane,
        planned_at=now,
        boards_at=now,
        cut_off_at=now,
        departs_at=now,
        state=DepartureState.BOARDING.value,
        captain=lane.captain,
        plan={**plan, "grace_seconds": int(PATIENCE.total_seconds())},
    )


def _change(asked: Hotfix, typed: dict[str, str], to: Departure, *, by: User, now: datetime) -> Change:
    """Put the change aboard: the one that its code host told us about where it waits, a new one otherwise."""
    fields: dict[str, Any] = {
        "version": typed["version"],
        "submitted_by": by,
        "departure": to,
        "state": ChangeState.ABOARD.value,
        "boarded_at": now,
    }
    waiting = Change.objects.select_for_update(no_key=True).filter(
        service=asked.service, state__in=MAY_COME_ABOARD
    )
    known = waiting.filter(url=typed["url"]).first() if typed["url"] else None
    if known is not None:
        for field, value in fields.items():
            setattr(known, field, value)
        known.save(update_fields=list(fields))
        return known
    return Change.objects.create(
        title=typed["title"],
        url=typed["url"],
        service=asked.service,
        description=typed["reason"],
        author=by,
        author_label=str(by)[:200],
        submitted_at=now,
        **fields,
    )


@transaction.atomic
def attest(
    *, service: Service, version: str, contains: str, reason: str, by: By, now: datetime
) -> Containment:
    """Give one's word that a version contains a hotfix; what waited for that goes on at the next tick (H3).

    :raises Invalid: no reason, or nothing to attest
    :raises NotAllowed: this person does not know the service
    """
    refuse_unless(verdict(Action.ATTEST, service, by, now), HotfixRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people attest what a version contains; tokens and system accounts cannot.")
    Service.objects.select_for_update(no_key=True).get(pk=service.pk)
    words = reason.strip()
    if not words:
        raise Invalid("Say how you know: the commit, the merge, the diff that you read.", field="reason")
    if len(words) > 500:
        raise Invalid("This has at most 500 characters.", field="reason")
    if not version.strip() or not contains.strip():
        raise Invalid("Name both versions.", field="version")
    if is_contained(service.pk, version, contains):
        raise Invalid(f"It is known already that {version} contains {contains}.", field="version")
    given = Containment.objects.create(
        service=service,
        version=version.strip()[:100],
        contains=contains.strip()[:100],
        attested_by=by,
        attested_by_label=str(by)[:200],
        reason=words,
        at=now,
    )
    subjects: list[Departure | Service] = [*_carriers(service, given.version)]
    for subject in subjects or [service]:
        record(
            kind="trains.hotfix.attested",
            subject=subject,
            actor=by,
            now=now,
            service=service.name,
            version=given.version,
            contains=given.contains,
            reason=words,
        )
    return given


def _carriers(service: Service, version: str) -> list[Departure]:
    """Return the departures under way that carry a version: their pages tell the word."""
    states = [
        DepartureState.DECIDING,
        DepartureState.CLEARED,
        DepartureState.ROLLING,
        DepartureState.BOARDING,
    ]
    rows = Departure.objects.filter(
        state__in=states,
        changes__service=service,
        changes__version=version,
        changes__state=ChangeState.ABOARD,
    )
    return list(rows.select_related("train").distinct().order_by("pk"))


@transaction.atomic
def note_version(
    *, service: Service, environment: Environment, version: str, departure: Departure | None, now: datetime
) -> LiveFix | None:
    """Note that everybody has a version: a hotfix is live with it, or the one before lives on inside it.

    A version that comes back after it was live as a hotfix is one again.
    """
    here = LiveFix.objects.filter(service=service, environment=environment)
    standing = here.select_for_update(no_key=True).filter(ended_at__isnull=True).first()
    if standing is not None and standing.version == version:
        return standing
    if standing is not None:
        standing.ended_at, standing.ended_by_version = now, version
        standing.save(update_fields=["ended_at", "ended_by_version"])
    is_hotfix = departure is not None and departure.train.lane == Lane.HOTFIX
    if not is_hotfix and not here.filter(version=version).exists():
        return None
    fix = LiveFix.objects.create(
        service=service, environment=environment, version=version, departure=departure, since_at=now
    )
    if departure is not None:
        record(
            kind="trains.hotfix.went_live",
            subject=departure,
            actor=SYSTEM,
            now=now,
            service=service.name,
            version=version,
            at=at_words(now, departure.train.time_zone),
        )
    return fix
