"""What exists is documented, and what is documented exists."""

import re
from pathlib import Path

import pytest
from django.test import Client

from releasetrain.api.urls import api
from releasetrain.events.kinds import KINDS
from releasetrain.rollouts.drivers import DRIVERS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SETTING = re.compile(r"\bRELEASETRAIN_[A-Z_]*[A-Z]\b")


def settings_in_code() -> set[str]:
    files = [*(ROOT / "releasetrain").rglob("*.py"), ROOT / "Procfile", ROOT / "tests" / "settings.py"]
    return {name for path in files for name in SETTING.findall(path.read_text())}


def test_every_setting_is_in_the_readme_and_the_other_way_round() -> None:
    assert settings_in_code() == set(SETTING.findall(README))


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"manage\.py (\w+)", README)) - {"up", "test", "lock", "proxy"}
    found = {path.stem for path in (ROOT / "releasetrain").rglob("management/commands/*.py")}
    assert named <= found


@pytest.mark.django_db
def test_the_help_page_names_every_event_driver_and_address(client: Client) -> None:
    page = client.get("/help/").content.decode()
    assert [kind for kind in KINDS if kind not in page] == []
    assert [kind for kind in DRIVERS if kind not in page] == []
    paths = api.get_openapi_schema()["paths"]
    assert [path for path in paths if re.sub(r"\{\w+\}", "{id}", path) not in page] == []
