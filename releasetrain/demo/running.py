"""Let the demonstration's train depart, and depart again, whenever somebody wants to watch."""

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from releasetrain.accounts.models import Team, User
from releasetrain.catalog.models import Environment, Service, Target
from releasetrain.demo import proxying, world
from releasetrain.demo.counters import ShopClosed, break_shop, kill_new, mend_shop
from releasetrain.demo.journey import current_departure, demo_people
from releasetrain.demo.shop import Fault, Version
from releasetrain.events.actions import Actor, SystemActor, record
from releasetrain.flags.actions import enable, set_percentage, unkill
from releasetrain.flags.models import FlagEnvironment
from releasetrain.lib.errors import Invalid, NotFound, Refused
from releasetrain.lib.spans import in_words
from releasetrain.rollouts.actions.settling import NotSettled, settle_target
from releasetrain.rollouts.drivers import driver_for
from releasetrain.trains.actions import (
    TrainSettings,
    cancel,
    materialise,
    open_boarding,
    save_train,
    submit_change,
)
from releasetrain.trains.actions.refusals import NotDue
from releasetrain.trains.models import Departure, Policy, Train
from releasetrain.trains.rules.states import BOARDING_STATES, FINISHED_STATES, DepartureState
from releasetrain.trains.rules.times import cut_off_before

logger = logging.getLogger(__name__)

DEMO = SystemActor("the demonstration")
MANAGER = "maya.chen@demo.example"
AGAIN = "The demonstration begins again."
SOONEST, LATEST = timedelta(seconds=4), timedelta(hours=12)


HOW = {Fault.ERROR: "it fails", Fault.SLOW: "it is slow"}


class NoCandidate(Refused):
    """Refuse to kill a new version that has no process of its own."""

    code = "no_candidate"


class AlreadyUnderWay(Refused):
    """Refuse to plan another departure while one is still to be watched."""

    code = "already_under_way"


def demo_train_settings(
    teams: dict[str, Team],
    people: dict[str, User],
    place: Environment,
    services: dict[str, Service],
    policy: Policy,
    now: datetime,
) -> TrainSettings:
    """Describe the train that departs once, soon, and says that its bake is accelerated."""
    return TrainSettings(
        name="Checkout Express",
        slug=world.DEMO_TRAIN,
        team=teams["storefront"],
        environment=place,
        services=(services[world.SHOP],),
        policy=policy,
        time_zone=world.DEMO_ZONE,
        rule="FREQ=DAILY;COUNT=1",
        first_departs_at_local=_local(now + world.DEPARTS_AFTER),
        cut_offs=cut_off_before(world.DEPARTS_AFTER - world.CUT_OFF_AFTER),
        boarding_lead=timedelta(days=1),
        grace=timedelta(days=1),  # whoever comes back after lunch may still say go
        ladder=_ladder(),
        is_accelerated=True,
        captain=people[MANAGER],
    )


def _ladder() -> list[dict[str, int]]:
    driver, _ = proxying.driver_of_shop()
    stages = world.SHADOWED if driver_for(driver).capabilities.can_mirror else world.ACCELERATED
    return [dict(stage) for stage in stages]


def keep_running(now: datetime) -> Departure:
    """Return the departure still to be watched, open and with the change aboard; plan one if need be."""
    departure = current_departure()
    if departure is None or not why_not_another(departure, now):
        return depart_soon(now)
    if departure.state == DepartureState.SCHEDULED and now < departure.cut_off_at:
        departure = _open(departure, now)
    _put_aboard(departure, now)
    return departure


def depart_soon(now: datetime, departs_after: timedelta = world.DEPARTS_AFTER) -> Departure:
    """Plan another departure of the demonstration train, and put a fresh change aboard.

    Everybody is on the old version again, and the new one works.

    :param departs_after: from now; the cut-off lies half way
    :raises AlreadyUnderWay: the last one has not ended
    :raises Invalid: sooner than people can follow, or later than they would wait
    :raises NotFound: the demonstration is not loaded
    """
    if not SOONEST <= departs_after <= LATEST:
        raise Invalid(
            f"A demonstration departs in {in_words(SOONEST)} to {in_words(LATEST)}.", field="seconds"
        )
    train = Train.objects.filter(slug=world.DEMO_TRAIN, retired_at=None).first()
    if train is None:
        raise NotFound(
            "The demonstration train is not on the timetable; “manage.py demo load” puts it there."
        )
    last = current_departure()
    if last is not None and (why := why_not_another(last, now)):
        raise AlreadyUnderWay(why)
    if last is not None and last.state not in FINISHED_STATES:
        cancel(last, reason=AGAIN, by=DEMO, now=now)
    _mend()
    _everybody_on_the_old_version(now)
    departure = _plan(train, now, departs_after)
    _put_aboard(departure, now)
    return departure


def why_not_another(departure: Departure, now: datetime) -> str:
    """Return why the demonstration need not begin again yet, or ""."""
    state = DepartureState(departure.state)
    if state in FINISHED_STATES:
        return ""
    if state is DepartureState.ROLLING:
        return f"{departure} moves traffic. Wait until it has arrived, or roll it back."
    if state is DepartureState.CLEARED and departure.held_at is None:
        return f"{departure} is cleared and departs by itself."
    if departure.held_at is not None or departure.departs_at <= now:
        return ""
    return f"{departure} is still to depart. Watch that one first."


def break_new_version(fault: Fault, *, by: Actor, now: datetime) -> None:
    """Break the shop's new checkout, and say so in the log: the rollback that follows has a reason.

    :raises ShopClosed: the shop does not answer
    """
    break_shop(fault)
    _note("demo.shop.broken", by, now, how=HOW[fault])


def kill_new_version(*, by: Actor, now: datetime) -> None:
    """Kill the new version's process, and say so in the log.

    :raises NoCandidate: both versions are one process here
    """
    if proxying.proxy_kind() is None:
        raise NoCandidate(
            "Both versions are one process here. “manage.py up --proxy embedded” runs them as two, behind a "
            "real proxy; there the new one can be killed."
        )
    kill_new()
    _note("demo.shop.killed", by, now)


def mend_new_version(*, by: Actor, now: datetime) -> None:
    """Make the shop's new checkout work again.

    :raises ShopClosed: the shop does not answer
    """
    mend_shop()
    _note("demo.shop.mended", by, now)


def _note(kind: str, by: Actor, now: datetime, **data: str) -> None:
    """Record what was done to the shop where people look: at the departure, else at the shop."""
    subject = current_departure() or Service.objects.filter(slug=world.SHOP).first()
    if subject is not None:
        record(kind=kind, subject=subject, actor=by, now=now, **data)


def _plan(train: Train, now: datetime, departs_after: timedelta) -> Departure:
    """Move the train's one date to soon, and write its departure."""
    settings = TrainSettings.of(train)
    departs_at = (now + departs_after).replace(microsecond=0)
    while train.departures.filter(planned_at=departs_at).exists():
        departs_at += timedelta(seconds=1)
    edited = {
        **{name: getattr(settings, name) for name in TrainSettings.__dataclass_fields__},
        "first_departs_at_local": _local(departs_at),
        "cut_offs": cut_off_before(departs_after / 2),
        "ladder": _ladder(),
    }
    save_train(train, TrainSettings(**edited), by=DEMO, now=now)
    materialise(train, until=departs_at + timedelta(seconds=1), now=now)
    departure = Departure.objects.get(train=train, planned_at=departs_at)
    return _open(departure, now)


def _open(departure: Departure, now: datetime) -> Departure:
    """Open a departure for changes, unless the house has just done that by itself."""
    try:
        return open_boarding(departure, now=now)
    except NotDue as refusal:
        logger.info("%s", refusal.message)
        departure.refresh_from_db()
        return departure


def _put_aboard(departure: Departure, now: datetime) -> None:
    """Let the submitter put the new checkout aboard, where nobody has yet."""
    if departure.state not in BOARDING_STATES or departure.changes.exists() or now >= departure.cut_off_at:
        return
    spec = world.TAX_LINE
    submit_change(
        title=spec.title,
        service=Service.objects.get(slug=spec.service),
        version=f"{now:%Y.%V}-{departure.pk}",
        description=spec.description,
        rollback_plan=spec.rollback_plan,
        flag_key=spec.flag,
        departure=departure,
        by=demo_people()[spec.by],
        now=now,
    )


def _everybody_on_the_old_version(now: datetime) -> None:
    """Put the flag or the proxy back to where a rollout begins: alive, on, and for nobody."""
    if proxying.proxy_kind() is not None:
        _settle(now)
        return
    state = FlagEnvironment.objects.select_related("flag", "environment").get(
        flag__key=world.FLAG, environment__slug=world.ENVIRONMENT
    )
    if state.killed_at:
        unkill(state, reason=AGAIN, actor=DEMO, now=now)
    if not state.enabled:
        enable(state, reason=AGAIN, actor=DEMO, now=now)
    set_percentage(state, 0, fence=state.fence, key="demonstration", reason=AGAIN, actor=DEMO, now=now)


def _settle(now: datetime) -> None:
    """Deploy what everybody has on the old side, too, and bring them back there."""
    shop = Target.objects.get(service__slug=world.SHOP, environment__slug=world.ENVIRONMENT)
    proxying.deployed().deploy(Version.OLD, shop.stable_version)
    manager = demo_people().get(MANAGER)
    if manager is None:
        return
    try:
        settle_target(shop, reason=AGAIN, by=manager, now=now)
    except NotSettled as refusal:
        logger.info("Nothing was settled: %s", refusal.message)


def _mend() -> None:
    """Begin with a new version that works; one that broke before would come back at once."""
    try:
        mend_shop()
    except ShopClosed as refusal:
        logger.info("The new version was not mended: %s", refusal.message)


def _local(instant: datetime) -> str:
    wall = instant.astimezone(ZoneInfo(world.DEMO_ZONE)).replace(tzinfo=None, microsecond=0)
    return wall.isoformat()
