"""Load the demonstration's world for a test, quickly and beside nobody's shop."""

from pathlib import Path
from typing import Any

import pytest

from releasetrain.demo import build, journey
from releasetrain.lib import clock
from releasetrain.trains.models import Departure

WHOLE_HISTORY = build.HISTORY
NOBODY = "http://127.0.0.1:9"


def furnish(settings: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Give the demonstration a data folder of its own, a shop that nobody runs, and a short past.

    :param settings: Django's, or the fixture that puts them back
    """
    settings.DEMO = True
    settings.DATA_DIR = folder
    settings.STOREFRONT_URL = settings.PUBLIC_URL = NOBODY
    monkeypatch.setattr(build, "HISTORY", shortened(WHOLE_HISTORY, folder / "history"))


def shortened(history: Path, to: Path) -> Path:
    """Copy the first lines of the record, which is long to load."""
    to.mkdir()
    for file in history.glob("*.csv"):
        (to / file.name).write_text("\n".join(file.read_text().splitlines()[:4]))
    return to


def load() -> None:
    build.load(clock.now(), lambda _: None)


def demo_departure() -> Departure:
    departure = journey.current_departure()
    assert departure is not None
    return departure
