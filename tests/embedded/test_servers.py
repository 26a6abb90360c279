import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest
import redis

from releasetrain.embedded import ServerError, Servers, throwaway_folder, throwaway_servers
from releasetrain.embedded.places import LONGEST_SOCKET_PATH
from releasetrain.embedded.servers import THROWAWAY_PREFIX, remove_abandoned

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data() -> Iterator[Path]:
    """Give a folder that the account of root's PostgreSQL can walk to."""
    with throwaway_folder() as folder:
        yield folder / "data"


@pytest.fixture
def servers(data: Path) -> Iterator[Servers]:
    made = Servers(data, {}, throwaway=True)
    yield made
    made.stop()


def query(servers: Servers, statement: str) -> object:
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def pids(servers: Servers) -> list[int]:
    return [server.process.pid for server in servers.private if server.process]


def test_both_servers_answer_at_the_addresses_that_the_settings_read(servers: Servers) -> None:
    servers.start()
    assert query(servers, "SELECT current_database()") == "releasetrain"
    assert query(servers, "SHOW max_connections") == "200"
    assert redis.Redis.from_url(servers.redis_url).ping()


def test_nobody_else_may_enter_the_folders_of_sockets_and_rows(servers: Servers, data: Path) -> None:
    servers.start()
    for folder in (data / "run" / "postgresql", data / "postgresql"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "run" / "valkey.sock").stat().st_mode) == 0o700


def test_nothing_listens_on_the_network(servers: Servers) -> None:
    servers.start()
    listening = [each for pid in pids(servers) for each in psutil.Process(pid).net_connections("tcp")]
    assert listening == []


def test_stop_leaves_no_process(servers: Servers) -> None:
    servers.start()
    running = pids(servers)
    servers.stop()
    assert [pid for pid in running if psutil.pid_exists(pid)] == []


@pytest.mark.faults
def test_rows_survive_when_everything_is_killed(data: Path) -> None:
    before = Servers(data, {})
    before.start()
    query(before, "CREATE TABLE kept AS SELECT 7 AS number")
    for pid in pids(before):
        os.kill(pid, signal.SIGKILL)
    after = Servers(data, {})  # at once: the killed one may still hold its shared memory
    try:
        after.start()
        assert query(after, "SELECT number FROM kept") == 7
    finally:
        after.stop()
        before.stop()


@pytest.mark.faults
def test_a_server_left_over_by_a_killed_run_is_replaced(data: Path) -> None:
    left_over = Servers(data, {})
    left_over.start()
    old = pids(left_over)
    fresh = Servers(data, {})
    try:
        fresh.start()
        assert query(fresh, "SELECT 1") == 1
        assert not psutil.pid_exists(old[0])
    finally:
        fresh.stop()
        left_over.stop()


def test_a_stale_lock_that_names_a_living_stranger_is_no_obstacle(servers: Servers, data: Path) -> None:
    servers.start()
    servers.stop()
    stale = f"{os.getpid()}\n{data / 'postgresql'}\n1700000000\n5432\n/nowhere\n\n  1 2\nready   \n"
    (data / "postgresql" / "postmaster.pid").write_text(stale)
    again = Servers(data, {}, throwaway=True)
    try:
        again.start()
        assert query(again, "SELECT 1") == 1
    finally:
        again.stop()


def test_data_of_another_major_version_is_refused_with_a_way_out(servers: Servers, data: Path) -> None:
    servers.start()
    servers.stop()
    (data / "postgresql" / "PG_VERSION").write_text("14\n")
    with pytest.raises(ServerError, match=r"made by PostgreSQL 14, and this checkout brings PostgreSQL 18"):
        Servers(data, {}).start()


def test_a_folder_with_something_else_in_it_is_left_alone(servers: Servers, data: Path) -> None:
    (data / "postgresql").mkdir(parents=True)
    (data / "postgresql" / "letters.txt").write_text("mine")
    with pytest.raises(ServerError, match="holds no PostgreSQL data"):
        servers.start()
    assert (data / "postgresql" / "letters.txt").read_text() == "mine"
    assert servers.private == []


def test_a_first_start_that_was_cut_short_is_begun_again(servers: Servers, data: Path) -> None:
    half = data / "postgresql.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    servers.start()
    assert query(servers, "SELECT 1") == 1
    assert not half.exists()


def test_a_damaged_data_folder_is_named(servers: Servers, data: Path) -> None:
    servers.start()
    servers.stop()
    (data / "postgresql" / "global" / "pg_control").unlink()
    with pytest.raises(ServerError, match=r"PostgreSQL .*its log is"):
        Servers(data, {}).start()


def test_a_deep_checkout_gets_short_sockets(data: Path) -> None:
    deep = data / ("very-long-name-" * 6) / "checkout"
    for step in (deep, *deep.parents):
        if step.is_relative_to(data):
            step.mkdir(parents=True, exist_ok=True)
            step.chmod(0o711)
    servers = Servers(deep, {}, throwaway=True)
    try:
        servers.start()
        folder = Path(parse_qs(urlsplit(servers.database_url).query)["host"][0])
        assert len(str(folder / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH
        assert not folder.is_relative_to(deep)
        assert redis.Redis.from_url(servers.redis_url).ping()
    finally:
        servers.stop()
    assert not folder.parent.exists()


def test_a_file_in_the_place_of_the_data_folder_is_named(servers: Servers, data: Path) -> None:
    data.write_text("a file")
    with pytest.raises(ServerError, match="it is a file, and a folder is needed"):
        servers.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(servers: Servers, data: Path) -> None:
    data.mkdir()
    os.chown(data, 1, 1)
    with pytest.raises(ServerError, match="belongs to daemon"):
        servers.start()


def test_waiting_can_be_called_off_and_leaves_nothing(data: Path) -> None:
    class EnoughError(Exception):
        pass

    def enough() -> None:
        raise EnoughError

    servers = Servers(data, {})
    with pytest.raises(EnoughError):
        servers.start(enough)
    assert servers.private == []
    assert [each for each in psutil.process_iter(["cmdline"]) if str(data) in str(each.info["cmdline"])] == []


def test_given_addresses_win_and_nothing_is_started(data: Path) -> None:
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    servers = Servers(data, given)
    servers.start()
    assert servers.private == []
    assert servers.environ == given


def test_throwaway_servers_take_their_folder_with_them() -> None:
    with throwaway_servers({}) as servers:
        folder = Path(servers.redis_url.removeprefix("unix://")).parents[2]
        assert folder.name.startswith(THROWAWAY_PREFIX)
    assert not folder.exists()


def test_folders_of_dead_test_runs_are_removed_and_living_ones_stay(tmp_path: Path) -> None:
    dead, living = tmp_path / f"{THROWAWAY_PREFIX}dead", tmp_path / f"{THROWAWAY_PREFIX}living"
    for folder in (dead, living):
        folder.mkdir()
        (folder / "lock").touch()
    with (living / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_abandoned(tmp_path)
    assert [folder.exists() for folder in (dead, living)] == [False, True]


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed parent")
def test_servers_do_not_outlive_a_killed_owner(data: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from releasetrain.embedded import Servers\n"
        "servers = Servers(Path(sys.argv[1]), {}); servers.start()\n"
        "print(*[each.process.pid for each in servers.private], flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(data)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        left = [psutil.Process(int(word)) for word in owner.stdout.readline().split()]
        owner.kill()
    until = time.monotonic() + 30
    while any(map(psutil.Process.is_running, left)) and time.monotonic() < until:
        time.sleep(0.1)
    assert len(left) == 2
    assert [process for process in left if process.is_running()] == []


def test_a_command_that_needs_no_redis_starts_none_and_asks_none(data: Path) -> None:
    given = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    made = Servers(data, given, throwaway=True, with_redis=False)
    made.start()
    names = [server.name for server in made.private]
    made.stop()
    assert names == ["postgresql"]
