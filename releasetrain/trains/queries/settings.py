"""Hold what a form says about a train or a policy, and find what is wrong with it before it is saved."""

from datetime import datetime, timedelta

from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import flaws, nearest, occurrences
from releasetrain.trains.models import TRAIN_LANES, Train
from releasetrain.trains.queries.policies import why_not_policy
from releasetrain.trains.queries.terms import TrainSettings, dates_ahead, schedule_of, terms_of, weeks_of
from releasetrain.trains.rules.ladder import why_not_ladder
from releasetrain.trains.rules.readiness import Asks, why_not_asks
from releasetrain.trains.rules.risk import MOST_POINTS
from releasetrain.trains.rules.states import OnNewVersion, Turns
from releasetrain.trains.rules.times import read_cut_offs, read_milestones
from releasetrain.trains.rules.vehicles import Trait
from releasetrain.trains.rules.weeks import why_too_near

__all__ = ["TrainSettings", "schedule_notes", "train_problems"]

TEN_YEARS = timedelta(days=3660)
A_YEAR = timedelta(days=400)
MOST_CHANGES = 1000
TIMES = {"rule", "first_departs_at_local", "time_zone", "boarding_lead", "cut_offs", "milestones"}


def train_problems(settings: TrainSettings, now: datetime, train: Train | None = None) -> dict[str, str]:
    """Return a sentence for each field of a train that cannot be used; none means that it may be saved."""
    found = {
        **_name_problems(settings, train),
        **_lead_problems(settings),
        **_people_problems(settings),
        **_load_problems(settings),
        **_schedule_problems(settings, now),
    }
    found |= _deadline_problems(settings)
    if not found.keys() & TIMES:
        found |= _date_problems(settings, train, now)
    if not settings.services:
        found["services"] = "A train carries at least one service."
    if why := why_not_asks(Asks.from_json(settings.checks)):
        found["checks"] = why
    if why := why_not_ladder(settings.ladder, is_accelerated=settings.is_accelerated):
        found["ladder"] = why
    if why := why_not_policy(settings.policy, settings.team, settings.services):
        found["policy"] = why
    return found


def _name_problems(settings: TrainSettings, train: Train | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if not settings.name.strip() or len(settings.name) > 100:
        found["name"] = "A train needs a name of at most 100 characters."
    if not settings.slug:
        found["slug"] = "A train needs a short name for its address, made of letters and digits."
    taken = Train.objects.filter(slug=settings.slug)
    if (taken.exclude(pk=train.pk) if train else taken).exists():
        found["slug"] = f"Another train has the address “{settings.slug}” already."
    return found


def _lead_problems(settings: TrainSettings) -> dict[str, str]:
    found: dict[str, str] = {}
    if not timedelta(0) < settings.boarding_lead <= timedelta(days=365):
        found["boarding_lead"] = "Boarding opens at most 365 days before departure."
    if not timedelta(0) <= settings.grace <= timedelta(days=1):
        found["grace"] = "The grace for a late departure lies from 0 minutes to 24 hours."
    lead = settings.check_in_lead
    if lead is not None and not timedelta(0) < lead <= timedelta(days=7):
        found["check_in_lead"] = "Check-in opens from 1 minute to 7 days before departure."
    return found


def _people_problems(settings: TrainSettings) -> dict[str, str]:
    found: dict[str, str] = {}
    if settings.lane not in [lane.value for lane in TRAIN_LANES]:
        found["lane"] = "A train runs in the lane of trains or of hotfixes."
    if settings.on_new_version not in [one.value for one in OnNewVersion]:
        found["on_new_version"] = "A new version waits, takes the place of the one before, or does not start."
    if settings.turns not in [turn.value for turn in Turns]:
        found["turns"] = "Captains change with each departure or with each week."
    if len(set(settings.captains)) < len(settings.captains):
        found["captains"] = "Somebody stands in the turn of captains twice."
    return found


def _load_problems(settings: TrainSettings) -> dict[str, str]:
    found: dict[str, str] = {}
    if settings.capacity is not None and not 1 <= settings.capacity <= MOST_CHANGES:
        found["capacity"] = f"A departure carries from 1 to {MOST_CHANGES} changes, or any number."
    if settings.risk_budget is not None and not 1 <= settings.risk_budget <= MOST_CHANGES * MOST_POINTS:
        found["risk_budget"] = "A risk budget is a positive number of points, or none."
    known = {one.value for one in Trait}
    for field in ("refuses", "takes_only"):
        if unknown := set(getattr(settings, field)) - known:
            found[field] = f"“{min(unknown)}” says nothing about a change that we know."
    if both := set(settings.refuses) & set(settings.takes_only):
        found["takes_only"] = f"A train cannot both refuse and ask for what {Trait(min(both)).label}."
    return found


def _schedule_problems(settings: TrainSettings, now: datetime) -> dict[str, str]:
    found = flaws(settings.rule, settings.first_departs_at_local, settings.time_zone)
    if found:
        return found
    read = schedule_of(settings)
    if why := why_too_near(nearest(read)):
        return {"rule": why}
    if not occurrences(read, after=now, until=now + TEN_YEARS, limit=1):
        return {"rule": "This rule has no departure in the next ten years."}
    return {}


def _deadline_problems(settings: TrainSettings) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, reader in (("cut_offs", read_cut_offs), ("milestones", read_milestones)):
        try:
            reader(getattr(settings, field))
        except BadRule as refusal:
            found[field] = str(refusal)
    return found


def _date_problems(settings: TrainSettings, train: Train | None, now: datetime) -> dict[str, str]:
    """Return the first deadline that would come out before boarding opens, or after its departure."""
    until = now + A_YEAR
    terms = terms_of(settings, after=now, until=until)
    if lost := terms.calendars() - set(terms.holidays):
        kept = terms.cut_offs.values()
        field = "cut_offs" if any(one.holidays in lost for one in kept) else "milestones"
        return {field: "The holiday calendar of a deadline is gone; choose another one."}
    dates = dates_ahead(settings, weeks_of(train, settings.time_zone), after=now, until=until)
    found: dict[str, str] = {}
    for one in dates:
        for field, why in (
            ("cut_offs", terms.why_not_cut_offs(one.planned_at)),
            ("milestones", terms.why_not_milestones(one.planned_at)),
        ):
            if why:
                found.setdefault(field, why)
    return found


def schedule_notes(settings: TrainSettings, now: datetime) -> list[str]:
    """Return what the clocks will not let happen as it was typed, in the next 400 days (RULES T2, T3)."""
    ahead = occurrences(schedule_of(settings), after=now, until=now + A_YEAR)
    return [one.note for one in ahead if one.note]
