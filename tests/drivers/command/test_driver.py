"""A command moves traffic once under its key, counts only when read back, and gives way to a rollback."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.catalog.secrets import add_secret
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import Ack, Desired, Outcome, Sync
from releasetrain.rollouts.drivers.command import CommandDriver, runs
from tests import make
from tests.drivers.command.scripts import SHIFT, Bench
from tests.drivers.echo import echoes
from tests.web.conftest import SignIn
from tests.web.conftest import sign_in as sign_in

PATIENCE = 30.0
SLEEPS = '#!/bin/sh\nsleep 60 &\necho $! > "$1.child"\nwait\n'


def shift(bench: Bench, weight: int, fence: int, *, key: str = "", deadline: float = PATIENCE) -> Ack:
    desired = Desired(bench.target, weight, fence, "v2")
    return CommandDriver().apply(desired, key=key or f"1:{fence}:apply", deadline=deadline)


def back(bench: Bench, fence: int, deadline: float = PATIENCE) -> Ack:
    return CommandDriver().rollback(bench.target, fence=fence, key=f"1:{fence}:rollback", deadline=deadline)


def latest(bench: Bench) -> runs.Run:
    return runs.runs_of(runs.home_of(bench.target.pk))[0]


def eventually(holds: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, "it never came to hold"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(bench: Bench) -> str:
    eventually(lambda: latest(bench).ended())
    return CommandDriver().answer_of(bench.target, key=latest(bench).order.key, deadline=PATIENCE).detail


def settled(bench: Bench, ack: Ack) -> Ack:
    """Wait for what a call comes to, should the machine be too busy for it to come to it at once."""
    if ack.outcome is not Outcome.ACCEPTED:
        return ack
    eventually(lambda: latest(bench).ended())
    return CommandDriver().answer_of(bench.target, key=latest(bench).order.key, deadline=PATIENCE)


def test_a_command_is_confirmed_by_what_is_read_back(bench: Bench) -> None:
    assert settled(bench, shift(bench, 25, 3)) == Ack(Outcome.CONFIRMED)
    seen = CommandDriver().observe(bench.target, deadline=PATIENCE)
    assert (seen.state, seen.weight, seen.fence) == (Sync.SYNCED, 25, 3)
    assert settled(bench, back(bench, 4)) == Ack(Outcome.CONFIRMED)
    assert [line.rsplit(" ", 1)[0] for line in bench.journal()] == ["apply 25 3", "rollback 0 4"]
    assert "asked for 0 % (rollback) under 4" in latest(bench).output()


def test_the_same_key_never_starts_a_command_twice(bench: Bench) -> None:
    for _ in range(3):
        settled(bench, shift(bench, 25, 3))
    assert bench.journal() == ["apply 25 3 1:3:apply"]


def test_an_older_fence_is_refused(bench: Bench) -> None:
    settled(bench, shift(bench, 25, 7))
    assert shift(bench, 50, 6) == Ack(Outcome.REFUSED, "Fence 6 is older than 7.")
    assert back(bench, 5).outcome is Outcome.REFUSED


def test_command_exits_0_without_doing_it_and_is_not_believed(bench: Bench) -> None:
    bench.commanded("#!/bin/sh\necho '{}'\n")
    ack = shift(bench, 25, 3)
    detail = ack.detail if ack.outcome is Outcome.UNKNOWN else ended(bench)
    assert detail == "The command ended well (exit 0), but 0 % is read back, not 25 %."


@pytest.mark.parametrize(
    ("text", "outcome", "detail"),
    [
        ("echo no room; exit 10", Outcome.REFUSED, "The command refuses (exit 10). Its last line: no room"),
        ("echo oh; exit 3", Outcome.UNKNOWN, "The command failed (exit 3). Its last line: oh"),
        ("kill -9 $$", Outcome.UNKNOWN, "The command failed (signal 9)."),
        ("echo done", Outcome.UNKNOWN, "The command ended well, but its last line is no JSON object."),
        ("echo '{\"weight\": 5}'", Outcome.UNKNOWN, "The command says that it set 5 %."),
    ],
)
def test_each_way_to_fail_is_told_apart(bench: Bench, text: str, outcome: Outcome, detail: str) -> None:
    bench.commanded(f"#!/bin/sh\n{text}\n")
    ack = settled(bench, shift(bench, 25, 3))
    assert ack.outcome is outcome
    assert ack.detail.startswith(detail)


def test_command_hangs_and_is_killed_with_everything_it_started(bench: Bench) -> None:
    bench.commanded(SLEEPS, seconds=1)
    ack = shift(bench, 25, 3, deadline=0.1)
    assert ack.outcome is Outcome.ACCEPTED
    assert CommandDriver().observe(bench.target, deadline=PATIENCE).state is Sync.CONVERGING
    assert ended(bench).startswith("The command did not end in its time and was killed.")
    assert not is_alive(int(Path(f"{bench.world}.child").read_text()))


def test_a_second_call_does_not_start_what_still_runs(bench: Bench) -> None:
    bench.commanded(SLEEPS)
    assert shift(bench, 25, 3, deadline=0.1).outcome is Outcome.ACCEPTED
    again = shift(bench, 25, 4, deadline=0.1)
    assert again.outcome is Outcome.ACCEPTED
    assert "under fence 3" in again.detail
    assert len(runs.runs_of(runs.home_of(bench.target.pk))) == 1
    assert latest(bench).stop() is not None


def test_a_rollback_kills_the_forward_run_first(bench: Bench) -> None:
    bench.target.driver_config["rollback"] = bench.target.driver_config["command"]
    bench.commanded(SLEEPS)
    shift(bench, 25, 3, deadline=0.1)
    forward = latest(bench)
    assert settled(bench, back(bench, 4)).outcome is Outcome.CONFIRMED
    stopped = forward.ended()
    assert stopped is not None
    assert stopped.reason == "stopped"
    assert [line.split()[0] for line in bench.journal()] == ["rollback"]


def test_a_rollback_goes_on_where_the_supervisor_was_frozen(bench: Bench) -> None:
    bench.target.driver_config["rollback"] = bench.target.driver_config["command"]
    bench.commanded(SLEEPS)
    shift(bench, 25, 3, deadline=0.1)
    os.kill(int((latest(bench).folder / "pid").read_text()), 19)
    forward = latest(bench)
    assert settled(bench, back(bench, 4)).outcome is Outcome.CONFIRMED
    lost = forward.ended()
    assert lost is not None
    assert lost.reason == "lost"


def test_a_command_whose_supervisor_was_killed_is_unknown_and_can_run_again(bench: Bench) -> None:
    bench.commanded(SLEEPS)
    shift(bench, 25, 3, deadline=0.1)
    os.kill(int((latest(bench).folder / "pid").read_text()), 9)
    assert ended(bench) == "The command’s supervisor was killed, and the command with it."
    bench.commanded(SHIFT)
    assert settled(bench, shift(bench, 25, 4)).outcome is Outcome.CONFIRMED


def test_command_floods_and_is_killed(bench: Bench) -> None:
    bench.commanded("#!/bin/sh\nexec yes 'a line of some length that says nothing'\n")
    ack = settled(bench, shift(bench, 25, 3))
    assert ack == Ack(Outcome.UNKNOWN, "The command printed more than 5 MB and was killed.")
    assert len(latest(bench).output()) < 250_000


def test_command_prints_binary_and_a_line_without_end(bench: Bench) -> None:
    bench.commanded(
        SHIFT.replace(
            "#!/bin/sh", "#!/bin/sh\nhead -c 200000 /dev/urandom | tr '\\n' x\nprintf '\\033[2J\\n'"
        )
    )
    assert settled(bench, shift(bench, 25, 3)) == Ack(Outcome.CONFIRMED)
    shown = latest(bench).output()
    assert " … cut" in shown
    assert "\033" not in shown


def test_command_leaves_grandchildren_and_none_is_left_behind(bench: Bench) -> None:
    leaves = 'setsid sh -c \'echo $$ > "$0.escaped"; exec sleep 60\' "$1" & sleep 60 & echo $! > "$1.child"'
    wait = 'while [ ! -s "$1.escaped" ]; do sleep 0.02; done'
    bench.commanded(SHIFT.replace("#!/bin/sh", f"#!/bin/sh\n{leaves}\n{wait}"))
    ack = settled(bench, shift(bench, 25, 3))
    assert ack == Ack(Outcome.CONFIRMED, "It left 2 processes behind, killed since.")
    for name in ("escaped", "child"):
        assert not is_alive(int(Path(f"{bench.world}.{name}").read_text()))


def test_a_command_sees_a_clean_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://house:secret@db/house")
    bench.commanded('#!/bin/sh\nenv | cut -d= -f1 | sort | xargs\necho "$RT_SERVICE $RT_VERSION"\nexit 10\n')
    settled(bench, shift(bench, 25, 3))
    names, said = latest(bench).output().splitlines()
    own = {"HOME", "LANG", "LC_ALL", "PATH", "PWD", "TMPDIR", "OLDPWD", "SHLVL", "_"}
    rt = {"RT_ACTION", "RT_ENVIRONMENT", "RT_FENCE", "RT_KEY", "RT_SERVICE", "RT_VERSION", "RT_WEIGHT"}
    assert rt <= set(names.split()) <= own | rt
    assert said == "Storefront v2"


@pytest.mark.parametrize(("by", "read"), [("file", 'cat "$RT_SECRET_FILE"'), ("stdin", "cat")])
def test_a_secret_comes_by_file_or_stdin_and_is_masked(bench: Bench, by: str, read: str) -> None:
    add_secret(name="edge", value="hunter2hunter2", team=None, by=None, now=make.NOW)
    bench.commanded(
        f'#!/bin/sh\n{read} > "$1.secret"\n{read}\necho "it is $(cat "$1.secret")"\nexit 10\n',
        secret={"secret": "edge"},
        secret_by=by,
    )
    ack = settled(bench, shift(bench, 25, 3))
    assert Path(f"{bench.world}.secret").read_text() == "hunter2hunter2"
    assert ack.detail.endswith("it is •••")
    kept = [path for path in latest(bench).folder.rglob("*") if path.is_file()]
    assert [path for path in kept if "hunter2" in path.read_text()] == []


def test_a_secret_that_does_not_exist_is_said_before_anything_runs(bench: Bench) -> None:
    bench.commanded(SHIFT, secret={"secret": "nothing"})
    assert shift(bench, 25, 3) == Ack(Outcome.REFUSED, "There is no secret “nothing”.")
    assert bench.journal() == []


def test_prepare_needs_a_read_back_and_the_right_version(bench: Bench) -> None:
    desired = Desired(bench.target, 0, 1, "v2")
    driver = CommandDriver()
    assert driver.prepare(desired, key="1", deadline=PATIENCE) == Ack(Outcome.CONFIRMED)
    with echoes("v1") as (server,):
        bench.target.driver_config["candidate"] = [server.address]
        ack = driver.prepare(desired, key="1", deadline=PATIENCE)
        assert (ack.outcome, "runs v1, not v2" in ack.detail) == (Outcome.REFUSED, True)
    del bench.target.driver_config["candidate"]
    bench.world.write_text('{"weight": 0, "version": "v1"}')
    assert driver.prepare(desired, key="1", deadline=PATIENCE).outcome is Outcome.REFUSED
    bench.world.write_text("all is well")
    ack = driver.prepare(desired, key="1", deadline=PATIENCE)
    assert (ack.outcome, "holds no weight" in ack.detail) == (Outcome.UNKNOWN, True)


def test_an_observe_command_that_hangs_is_unreachable(bench: Bench) -> None:
    bench.target.driver_config["observe"] = [str(bench.write("hangs", "#!/bin/sh\nsleep 60\n"))]
    seen = CommandDriver().observe(bench.target, deadline=0.2)
    assert (seen.state, seen.weight) == (Sync.UNREACHABLE, None)


def test_check_names_what_may_not_run_and_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    driver = driver_for("command")
    assert [one for one in driver.check(bench.target, bench.target.driver_config) if one.is_blocking] == []
    assert driver.health(bench.target).is_well
    outside = tmp_path / "outside"
    outside.write_text("#!/bin/sh\n")
    outside.chmod(0o755)
    (bench.folder / "link").symlink_to(outside)
    for program, words in (
        (str(outside), "is not among the commands"),
        (str(bench.folder / "link"), "is not among the commands"),
        (str(bench.folder / ".." / "outside"), "is not among the commands"),
        (str(bench.folder / "missing"), "is no file that can be run"),
        ("shift", "is no absolute path"),
        ("/bin/sh", "runs whatever its arguments say"),
        ("/usr/bin/python3.11", "runs whatever its arguments say"),
    ):
        config = bench.target.driver_config | {"command": [program, "-c", "true"]}
        found = [one.text for one in driver.check(bench.target, config) if one.is_blocking]
        assert [words in text for text in found] == [True], program
        bench.target.driver_config = config
        assert not driver.health(bench.target).is_well
        assert shift(bench, 25, 3).outcome is Outcome.REFUSED
    assert bench.journal() == []


def test_what_a_command_prints_can_be_read_on_the_page_of_its_target(bench: Bench, sign_in: SignIn) -> None:
    bench.commanded(SHIFT.replace("#!/bin/sh", "#!/bin/sh\necho '<b>two of three</b> edges have it'"))
    settled(bench, shift(bench, 25, 3))
    page = sign_in(Role.ADMINISTRATOR).get(f"/targets/{bench.target.pk}/").content.decode()
    assert "&lt;b&gt;two of three&lt;/b&gt; edges have it" in page
