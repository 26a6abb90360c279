"""Ask HAProxy about its servers: which are up, what is open on the candidate; close that where asked."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from releasetrain.rollouts.drivers.arms import servers_of
from releasetrain.rollouts.drivers.base import Arm, Drained, Health, Server
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.fleet import at_once
from releasetrain.rollouts.drivers.haproxy import commands
from releasetrain.rollouts.drivers.haproxy.commands import Row, Unexpected
from releasetrain.rollouts.drivers.haproxy.config import Config, read_config
from releasetrain.rollouts.drivers.haproxy.runtime import Silent, ask

CUT_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Table:
    """The servers of one endpoint, or why they cannot be read."""

    endpoint: str
    rows: tuple[Row, ...] = ()
    why: str = ""


def table_of(endpoint: str, budget: Budget) -> Table:
    """Read the servers of one endpoint; a socket of a lower level than admin counts as unread."""
    try:
        level = commands.read_level(ask(endpoint, commands.LEVEL, budget))
        if level != "admin":
            return Table(endpoint, why=why_not_level(endpoint, level))
        return Table(endpoint, commands.read_servers(ask(endpoint, commands.STAT, budget)))
    except Silent as silence:
        return Table(endpoint, why=str(silence))
    except Unexpected as reply:
        return Table(endpoint, why=f"{endpoint} replied: {reply}")


def why_not_level(endpoint: str, level: str) -> str:
    """Say that a socket does not let us change anything."""
    return f"{endpoint} is a socket of level {level or 'user'}; the driver needs “level admin”."


def arm_of(row: Row, config: Config) -> Arm | None:
    """Say to which arm a server belongs: by its address, or where that is a name, by what it is called."""
    for arm, addresses in ((Arm.CANDIDATE, config.candidate), (Arm.BASELINE, config.baseline)):
        if row.address in addresses:
            return arm
    return next((arm for arm in Arm if row.name.startswith(arm.value)), None)


def open_on_candidate(tables: Sequence[Table], config: Config) -> int:
    """Count what is open on the candidate at all endpoints."""
    return sum(row.sessions for _, row in _candidates(tables, config))


def drain(config: Config, *, cut: bool, budget: Budget) -> Drained:
    """Count what is open on the candidate; where asked, close it and count until it is gone or time is up."""
    tables = _tables(config, budget)
    if why := _why_unread(tables):
        return Drained(None, detail=why)
    left = open_on_candidate(tables, config)
    if not cut or not left:
        return Drained(left)
    for endpoint, row in _candidates(tables, config):
        try:
            commands.read_nothing(ask(endpoint, commands.cut(row), budget))
        except (Silent, Unexpected) as error:
            return Drained(left, detail=f"{endpoint}: {error}")
    while left and not budget.is_spent:
        time.sleep(min(CUT_POLL_SECONDS, budget.left))
        tables = _tables(config, budget)
        left = left if _why_unread(tables) else open_on_candidate(tables, config)
    return Drained(left, was_cut=True)


def health(raw: Mapping[str, Any], budget: Budget) -> Health:
    """Ask the proxies and the servers at the same time; down is what either of them finds down."""
    config = read_config(raw)
    with ThreadPoolExecutor(1) as beside:
        asking = beside.submit(servers_of, raw, budget.left)
        tables = _tables(config, budget)
        servers = asking.result()
    rows = {row.address: row for table in tables for row in table.rows if not row.is_up}
    seen = tuple(_as_proxies_see(server, rows) for server in servers)
    why = _why_unread(tables)
    if not why and not any(one.is_up for one in seen if one.arm is Arm.BASELINE):
        why = "No server of the baseline is up: there is nothing to fall back on."
    return Health(is_well=not why, detail=why, servers=seen)


def _as_proxies_see(server: Server, down: Mapping[str, Row]) -> Server:
    row = down.get(server.name)
    if row is None or not server.is_up:
        return server
    return replace(server, is_up=False, detail=f"HAProxy says {row.status} ({row.check})")


def _tables(config: Config, budget: Budget) -> list[Table]:
    return at_once(lambda endpoint: table_of(endpoint, budget.part(budget.left)), config.endpoints)


def _why_unread(tables: Sequence[Table]) -> str:
    return " ".join(table.why for table in tables if table.why)


def _candidates(tables: Sequence[Table], config: Config) -> list[tuple[str, Row]]:
    return [
        (table.endpoint, row)
        for table in tables
        for row in table.rows
        if arm_of(row, config) is Arm.CANDIDATE
    ]
