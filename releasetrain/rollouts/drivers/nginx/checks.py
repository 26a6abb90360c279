"""Find what is wrong with a target’s nginx before anybody’s traffic depends on it; changes nothing."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from releasetrain.rollouts.drivers.base import Finding
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.fields import unknown_in
from releasetrain.rollouts.drivers.files import is_forgetful, why_not_writable
from releasetrain.rollouts.drivers.nginx import layout
from releasetrain.rollouts.drivers.nginx.config import FIELDS, Config, problems, read_config
from releasetrain.rollouts.drivers.nginx.seeing import Sight, look_at_all


def findings(raw: Mapping[str, Any], budget: Budget) -> list[Finding]:
    """Return what a person should know, the worst first."""
    if lacking := problems(raw):
        return [Finding(one, is_blocking=True) for one in lacking]
    config = read_config(raw)
    found = [Finding(f"“{one}” is no setting of nginx’s.") for one in unknown_in(FIELDS, raw)]
    found += _of_the_configuration(config)
    for sight in look_at_all(config, budget):
        found += _of_an_endpoint(sight)
    return sorted(dict.fromkeys(found), key=lambda one: not one.is_blocking)


def why_not_well(sight: Sight) -> str:
    """Say why an nginx could not be moved right now, "" where it could."""
    if why := why_not_writable(sight.endpoint.folder):
        return f"{why} Nothing could be taken back."
    if not sight.is_whole:
        return sight.detail
    if not sight.agrees:
        return f"nginx at {sight.endpoint} goes by another folder than {sight.endpoint.folder}."
    return ""


def _of_an_endpoint(sight: Sight) -> Iterator[Finding]:
    folder = sight.endpoint.folder
    if is_forgetful(folder):
        yield Finding(f"{folder} does not outlive a restart of its machine: keep the flags below /var/lib.")
    if why := why_not_well(sight):
        yield Finding(why, is_blocking=True)
    elif sight.stands and sight.stands.kill == 0:
        yield Finding(f"Somebody has set “kill” in {folder} by hand: take it away first.", is_blocking=True)


def _of_the_configuration(config: Config) -> Iterator[Finding]:
    if not config.config_file:
        return
    try:
        text = Path(config.config_file).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        yield Finding(f"{config.config_file} cannot be read: {error.strerror}.")
        return
    yield from layout.findings(text, config.baseline, config.candidate)
