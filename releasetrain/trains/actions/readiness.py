"""Look at the checks of departures, and take what people tick or waive (RULES D12)."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import CheckRefused, NotDue, refuse_unless
from releasetrain.trains.models import Departure, Mark
from releasetrain.trains.queries import Action, By, latest_manifests, verdict
from releasetrain.trains.queries.readiness import results_of
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.readiness import MANUAL, Asks, Sample, changed_words, follow, is_stale
from releasetrain.trains.rules.states import DepartureState

LONGEST_REASON = 300


@transaction.atomic
def sample_readiness(departure: Departure, *, now: datetime) -> Sample:
    """Look at every check of a departure at once, and keep what they said.

    :raises NotDue: it has gone, asks for no checks, or was looked at later than that already
    """
    locked = locked_departure(departure.pk)
    asks = Plan.from_json(locked.plan).checks
    if DepartureState(locked.state) in GONE or not asks:
        raise NotDue(f"{locked} asks for no checks now.")
    return _sample(locked, asks, now)


def _sample(locked: Departure, asks: Asks, now: datetime) -> Sample:
    before = Sample.from_json(locked.readiness)
    if before is not None and before.at > now:
        raise NotDue(f"{locked} was looked at later than that already.")
    sample = follow(before, results_of(locked, asks, now), now)
    locked.readiness = sample.to_json()
    locked.save(update_fields=["readiness"])
    _keep(locked, before, sample)
    if what := changed_words(before, sample):
        record(
            kind="trains.readiness.changed",
            subject=locked,
            actor=SYSTEM,
            now=now,
            what=what,
            ready=sample.is_green,
            states=sample.states(),
        )
    return sample


def _keep(locked: Departure, before: Sample | None, sample: Sample) -> None:
    """Lengthen the stretch that says the same, or begin another one; a gap always begins another one."""
    states = sample.states()
    if before is not None and before.states() == states and not is_stale(before, sample.at):
        last = locked.stretches.order_by("-first_at").first()
        if last is not None and last.last_at == before.at:
            last.last_at = sample.at
            last.save(update_fields=["last_at"])
            return
    locked.stretches.update_or_create(
        first_at=sample.at, defaults={"states": states, "is_green": sample.is_green, "last_at": sample.at}
    )


@transaction.atomic
def tick_check(departure: Departure, *, check: str, by: By, now: datetime) -> Departure:
    """Tick a line of a departure's checklist; ticking it again changes nothing.

    :param check: its key
    :raises CheckRefused: it has gone, or the check is looked at by itself
    :raises NotAllowed: it is not this person's to tick
    """
    locked, label = _open(departure, check, Action.TICK, by, now)
    if not check.startswith(MANUAL):
        raise CheckRefused(f"“{label}” is looked at by itself; what is wrong has to be put right, or waived.")
    return _mark(locked, check, label, by=by, now=now)


@transaction.atomic
def waive_check(departure: Departure, *, check: str, reason: str, by: By, now: datetime) -> Departure:
    """Do without one check of a departure, for a reason that everybody reads.

    :param check: its key
    :raises CheckRefused: it has gone
    :raises Invalid: no reason
    :raises NotAllowed: this person does not run the departure, or has a change aboard
    """
    words = reason.strip()
    if not words:
        raise Invalid("Say why it goes without this check; everybody reads it.", field="reason")
    if len(words) > LONGEST_REASON:
        raise Invalid(f"A reason has at most {LONGEST_REASON} characters.", field="reason")
    locked, label = _open(departure, check, Action.WAIVE, by, now)
    return _mark(locked, check, label, by=by, now=now, reason=words)


@transaction.atomic
def undo_check(departure: Departure, *, check: str, by: By, now: datetime) -> Departure:
    """Take a tick back, or a waiver where the check has one.

    :raises CheckRefused: it has gone, or there is nothing to take back
    :raises NotAllowed: it is not this person's to take back
    """
    locked, label = _open(departure, check, Action.TICK, by, now)
    mark = locked.marks.filter(key=check, undone_at__isnull=True).order_by("-is_waiver").first()
    if mark is None:
        raise CheckRefused(f"Nobody has ticked or waived “{label}”.")
    mark.undone_at, mark.undone_by_label = now, str(by)[:200]
    mark.save(update_fields=["undone_at", "undone_by_label"])
    record(kind="trains.check.undone", subject=locked, actor=by, now=now, check=label, waiver=mark.is_waiver)
    _sample(locked, Plan.from_json(locked.plan).checks, now)
    return locked


def _open(departure: Departure, check: str, action: Action, by: By, now: datetime) -> tuple[Departure, str]:
    """Lock a departure whose check somebody may mark, and return the label of the check."""
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(action, locked, by, now), CheckRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people tick and waive checks; tokens and system accounts cannot.")
    label = Plan.from_json(locked.plan).checks.labels.get(check)
    if label is None:
        raise CheckRefused(f"{locked} has no such check; look at its page again.", code="no_check")
    return locked, label


def _mark(locked: Departure, check: str, label: str, *, by: By, now: datetime, reason: str = "") -> Departure:
    manifest = latest_manifests([locked.pk]).get(locked.pk)
    _, is_new = Mark.objects.get_or_create(
        departure=locked,
        key=check,
        is_waiver=bool(reason),
        undone_at=None,
        defaults={
            "reason": reason,
            "revision": manifest.revision if manifest else 0,
            "by": by if isinstance(by, User) else None,
            "by_label": str(by)[:200],
            "at": now,
        },
    )
    if not is_new:
        return locked
    kind, facts = ("waived", {"reason": reason}) if reason else ("ticked", {})
    record(kind=f"trains.check.{kind}", subject=locked, actor=by, now=now, check=label, **facts)
    _sample(locked, Plan.from_json(locked.plan).checks, now)
    return locked
