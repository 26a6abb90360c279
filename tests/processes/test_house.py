import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from releasetrain.embedded import ServerError
from releasetrain.processes.house import ROOT, Holder, House, HouseIsHeldError, this_house

UP = Holder(os.getpid(), "up", "http://127.0.0.1:8000")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def test_the_house_stands_in_the_checkout_unless_told_otherwise(tmp_path: Path) -> None:
    assert this_house({}).data == ROOT / ".data"
    assert this_house({"RELEASETRAIN_DATA": str(tmp_path)}).data == tmp_path


def test_nobody_holds_a_house_that_was_never_built(house: House) -> None:
    assert house.holder() is None
    assert not house.is_built


def test_a_held_house_tells_by_whom_and_refuses_a_second(house: House) -> None:
    with house.held(UP):
        assert house.holder() == UP
        with pytest.raises(HouseIsHeldError) as refused, house.held(Holder(1, "shell")):
            pass
        assert refused.value.holder == UP
    assert house.holder() is None


@pytest.mark.faults
def test_a_killed_holder_holds_nothing(house: House) -> None:
    program = (
        "import sys, time; from pathlib import Path; from releasetrain.processes.house import House, Holder\n"
        "with House(Path(sys.argv[1])).held(Holder(1, 'up')): print('held', flush=True); time.sleep(600)"
    )
    argv = [sys.executable, "-c", program, str(house.data)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert house.holder() == Holder(1, "up")
        process.kill()
    assert house.holder() is None


def test_the_secret_key_is_made_once_and_is_for_its_owner_only(house: House) -> None:
    house.make()
    key = house.secret_key()
    assert len(key) >= 50
    assert house.secret_key() == key
    assert stat.S_IMODE((house.data / "secret_key").stat().st_mode) == 0o600


def test_what_up_writes_down_is_read_back(house: House) -> None:
    house.make()
    written = {
        "DATABASE_URL": "postgres://app:it's $ecret@/trains?host=/tmp/a b",
        "REDIS_URL": "unix:///tmp/valkey.sock",
        "HOME": "/not/handed/on",
        "RELEASETRAIN_DEMO": "",
    }
    house.write_env(written)
    assert house.read_env() == {name: written[name] for name in ("DATABASE_URL", "REDIS_URL")}
    assert stat.S_IMODE(house.env_file.stat().st_mode) == 0o600


def test_a_data_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match="set RELEASETRAIN_DATA to a folder of your own"):
        House(tmp_path / "file" / "data").make()
