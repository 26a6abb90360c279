"""Find what is wrong with a target’s HAProxy before anybody’s traffic depends on it; changes nothing."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from releasetrain.rollouts.drivers.base import Arm, Finding
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.fields import unknown_in
from releasetrain.rollouts.drivers.files import is_forgetful, why_not_writable
from releasetrain.rollouts.drivers.fleet import at_once
from releasetrain.rollouts.drivers.haproxy import commands
from releasetrain.rollouts.drivers.haproxy.commands import Row, Unexpected
from releasetrain.rollouts.drivers.haproxy.config import FIELDS, Config, problems, read_config
from releasetrain.rollouts.drivers.haproxy.runtime import Silent, ask
from releasetrain.rollouts.drivers.haproxy.sessions import Table, arm_of, table_of


def findings(raw: Mapping[str, Any], budget: Budget) -> list[Finding]:
    """Return what a person should know, the worst first."""
    if lacking := problems(raw):
        return [Finding(one, is_blocking=True) for one in lacking]
    config, unknown = read_config(raw), unknown_in(FIELDS, raw)
    found = [*_of_the_file(config), *(Finding(f"“{one}” is no setting of HAProxy’s.") for one in unknown)]
    for own in at_once(lambda one: _of_an_endpoint(one, config, budget.part(budget.left)), config.endpoints):
        found += own
    return sorted(dict.fromkeys(found), key=lambda one: not one.is_blocking)


def _of_the_file(config: Config) -> Iterator[Finding]:
    path = Path(config.map_file)
    if is_forgetful(path):
        yield Finding(f"{path} does not outlive a restart of its machine: keep the map below /var/lib.")
    if config.file is None:
        yield Finding(
            "The map file is not kept: a restarted HAProxy serves the baseline until the next look."
        )
        return
    if why := why_not_writable(path.parent):
        yield Finding(f"{why} A rollback could not be written down.", is_blocking=True)
    elif not path.is_file():
        yield Finding(f"There is no map file {path}: create an empty one, HAProxy starts with none other.")


def _of_an_endpoint(endpoint: str, config: Config, budget: Budget) -> list[Finding]:
    table = table_of(endpoint, budget)
    if table.why:
        return [Finding(f"{table.why} Nothing could be taken back.", is_blocking=True)]
    return [*_of_the_map(endpoint, config, budget), *_of_the_layout(table, config)]


def _of_the_map(endpoint: str, config: Config, budget: Budget) -> Iterator[Finding]:
    try:
        commands.read_versions(ask(endpoint, commands.MAPS, budget), config.map_file)
        seen = commands.read_map(ask(endpoint, commands.show(config.map_file), budget))
    except (Silent, Unexpected) as error:
        yield Finding(f"{endpoint}: {error}", is_blocking=True)
        return
    if seen.weight is None:
        yield Finding(f"{endpoint}: the map {config.map_file} holds no whole percentage; it is for others?")


def _of_the_layout(table: Table, config: Config) -> Iterator[Finding]:
    """Look at the backends in which candidate servers stand."""
    arms = {row: arm_of(row, config) for row in table.rows}
    candidates = [row for row, arm in arms.items() if arm is Arm.CANDIDATE]
    if not candidates:
        yield Finding(f"{table.endpoint} knows no server of the candidate’s.", is_blocking=True)
    for row in candidates:
        beside = [one for one, arm in arms.items() if arm is Arm.BASELINE and one.backend == row.backend]
        yield from _of_a_candidate(row, beside)


def _of_a_candidate(row: Row, baseline: list[Row]) -> Iterator[Finding]:
    name = f"{row.backend}/{row.name}"
    if not baseline:
        yield Finding(
            f"There is no baseline server in the backend of {name}: when it dies, its users get errors. "
            "Put both arms into one backend, with “use-server” for the candidate and “option redispatch”."
        )
    elif row.weight > 0:
        yield Finding(
            f"{name} has weight {row.weight} beside the baseline: it takes part in balancing, and users flip "
            "between versions. Give it “weight 0” and let “use-server” choose it by the hash.",
            is_blocking=True,
        )
    if not row.is_checked:
        yield Finding(f"{name} has no “check”: HAProxy would not notice its death.")
