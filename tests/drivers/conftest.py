"""One rig for all conformance tests of a driver; each test begins with everybody on the old version."""

from collections.abc import Iterator
from typing import Any

import pytest

from releasetrain.rollouts.drivers import DRIVERS
from tests import make
from tests.drivers.rig import Rig, rig_of
from tests.drivers.steps import back


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests commit where the driver's world is in the database, and only there: that takes longer."""
    for item in items:
        kind = getattr(item, "callspec", None) and item.callspec.params.get("running")  # type: ignore[attr-defined]
        if kind and not item.get_closest_marker("django_db"):
            found = rig_of(kind)
            must_commit = found is not None and found.is_in_database
            item.add_marker(pytest.mark.django_db(transaction=must_commit))


@pytest.fixture(scope="module", params=sorted(DRIVERS))
def running(request: Any) -> Iterator[Rig]:
    kind = rig_of(request.param)
    if kind is None:
        pytest.skip(f"the driver {request.param} has no rig")
    if why := kind.why_not_here():
        pytest.skip(why)
    rig = kind()
    rig.start()
    try:
        yield rig
    finally:
        rig.stop()


@pytest.fixture
def rig(running: Rig) -> Rig:
    running.target = make.target(driver=running.kind, driver_config=running.config())
    back(running)
    return running
