"""Lay fifty flags and a token that may evaluate them."""

from dataclasses import dataclass
from datetime import datetime

from releasetrain.accounts.actions import issue_token
from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment
from releasetrain.flags.actions import create_flag

FLAGS = tuple(f"bench-flag-{number:02}" for number in range(50))
HALF = 50_000


@dataclass(frozen=True, slots=True)
class FlagWorld:
    """What a client needs to evaluate."""

    environment: Environment
    token: str


def lay_flags(now: datetime) -> FlagWorld:
    """Create the flags, each on for half of the users."""
    team = Team.objects.create(slug="bench", name="Bench")
    environment = Environment.objects.create(slug="bench", name="Bench")
    for key in FLAGS:
        create_flag(key=key, owner=team, environments=[environment], percentage=HALF, actor=None, now=now)
    _, secret = issue_token(name="bench", scopes=[f"ofrep:{environment.slug}"], by=None, now=now)
    return FlagWorld(environment, secret)
