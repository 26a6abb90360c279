import re
from importlib import metadata
from pathlib import Path

import pytest

from releasetrain.bootstrap.locks import DEVELOPMENT, ROOT, RUNTIME, is_satisfied, pins

LOCKS = [RUNTIME, DEVELOPMENT]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_pins_are_read_with_extras_and_markers() -> None:
    lock = (
        "psycopg[binary,pool]==3.3.9 \\\n    --hash=sha256:00\ncolorama==0.4.6 ; sys_platform == 'win32' \\\n"
    )
    assert pins(lock) == [("psycopg", "3.3.9", True), ("colorama", "0.4.6", False)]


def test_an_interpreter_with_every_pin_satisfies_a_lock(tmp_path: Path) -> None:
    django = metadata.version("django")
    assert is_satisfied(
        write(tmp_path / "lock", f"Django=={django} \\", "colorama==0 ; sys_platform == 'win32'")
    )
    assert not is_satisfied(write(tmp_path / "lock", "django==1.0"))
    assert not is_satisfied(write(tmp_path / "lock", f"django=={django}", "no-such-package==1.0"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    blocks = re.split(r"\n(?=\S)", lock.read_text().split("\n", 1)[1].strip())
    assert len(blocks) == len(pins(lock.read_text()))
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_lock_names_no_host_and_no_path(lock: Path) -> None:
    named = re.compile(r"://|--(index|extra-index|find-links|trusted)|file:|^\s*/|@ ")
    assert [line for line in lock.read_text().splitlines() if named.search(line)] == []


def test_the_tools_lock_holds_everything_of_the_house_at_the_same_version() -> None:
    house, everything = (set(pins(lock.read_text())) for lock in LOCKS)
    assert house - everything == set()


def test_what_the_project_asks_for_is_in_the_lock() -> None:
    import tomllib

    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = [*asked["project"]["dependencies"], *asked["dependency-groups"]["dev"]]
    wanted = {re.split(r"[\[<>=~!; ]", name)[0].lower() for name in names}
    assert wanted - {name.lower() for name, _, _ in pins(DEVELOPMENT.read_text())} == set()
