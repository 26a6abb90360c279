"""What a serving process holds, against a real PostgreSQL with its real notifications."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from releasetrain.accounts.actions import issue_token, revoke_token
from releasetrain.events.actions import SYSTEM
from releasetrain.flags import actions, serving
from releasetrain.flags.models import FlagEnvironment
from releasetrain.flags.serving import Serving
from releasetrain.flags.store import connect_directly, read_file, write_file
from releasetrain.lib.hashing import token_digest
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flags" / "snapshot.json"


@pytest.fixture
def followed(path: Path) -> Iterator[Serving]:
    source = Serving(path)
    yield source
    source.stop()


def begin(source: Serving) -> None:
    source.start()
    assert source.wait(10)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does; a minute without it is a failure."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def answer(source: Serving, key: str = "new-checkout", user: str | None = "ada") -> dict[str, Any]:
    body: dict[str, Any] = json.loads(source.house.snapshots["production"].single(key, user)[1])
    return body


def everybody(state: FlagEnvironment, fence: int = 1) -> None:
    actions.set_percentage(state, 100_000, fence=fence, key="k", reason="", actor=SYSTEM, now=make.NOW)


@pytest.fixture
def no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "POLL_SECONDS", 1e9)


@contextmanager
def database_away() -> Iterator[None]:
    """Take the database away from everybody but this test's own open connection."""
    connection.ensure_connection()
    name = connection.settings_dict["NAME"]
    parameters = {**connection.get_connection_params(), "dbname": "postgres", "autocommit": True}
    with psycopg.connect(**parameters) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        try:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
                [name, connection.connection.info.backend_pid],
            )
            yield
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


def test_a_kill_reaches_the_snapshot_by_notification_alone(followed: Serving, no_polls: None) -> None:
    state = make.flag_environment(percentage=100_000)
    begin(followed)
    assert answer(followed)["value"] is True
    actions.kill(state, reason="errors", actor=None, now=make.NOW)
    until(lambda: answer(followed)["value"] is False)
    assert answer(followed)["metadata"] == {
        "environment": "production",
        "revision": 1,
        "source": "database",
        "killed": True,
    }


def test_a_change_is_applied_without_a_query(
    followed: Serving, no_polls: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = make.flag_environment()
    begin(followed)
    monkeypatch.setattr(followed, "_reload", lambda connection: pytest.fail("it asked the database"))
    for fence in range(1, 4):
        actions.set_percentage(
            state, fence * 1_000, fence=fence, key="k", reason="", actor=SYSTEM, now=make.NOW
        )
    until(lambda: followed.house.snapshots["production"].revision == 3)
    assert followed.house.snapshots["production"].flags["new-checkout"].state.percentage == 3_000


def test_a_write_that_is_rolled_back_is_never_served(followed: Serving) -> None:
    state = make.flag_environment()
    begin(followed)
    connection.set_autocommit(False)
    try:
        everybody(state)
        connection.rollback()
    finally:
        connection.set_autocommit(True)
    other = make.flag_environment("other")
    everybody(other)
    until(lambda: answer(followed, "other")["value"] is True)
    assert answer(followed)["value"] is False


def test_a_lost_notification_is_made_good_by_the_poll(
    followed: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = make.flag_environment()
    begin(followed)
    monkeypatch.setattr(actions, "CHANNEL", "somewhere_else")
    everybody(state)
    until(lambda: answer(followed)["value"] is True)


def test_a_gap_is_filled_by_a_reload_and_a_kill_does_not_wait_for_it(followed: Serving) -> None:
    state, other = make.flag_environment(percentage=100_000), make.flag_environment("other")
    begin(followed)
    followed.stop()
    heard: list[str] = []
    with connect_directly() as listening:
        listening.execute("LISTEN flags")
        everybody(other)
        actions.kill(state, actor=None, now=make.NOW)
        heard = [one.payload for one in listening.notifies(timeout=10, stop_after=2)]
        assert followed.apply(heard[1]) is False, "the first message is missing: a reload is asked for"
        assert answer(followed)["value"] is False
        assert answer(followed, "other")["value"] is False
        followed._reload(listening)
    assert answer(followed, "other")["value"] is True
    assert followed.apply(heard[0]) is True, "an old message is known already"
    assert answer(followed)["value"] is False


@pytest.mark.parametrize("payload", ["", "{", "[]", '{"environment": "nowhere", "flag": {}}', '{"flag": 1}'])
def test_a_message_that_cannot_be_read_asks_for_a_reload(followed: Serving, payload: str) -> None:
    make.flag_environment()
    begin(followed)
    assert followed.apply(payload) is False


def test_a_new_environment_and_new_tokens_are_found_and_revoked_ones_forgotten(followed: Serving) -> None:
    begin(followed)
    state = make.flag_environment()
    token, secret = issue_token(name="shop", scopes=["ofrep:production", "read"], by=None, now=make.NOW)
    until(lambda: followed.house.tokens.get(token_digest(secret)) == ("production",))
    assert list(followed.house.snapshots["production"].flags) == [state.flag.key]
    revoke_token(token, by=make.user(), now=make.NOW)
    until(lambda: token_digest(secret) not in followed.house.tokens)


def test_an_archived_flag_is_not_served(followed: Serving) -> None:
    state = make.flag_environment()
    state.flag.archived_at = make.NOW
    state.flag.save(update_fields=["archived_at"])
    begin(followed)
    assert followed.house.snapshots["production"].flags == {}


def test_flags_are_served_while_the_database_is_away_and_followed_again_after(followed: Serving) -> None:
    state = make.flag_environment(percentage=100_000)
    begin(followed)
    with database_away():
        until(lambda: not followed.standing().is_connected)
        assert answer(followed)["value"] is True
        actions.kill(state, actor=None, now=make.NOW)  # by the one connection that is left
    until(lambda: answer(followed)["value"] is False)
    assert followed.standing().is_connected


def test_a_process_that_starts_without_the_database_serves_the_last_good_snapshot(
    followed: Serving, path: Path
) -> None:
    state = make.flag_environment(percentage=100_000)
    _, secret = issue_token(name="shop", scopes=["ofrep:production"], by=None, now=make.NOW)
    begin(followed)
    actions.kill(state, actor=None, now=make.NOW)
    until(lambda: (kept := read_file(path)) is not None and kept.snapshots["production"].revision == 1)
    restarted = Serving(path)
    try:
        with database_away():
            begin(restarted)
            assert answer(restarted)["value"] is False
            assert answer(restarted)["metadata"]["source"] == "file"
            assert restarted.house.tokens == {token_digest(secret): ("production",)}
            assert restarted.standing().source == "file"
        until(lambda: answer(restarted)["metadata"]["source"] == "database")
    finally:
        restarted.stop()


def test_without_database_and_file_nothing_is_loaded(path: Path) -> None:
    def refuse() -> psycopg.Connection[Any]:
        raise psycopg.OperationalError("connection refused")

    source = Serving(path, refuse)
    begin(source)
    source.stop()
    assert not source.house.is_loaded


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": 2}', '{"format": 1, "environments": {"p": {}}}'],
)
def test_a_damaged_file_is_passed_over(path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_text(content)
    assert read_file(path) is None
    assert "cannot be read" in caplog.text


def test_the_file_is_for_us_alone_and_replaced_as_a_whole(path: Path, followed: Serving) -> None:
    make.flag_environment()
    begin(followed)
    write_file(path, followed.house)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["snapshot.json"]


def test_a_folder_that_cannot_be_written_stops_no_flag(tmp_path: Path) -> None:
    (tmp_path / "flags").write_text("a file where the folder should be")
    make.flag_environment(percentage=100_000)
    source = Serving(tmp_path / "flags" / "snapshot.json")
    begin(source)
    try:
        assert answer(source)["value"] is True
    finally:
        source.stop()


def test_starting_twice_follows_once(followed: Serving) -> None:
    begin(followed)
    followed.start()
    assert [one.name for one in threading.enumerate()].count("flags") == 1


def test_a_message_that_asks_for_a_reload_does_not_stop_the_following(
    followed: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(followed)
    # Long enough that the message is heard before any poll has found the new environment.
    monkeypatch.setattr(serving, "POLL_SECONDS", 30.0)
    state = make.flag_environment()
    everybody(state)
    until(lambda: "production" in followed.house.snapshots)
    actions.kill(state, actor=SYSTEM, now=make.NOW)
    until(lambda: answer(followed)["metadata"].get("killed") is True)
