"""Name the addresses that fragments lead to; a stream process need not load every page to know them."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID


def departure(pk: int) -> str:
    return f"/departures/{pk}/"


def live(pk: int) -> str:
    return f"/departures/{pk}/live/"


def bundles(pk: int) -> str:
    return f"/departures/{pk}/bundles/"


def changelog(pk: int) -> str:
    return f"/departures/{pk}/changelog/"


def notes(pk: int) -> str:
    return f"/departures/{pk}/notes/"


def revisions(pk: int) -> str:
    return f"/departures/{pk}/revisions/"


def withdrawal(departure: int, pk: int) -> str:
    return f"/departures/{departure}/withdrawals/{pk}/"


def leave(change: int, verb: str) -> str:
    return f"/changes/{change}/{verb}/"


def override(departure: int, pk: int) -> str:
    return f"/departures/{departure}/overrides/{pk}/"


def overrule(departure: int, vote: int) -> str:
    return f"/departures/{departure}/votes/{vote}/overrule/"


def readiness(departure: int) -> str:
    return f"/departures/{departure}/readiness/"


def blocker(departure: int, pk: int) -> str:
    return f"/departures/{departure}/blockers/{pk}/"


def on_call(team: str) -> str:
    return f"/teams/{team}/on-call/"


def train(slug: str) -> str:
    return f"/trains/{slug}/"


def change(pk: int) -> str:
    return f"/changes/{pk}/"


def submit(departure: int) -> str:
    return f"/changes/new/?{urlencode({'departure': departure})}"


def command(rollout: int, kind: str) -> str:
    return f"/rollouts/{rollout}/{kind}/"


def second(rollout: int, command: UUID) -> str:
    return f"/rollouts/{rollout}/second/{command}/"


def audit(search: str) -> str:
    return f"/audit/?{urlencode({'q': search})}"


def agenda(narrowed: Mapping[str, int]) -> str:
    """Lead to the calendar as a list, narrowed down to a team, a service or an environment."""
    return f"/calendar/?{urlencode({'view': 'agenda', **narrowed})}"


def late_pass(departure: int, pk: int) -> str:
    return f"/departures/{departure}/late/{pk}/"


def ask_late(change: int, departure: int) -> str:
    return f"/changes/{change}/late/{departure}/"


def ledger(departure: int) -> str:
    return f"/departures/{departure}/ledger/"


def rolling_list() -> str:
    return "/rolling/"


def rolling(rollout: int) -> str:
    return f"/rolling/{rollout}/"


def rolling_back(rollout: int) -> str:
    return f"/rolling/{rollout}/take-back/"


def rolling_all() -> str:
    return "/rolling/all/"


def rolling_on() -> str:
    return "/rolling/on/"
