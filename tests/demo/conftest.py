"""Run the pages, flags and API of a house as a real server, and the demonstration's shop beside it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from releasetrain.accounts.actions import issue_token
from releasetrain.demo import kept
from releasetrain.demo.wire import Answer, NoAnswerError, Wire
from releasetrain.flags.models import FlagEnvironment
from tests import make
from tests.demo.worlds import furnish, load
from tests.running import ROOT, free_port, until

PATIENCE = 10


class Server:
    """A process that serves an address."""

    def __init__(self, address: str, argv: list[str], env: Mapping[str, str], probe: str) -> None:
        self.address = address
        self.process = subprocess.Popen(
            [sys.executable, "-m", *argv], env=dict(env), cwd=ROOT, stdout=subprocess.DEVNULL
        )
        until(lambda: self._answers(probe), f"nothing answers at {address}")

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        wire = Wire(self.address, PATIENCE)
        try:
            return wire.ask(method, path, headers=headers)
        finally:
            wire.close()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def _answers(self, probe: str) -> bool:
        assert self.process.poll() is None, f"{self.address} ended with {self.process.returncode}"
        try:
            return self.ask("GET", probe).status == 200
        except NoAnswerError:
            return False


class Shop(Server):
    """The storefront's process."""

    def check_out(self, user: str) -> Answer:
        return self.ask("GET", f"/checkout?user={user}")

    def version_for(self, user: str) -> str:
        return self.check_out(user).headers["x-version"]

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.ask("GET", "/versions").body)
        return facts


def environment(house: int, shop: int, data: Path) -> dict[str, str]:
    """Return what `up` would hand to its processes, leading to the rows of the test."""
    url = urlsplit(os.environ["DATABASE_URL"])
    rows = url._replace(path=f"/{connections['default'].settings_dict['NAME']}").geturl()
    return {
        **os.environ,
        "DATABASE_URL": rows,
        "DJANGO_SETTINGS_MODULE": "releasetrain.settings",
        "RELEASETRAIN_DATA": str(data),
        "RELEASETRAIN_PUBLIC_URL": f"http://127.0.0.1:{house}",
        "RELEASETRAIN_STOREFRONT_URL": f"http://127.0.0.1:{shop}",
    }


def serve_house(port: int, data: Path) -> Server:
    argv = ["uvicorn", "releasetrain.asgi:application", "--port", str(port), "--log-level", "error"]
    return Server(f"http://127.0.0.1:{port}", argv, environment(port, 9, data), "/healthz")


def open_shop(house: str, data: Path) -> Shop:
    port = free_port()
    env = environment(urlsplit(house).port or 0, port, data)
    return Shop(f"http://127.0.0.1:{port}", ["releasetrain.demo.storefront"], env, "/versions")


@pytest.fixture(scope="module")
def house(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Serve pages, flags and API from one process for the tests of a module."""
    with django_db_blocker.unblock():
        server = serve_house(free_port(), tmp_path_factory.mktemp("house"))
    yield server
    server.end()


@pytest.fixture
def flag(transactional_db: None, tmp_path: Path) -> FlagEnvironment:
    """Make the shop's target and its flag, and keep tokens for it."""
    make.target("Storefront", driver_config={"flag": "new-checkout"})
    for name, scope in (("ofrep", "ofrep:production"), ("metrics", "metrics:storefront")):
        kept.keep(tmp_path, name, issue_token(name=name, scopes=[scope], by=None, now=make.NOW)[1])
    return make.flag_environment()


@pytest.fixture
def shop(flag: FlagEnvironment, house: Server, tmp_path: Path) -> Iterator[Shop]:
    """Open the shop beside the house."""
    opened = open_shop(house.address, tmp_path)
    yield opened
    opened.end()


@pytest.fixture(scope="module")
def lone_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Open one shop without any house, for what it answers by itself."""
    opened = open_shop("http://127.0.0.1:9", tmp_path_factory.mktemp("shop"))
    yield opened
    opened.end()


@pytest.fixture(scope="module")
def loaded_world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Load the demonstration's world once for a module; its tests are savepoints inside this transaction."""
    with (
        django_db_blocker.unblock(),
        override_settings(),
        pytest.MonkeyPatch.context() as patch,
        transaction.atomic(),
    ):
        furnish(settings, patch, tmp_path_factory.mktemp("world"))
        load()
        yield
        transaction.set_rollback(True)
