import json
from pathlib import Path

import pytest

from releasetrain.catalog.models import Service
from releasetrain.processes import prepare
from tests import make


@pytest.mark.django_db
@pytest.mark.parametrize("wish", ["load", "reset"])
def test_a_house_that_somebody_works_in_is_neither_filled_nor_emptied(
    wish: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = make.service()
    prepare.main(str(tmp_path / "result"), wish)
    assert list(Service.objects.all()) == [mine]
    assert json.loads((tmp_path / "result").read_text())["is_demo"] is False
    assert "so the demonstration was left out" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.django_db
def test_an_empty_house_without_the_demonstration_gets_its_first_sign_in(tmp_path: Path) -> None:
    prepare.main(str(tmp_path / "result"), "none")
    prepared = json.loads((tmp_path / "result").read_text())
    assert "/sign-in/link/" in prepared["link"]
    assert prepared["is_demo"] is False
    assert not Service.objects.exists()
