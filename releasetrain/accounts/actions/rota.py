"""Plan, change and remove on-call shifts, and write ahead who is on duty when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.accounts.access import refuse_without, roles_of
from releasetrain.accounts.models import Duty, Shift, ShiftSeat, Team, User
from releasetrain.accounts.rules import Role
from releasetrain.accounts.rules.rota import read_plan, shift_problems, why_not_people
from releasetrain.events.actions import SystemActor, record
from releasetrain.lib import schedule
from releasetrain.lib.errors import Invalid, NotFound, Refused
from releasetrain.lib.spans import Span

MAY_PLAN = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR, Role.ON_CALL)
AHEAD = timedelta(days=400)
LONGEST_NOTE = 500


class FromAFeed(Refused):
    """Refuse to change by hand what a calendar brings."""

    code = "from_a_feed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One duty as it should stand."""

    span: Span
    user_id: int | None
    label: str


@transaction.atomic
def save_shift(
    *,
    team: Team,
    time_zone: str,
    starts_local: str,
    ends_local: str,
    people: Sequence[User],
    by: User | SystemActor,
    now: datetime,
    rule: str = "",
    note: str = "",
    shift: Shift | None = None,
) -> Shift:
    """Plan an on-call shift of a team, or change one; what was on duty before now stays (RULES T12).

    :param people: who takes turns, in their order; the first time is the first one's
    :param shift: the one to change; a new one where None
    :raises Invalid: it is typed wrong, naming the field
    :raises NotAllowed: by somebody who may not plan for this team
    :raises FromAFeed: a calendar brings it
    """
    _refuse_strangers(by, team)
    rule, note = rule.strip(), note.strip()
    _refuse_flaws(time_zone, starts_local, ends_local, rule, people, note)
    kept = _locked(shift, team) if shift else Shift(team=team)
    for field, value in {
        "time_zone": time_zone,
        "starts_local": schedule.read_first(starts_local).isoformat(),
        "ends_local": schedule.read_first(ends_local).isoformat(),
        "rule": rule,
        "note": note,
    }.items():
        setattr(kept, field, value)
    kept.save()
    kept.seats.all().delete()
    ShiftSeat.objects.bulk_create(
        ShiftSeat(shift=kept, user=person, order=order) for order, person in enumerate(people)
    )
    _write(kept, _planned(kept, now), now)
    names = ", ".join(map(str, people))
    record(
        kind="accounts.shift.saved",
        subject=kept,
        actor=by,
        now=now,
        team=team.name,
        people=names,
        starts=starts_local,
        rule=rule,
    )
    return kept


@transaction.atomic
def remove_shift(shift: Shift, *, by: User | SystemActor, now: datetime) -> None:
    """Take a shift out of the rota from now on; what was on duty before stays on record.

    :raises NotAllowed: by somebody who may not plan for this team
    :raises FromAFeed: a calendar brings it
    """
    _refuse_strangers(by, shift.team)
    kept = _locked(shift, shift.team)
    kept.removed_at = now
    kept.save(update_fields=["removed_at"])
    _write(kept, [], now)
    record(kind="accounts.shift.removed", subject=kept, actor=by, now=now, team=kept.team.name)


def materialise_duties(now: datetime) -> int:
    """Write ahead who is on duty, for every shift that was typed; return how many rows were new.

    A shift that a calendar brings is written when that calendar is read.
    """
    new = 0
    for pk in Shift.objects.filter(removed_at__isnull=True, feed__isnull=True).values_list("pk", flat=True):
        with transaction.atomic():
            shift = (
                Shift.objects.select_for_update(no_key=True).filter(pk=pk, removed_at__isnull=True).first()
            )
            if shift is not None:
                new += _write(shift, _planned(shift, now), now)
    return new


@transaction.atomic
def put_fed_shift(
    *,
    team: Team,
    feed: int,
    uid: str,
    time_zone: str,
    starts_local: str,
    ends_local: str,
    rule: str,
    label: str,
    duties: Iterable[Wanted],
    now: datetime,
) -> tuple[Shift, bool, bool]:
    """Keep the shift that one event of a calendar brings, with its duties from now on.

    :param duties: who is on duty at its times from now on
    :return: the shift, whether it is new, and whether anything about it has changed
    """
    said = {
        "time_zone": time_zone,
        "starts_local": starts_local,
        "ends_local": ends_local,
        "rule": rule[:1000],
        "label": label[:200],
        "removed_at": None,
    }
    shift = Shift.objects.select_for_update(no_key=True).filter(feed=feed, uid=uid).first()
    is_new = shift is None or shift.removed_at is not None
    shift = shift or Shift(feed=feed, uid=uid)
    has_changed = is_new or shift.team_id != team.pk or any(getattr(shift, k) != v for k, v in said.items())
    if has_changed:
        shift.team = team
        for field, value in said.items():
            setattr(shift, field, value)
        shift.save()
    has_changed = _write(shift, duties, now) > 0 or has_changed
    return shift, is_new, has_changed


@transaction.atomic
def drop_fed_shifts(*, feed: int, keep: Iterable[str], now: datetime) -> int:
    """Take out the shifts of a calendar whose events are gone; what was on duty before stays on record."""
    gone = Shift.objects.select_for_update(no_key=True).filter(feed=feed, removed_at__isnull=True)
    gone = gone.exclude(uid__in=list(keep))
    count = 0
    for shift in gone:
        shift.removed_at = now
        shift.save(update_fields=["removed_at"])
        _write(shift, [], now)
        count += 1
    return count


def _planned(shift: Shift, now: datetime) -> list[Wanted]:
    people = [seat.user for seat in shift.seats.select_related("user")]
    plan = read_plan(
        time_zone=shift.time_zone,
        starts_local=shift.starts_local,
        ends_local=shift.ends_local,
        rule=shift.rule,
    )
    turns = plan.turns(len(people), now, now + AHEAD)
    return [Wanted(turn.span, people[turn.seat].pk, str(people[turn.seat])[:200]) for turn in turns if people]


def _write(shift: Shift, wanted: Iterable[Wanted], now: datetime) -> int:
    """Let the duties from now on be those that are wanted; the past stays. Return how many rows are new.

    A duty that goes on as planned keeps its row. One that a change cuts short ends now, and what takes its
    place begins now.
    """
    ahead = {
        (one.user_id, one.label, max(one.span.start, now), one.span.end)
        for one in wanted
        if one.span.end > now
    }
    for duty in shift.duties.filter(during__endswith__gt=now):
        rest = (duty.user_id, duty.label, max(duty.during.lower, now), duty.during.upper)
        if rest in ahead and duty.team_id == shift.team_id:
            ahead.discard(rest)
        elif duty.during.lower < now:
            duty.during = DateTimeTZRange(duty.during.lower, now)
            duty.save(update_fields=["during"])
        else:
            duty.delete()
    Duty.objects.bulk_create(
        Duty(
            shift=shift,
            team_id=shift.team_id,
            user_id=user_id,
            label=label,
            during=DateTimeTZRange(start, end),
        )
        for user_id, label, start, end in sorted(ahead, key=lambda one: (one[2:], one[1]))
    )
    return len(ahead)


def _locked(shift: Shift, team: Team) -> Shift:
    kept = Shift.objects.select_for_update(no_key=True, of=("self",)).select_related("team")
    found = kept.filter(pk=shift.pk, team=team, removed_at__isnull=True).first()
    if found is None:
        raise NotFound("This shift is not in the rota any more.")
    if found.feed is not None:
        raise FromAFeed(
            "This shift comes from a calendar that the team subscribes to; change it there.",
            who="whoever keeps that calendar",
        )
    return found


def _refuse_strangers(by: User | SystemActor, team: Team) -> None:
    if isinstance(by, User):
        refuse_without(roles_of(by), MAY_PLAN, f"plan the on-call shifts of {team}", team=team.pk)


def _refuse_flaws(
    time_zone: str, starts_local: str, ends_local: str, rule: str, people: Sequence[User], note: str
) -> None:
    problems = shift_problems(
        time_zone=time_zone, starts_local=starts_local, ends_local=ends_local, rule=rule
    )
    if why := why_not_people(len(people)):
        problems["people"] = why
    if gone := next((person for person in people if not person.is_active), None):
        problems["people"] = f"{gone} has left and cannot be on call."
    if len(note) > LONGEST_NOTE:
        problems["note"] = f"A note has at most {LONGEST_NOTE} characters."
    for field, sentence in problems.items():
        raise Invalid(sentence, field=field)
