"""Saved messages come in by the command as they would by the endpoint."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from releasetrain.trains.models import Change
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db


def saved(folder: Path, name: str = "one.json", content: str = "") -> Path:
    path = folder / name
    path.write_text(content or json.dumps(world.pull_request()))
    return path


def run(*arguments: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("ingest_webhook", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
    return out.getvalue(), err.getvalue()


def test_a_file_becomes_a_change_of_a_new_service(tmp_path: Path) -> None:
    make.team()
    out, err = run(saved(tmp_path), "--create-services", "storefront")
    assert "github:octo/shop#7 is a new change of shop." in out
    assert err == ""
    assert Change.objects.get().service.team == make.team()


def test_the_same_content_counts_once_whatever_its_name(tmp_path: Path) -> None:
    make.team()
    out, _ = run(saved(tmp_path), saved(tmp_path, "two.json"), "--create-services", "storefront")
    assert "This delivery came before" in out
    assert Change.objects.count() == 1


def test_one_bad_file_stops_no_other(tmp_path: Path) -> None:
    make.team()
    bad = saved(tmp_path, "bad.json", "{")
    out, err = run(bad, tmp_path / "missing.json", saved(tmp_path), "--create-services", "storefront")
    assert "is a new change" in out
    assert "bad.json: refused. The body is not JSON" in err
    assert "missing.json: refused. It cannot be read: No such file or directory." in err
    assert "2 of 3 files were refused." in err


def test_an_unknown_repository_or_team_is_named(tmp_path: Path) -> None:
    assert "No service belongs to the repository octo/shop" in run(saved(tmp_path))[1]
    assert "There is no team “nobody”" in run(saved(tmp_path), "--create-services", "nobody")[1]


def test_the_event_may_be_said(tmp_path: Path) -> None:
    assert "are not used" in run(saved(tmp_path), "--event", "push")[0]
