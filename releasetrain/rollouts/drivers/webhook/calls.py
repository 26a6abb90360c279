"""Keep a message under one id until its receiver has taken it, and take its callback once."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction

from releasetrain.catalog.models import Target
from releasetrain.events.actions import SystemActor, record
from releasetrain.rollouts.drivers.webhook.messages import Ignored, Message, Reply, Report, why_ignored
from releasetrain.rollouts.hooks import HookCall, HookState
from releasetrain.rollouts.rules.snapshot import Outcome

RECEIVER = SystemActor("receiver of webhooks")
CALLBACK_PATH = "/api/v1/callbacks/"
CALLBACK_LIMIT = timedelta(minutes=15)
KEPT = 200
SIGNER = Signer(salt="releasetrain.rollouts.drivers.webhook")


class TooOld(Exception):
    """A newer decision was sent to this target already."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an intent wants of a receiver."""

    key: str
    action: str
    weight: int
    fence: int
    version: str


def state_of(target: Target) -> HookState | None:
    """Return what is known of a target's receiver."""
    return HookState.objects.filter(target=target.pk).first()


def latest_call(target: Target, key: str = "") -> HookCall | None:
    """Return the newest message to a target, or that of a key."""
    known = HookCall.objects.filter(target=target.pk)
    return (known.filter(key=key) if key else known).order_by("-fence", "-pk").first()


@transaction.atomic
def open_call(target: Target, wish: Wish, now: datetime) -> HookCall:
    """Return the message for a wish: the one that is not taken yet where it says the same, else a new one.

    :raises TooOld: a newer decision was sent already
    """
    state = _locked(target)
    newest = latest_call(target)
    if wish.fence < state.fence:
        raise TooOld(f"Fence {wish.fence} is older than {state.fence}.")
    if newest is not None and _is_same(newest, wish):
        newest.key = wish.key
        newest.save(update_fields=["key"])
        return newest
    state.fence = wish.fence
    state.save(update_fields=["fence"])
    name = f"{target.pk}:{wish.key}:{wish.fence}:{now.isoformat()}"
    call = HookCall.objects.create(
        target=target,
        message_id=f"rt_{hashlib.sha256(name.encode()).hexdigest()[:32]}",
        key=wish.key,
        action=wish.action,
        weight=wish.weight,
        version=wish.version,
        fence=wish.fence,
        asked_at=now,
        next_at=now,
        outcome=Outcome.UNKNOWN,
    )
    _forget_old(target)
    return call


def _is_same(call: HookCall, wish: Wish) -> bool:
    """Tell whether a message still stands for a wish: its key was sent, or nobody has taken it yet."""
    if call.key == wish.key:
        return True
    says = (call.action, call.weight, call.version)
    return call.outcome == Outcome.UNKNOWN and says == (wish.action, wish.weight, wish.version)


def message_of(call: HookCall) -> Message:
    """Return what a call says to its receiver, the same each time it is sent."""
    return Message(
        id=call.message_id,
        action=call.action,
        key=f"{call.target_id}:{call.fence}:{call.action}",
        service=call.target.service.name,
        environment=call.target.environment.name,
        version=call.version,
        weight=call.weight,
        fence=call.fence,
        callback_url=f"{settings.PUBLIC_URL}{CALLBACK_PATH}{_token(call)}",
    )


def _token(call: HookCall) -> str:
    return SIGNER.sign(call.message_id)


@transaction.atomic
def note_reply(call: HookCall, reply: Reply, url: str, now: datetime) -> None:
    """Write down what the receiver answered; one that is gone gets nothing more at this address."""
    state = _locked(call.target)
    call.refresh_from_db(fields=["report", "outcome", "attempts"])
    call.attempts, call.sent_at = call.attempts + 1, now
    call.next_at = None if reply.wait_seconds is None else now + timedelta(seconds=reply.wait_seconds)
    if call.report is None:  # a callback may be quicker than the answer, and says more
        call.outcome, call.detail = reply.outcome, reply.detail
    call.save(update_fields=["attempts", "sent_at", "next_at", "outcome", "detail"])
    if reply.is_gone and state.gone_url != url:
        state.gone_url = url
        state.save(update_fields=["gone_url"])
        record(kind="rollouts.receiver.gone", subject=call.target, actor=RECEIVER, now=now)


@transaction.atomic
def note_weight(target: Target, weight: int, fence: int | None, now: datetime) -> None:
    """Keep the weight that a receiver has reported."""
    state = _locked(target)
    state.weight, state.weight_fence, state.reported_at = weight, fence, now
    state.save(update_fields=["weight", "weight_fence", "reported_at"])


def take_callback(token: str, report: Report, now: datetime) -> Ignored | None:
    """Take what a receiver reports of a call: once, of the newest one, in time; return why it is ignored.

    Whatever is ignored is counted and changes nothing else.
    """
    message_id = _read(token)
    if message_id is None:
        _count_forged(token)
        return Ignored.FORGED
    call = HookCall.objects.select_related("target").filter(message_id=message_id).first()
    if call is None:
        return Ignored.STALE
    return _take(call, report, now)


@transaction.atomic
def _take(call: HookCall, report: Report, now: datetime) -> Ignored | None:
    state = _locked(call.target)
    call.refresh_from_db()
    is_expired = now - (call.sent_at or call.asked_at) > CALLBACK_LIMIT
    why = why_ignored(report, known=call.report, fence=call.fence, newest=state.fence, is_expired=is_expired)
    if why is not None:
        _count(state, why)
        return why
    call.report, call.reported_at, call.next_at = report.to_json(), now, None
    call.outcome, call.detail = _outcome(report), report.detail[:500]
    call.save(update_fields=["report", "reported_at", "next_at", "outcome", "detail"])
    if report.weight is not None:
        note_weight(call.target, report.weight, report.fence, now)
    record(
        kind="rollouts.receiver.reported",
        subject=call.target,
        actor=RECEIVER,
        now=now,
        state=report.state.value,
        weight=call.weight if report.weight is None else report.weight,
        reason=report.detail[:200],
    )
    return None


def _outcome(report: Report) -> Outcome:
    """A receiver's word is no read-back: done is accepted until the weight agrees."""
    return {"done": Outcome.ACCEPTED, "failed": Outcome.UNKNOWN, "refused": Outcome.REFUSED}[report.state]


def _read(token: str) -> str | None:
    try:
        return SIGNER.unsign(token)
    except BadSignature:
        return None


def _count_forged(token: str) -> None:
    """Count a forgery at the target that it names, where it names one."""
    call = HookCall.objects.filter(message_id=token.partition(":")[0][:60]).first()
    if call is not None:
        with transaction.atomic():
            _count(_locked(call.target), Ignored.FORGED)


def _count(state: HookState, why: Ignored) -> None:
    state.ignored = state.ignored | {why.value: state.ignored.get(why.value, 0) + 1}
    state.save(update_fields=["ignored"])


def _locked(target: Target) -> HookState:
    HookState.objects.get_or_create(target=target)
    return HookState.objects.select_for_update(no_key=True).get(target=target)


def _forget_old(target: Target) -> None:
    kept = HookCall.objects.filter(target=target.pk).order_by("-fence", "-pk").values_list("pk")[:KEPT]
    HookCall.objects.filter(target=target.pk).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
