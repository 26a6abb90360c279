"""Gather what the pages of targets show: how each driver is, what runs, and what would come back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.drivers.base import Health, Observed
from releasetrain.rollouts.drivers.fields import Field, value_of
from releasetrain.rollouts.line import last_arrived
from releasetrain.rollouts.models import Rollout, Standing
from releasetrain.rollouts.rules.states import MOVING_STATES, RolloutKind, RolloutState
from releasetrain.trains.models import Manifest

WHICH = {"candidate": "new version", "baseline": "old version"}


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One server behind a driver."""

    name: str
    arm: str
    is_up: bool
    text: str


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One target in the list."""

    pk: int
    name: str
    team: str
    driver: str
    state: str
    text: str
    weight: int | None
    is_drifted: bool


@dataclass(frozen=True, slots=True)
class StandingPanel:
    """How a target's driver was at the last look."""

    state: str
    text: str
    checked_at: datetime | None
    since_at: datetime | None
    read_back: str
    drift: str
    missing: Sequence[str]
    servers: Sequence[ServerLine]


@dataclass(frozen=True, slots=True)
class TargetPage:
    """Everything about one target."""

    pk: int
    name: str
    team: str
    kind: str
    driver: str
    standing: StandingPanel
    versions: Sequence[tuple[str, str]]
    settings: Sequence[tuple[str, str]]
    fallbacks: Sequence[str]
    url: str = ""
    rollout_url: str = ""
    findings: Sequence[tuple[str, str]] = field(default_factory=tuple)


def line_of(target: Target) -> TargetLine:
    """Say in a row how a target is."""
    standing = _standing(target)
    state, text = _health(standing)
    return TargetLine(
        target.pk,
        str(target),
        target.service.team.name,
        _label(target.driver),
        state,
        text,
        standing.weight if standing else None,
        bool(standing and standing.drift),
    )


def page_of(target: Target, *, may_edit: bool) -> TargetPage:
    """Gather one target's page."""
    moving = (
        Rollout.objects.filter(target=target, state__in=[*sorted(MOVING_STATES), RolloutState.ROLLING_BACK])
        .select_related("departure")
        .first()
    )
    return TargetPage(
        pk=target.pk,
        name=str(target),
        team=target.service.team.name,
        kind=target.driver,
        driver=_label(target.driver),
        standing=panel_of(_standing(target)),
        versions=_versions(target, moving),
        settings=settings_of(target.driver, target.driver_config),
        fallbacks=[_label(str(one.get("driver", ""))) for one in _fallbacks(target.driver_config)],
        url=f"/targets/{target.pk}/driver/" if may_edit else "",
        rollout_url=f"/departures/{moving.departure_id}/live/" if moving and moving.departure_id else "",
    )


def panel_of(standing: Standing | None) -> StandingPanel:
    """Say how a driver was at its last look."""
    state, text = _health(standing)
    if standing is None:
        return StandingPanel(state, text, None, None, "nothing yet", "", (), ())
    return StandingPanel(
        state,
        text,
        standing.checked_at,
        standing.since_at,
        _read_back(standing.weight, standing.mirror, standing.fence, standing.read_detail),
        standing.drift,
        standing.missing,
        [_server(one) for one in standing.servers],
    )


def tried(health: Health, seen: Observed) -> list[tuple[str, str]]:
    """Say what a connection that was tried has given: (tone, sentence) pairs."""
    found = (
        [("ok", "The driver can act now.")]
        if health.is_well
        else [("bad", health.detail or "It cannot act.")]
    )
    if seen.weight is None:
        found.append(("bad", f"Nothing could be read back. {seen.detail}".strip()))
    else:
        found.append(("ok", f"Read back: {_read_back(seen.weight, seen.mirror, seen.fence, seen.detail)}."))
    for one in health.servers:
        line = _server(
            {
                "name": one.name,
                "arm": one.arm.value,
                "is_up": one.is_up,
                "version": one.version,
                "detail": one.detail,
            }
        )
        found.append(("ok" if line.is_up else "bad", f"{line.name}, {line.arm}: {line.text}."))
    return found


def settings_of(kind: str, config: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is configured, by the label of each field; a secret by its name alone."""
    driver = DRIVERS.get(kind)
    return [(one.label, _value(one, config)) for one in driver.fields] if driver else []


def _value(of: Field, config: dict[str, Any]) -> str:
    value = value_of(of, config)
    if value in (None, "", []):
        return "not set"
    if isinstance(value, dict):
        return f"the secret “{value.get('secret', '')}”"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _versions(target: Target, moving: Rollout | None) -> list[tuple[str, str]]:
    """Say what everybody has, what comes, and what a rollback would bring back."""
    last = last_arrived(target)
    found = [("Runs for everybody", target.stable_version or "nothing yet")]
    if moving is not None and moving.kind == RolloutKind.FORWARD:
        found.append(("On its way", f"{moving.to_version}{_digest(moving)}, at {moving.desired_weight} %"))
        found.append(("A rollback brings back", moving.from_version or "nothing"))
    elif last is not None:
        found[0] = (found[0][0], f"{target.stable_version}{_digest(last)}")
        found.append(("Ran before", last.from_version or "nothing"))
        found.append(("Taken back, this would run", last.from_version or "nothing"))
    return found


def _digest(rollout: Rollout) -> str:
    """Name the sealed manifest that pins a version."""
    if rollout.departure_id is None:
        return ""
    sealed = Manifest.objects.filter(departure=rollout.departure_id).order_by("-revision").first()
    return f", pinned by the manifest {sealed.digest[:12]}" if sealed else ""


def _standing(target: Target) -> Standing | None:
    return getattr(target, "standing", None)


def _health(standing: Standing | None) -> tuple[str, str]:
    if standing is None or standing.is_well is None:
        return "waiting", "not looked at yet"
    if not standing.is_well:
        return "error", standing.detail or "cannot act now"
    down = [one["name"] for one in standing.servers if not one["is_up"]]
    return ("held", f"{', '.join(down)} not up") if down else ("fresh", "can act")


def _read_back(weight: int | None, mirror: int, fence: int | None, detail: str) -> str:
    if weight is None:
        return detail or "nothing"
    shadow = f", shadow {mirror} %" if mirror else ""
    under = f" under fence {fence}" if fence is not None else ""
    return f"{weight} % on the new side{shadow}{under}"


def _server(one: dict[str, Any]) -> ServerLine:
    runs = f"runs {one['version']}" if one.get("version") else "is up"
    text = runs if one["is_up"] else one.get("detail") or "is down"
    return ServerLine(one["name"], WHICH.get(one["arm"], one["arm"]), one["is_up"], text)


def _fallbacks(config: dict[str, Any]) -> list[dict[str, Any]]:
    fallbacks = config.get("fallbacks")
    return [one for one in fallbacks if isinstance(one, dict)] if isinstance(fallbacks, list) else []


def _label(kind: str) -> str:
    return DRIVERS[kind].label if kind in DRIVERS else kind
