"""Know every driver by its kind; a new one is a folder beside these and a line here."""

from releasetrain.lib.errors import Invalid
from releasetrain.rollouts.drivers.argo import ArgoDriver
from releasetrain.rollouts.drivers.base import Driver
from releasetrain.rollouts.drivers.command import CommandDriver
from releasetrain.rollouts.drivers.embedded import EmbeddedDriver
from releasetrain.rollouts.drivers.envoy import EnvoyDriver
from releasetrain.rollouts.drivers.flag import FlagDriver
from releasetrain.rollouts.drivers.gateway import GatewayDriver
from releasetrain.rollouts.drivers.haproxy import HaproxyDriver
from releasetrain.rollouts.drivers.nginx import NginxDriver
from releasetrain.rollouts.drivers.simulated import SimulatedDriver
from releasetrain.rollouts.drivers.webhook import WebhookDriver

KNOWN: tuple[type[Driver], ...] = (
    FlagDriver,
    EmbeddedDriver,
    EnvoyDriver,
    CommandDriver,
    HaproxyDriver,
    NginxDriver,
    SimulatedDriver,
    WebhookDriver,
    GatewayDriver,
    ArgoDriver,
)
DRIVERS: dict[str, type[Driver]] = {driver.kind: driver for driver in KNOWN}


def driver_for(kind: str) -> Driver:
    """Return the driver of a kind.

    :raises Invalid: there is none of that name
    """
    if kind not in DRIVERS:
        known = ", ".join(sorted(DRIVERS))
        raise Invalid(f"There is no driver “{kind}”. The drivers are: {known}.", field="driver")
    return DRIVERS[kind]()
