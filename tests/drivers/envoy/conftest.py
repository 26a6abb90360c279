from collections.abc import Iterator
from itertools import count

import pytest

from releasetrain.rollouts.drivers.envoy import EnvoyDriver
from tests.drivers.envoy.proxy import Proxy, envoys

FENCES = count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with envoys(tmp_path_factory.mktemp("envoy")) as found:
        yield found[0]


@pytest.fixture
def fence() -> int:
    """Return a fence that nobody has had."""
    return next(FENCES) * 100


@pytest.fixture
def proxy(house: Proxy, fence: int) -> Proxy:
    """Return the module's Envoy, with everybody on the old version."""
    assert EnvoyDriver().rollback(house.target, fence=fence, key="", deadline=10).outcome == "confirmed"
    house.candidate.wait_seconds = house.baseline.wait_seconds = 0
    return house
