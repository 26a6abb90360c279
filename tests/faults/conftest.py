"""One private house for all fault tests: real servers and processes, into which the test's ORM looks."""

from collections.abc import Iterator

import environ
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from releasetrain.chaos.house import ChaosHouse, chaos_house
from releasetrain.chaos.world import Reporters, World


@pytest.fixture(scope="package")
def opened(django_db_blocker: DjangoDbBlocker) -> Iterator[ChaosHouse]:
    """Open the house, and look into its database instead of the test run's own until the last fault test."""
    with chaos_house() as house, django_db_blocker.unblock():
        house.launch_all()
        kept = dict(connections["default"].settings_dict)
        _look_into(house)
        try:
            yield house
        finally:
            connections["default"].close()
            connections["default"].settings_dict.clear()
            connections["default"].settings_dict.update(kept)


def _look_into(house: ChaosHouse) -> None:
    address = environ.Env.db_url_config(house.env["DATABASE_URL"])
    connections["default"].close()
    wanted = {name: address.get(name, "") for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    connections["default"].settings_dict.update(wanted, OPTIONS=address.get("OPTIONS", {}))


@pytest.fixture(scope="package")
def world(opened: ChaosHouse) -> World:
    return World()


@pytest.fixture(scope="package")
def reporters(world: World) -> Iterator[Reporters]:
    reporters = Reporters(world)
    with reporters.at_work():
        yield reporters


@pytest.fixture
def house(opened: ChaosHouse, reporters: Reporters) -> Iterator[ChaosHouse]:
    """Give each test the house with all of its programs, whatever the one before has killed."""
    opened.launch_all()
    yield opened
    for name in [name for name in opened.processes if name not in ("worker-1", "worker-2", "beat", "web")]:
        opened.kill(name)
