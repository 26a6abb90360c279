"""Measure every driver that can run here: how fast users come back, and what a shift costs them.

The rigs are those of the conformance suite: the real proxy, two servers, users on connections kept alive.
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import connection

from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role
from releasetrain.bench.engine import carried
from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Number, Result, Row, percentile, spread
from releasetrain.bench.house import surroundings
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.worlds.many import LADDER, lay_many, make_due
from releasetrain.catalog.models import Target
from releasetrain.flags.models import FlagEnvironment
from releasetrain.lib import clock
from releasetrain.rollouts.actions import operate
from releasetrain.rollouts.actions.operate import Order
from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.drivers.base import Desired, Outcome
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.rollouts.rules.states import RolloutState

if TYPE_CHECKING:
    from tests.drivers.rig import Asked, Rig

OTHERS = 100
SHIFTS, LATE_CALLS, DIRECT_REQUESTS = 100, 20, 2_000
STAGES = (1, 5, 10, 25, 50)
# Requests within this time of a shift are near it.
NEAR_SECONDS = 0.1
SETTLE_SECONDS, PATIENCE_SECONDS = 0.3, 10.0
SLOW_SHADOW_SECONDS = 0.5
TAKEN = (Outcome.CONFIRMED, Outcome.ACCEPTED)
FENCES = itertools.count(1_000_000, 1_000)
DIRECT = "no proxy at all"
COLUMNS = (
    Column("p50", "back p50 ms", 1),
    Column("p99", "p99 ms", 1),
    Column("max", "max ms", 1),
    Column("sent_after", "sent after"),
    Column("requests", "requests"),
    Column("failed", "failed"),
    Column("near", "near × p99", 2),
    Column("latency", "answer ms", 2),
    Column("late", "late ok"),
    Column("shadow", "shadow × p99", 2),
)
HOW = (
    "Back: from the press in this process, through database and driver, to the new version’s last answer, "
    f"while workers carry {OTHERS} other rollouts. Sent after: requests that were sent after the press had "
    "returned and still got the new version. Near: p99 of requests within 100 ms of a shift, in that of all "
    "others. Late ok: a proxy that was stopped over an apply and a rollback ends at the rollback. Clients, "
    "servers and engine share this machine."
)


@dataclass(frozen=True, slots=True)
class Taken:
    """One way back: seconds from the press to the last new answer, and what was still sent to it."""

    last_new_seconds: float
    sent_after: int


def run(options: Options) -> Result:
    """Measure each driver with a rig, one after the other, and the servers without any.

    :raises CannotMeasure: the tests, with which the rigs stand, are not there
    """
    try:
        # The rigs stand with the tests, which an installation may leave out.
        from tests.drivers.rig import rig_of
    except ImportError as error:
        raise CannotMeasure("The rigs stand with the tests, which are not there.") from error
    around = surroundings()
    lay_many(max(1, round(OTHERS * options.scale)))
    person = User.objects.create_user(email="bench@example.org", name="Bench")
    Membership.objects.create(user=person, role=Role.RELEASE_MANAGER, team=None)
    make_due(OTHERS, clock.now(), within=10.0)
    rows: list[Row] = []
    absent = []
    with carried(around):
        for kind in DRIVERS:
            found = rig_of(kind)
            why = "it has no rig" if found is None else found.lacks.get("users") or found.why_not_here()
            if found is None or why:
                absent.append(f"{kind}: {why}.")
                continue
            say(f"drivers: {kind}")
            rig = found()
            rig.start()
            try:
                rows += _measured(rig, person, options)
            finally:
                rig.stop()
    return Result(
        name="drivers",
        title="how users come back, and what a shift costs them",
        columns=COLUMNS,
        rows=rows,
        aims=_aims(rows),
        notes=[HOW, *absent],
    )


def _measured(rig: "Rig", person: User, options: Options) -> list[Row]:
    base = Target.objects.select_related("service", "environment").order_by("pk").first()
    if base is None:
        raise CannotMeasure("There is no target to move.")
    base.driver, base.driver_config = rig.kind, {}
    rig.target = base
    Rollout.objects.filter(target=base).update(state=RolloutState.CANCELLED, next_due_at=None)
    base.driver_config = rig.config()
    # A flag is made by its rig, in an environment of its own.
    FlagEnvironment.objects.update(environment=base.environment)
    base.save(update_fields=["driver", "driver_config"])
    times = [_back(rig, person) for _ in range(options.rollbacks)]
    figures: dict[str, Number] = dict(spread([one.last_new_seconds for one in times], scale=1000))
    figures["sent_after"] = sum(one.sent_after for one in times)
    figures |= _shifts(rig, max(2, round(SHIFTS * options.scale)))
    figures["latency"] = _latency(rig.client(), max(50, round(DIRECT_REQUESTS * options.scale)))
    figures["late"] = None if "freeze" in rig.lacks else _late(rig, max(1, round(LATE_CALLS * options.scale)))
    is_mirrored = rig.driver.capabilities.can_mirror and "servers" not in rig.lacks
    figures["shadow"] = _shadow(rig, options) if is_mirrored else None
    rows = [Row(rig.driver.label, figures)]
    if "servers" not in rig.lacks:
        from tests.drivers.rig import Client  # as above: it stands with the tests

        direct = Client(rig.old.address)
        count = max(50, round(DIRECT_REQUESTS * options.scale))
        rows.append(
            Row(f"{DIRECT}, beside {rig.kind}", {"latency": _latency(direct, count)}, is_yardstick=True)
        )
    return rows


def _apply(rig: "Rig", weight: int, fence: int, mirror: int = 0) -> Outcome:
    desired = Desired(rig.target, weight, fence, "v2", mirror=mirror)
    return rig.driver.apply(desired, key=f"{rig.target.pk}:{fence}:bench", deadline=PATIENCE_SECONDS).outcome


def _move(rig: "Rig", weight: int, mirror: int = 0) -> None:
    fence = next(FENCES)
    Rollout.objects.filter(target=rig.target, state=RolloutState.BAKING).update(
        desired_weight=weight, weight_fence=fence, fence=fence
    )
    until = time.monotonic() + PATIENCE_SECONDS
    outcome = _apply(rig, weight, fence, mirror)
    while outcome not in TAKEN or rig.driver.observe(rig.target, deadline=1).weight != weight:
        if time.monotonic() > until:
            raise CannotMeasure(f"{rig.kind} does not go to {weight} %.")
        time.sleep(0.02)


def _baking(rig: "Rig", weight: int) -> Rollout:
    """Make a rollout that owns the target, so that nobody sets it to what an earlier one left."""
    fence, now = next(FENCES), clock.now()
    made = Rollout.objects.create(
        target=rig.target,
        from_version="v1",
        to_version="v2",
        ladder=LADDER,
        state=RolloutState.BAKING,
        seq=3,
        desired_weight=weight,
        weight_fence=fence,
        fence=fence,
        bake_needed_seconds=86_400,
        state_entered_at=now,
        created_at=now,
    )
    _move(rig, weight)
    made.refresh_from_db()
    return made


def _over(rollout: Rollout) -> None:
    Rollout.objects.filter(pk=rollout.pk).update(
        state=RolloutState.ROLLED_BACK, next_due_at=None, finished_at=clock.now()
    )


def _back(rig: "Rig", person: User) -> Taken:
    from tests.drivers.rig import NEW, Crowd  # as above: it stands with the tests

    rollout = _baking(rig, 50)
    order = Order(kind=CommandKind.ROLLBACK, id=uuid4(), reason="bench")
    with Crowd(rig) as crowd:
        crowd.more(50)
        pressed_at = time.monotonic()
        operate(rollout, order, by=person, now=clock.now())
        returned_at = time.monotonic()
        time.sleep(SETTLE_SECONDS)
        crowd.more(20)
    _over(rollout)
    new = [one for one in crowd.asked if one.answer.version == NEW]
    last = max((one.answered_at for one in new), default=pressed_at)
    return Taken(max(0.0, last - pressed_at), sum(one.sent_at > returned_at for one in new))


def _shifts(rig: "Rig", count: int) -> dict[str, Number]:
    from tests.drivers.rig import Crowd  # as above: it stands with the tests

    rollout = _baking(rig, 1)
    moved: list[tuple[float, float]] = []
    with Crowd(rig) as crowd:
        for number in range(count):
            began = time.monotonic()
            _move(rig, STAGES[number % len(STAGES)])
            moved.append((began, time.monotonic()))
            time.sleep(2 * NEAR_SECONDS)
    _over(rollout)
    near: list[float] = []
    far: list[float] = []
    for one in crowd.asked:
        (near if _is_near(one, moved) else far).append(one.answered_at - one.sent_at)
    ratio = percentile(near, 0.99) / percentile(far, 0.99) if near and far else None
    failed = sum(one.answer.is_failed for one in crowd.asked)
    return {"requests": len(crowd.asked), "failed": failed, "near": ratio}


def _is_near(one: "Asked", moved: Sequence[tuple[float, float]]) -> bool:
    return any(began <= one.sent_at <= ended + NEAR_SECONDS for began, ended in moved)


def _latency(client: Any, count: int) -> Number:
    times = []
    for number in range(count):
        began = time.monotonic()
        client.ask(f"user-{number}")
        times.append(time.monotonic() - began)
    client.close()
    return percentile(times, 0.5) * 1000


def _late(rig: "Rig", times: int) -> int:
    """Count how often a stopped target ends at the rollback, though an apply was on its way."""
    right = 0
    rollout = _baking(rig, 10)
    for _ in range(times):
        older, newer = next(FENCES), next(FENCES)
        rig.freeze()
        try:
            desired = Desired(rig.target, 50, older, "v2")
            rig.driver.apply(desired, key=f"{older}", deadline=0.3)
            rig.driver.rollback(rig.target, fence=newer, key=f"{newer}", deadline=0.3)
        finally:
            rig.thaw()
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            rig.driver.rollback(rig.target, fence=newer, key=f"{newer}", deadline=1.0)
            if rig.driver.observe(rig.target, deadline=1.0).weight == 0:
                break
        time.sleep(SETTLE_SECONDS)
        right += rig.driver.observe(rig.target, deadline=1.0).weight == 0
    _over(rollout)
    return right


def _shadow(rig: "Rig", options: Options) -> Number:
    """Compare the users' p99 with a shadow that answers slowly to that without one."""
    rollout = _baking(rig, 0)
    without = _p99(rig, options)
    rig.new.wait_seconds = SLOW_SHADOW_SECONDS
    _move(rig, 0, mirror=100)
    with_it = _p99(rig, options)
    rig.new.wait_seconds = 0.0
    _over(rollout)
    return with_it / without if without else None


def _p99(rig: "Rig", options: Options) -> float:
    from tests.drivers.rig import Crowd  # as above: it stands with the tests

    with Crowd(rig) as crowd:
        time.sleep(min(options.seconds, 5.0))
    return percentile([one.answered_at - one.sent_at for one in crowd.asked], 0.99)


def _aims(rows: Sequence[Row]) -> list[Aim]:
    found = []
    for row in rows:
        if row.is_yardstick:
            continue
        say_of = f"{row.what}: "
        found.append(Aim(f"{say_of}back, p99", "ms", 250, row.figures.get("p99")))
        found.append(Aim(f"{say_of}back, most", "ms", 1000, row.figures.get("max")))
        found.append(Aim(f"{say_of}failed in all shifts", "", 0, row.figures.get("failed")))
        found.append(Aim(f"{say_of}p99 near a shift", "×", 1.5, row.figures.get("near")))
        if row.figures.get("shadow") is not None:
            found.append(Aim(f"{say_of}p99 with a slow shadow", "×", 1.5, row.figures.get("shadow")))
    connection.close()
    return found
