"""Keep other schedules of a train, and choose one for a single week (real case O2)."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.schedule import flaws, nearest, read
from releasetrain.trains.actions.locking import locked_train
from releasetrain.trains.actions.refusals import ScheduleRefused, refuse_unless
from releasetrain.trains.actions.timetable import lock_timetable, run_by
from releasetrain.trains.models import Train, Variant, Week
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.terms import variant_schedule
from releasetrain.trains.queries.timetable import moves
from releasetrain.trains.rules.timetable import Timetable
from releasetrain.trains.rules.weeks import why_too_near

LONGEST_NAME = 60
NO_TRAIN = "no departures"
USUAL = "the usual schedule"


@transaction.atomic
def save_variant(
    train: Train,
    *,
    name: str,
    rule: str,
    first_departs_at_local: str,
    time_zone: str,
    by: By,
    now: datetime,
    variant: Variant | None = None,
) -> Variant:
    """Keep another schedule of a train; weeks ahead that run by it move with it, as by an edit (RULES T9).

    :param rule: empty where nothing departs in such a week
    :param time_zone: empty for the train's own
    :param variant: the one to edit; None makes a new one
    :raises Invalid: a field cannot be used, with its name
    :raises ScheduleRefused: a departure with people aboard would find no time any more
    :raises NotAllowed: this person does not run the train
    """
    locked = locked_train(train.pk)
    refuse_unless(verdict(Action.EDIT, locked, by, now), NotAllowed)
    said = name.strip()
    if not said or len(said) > LONGEST_NAME:
        raise Invalid(f"A variant needs a name of at most {LONGEST_NAME} characters.", field="name")
    taken = locked.variants.filter(name=said)
    if (taken.exclude(pk=variant.pk) if variant else taken).exists():
        raise Invalid(f"{locked} has a variant “{said}” already.", field="name")
    saved = variant or Variant(train=locked)
    saved.name, saved.rule = said, rule.strip()
    saved.first_departs_at_local = first_departs_at_local.strip() if saved.rule else ""
    saved.time_zone = time_zone.strip() if saved.rule else ""
    _refuse_flaws(saved, locked)
    saved.save()
    schedule = variant_schedule(saved, locked.time_zone)
    words = schedule.in_words() if schedule else NO_TRAIN
    record(kind="trains.variant.saved", subject=locked, actor=by, now=now, variant=saved.name, schedule=words)
    if saved.weeks.exists():
        lock_timetable(locked, now)
        run_by(locked, moves(locked, locked, now), by=by, now=now)
    return saved


def _refuse_flaws(variant: Variant, train: Train) -> None:
    if not variant.rule:
        return
    zone = variant.time_zone or train.time_zone
    for field, sentence in flaws(variant.rule, variant.first_departs_at_local, zone).items():
        raise Invalid(sentence, field=field)
    if why := why_too_near(nearest(read(variant.rule, variant.first_departs_at_local, zone))):
        raise Invalid(why, field="rule")


@transaction.atomic
def choose_week(train: Train, *, monday: date, variant: Variant | None, by: By, now: datetime) -> Timetable:
    """Let a train run one week by a variant, or by its usual schedule again.

    :param monday: the day on which the week begins on the train's own clocks
    :return: what moved, as `moves_for_week` foretold it
    :raises Invalid: it is no Monday, the week is over, or the variant is another train's
    :raises ScheduleRefused: it runs by that already, or people aboard would find no departure any more
    :raises NotAllowed: this person does not run the train
    """
    locked = locked_train(train.pk)
    refuse_unless(verdict(Action.EDIT, locked, by, now), NotAllowed)
    today = now.astimezone(ZoneInfo(locked.time_zone)).date()
    if monday.weekday() != 0:
        raise Invalid(f"{monday} is no Monday.", field="monday")
    if monday + timedelta(weeks=1) <= today:
        raise Invalid(f"The week of {monday} is over.", field="monday")
    if variant is not None and variant.train_id != locked.pk:
        raise Invalid(f"{variant} is no variant of {locked}.", field="variant")
    chosen = locked.weeks.filter(monday=monday).first()
    if (chosen.variant_id if chosen else None) == (variant.pk if variant else None):
        raise ScheduleRefused(f"{locked} runs by {variant or USUAL} in the week of {monday} already.")
    if variant is None:
        locked.weeks.filter(monday=monday).delete()
    else:
        Week.objects.update_or_create(train=locked, monday=monday, defaults={"variant": variant})
    record(
        kind="trains.week.chosen",
        subject=locked,
        actor=by,
        now=now,
        variant=str(variant or USUAL),
        monday=monday.isoformat(),
    )
    lock_timetable(locked, now)
    table = moves(locked, locked, now)
    run_by(locked, table, by=by, now=now)
    return table
