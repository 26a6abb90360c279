"""Let benchmarks run small inside a test: over the run's own servers, on the rows of the test database."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connections
from pytest_django import Settings

from releasetrain.bench.house import environment


@pytest.fixture
def bench_house(
    transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """Make the environment that `house.measure` makes for a benchmark's own process."""
    url = urlsplit(os.environ["DATABASE_URL"])
    test_url = url._replace(path=f"/{connections['default'].settings_dict['NAME']}").geturl()
    servers = {"DATABASE_URL": test_url, "REDIS_URL": os.environ["REDIS_URL"]}
    env = environment(servers, tmp_path) | {"RELEASETRAIN_SECRET_KEY": settings.SECRET_KEY}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    settings.DATA_DIR = tmp_path
    mask = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, mask)
    for connection in connections.all():
        connection.close()
