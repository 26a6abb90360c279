"""Tell the outage of one rollout's measurements from the outage of a provider that many share (ENGINE 5)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.rollouts.rules.measuring import STALE_AFTER

# A provider that fails for this many rollouts, or for a fifth of them, within two minutes has one incident.
INCIDENT_ROLLOUTS, INCIDENT_SHARE = 3, 0.2
TOGETHER = timedelta(minutes=2)
# Once one rollout is blind, those that have missed three reports are about to be.
BLIND_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Eyes:
    """What one rollout that users see measures by: its providers, and up to when they have told."""

    rollout: int
    providers: frozenset[str]
    fresh_at: datetime


def provider_incidents(
    eyes: Iterable[Eyes], open_since: dict[str, datetime], now: datetime
) -> dict[str, list[int]]:
    """Return the rollouts that are blind by provider, for each provider that has an incident now.

    One begins once a rollout has been blind for a minute and enough others lost sight within two minutes of
    it; it lasts while two of those still see nothing. A single rollout that stays blind has an outage of its
    own, and so has one that was blind long before.

    :param open_since: when the incidents that are open began, by provider
    """
    found: dict[str, list[int]] = {}
    by_provider: dict[str, list[Eyes]] = {}
    for one in eyes:
        for provider in one.providers:
            by_provider.setdefault(provider, []).append(one)
    for provider, using in by_provider.items():
        if since := open_since.get(provider):
            lost = [one for one in using if _is_blind(one, now) and one.fresh_at >= since - 2 * TOGETHER]
            enough = len(lost) > 1
        else:
            lost = _lost_together(using, now)
            enough = len(lost) >= INCIDENT_ROLLOUTS or len(lost) >= max(2, len(using) * INCIDENT_SHARE)
        if enough:
            found[provider] = sorted(one.rollout for one in lost)
    return found


def _is_blind(one: Eyes, now: datetime) -> bool:
    return now - one.fresh_at > BLIND_AFTER


def _lost_together(using: Collection[Eyes], now: datetime) -> list[Eyes]:
    """Return the most rollouts that lost sight within two minutes of each other, one of them for good."""
    blind = sorted((one for one in using if _is_blind(one, now)), key=lambda one: one.fresh_at)
    best: list[Eyes] = []
    for place, first in enumerate(blind):
        if now - first.fresh_at <= STALE_AFTER:
            break
        together = [one for one in blind[place:] if one.fresh_at - first.fresh_at <= TOGETHER]
        best = max(best, together, key=len)
    return best
