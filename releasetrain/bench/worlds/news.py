"""Lay a departure on the board that thousands watch, and let something happen to it."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment
from releasetrain.events.actions import record
from releasetrain.events.models import EventLink
from releasetrain.lib import clock
from releasetrain.trains.models import Departure, Policy, Train
from releasetrain.trains.rules.states import DepartureState
from releasetrain.trains.rules.times import cut_off_before


@dataclass(frozen=True, slots=True)
class NewsWorld:
    """What is watched."""

    departure: Departure

    @property
    def topic(self) -> str:
        """Name what thousands have open: the board, of which the departure is a row."""
        return "board"

    def happen(self) -> tuple[int, float]:
        """Commit one event; return its position and the monotonic time of the commit.

        The time is taken before anybody hears of the event, so telling them counts and committing does not.
        """
        committed: list[float] = []
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.monotonic()))
            event = record(
                kind="trains.change.boarded",
                subject=self.departure,
                actor=None,
                now=clock.now(),
                title="Show prices with tax",
                change=0,
            )
        return EventLink.objects.values_list("position", flat=True).get(event=event), committed[0]


def lay_news(now: datetime) -> NewsWorld:
    """Create a train and one departure of it that boards."""
    team = Team.objects.create(slug="bench-news", name="Bench news")
    environment = Environment.objects.create(slug="bench-news", name="Production")
    policy = Policy.objects.create(name="Bench", owner=team, no_approval_needed=True)
    train = Train.objects.create(
        slug="bench",
        name="Bench Express",
        team=team,
        environment=environment,
        policy=policy,
        time_zone="UTC",
        rule="FREQ=DAILY",
        first_departs_at_local="2026-01-01T12:00:00",
        cut_offs=cut_off_before(timedelta(hours=2)),
        ladder=[{"weight": weight, "bake_seconds": 600} for weight in (1, 5, 10, 25, 50, 100)],
    )
    departure = Departure.objects.create(
        train=train,
        planned_at=now + timedelta(hours=2),
        boards_at=now - timedelta(hours=1),
        cut_off_at=now + timedelta(hours=1),
        departs_at=now + timedelta(hours=2),
        state=DepartureState.BOARDING.value,
        plan={"ladder": train.ladder, "accelerated": False, "requirements": [], "grace_seconds": 1800},
    )
    return NewsWorld(departure)
