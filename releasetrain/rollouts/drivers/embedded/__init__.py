"""Move users through our own small proxy (`manage.py proxy`): fenced, instant, with fall-over and shadow."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.catalog.secrets import reveal
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, Refused
from releasetrain.rollouts.drivers.arms import lines_of, servers_of, why_not_version
from releasetrain.rollouts.drivers.base import (
    Ack,
    Arm,
    Capabilities,
    Desired,
    Drained,
    Field,
    Finding,
    Health,
    Observed,
    Outcome,
)
from releasetrain.rollouts.drivers.embedded import replies
from releasetrain.rollouts.drivers.embedded.calls import call_all
from releasetrain.rollouts.drivers.embedded.replies import Reply
from releasetrain.rollouts.drivers.fields import FieldKind, problems_of

LOOK_SECONDS = 1.0
HEALTH_SECONDS = 0.8
PUT_BACK_SECONDS = 1.0


class EmbeddedDriver:
    """Set the percentage of users whom our own proxies send to the candidate."""

    kind: ClassVar[str] = "embedded"
    label: ClassVar[str] = "Embedded proxy"
    capabilities: ClassVar[Capabilities] = Capabilities(
        is_sticky=True,
        is_instant=True,
        is_fenced=True,
        can_mirror=True,
        can_drain=True,
        can_cut=True,
        falls_over=True,
    )
    fields: ClassVar[tuple[Field, ...]] = (
        Field(
            "endpoints",
            "Proxies",
            "the admin address of each proxy: host:port, or unix:/path",
            FieldKind.LINES,
            is_required=True,
        ),
        Field("token", "Secret", "what the proxies’ --token-file holds", FieldKind.SECRET),
        Field(
            "token_file", "Secret’s file", "or that file itself, where it can be read here", FieldKind.PATH
        ),
        Field("baseline", "Old version", "its servers, host:port", FieldKind.LINES, is_required=True),
        Field("candidate", "New version", "its servers, host:port", FieldKind.LINES, is_required=True),
        Field("user_header", "User header", "the header that names a user", default="x-user-id"),
        Field(
            "version_path", "Version path", "what a server answers with its version to", default="/version"
        ),
    )

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        if problems := problems_of(self.fields, config):
            return [Finding(one, is_blocking=True) for one in problems]
        try:
            _token_of(config)
        except Refused as refusal:
            return [Finding(refusal.message, is_blocking=True)]
        found = []
        for reply in _call(config, "GET", "/state", LOOK_SECONDS):
            if not reply.is_readable:
                found.append(Finding(reply.why, is_blocking=True))
            else:
                found += _differences(config, reply)
        return found

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        config = desired.target.driver_config
        if blocking := [one for one in self.check(desired.target, config) if one.is_blocking]:
            return Ack(Outcome.REFUSED, blocking[0].text)
        if why := why_not_version(config, desired.version, max(0.1, until - time.monotonic())):
            return Ack(Outcome.REFUSED, why)
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        config = desired.target.driver_config
        before = (
            _call(config, "GET", "/state", deadline / 3) if len(lines_of(config, "endpoints")) > 1 else []
        )
        state = {
            "weight": desired.weight,
            "fence": desired.fence,
            "version": desired.version,
            "mirror": desired.mirror,
        }
        told = _call(config, "PUT", "/state", deadline / 2 if before else deadline, state)
        ack = replies.acknowledged(told, desired.weight, desired.fence, desired.mirror)
        if ack.outcome is not Outcome.CONFIRMED and before:
            _put_back(config, before, told, desired.fence)
        return ack

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        told = _call(
            target.driver_config, "PUT", "/state", deadline, {"weight": 0, "mirror": 0, "fence": fence}
        )
        return replies.acknowledged(told, 0, fence)

    def observe(self, target: Target, *, deadline: float) -> Observed:
        return replies.observed(_call(target.driver_config, "GET", "/state", deadline), clock.now())

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        if cut:
            _call(target.driver_config, "POST", "/cut", deadline / 2)
        told = _call(target.driver_config, "GET", "/state", deadline / 2 if cut else deadline)
        return replies.drained(told, was_cut=cut)

    def health(self, target: Target) -> Health:
        config = target.driver_config
        told = _call(config, "GET", "/state", HEALTH_SECONDS / 2)
        servers = servers_of(config, HEALTH_SECONDS / 2)
        silent = [one.why for one in told if not one.is_readable]
        dead = [one for one in servers if not one.is_up]
        words = [*silent, *(f"The {one.arm} {one.name} {one.detail}." for one in dead)]
        return Health(not silent, " ".join(words), servers)


def _call(
    config: Mapping[str, Any],
    method: str,
    path: str,
    deadline: float,
    body: Mapping[str, Any] | None = None,
) -> list[Reply]:
    endpoints = lines_of(config, "endpoints")
    try:
        token = _token_of(config)
    except Refused as refusal:
        return [Reply(endpoint, why=refusal.message, is_sent=False) for endpoint in endpoints or [""]]
    if not endpoints:
        return [Reply("", why="The configuration names no proxy.", is_sent=False)]
    return call_all(endpoints, token, method, path, deadline, body)


def _token_of(config: Mapping[str, Any]) -> str:
    """Open the secret where it is used.

    :raises Refused: it is nowhere, or cannot be read
    """
    file = str(config.get("token_file") or "")
    if not file:
        reference = config.get("token")
        return reveal(reference if isinstance(reference, dict) else {})
    if not Path(file).is_absolute():
        raise Invalid(f"{file} is no absolute path.", field="token_file", who="an administrator")
    try:
        return Path(file).read_text().strip()
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "it is no text"
        raise Invalid(
            f"{file} cannot be read ({words}).", field="token_file", who="an administrator"
        ) from error


def _put_back(config: Mapping[str, Any], before: Sequence[Reply], told: Sequence[Reply], fence: int) -> None:
    """Undo on every proxy of a fleet what was not done on all of them (DRIVERS rule 7)."""
    for was, now in zip(before, told, strict=True):
        if was.is_readable and now.is_readable:
            state = {name: was.facts[name] for name in ("weight", "version", "mirror")}
            one = {**config, "endpoints": [was.endpoint]}
            _call(one, "PUT", "/state", PUT_BACK_SECONDS, {**state, "fence": fence})


def _differences(config: Mapping[str, Any], reply: Reply) -> list[Finding]:
    """Say where a proxy runs otherwise than the configuration believes."""
    found = []
    for arm in Arm:
        there = {one["address"] for one in reply.facts.get("servers", ()) if one.get("arm") == arm}
        here = set(lines_of(config, arm.value))
        if there != here:
            said = f"this configuration says {_words(here)}"
            text = f"{reply.endpoint} sends the {arm} to {_words(there)}; {said}."
            found.append(Finding(text, is_blocking=True))
    header = str(config.get("user_header") or "x-user-id").lower()
    if str(reply.facts.get("user_header", "")).lower() != header:
        text = f"{reply.endpoint} knows users by “{reply.facts.get('user_header')}”, not by “{header}”."
        found.append(Finding(text, is_blocking=True))
    return found


def _words(addresses: set[str]) -> str:
    return ", ".join(sorted(addresses)) or "nobody"
