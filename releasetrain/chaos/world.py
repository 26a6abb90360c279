"""Lay what a chaos run moves: targets of simulated proxies, rollouts over them, and services that report."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment, Service, Target
from releasetrain.health.models import Arm, Reading
from releasetrain.lib import clock
from releasetrain.rollouts.models import Guardrail, Rollout
from releasetrain.rollouts.rules.states import TERMINAL_STATES

T = TypeVar("T")
LADDER = (
    {"weight": 10, "bake_seconds": 3},
    {"weight": 50, "bake_seconds": 3},
    {"weight": 100, "bake_seconds": 3},
)
METRIC = "errors"
# So many that a bake of seconds is long enough to judge by.
UNITS, USUAL_BAD, BROKEN_BAD = 200_000, 200, 60_000
REPORT_SECONDS = 1.0
PATIENCE_SECONDS = 60.0


def patiently(do: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Do something in the database, again while it is away."""
    limit = time.monotonic() + seconds
    while True:
        try:
            return do()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > limit:
                raise
            time.sleep(0.2)


class World:
    """Services that are rolled out, each once: a target of its own keeps the story of a rollout readable."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._team = Team.objects.get_or_create(slug="chaos", defaults={"name": "Chaos"})[0]
        self._place = Environment.objects.get_or_create(slug="chaos", defaults={"name": "Chaos"})[0]
        self.rollouts: list[int] = []

    def send_out(
        self, ladder: Sequence[dict[str, Any]] = LADDER, faults: dict[str, Any] | None = None
    ) -> Rollout:
        """Queue a rollout of a new service, as a departure does."""
        return patiently(lambda: self._send_out(list(ladder), faults or {}))

    @transaction.atomic
    def _send_out(self, ladder: list[dict[str, Any]], faults: dict[str, Any]) -> Rollout:
        name = f"chaos-{next(self._numbers)}-{time.time_ns()}"
        service = Service.objects.create(slug=name, name=name, team=self._team)
        target = Target.objects.create(
            service=service,
            environment=self._place,
            driver="simulated",
            driver_config={"faults": faults},
            stable_version="v1",
        )
        Guardrail.objects.create(target=target, name="Errors", metric=METRIC)
        now = clock.now()
        rollout = Rollout.objects.create(
            target=target,
            from_version="v1",
            to_version="v2",
            ladder=ladder,
            is_accelerated=True,
            fence=1,
            weight_fence=1,
            state_entered_at=now,
            starts_at=now,
            overall_deadline_at=now + timedelta(hours=4),
            next_due_at=now,
            created_at=now,
        )
        self.rollouts.append(rollout.pk)
        return rollout

    def unfinished(self) -> list[Rollout]:
        rows = Rollout.objects.filter(pk__in=self.rollouts).exclude(state__in=sorted(TERMINAL_STATES))
        return patiently(lambda: list(rows.select_related("target")))

    def all(self) -> list[Rollout]:
        rows = Rollout.objects.filter(pk__in=self.rollouts).select_related("target").order_by("pk")
        return patiently(lambda: list(rows))


def spoil(target: Target, **faults: Any) -> None:
    """Tell a simulated proxy what goes wrong next."""
    patiently(lambda: _spoil(target.pk, faults))


@transaction.atomic
def _spoil(pk: int, faults: dict[str, Any]) -> None:
    row = Target.objects.select_for_update(no_key=True).get(pk=pk)
    row.driver_config["faults"] = faults
    row.save(update_fields=["driver_config"])


class Reporters:
    """Report the counts of every service that is rolled out, each second, as the services themselves do."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended = threading.Event()
        self.is_silent = False
        self.is_empty = False
        self.broken: set[int] = set()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Report as long as the block lasts."""
        thread = threading.Thread(target=self._report, name="chaos reporters")
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _report(self) -> None:
        try:
            while not self._ended.wait(REPORT_SECONDS):
                # A report that does not get through is lost, as those of services are.
                with contextlib.suppress(OperationalError, InterfaceError):
                    self._report_once()
                    continue
                connection.close()
        finally:
            connection.close()

    def _report_once(self) -> None:
        if self.is_silent:
            return
        now = clock.now()
        rows = Rollout.objects.filter(pk__in=list(self._world.rollouts))
        active = rows.exclude(state__in=sorted(TERMINAL_STATES)).values_list("pk", "target")
        Reading.objects.bulk_create(
            [
                Reading(
                    target_id=target,
                    arm=arm,
                    metric=METRIC,
                    units=0 if self.is_empty else UNITS,
                    bad=0 if self.is_empty else self._bad(pk, arm),
                    starts_at=now - timedelta(seconds=REPORT_SECONDS),
                    ends_at=now,
                    received_at=now,
                )
                for pk, target in active
                for arm in Arm
            ],
            ignore_conflicts=True,
        )

    def _bad(self, pk: int, arm: Arm) -> int:
        return BROKEN_BAD if pk in self.broken and arm is Arm.CANDIDATE else USUAL_BAD
