"""Put trains on the timetable, edit them, and materialise their departures."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.models import User
from releasetrain.catalog.access import roles_of
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.schedule import at_words
from releasetrain.lib.words import listed
from releasetrain.trains.actions.locking import locked_train
from releasetrain.trains.actions.refusals import ScheduleRefused, refuse_unless
from releasetrain.trains.actions.turns import save_seats, seat_captains
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries import Action, By, plan_of, schedule_of, verdict
from releasetrain.trains.queries.permissions import RUNNERS
from releasetrain.trains.queries.settings import train_problems
from releasetrain.trains.queries.terms import PLAIN, TrainSettings
from releasetrain.trains.queries.timetable import AHEAD, dates_to_board, moves
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState
from releasetrain.trains.rules.times import Times, moved_deadlines
from releasetrain.trains.rules.timetable import Move, Timetable

TIMES = ["boards_at", "cut_off_at", "departs_at", "cut_offs", "milestones"]
OUT_OF_THE_WAY = timedelta(days=400_000)


@transaction.atomic
def create_train(settings: TrainSettings, *, by: By, now: datetime) -> Train:
    """Put a train on the timetable; its departures are materialised at once.

    :raises Invalid: a field cannot be used, with its name
    :raises NotAllowed: this person runs no trains of the team
    """
    if isinstance(by, User):
        refuse_without(roles_of(by), RUNNERS, f"run trains of {settings.team.name}", team=settings.team.pk)
    _refuse_first(train_problems(settings, now))
    train = Train(**{name: getattr(settings, name) for name in PLAIN})
    try:
        with transaction.atomic():
            train.save()
    except IntegrityError:
        raise Invalid(f"Another train has the address “{settings.slug}” already.", field="slug") from None
    train.services.set(settings.services)
    save_seats(train, settings.captains)
    record(
        kind="trains.train.created",
        subject=train,
        actor=by,
        now=now,
        schedule=schedule_of(train).in_words(),
        services=[one.slug for one in settings.services],
    )
    materialise(train, until=now + AHEAD, now=now)
    return train


@transaction.atomic
def save_train(train: Train, settings: TrainSettings, *, by: By, now: datetime) -> Timetable:
    """Edit a train; departures that are not sealed move with its schedule, the past never fires (T9, T12).

    Departures that are boarding keep their plan (I14); those still to open take the new one over.

    :return: what moved, as `moves` foretold it
    :raises Invalid: a field cannot be used, with its name
    :raises ScheduleRefused: a departure with people aboard would find no time any more
    :raises NotAllowed: this person does not run the train
    """
    locked = locked_train(train.pk)
    refuse_unless(verdict(Action.EDIT, locked, by, now), NotAllowed)
    if isinstance(by, User) and settings.team != locked.team:
        refuse_without(roles_of(by), RUNNERS, f"run trains of {settings.team.name}", team=settings.team.pk)
    _refuse_first(train_problems(settings, now, locked))
    lock_timetable(locked, now)
    table = moves(locked, settings, now)
    changed = _changed(locked, settings)
    if save_seats(locked, settings.captains):
        changed.append("captains")
    for name in PLAIN:
        setattr(locked, name, getattr(settings, name))
    locked.save(update_fields=PLAIN)
    locked.services.set(settings.services)
    if changed:
        record(
            kind="trains.train.changed",
            subject=locked,
            actor=by,
            now=now,
            changed=listed(changed),
            moved=len(table.moved),
            dropped=len(table.dropped),
        )
    run_by(locked, table, by=by, now=now)
    return table


def run_by(train: Train, table: Timetable, *, by: By, now: datetime) -> None:
    """Let a locked train run by a timetable: move, drop and plan its departures, and seat their captains.

    :raises ScheduleRefused: a departure with people aboard finds no date any more
    """
    _refuse_stranded(table)
    _apply(train, table, by=by, now=now)
    materialise(train, until=now + AHEAD, now=now)
    seat_captains(train, now)


def _refuse_stranded(table: Timetable) -> None:
    if stranded := [one for one in table.dropped if one.aboard]:
        named = listed([f"RT-{one.departure}" for one in stranded])
        raise ScheduleRefused(
            f"The new schedule has no departure for {named}, and changes are aboard. Cancel it or move them."
        )


def _changed(train: Train, settings: TrainSettings) -> list[str]:
    names = [name for name in PLAIN if getattr(train, name) != getattr(settings, name)]
    if set(train.services.all()) != set(settings.services):
        names.append("services")
    return [name.replace("_", " ").replace(" at local", "") for name in names]


def lock_timetable(train: Train, now: datetime) -> None:
    """Lock the departures of a locked train that are ahead: nobody boards or seals one while they move."""
    rows = train.departures.filter(planned_at__gt=now).select_for_update(no_key=True)
    list(rows.order_by("pk").values_list("pk", flat=True))


def _apply(train: Train, table: Timetable, *, by: By, now: datetime) -> None:
    """Move, drop and re-plan the departures that are not sealed, and tell the people aboard (RULES T9)."""
    train.departures.filter(pk__in=[one.departure for one in table.dropped]).delete()
    moved = {one.departure: one for one in table.moved}
    stands_for = {one.departure: one.date.planned_at for one in table.moved}
    stands_for |= {one.departure: one.stands_for for one in table.stayed}
    rows = list(train.departures.filter(pk__in=stands_for).order_by("pk"))
    # Two departures may swap their dates; the constraint looks at every row as it is written.
    swapping = [row.pk for row in rows if row.planned_at != stands_for[row.pk]]
    train.departures.filter(pk__in=swapping).update(planned_at=F("planned_at") - OUT_OF_THE_WAY)
    for row in rows:
        row.planned_at = stands_for[row.pk]
        if row.pk in moved:
            set_times(row, moved[row.pk].after)
    # An upsert by key writes hundreds of rows in a fifth of the time that a CASE for each of them takes.
    Departure.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=["planned_at", *TIMES]
    )
    to_open = train.departures.filter(planned_at__gt=now, state=DepartureState.SCHEDULED, imported_from="")
    plan = plan_of(train).to_json()
    to_open.exclude(plan=plan).update(plan=plan)
    for row in rows:
        if row.pk in moved and moved[row.pk].aboard:
            _tell_moved(row, moved[row.pk], by, now)


def _tell_moved(row: Departure, move: Move, by: By, now: datetime) -> None:
    """Tell the people aboard that their departure goes at another time, or that a deadline of it moved."""
    zone = row.train.time_zone
    deadlines = moved_deadlines(move.before, move.after)
    if move.by:
        record(
            kind="trains.departure.moved",
            subject=row,
            actor=by,
            now=now,
            to=at_words(row.departs_at, zone),
            from_at=move.before.departs_at.isoformat(),
            to_at=move.after.departs_at.isoformat(),
            deadlines=[one.what for one in deadlines],
        )
        return
    for one in deadlines:
        record(
            kind="trains.deadline.moved",
            subject=row,
            actor=by,
            now=now,
            what=one.what,
            to=at_words(one.after, zone),
            from_at=one.before.isoformat(),
            to_at=one.after.isoformat(),
            reason="the train was edited",
        )


def set_times(row: Departure, times: Times) -> None:
    """Write the times of a departure into its row; the seal is at the latest cut-off."""
    row.departs_at, row.boards_at = times.departs_at, times.boards_at
    row.cut_off_at = times.cut_off_at
    row.cut_offs, row.milestones = times.cut_offs_to_json(), times.milestones_to_json()


@transaction.atomic
def retire_train(train: Train, *, by: By, now: datetime) -> Train:
    """Take a train off the timetable with its empty departures; changes aboard must be placed first.

    :raises ScheduleRefused: somebody is aboard, or it is off the timetable already
    :raises NotAllowed: this person does not run the train
    """
    locked = locked_train(train.pk)
    refuse_unless(verdict(Action.EDIT, locked, by, now), NotAllowed)
    if locked.retired_at:
        raise ScheduleRefused(f"{locked} is off the timetable already.")
    waiting = locked.departures.filter(state__in=BOARDING_STATES)
    if full := waiting.filter(changes__isnull=False).distinct():
        named = listed([one.code for one in full])
        raise ScheduleRefused(f"Changes are aboard {named}. Cancel it or move them first.")
    waiting.delete()
    locked.retired_at = now
    locked.save(update_fields=["retired_at"])
    record(kind="trains.train.retired", subject=locked, actor=by, now=now)
    return locked


@transaction.atomic
def materialise(train: Train, *, until: datetime, now: datetime) -> int:
    """Write the departures of a train up to an instant; return how many are new.

    Only dates whose cut-off is still ahead: a scheduler that was down fires no backlog (T11, T12).
    """
    locked = locked_train(train.pk)
    if locked.retired_at:
        return 0
    known = set(locked.departures.filter(planned_at__gt=now).values_list("planned_at", flat=True))
    missing = [one for one in dates_to_board(locked, until=until, now=now) if one.planned_at not in known]
    if not missing:
        return 0
    plan = plan_of(locked).to_json()
    rows = [Departure(train=locked, plan=plan, planned_at=one.planned_at) for one in missing]
    for row, one in zip(rows, missing, strict=True):
        set_times(row, one.times)
    Departure.objects.bulk_create(rows, ignore_conflicts=True)
    seat_captains(locked, now)
    record(kind="trains.departures.planned", subject=locked, actor=SYSTEM, now=now, count=len(rows))
    return len(rows)


def _refuse_first(problems: dict[str, str]) -> None:
    for field, sentence in problems.items():
        raise Invalid(sentence, field=field)
