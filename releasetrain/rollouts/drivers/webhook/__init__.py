"""Move traffic by signed messages to a receiver of one's own, and believe only what is read back.

A message keeps its id however often it is sent, with back-off while nobody takes it; its receiver answers at
once, reports by the signed address that it was given, or both. Receivers remember ids, as signatures alone
let a message be sent again by anybody who saw it.
"""

import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings

from releasetrain.catalog.models import Target
from releasetrain.catalog.secrets import reveal
from releasetrain.lib import clock
from releasetrain.lib.addresses import why_not_address
from releasetrain.lib.errors import Refused
from releasetrain.lib.fetching import Unfetched, Why, Wish, fetch
from releasetrain.rollouts.drivers.arms import lines_of, servers_of, why_not_version
from releasetrain.rollouts.drivers.base import (
    Ack,
    Capabilities,
    Desired,
    Drained,
    Finding,
    Health,
    Observed,
    Outcome,
    Sync,
)
from releasetrain.rollouts.drivers.fields import Field, problems_of
from releasetrain.rollouts.drivers.webhook import calls
from releasetrain.rollouts.drivers.webhook.calls import TooOld
from releasetrain.rollouts.drivers.webhook.fields import FIELDS
from releasetrain.rollouts.drivers.webhook.messages import Reply, back_off, read_reply, signed, weight_in
from releasetrain.rollouts.hooks import HookCall

LONGEST_CALL_SECONDS = 10.0
READ_BACK_SECONDS = 1.0
MOST_BYTES = 64 * 1024
LEAST_SECONDS = 0.05
# What was reported as done may still take so long until it is read back.
ARRIVAL_SECONDS = 30.0
Config = dict[str, Any]


class WebhookDriver:
    """Post each shift to a receiver, signed, and read the weight back from it or from its callbacks."""

    kind: ClassVar[str] = "webhook"
    label: ClassVar[str] = "Webhook"
    capabilities: ClassVar[Capabilities] = Capabilities(patience_seconds=960.0)
    fields: ClassVar[tuple[Field, ...]] = FIELDS

    def check(self, target: Target, config: Config) -> list[Finding]:
        found = [Finding(one, is_blocking=True) for one in problems_of(FIELDS, config)]
        addresses = [str(config[name]) for name in ("url", "observe_url") if config.get(name)]
        refused = [(one, why) for one in addresses if (why := why_not_address(one))]
        found += [Finding(f"“{one}”: {why}", is_blocking=True) for one, why in refused]
        if why := _why_not_secret(config):
            found.append(Finding(why, is_blocking=True))
        state = calls.state_of(target)
        if state is not None and state.gone_url and state.gone_url == config.get("url"):
            found.append(Finding(GONE, is_blocking=True))
        if not settings.PUBLIC_URL.startswith("https://") and not settings.IS_LOOPBACK:
            found.append(Finding("Callbacks come over http here: anybody on the way can read and use them."))
        if not config.get("observe_url"):
            found.append(Finding("Nothing is read back but callbacks: drift by other hands stays unseen."))
        return found

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        target, config = desired.target, desired.target.driver_config
        blocking = [one for one in self.check(target, config) if one.is_blocking]
        if blocking:
            return Ack(Outcome.REFUSED, blocking[0].text)
        if lines_of(config, "candidate") and (why := why_not_version(config, desired.version, deadline)):
            return Ack(Outcome.REFUSED, why)
        seen = self.observe(target, deadline=_left(until))
        if seen.weight is None and not config.get("observe_url"):
            # Nobody has reported yet: the receiver is asked to, once.
            first = calls.Wish(f"{target.pk}:look", "look", 0, 0, desired.version)
            _send(target, first, _left(until))
        if seen.weight is None:
            return Ack(Outcome.UNKNOWN, seen.detail)
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        wish = calls.Wish(key, "apply", desired.weight, desired.fence, desired.version)
        return self._ask(desired.target, wish, deadline)

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        return self._ask(target, calls.Wish(key, "rollback", 0, fence, target.stable_version), deadline)

    def observe(self, target: Target, *, deadline: float) -> Observed:
        config = target.driver_config
        if config.get("observe_url"):
            return _read_back(target, deadline)
        state = calls.state_of(target)
        if state is None or state.weight is None:
            return Observed(
                Sync.UNKNOWN, at=clock.now(), detail="The receiver has not reported any weight yet."
            )
        latest = calls.latest_call(target)
        is_open = latest is not None and latest.report is None
        return Observed(
            Sync.CONVERGING if is_open else Sync.SYNCED, state.weight, state.weight_fence, clock.now()
        )

    def answer_of(self, target: Target, *, key: str, deadline: float) -> Ack:
        """Say what has become of a call that was only accepted."""
        call = calls.latest_call(target, key)
        if call is None:
            return Ack(Outcome.UNKNOWN, "Nothing is kept of this call.")
        if call.outcome != Outcome.ACCEPTED:
            return Ack(Outcome(call.outcome), call.detail)
        seen = self.observe(target, deadline=deadline)
        if seen.weight == call.weight and seen.state is Sync.SYNCED:
            return Ack(Outcome.CONFIRMED)
        waited = (clock.now() - call.reported_at).total_seconds() if call.reported_at else 0.0
        if waited > ARRIVAL_SECONDS:
            return Ack(Outcome.UNKNOWN, f"The receiver reported it done, but {seen.weight} % is read back.")
        return Ack(Outcome.ACCEPTED, "The receiver has taken it and is at work.")

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        return Drained(
            None, detail="A receiver moves traffic; it tells nobody how many connections are open."
        )

    def health(self, target: Target) -> Health:
        blocking = [one for one in self.check(target, target.driver_config) if one.is_blocking]
        servers = servers_of(target.driver_config, READ_BACK_SECONDS)
        if not blocking and target.driver_config.get("observe_url"):
            seen = _read_back(target, READ_BACK_SECONDS)
            return Health(seen.weight is not None, seen.detail, servers)
        return Health(not blocking, blocking[0].text if blocking else "", servers)

    def _ask(self, target: Target, wish: calls.Wish, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        ack = _send(target, wish, deadline)
        if ack.outcome is not Outcome.ACCEPTED:
            return ack
        seen = self.observe(target, deadline=_left(until))
        is_there = seen.weight == wish.weight and seen.state is Sync.SYNCED
        return Ack(Outcome.CONFIRMED) if is_there else ack


GONE = (
    "The receiver has answered 410 at this address: it is gone. Give another address, or have an "
    "administrator forget what is known of the receiver."
)


def _send(target: Target, wish: calls.Wish, deadline: float) -> Ack:
    """Send what a wish needs to be sent, under the id that it has already where it has one."""
    config, now = target.driver_config, clock.now()
    url, is_return = str(config.get("url", "")), wish.action == "rollback"
    state = calls.state_of(target)
    if state is not None and state.gone_url == url and url and not is_return:
        return Ack(Outcome.REFUSED, GONE)
    try:
        secret = reveal(config["secret"]) if isinstance(config.get("secret"), dict) else ""
        call = calls.open_call(target, wish, now)
        if call.next_at is None:
            return Ack(Outcome(call.outcome), call.detail)
        if call.next_at > now:
            wait = (call.next_at - now).total_seconds()
            return Ack(Outcome.UNKNOWN, f"{call.detail} It is sent again, with the same id, in {wait:.1f} s.")
        reply = _post(call, url, secret, min(deadline, LONGEST_CALL_SECONDS))
    except (TooOld, ValueError) as fault:
        return Ack(Outcome.REFUSED, str(fault))
    except Refused as refusal:
        return Ack(Outcome.REFUSED, refusal.message)
    calls.note_reply(call, reply, url, clock.now())
    return Ack(reply.outcome, reply.detail)


def _post(call: HookCall, url: str, secret: str, seconds: float) -> Reply:
    """Send a message once.

    :raises ValueError: the secret cannot sign
    """
    is_return, attempts, now = call.action == "rollback", call.attempts + 1, clock.now()
    body = calls.message_of(call).body(call.asked_at)
    headers = signed(secret, call.message_id, body, wall_time())
    try:
        got = fetch(Wish(url, seconds, MOST_BYTES, headers, body=body.encode()))
    except Unfetched as fault:
        if fault.why is Why.ADDRESS:
            return Reply(Outcome.REFUSED, str(fault))
        return Reply(Outcome.UNKNOWN, str(fault), back_off(attempts, is_return=is_return))
    return read_reply(got.status, got.headers, attempts=attempts, is_return=is_return, now=now)


def wall_time() -> datetime:
    """Return this machine's time: a receiver compares that of a signature with its own."""
    return datetime.now(UTC)


def _read_back(target: Target, deadline: float) -> Observed:
    config = target.driver_config
    try:
        secret = reveal(config["secret"]) if isinstance(config.get("secret"), dict) else ""
        headers = signed(secret, f"rt_look_{time.time_ns()}", "", wall_time())
        got = fetch(Wish(str(config["observe_url"]), min(deadline, READ_BACK_SECONDS), MOST_BYTES, headers))
    except (Unfetched, ValueError) as fault:
        return Observed(Sync.UNREACHABLE, at=clock.now(), detail=f"The read-back: {fault}")
    except Refused as refusal:
        return Observed(Sync.UNREACHABLE, at=clock.now(), detail=refusal.message)
    weight, fence = weight_in(got.body) if got.status == 200 else (None, None)
    if weight is None:
        detail = f"The read-back answered {got.status} and no weight from 0 to 100."
        return Observed(Sync.UNREACHABLE, at=clock.now(), detail=detail)
    return Observed(Sync.SYNCED, weight, fence, clock.now())


def _left(until: float) -> float:
    return max(until - time.monotonic(), LEAST_SECONDS)


def _why_not_secret(config: Config) -> str | None:
    reference = config.get("secret")
    if not isinstance(reference, dict):
        return None
    try:
        signed(reveal(reference), "rt_check", "", clock.now())
    except Refused as refusal:
        return refusal.message
    except ValueError as fault:
        return str(fault)
    return None
