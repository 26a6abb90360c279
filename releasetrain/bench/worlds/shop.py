"""Lay the shop whose new checkout is sent out and brought back, and one person who may press the button."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import get_random_string

from releasetrain.accounts.actions import add_person, grant, issue_token
from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.bench.errors import CannotMeasure
from releasetrain.catalog.actions import add_environment, add_service, add_target
from releasetrain.catalog.models import Target
from releasetrain.demo import kept
from releasetrain.demo.storefront import ENVIRONMENT, FLAG, SERVICE
from releasetrain.flags.actions import create_flag, set_percentage
from releasetrain.flags.models import FlagEnvironment
from releasetrain.lib import clock
from releasetrain.rollouts.actions.launch import queue
from releasetrain.rollouts.actions.tick import tick_one
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import TERMINAL_STATES, RolloutState
from releasetrain.trains.models import Departure, Policy, Train
from releasetrain.trains.rules.states import DepartureState
from releasetrain.trains.rules.times import cut_off_before

HALF = 50
LADDER = [{"weight": HALF, "bake_seconds": 600}, {"weight": 100, "bake_seconds": 600}]
PATIENCE_SECONDS = 15.0
LOOK_SECONDS = 0.05
CSRF_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in, as far as a browser carries it."""

    session: str
    csrf: str

    @property
    def headers(self) -> dict[str, str]:
        cookies = f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.CSRF_COOKIE_NAME}={self.csrf}"
        return {
            "Cookie": cookies,
            "X-CSRFToken": self.csrf,
            "HX-Request": "true",
            "Content-Type": "application/x-www-form-urlencoded",
        }


@dataclass(slots=True)
class ShopWorld:
    """A target with its flag, and a train that leaves it again and again."""

    target: Target
    flag: FlagEnvironment
    train: Train
    person: Person

    def send_out(self, number: int) -> Rollout:
        """Start a rollout as the engine does, up to its first stage: half of the users.

        :raises CannotMeasure: it does not start
        """
        now = clock.now()
        departure = Departure.objects.create(
            train=self.train,
            planned_at=now + timedelta(microseconds=number),
            boards_at=now,
            cut_off_at=now,
            departs_at=now,
            state=DepartureState.ROLLING.value,
            plan={"ladder": LADDER, "accelerated": False, "requirements": [], "grace_seconds": 1800},
        )
        rollout = queue(self.target, f"v{number}", departure=departure, now=now)
        self._tick(rollout, until=frozenset({RolloutState.SHIFTING, RolloutState.BAKING}))
        return rollout

    def settle(self, rollout: Rollout) -> None:
        """Go on with a rollback as the engine does, until 0 is verified and the target is free again."""
        self._tick(rollout, until=TERMINAL_STATES)

    def set_flag(self, percent: int) -> None:
        """Write the flag and nothing else: what a rollback costs without the engine and its page."""
        self.flag.refresh_from_db(fields=["fence"])
        set_percentage(
            self.flag,
            percent * 1000,
            fence=self.flag.fence,
            key="bench",
            reason="bench",
            actor=None,
            now=clock.now(),
        )

    def _tick(self, rollout: Rollout, *, until: frozenset[RolloutState]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            tick_one(rollout.pk, clock.now())
            rollout.refresh_from_db()
            if RolloutState(rollout.state) in until:
                return
            time.sleep(LOOK_SECONDS)
        raise CannotMeasure(
            f"A rollout stayed in “{rollout.state}” for {PATIENCE_SECONDS:g} s instead of going on. "
            f"{rollout.reason}"
        )


def lay_shop(now: datetime) -> ShopWorld:
    """Create the shop, its flag, its tokens where the storefront looks for them, and the person."""
    team = Team.objects.create(slug="bench-shop", name="Shop")
    environment = add_environment(slug=ENVIRONMENT, name="Production", by=None, now=now)
    service = add_service(slug=SERVICE, name="Storefront", team=team, by=None, now=now)
    flag = create_flag(key=FLAG, owner=team, environments=[environment], actor=None, now=now)
    target = add_target(
        service=service,
        environment=environment,
        driver="flag",
        config={"flag": FLAG},
        by=None,
        now=now,
        stable_version="v0",
    )
    policy = Policy.objects.create(name="Bench shop", owner=team, no_approval_needed=True)
    train = Train.objects.create(
        slug="bench-shop",
        name="Shop Express",
        team=team,
        environment=environment,
        policy=policy,
        time_zone="UTC",
        rule="FREQ=DAILY",
        first_departs_at_local="2026-01-01T12:00:00",
        cut_offs=cut_off_before(timedelta(hours=2)),
        ladder=LADDER,
    )
    _keep_tokens(now)
    on_call = add_person(email="on-call@example.org", name="On call", by=None, now=now)
    grant(user=on_call, role=Role.ON_CALL, team=None, by=None, now=now)
    placed = flag.environments.select_related("flag", "environment").get()
    return ShopWorld(target, placed, train, signed_in(on_call))


def _keep_tokens(now: datetime) -> None:
    scopes = {"ofrep": f"ofrep:{ENVIRONMENT}", "metrics": f"metrics:{SERVICE}"}
    for name, scope in scopes.items():
        _, secret = issue_token(name=name, scopes=[scope], by=None, now=now)
        kept.keep(Path(settings.DATA_DIR), name, secret)


def signed_in(user: User) -> Person:
    """Open a session as signing in does."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return Person(str(session.session_key), get_random_string(CSRF_LENGTH))
