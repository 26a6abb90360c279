import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.live_server_helper import LiveServer

from releasetrain.accounts.actions import issue_token
from releasetrain.health.models import ErrorLine
from releasetrain.health.tail import pile
from releasetrain.health.tail.follow import Follower
from releasetrain.health.tail.run import Tail, kept_place
from releasetrain.health.tail.sending import Answer, Batch
from tests import make
from tests.running import ROOT, until

TAKEN = Answer(is_taken=True, is_settled=True)


class House:
    """Take batches as the house would, or not; and let time pass."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.batches: list[Batch] = []
        self.said: list[str] = []
        self.now = 1000.0

    def send(self, batch: Batch) -> Answer:
        self.batches.append(batch)
        return self.answers.pop(0) if self.answers else TAKEN

    def lines(self) -> list[tuple[str, int]]:
        return [(one.message, one.count) for batch in self.batches for one in batch.lines]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.touch()
    return path


@pytest.fixture
def tail(house: House, log: Path) -> Iterator[Tail]:
    made = Tail(
        Follower(log), house.send, house.said.append, lambda: house.now, place_file=log.with_suffix(".place")
    )
    yield made
    made.follower.close()


def add(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def go(house: House, tail: Tail, seconds: int) -> None:
    for _ in range(2 * seconds):
        while tail.step():
            pass
        house.now += 0.5


def test_lines_are_sent_masked_and_counted_by_kind(house: House, tail: Tail, log: Path) -> None:
    add(log, "ERROR 1 password=hunter2", "ERROR 2 password=other", "INFO fine", "FATAL no disk")
    go(house, tail, 10)
    assert sorted(house.lines()) == [("ERROR 1 password=***", 2), ("FATAL no disk", 1)]
    assert tail.sent == 3


def test_a_batch_that_was_not_taken_is_sent_again_under_its_key(house: House, tail: Tail, log: Path) -> None:
    house.answers = [Answer(words="No."), Answer(words="No."), TAKEN]
    add(log, "ERROR one")
    go(house, tail, 6)
    add(log, "ERROR two other")
    go(house, tail, 30)
    assert len({one.key for one in house.batches[:3]}) == 1
    assert [one.message for one in house.batches[2].lines] == ["ERROR one"]
    assert [one.message for one in house.batches[3].lines] == ["ERROR two other"]
    assert house.said == ["No. It is tried again; the lines wait.", "The house takes lines again."]


def test_a_batch_that_is_refused_for_good_does_not_stop_the_next(house: House, tail: Tail, log: Path) -> None:
    house.answers = [Answer(is_settled=True, is_refused=True, words="Too old.")]
    add(log, "ERROR one")
    go(house, tail, 8)
    add(log, "ERROR two other")
    go(house, tail, 8)
    assert len(house.batches) == 2
    assert tail.sent == 1
    assert house.said == ["The house refuses 1 lines for good. Too old."]


def test_a_quiet_log_gives_a_sign_of_life_a_minute(house: House, tail: Tail) -> None:
    go(house, tail, 150)
    assert [len(one.lines) for one in house.batches] == [0, 0]


def test_a_flood_of_kinds_stays_bounded_and_is_told(
    house: House, tail: Tail, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pile, "MOST_KINDS", 2)
    add(log, "ERROR alpha", "ERROR beta", "ERROR gamma", "ERROR alpha", "ERROR delta")
    go(house, tail, 10)
    assert sorted(house.lines()) == [("ERROR alpha", 2), ("ERROR beta", 1)]
    assert house.said == ["2 lines of too many different kinds were not sent."]


def test_the_place_is_written_down_only_once_all_is_delivered(house: House, tail: Tail, log: Path) -> None:
    place = log.with_suffix(".place")
    house.answers = [Answer(words="No.")] * 3
    add(log, "ERROR one")
    go(house, tail, 4)
    before = kept_place(place)
    go(house, tail, 30)
    after = kept_place(place)
    assert (before.offset if before else 0, after.offset if after else 0) == (0, len("ERROR one\n"))


def test_the_rest_is_sent_at_the_end_or_it_is_said(house: House, tail: Tail, log: Path) -> None:
    add(log, *(f"ERROR {'abcdefghijklmnop'[n % 16]}{'xyz'[n // 16 % 3]}{'uvw'[n // 48]}q" for n in range(60)))
    assert tail.finish()
    assert sum(len(one.lines) for one in house.batches) == 60
    add(log, "ERROR last")
    house.answers = [Answer(words="No.")]
    assert not tail.finish()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"inode": 1}', '{"device":1,"inode":2,"offset":"x","head":""}', "\x00"]
)
def test_a_place_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "place"
    path.write_text(text)
    assert kept_place(path) is None
    assert kept_place(tmp_path / "nowhere") is None


def tail_once(file: Path, address: str, **options: Any) -> str:
    said = StringIO()
    given = {"service": "storefront", "version": "v2", "address": address, "once": True, "stdout": said}
    call_command("tail", str(file), **{**given, **options})
    return said.getvalue()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(issue_token(name="log", scopes=["metrics:storefront"], by=None, now=make.NOW)[1])
    return path


@pytest.mark.django_db(transaction=True)
def test_a_log_reaches_the_house_as_lines_of_its_arm(live_server: LiveServer, log: Path, token: Path) -> None:
    make.target(stable_version="v1")
    add(log, "ERROR KeyError: 'tax' password=hunter2", "ERROR KeyError: 'vat' password=x", "INFO fine")
    said = tail_once(log, live_server.url, token_file=token, from_start=True)
    assert "They count as the candidate’s." in said
    assert "2 error lines were sent." in said
    kept = ErrorLine.objects.get()
    assert (kept.arm, kept.sample, kept.count) == ("candidate", "ERROR KeyError: 'tax' password=***", 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"service": "search"}, "metrics:search"),
        ({"environment": "mars"}, "no service “storefront” in an environment “mars”"),
        ({"address": "house"}, "begins with http"),
        ({"file": Path("/nowhere/app.log")}, "cannot be read"),
        ({"token_file": Path("/nowhere/token")}, "token cannot be read"),
        ({"token_file": None}, "issue_token"),
    ],
)
def test_what_cannot_work_is_said_at_once(
    live_server: LiveServer, log: Path, token: Path, options: dict[str, Any], words: str
) -> None:
    make.target(stable_version="v1")
    given = {"file": log, "address": live_server.url, "token_file": token, **options}
    with pytest.raises(CommandError, match=re.escape(words)):
        tail_once(**given)


@pytest.mark.django_db(transaction=True)
def test_a_tail_that_runs_survives_a_rotation_and_ends_in_order(
    live_server: LiveServer, log: Path, token: Path
) -> None:
    make.target(stable_version="v1")
    environ = {
        **os.environ,
        "RELEASETRAIN_TOKEN": token.read_text(),
        "DJANGO_SETTINGS_MODULE": "releasetrain.settings",
    }
    argv = [sys.executable, "manage.py", "tail", str(log), "--service", "storefront", "--version", "v2"]
    said = log.with_suffix(".said")
    with said.open("w") as output:
        process = subprocess.Popen(
            [*argv, "--address", live_server.url], cwd=ROOT, env=environ, stdout=output, stderr=output
        )
    try:
        until(lambda: "Follows" in said.read_text(), "it greets")
        add(log, "ERROR before the rotation")
        log.rename(log.with_suffix(".1"))
        add(log, "ERROR after it, token=abcdef")
        until(lambda: ErrorLine.objects.count() == 2, "both lines arrive")
        add(log, "FATAL the last words")
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 0, said.read_text()
    assert set(ErrorLine.objects.values_list("sample", "count")) == {
        ("ERROR before the rotation", 1),
        ("ERROR after it, token=***", 1),
        ("FATAL the last words", 1),
    }
    assert json.dumps("abcdef") not in said.read_text()
