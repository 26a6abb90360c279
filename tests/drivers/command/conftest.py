"""Give each test its own data folder and its own allowed programs."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.drivers.command.scripts import Bench


@pytest.fixture
def bench(db: None, tmp_path: Path, settings: Settings) -> Bench:
    settings.DATA_DIR = tmp_path / "data"
    settings.COMMAND_PATHS = (str(tmp_path / "programs"),)
    return Bench(tmp_path)
