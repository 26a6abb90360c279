"""Subscribe to somebody else's calendar, keep it fresh, and let it go."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.actions import drop_fed_shifts
from releasetrain.accounts.actions.rota import MAY_PLAN
from releasetrain.accounts.models import Team, User
from releasetrain.calendars.actions.feeding import Changes, apply, had
from releasetrain.calendars.actions.refusals import MAY_OPEN, refuse_stale
from releasetrain.calendars.actions.windows import drop_window
from releasetrain.calendars.fetching import Unfetched, fetch
from releasetrain.calendars.ics.lines import decode
from releasetrain.calendars.ics.reader import Read, read
from releasetrain.calendars.models import Feed
from releasetrain.calendars.rules.feeds import LEASE, next_due_at, why_not_take
from releasetrain.calendars.rules.windows import Behaviour, Effect, Lane, Stops
from releasetrain.catalog.access import roles_of
from releasetrain.catalog.models import Environment, Service
from releasetrain.events.actions import SYSTEM, SystemActor, record
from releasetrain.lib.addresses import read_address, why_not_address
from releasetrain.lib.errors import Invalid, Refused
from releasetrain.lib.hashing import digest, token_digest
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import read_zone
from releasetrain.lib.wake import wake
from releasetrain.lib.words import listed

BRINGS = ("windows", "shifts")
LONGEST_NAME = 120
REFRESH = "releasetrain.calendars.tasks.refresh_feeds"


class FeedGone(Refused):
    """Refuse to touch a calendar that was removed."""

    code = "feed_gone"


@transaction.atomic
def add_feed(
    *,
    name: str,
    brings: str,
    zone: str,
    by: User | SystemActor,
    now: datetime,
    url: str = "",
    body: bytes = b"",
    level: Stops = Stops.HARD,
    effect: Effect = Effect.DENY,
    behaviour: Behaviour = Behaviour.HOLD,
    lanes: Iterable[Lane] = (),
    team: Team | None = None,
    service: Service | None = None,
    environment: Environment | None = None,
) -> Feed:
    """Subscribe to a calendar by its address, which is fetched soon, or take in the text of a file at once.

    :param brings: "windows", or "shifts" of the team
    :param zone: for times without a zone and for whole days
    :raises Invalid: it is typed wrong, naming the field
    :raises NotAllowed: by somebody who may not decide about what it would cover
    """
    _refuse_strangers(by, brings, team, service)
    name, url = name.strip(), read_address(url)
    for field, why in feed_problems(
        name=name, brings=brings, zone=zone, url=url, has_body=bool(body), team=team
    ).items():
        raise Invalid(why, field=field)
    feed = Feed.objects.create(
        name=name,
        brings=brings,
        url=url,
        zone=zone,
        level=level,
        effect=effect,
        behaviour=behaviour,
        lanes=sorted(lanes),
        team=team,
        service=service,
        environment=environment,
        next_due_at=now if url else None,
        created_by=by if isinstance(by, User) else None,
        created_at=now,
    )
    record(kind="calendars.feed.added", subject=feed, actor=by, now=now, brings=brings, level=level.value)
    return _take_file(feed, body, now) if body else feed


def feed_problems(
    *, name: str, brings: str, zone: str, url: str, has_body: bool, team: Team | None
) -> dict[str, str]:
    """Return a sentence for each field of a calendar that cannot stay as it was typed."""
    found: dict[str, str] = {}
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        found["name"] = f"A calendar needs a name of at most {LONGEST_NAME} characters."
    if brings not in BRINGS:
        found["brings"] = "A calendar brings windows or on-call shifts."
    if brings == "shifts" and team is None:
        found["team"] = "Say whose on-call shifts the calendar brings."
    try:
        read_zone(zone)
    except BadRule as refusal:
        found["zone"] = str(refusal)
    if bool(url) == has_body:
        found["url"] = "Give the calendar’s address, or its text; one of the two."
    elif url and (why := why_not_address(url)):
        found["url"] = why
    return found


@transaction.atomic
def change_feed(
    feed: Feed,
    *,
    by: User | SystemActor,
    now: datetime,
    name: str,
    zone: str,
    url: str,
    level: Stops,
    effect: Effect,
    behaviour: Behaviour,
    lanes: Iterable[Lane],
    team: Team | None,
    service: Service | None,
    environment: Environment | None,
    seen: str | None = None,
) -> Feed:
    """Change how a calendar is read and meant; what it said last is taken in anew under the new settings.

    What it has stopped so far stays as it was (RULES T12). What it brings stays, and whether it is a file.

    :param seen: `print_of` the settings that were changed; None where nobody looked at any
    :raises FeedGone: it was removed
    :raises Invalid: it is typed wrong, naming the field
    :raises NotAllowed: by somebody who may not decide about what it covers, or would cover
    :raises Stale: somebody else has changed it meanwhile (RULES L7)
    """
    kept = _locked(feed)
    _refuse_strangers(by, kept.brings, kept.team, kept.service)
    _refuse_strangers(by, kept.brings, team, service)
    refuse_stale(kept, seen=seen, is_now=print_of(kept))
    wanted = {
        "name": name.strip(),
        "zone": zone,
        "url": read_address(url) if kept.url else "",
        "level": level.value,
        "effect": effect.value,
        "behaviour": behaviour.value,
        "lanes": sorted(lanes),
        "team": team,
        "service": service,
        "environment": environment,
    }
    has_file = not kept.url
    problems = feed_problems(
        name=name, brings=kept.brings, zone=zone, url=str(wanted["url"]), has_body=has_file, team=team
    )
    for field, why in problems.items():
        raise Invalid(why, field=field)
    changed = [field for field, value in wanted.items() if getattr(kept, field) != value]
    if not changed:
        return kept
    for field in changed:
        setattr(kept, field, wanted[field])
    if "url" in changed:
        kept.asked_at = kept.next_due_at = now
        wake(REFRESH)
    kept.save(update_fields=[*changed, "asked_at", "next_due_at"])
    kept.report = apply(kept, _kept(kept), now, before=Read(), removes=False).report
    kept.save(update_fields=["report"])
    record(kind="calendars.feed.edited", subject=kept, actor=by, now=now, changed=listed(changed))
    return kept


def print_of(feed: Feed) -> str:
    """Return a digest of a calendar's settings, to tell whether they are what somebody looked at."""
    plain = {field: getattr(feed, field) for field in ("name", "zone", "url", "level", "effect", "behaviour")}
    places = {field: getattr(feed, f"{field}_id") for field in ("team", "service", "environment")}
    return digest({**plain, **places, "lanes": sorted(feed.lanes)})


@transaction.atomic
def replace_file(feed: Feed, body: bytes, *, by: User | SystemActor, now: datetime) -> Feed:
    """Take in a newer file of a calendar that has no address; a bad one leaves everything as it was (W11).

    :raises Invalid: it is no calendar, or empty where there were events
    :raises NotAllowed: by somebody who may not decide about what it covers
    """
    _refuse_strangers(by, feed.brings, feed.team, feed.service)
    if feed.url:
        raise Invalid("This calendar is fetched from its address; nobody uploads it.", field="body")
    return _take_file(_locked(feed), body, now)


def _take_file(feed: Feed, body: bytes, now: datetime) -> Feed:
    taken = take_in(feed, body, now=now)
    if taken.problem:
        raise Invalid(taken.problem, field="body")
    return taken


def claim(now: datetime) -> Feed | None:
    """Take the next calendar that is due, for some minutes; nobody else has it meanwhile."""
    with transaction.atomic():
        due = Feed.objects.select_for_update(skip_locked=True, no_key=True)
        feed = due.filter(next_due_at__lte=now, removed_at__isnull=True).order_by("next_due_at").first()
        if feed is not None:
            feed.next_due_at = now + LEASE
            feed.save(update_fields=["next_due_at"])
        return feed


@transaction.atomic
def ask_for_feed(feed: Feed, *, by: User | SystemActor, now: datetime) -> Feed:
    """Let a calendar be fetched next; the worker does it, and nobody waits for a foreign server.

    :raises FeedGone: it was removed
    :raises Invalid: it is a file
    :raises NotAllowed: by somebody who may not decide about what it covers
    """
    _refuse_strangers(by, feed.brings, feed.team, feed.service)
    kept = _locked(feed)
    if not kept.url:
        raise Invalid("This calendar is a file: upload a newer one.", field="body")
    if not kept.is_being_fetched:
        kept.asked_at = kept.next_due_at = now
        kept.save(update_fields=["asked_at", "next_due_at"])
        wake(REFRESH)
    return kept


def refresh_feed(feed: Feed, *, now: datetime) -> Feed:
    """Fetch a calendar and take it in; what fails keeps the last good one, stale (RULES W11).

    The network is asked outside of any transaction.
    """
    try:
        body = fetch(feed.url)
    except Unfetched as refusal:
        return _fail(feed, str(refusal), now)
    return take_in(feed, body, now=now)


def take_in(feed: Feed, body: bytes, *, now: datetime) -> Feed:
    """Make what a calendar brings what its text says, in one transaction, or leave it and mark it stale."""
    digest = token_digest(body.decode("latin-1"))
    found, before = read(body, zone=feed.zone), _kept(feed)
    with transaction.atomic():
        kept = _locked(feed)
        if why := why_not_take(found, had=had(kept, now)):
            return _fail(kept, why, now)
        if digest != kept.digest:
            changes = apply(kept, found, now, before=before if kept.digest == feed.digest else Read())
            kept.body, kept.digest, kept.report = decode(body).replace("\x00", ""), digest, changes.report
            _say(kept, changes, now)
        if kept.problem:
            record(kind="calendars.feed.recovered", subject=kept, actor=SYSTEM, now=now)
        kept.problem, kept.failures, kept.checked_at, kept.good_at = "", 0, now, now
        kept.next_due_at = next_due_at(0, now) if kept.url else None
        kept.save(
            update_fields=[
                "body",
                "digest",
                "report",
                "problem",
                "failures",
                "checked_at",
                "good_at",
                "next_due_at",
            ]
        )
        return kept


@transaction.atomic
def write_ahead(feed: Feed, *, now: datetime) -> None:
    """Write the times of the last good text further ahead, stale or not; nothing else has changed."""
    kept = _locked(feed)
    found = _kept(kept)
    apply(kept, found, now, before=found, removes=False)


@transaction.atomic
def remove_feed(feed: Feed, *, reason: str, by: User | SystemActor, now: datetime) -> Feed:
    """Let a calendar go, with everything that it brings from now on; the past stays (RULES W3).

    :raises FeedGone: it was removed before
    :raises Invalid: there is no reason
    :raises NotAllowed: by somebody who may not decide about what it covers
    """
    _refuse_strangers(by, feed.brings, feed.team, feed.service)
    kept = _locked(feed)
    reason = reason.strip()
    if not 0 < len(reason) <= 500:
        raise Invalid("Say why the calendar goes, in at most 500 characters.", field="reason")
    kept.removed_at, kept.next_due_at = now, None
    kept.save(update_fields=["removed_at", "next_due_at"])
    for window in kept.windows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), deleted_at__isnull=True):
        drop_window(window, reason=f"The calendar “{kept}” was removed: {reason}"[:500], by=by, now=now)
    drop_fed_shifts(feed=kept.pk, keep=(), now=now)
    record(kind="calendars.feed.removed", subject=kept, actor=by, now=now, reason=reason)
    return kept


@transaction.atomic
def _fail(feed: Feed, problem: str, now: datetime) -> Feed:
    """Keep the last good calendar and mark it stale; tell people once, not at every attempt (RULES W11)."""
    kept = _locked(feed)
    is_news = not kept.problem
    kept.problem, kept.failures, kept.checked_at = problem[:500], kept.failures + 1, now
    kept.next_due_at = next_due_at(kept.failures, now) if kept.url else None
    kept.save(update_fields=["problem", "failures", "checked_at", "next_due_at"])
    if is_news:
        record(kind="calendars.feed.failed", subject=kept, actor=SYSTEM, now=now, problem=kept.problem)
    return kept


def _kept(feed: Feed) -> Read:
    """Read the last good text again; nothing where there is none."""
    return read(feed.body.encode(), zone=feed.zone) if feed.body else Read()


def _say(feed: Feed, changes: Changes, now: datetime) -> None:
    if changes.added or changes.changed or changes.removed:
        record(
            kind="calendars.feed.changed",
            subject=feed,
            actor=SYSTEM,
            now=now,
            added=changes.added,
            changed=changes.changed,
            removed=changes.removed,
        )


def _locked(feed: Feed) -> Feed:
    rows = Feed.objects.select_for_update(no_key=True, of=("self",))
    kept = rows.select_related("team", "service__team", "environment").get(pk=feed.pk)
    if kept.removed_at:
        raise FeedGone(f"The calendar “{kept}” was removed.")
    return kept


def _refuse_strangers(
    by: User | SystemActor, brings: str, team: Team | None, service: Service | None
) -> None:
    if not isinstance(by, User):
        return
    may = MAY_PLAN if brings == "shifts" else MAY_OPEN
    what = (
        "subscribe a team to a calendar of shifts"
        if brings == "shifts"
        else "let a calendar open windows here"
    )
    where = service.team_id if service else team.pk if team else None
    refuse_without(roles_of(by), may, what, team=where)
