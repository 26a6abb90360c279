"""The bootstrap over a small checkout of its own, with packages that are built on the spot."""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def wheel(folder: Path, name: str, version: str) -> str:
    """Build a wheel with one module and give its line for a lock."""
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digest = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for path, text in files.items()
    }
    rows = [f"{path},sha256={digest[path].rstrip(b'=').decode()},{len(text)}" for path, text in files.items()]
    record = f"{name}-{version}.dist-info/RECORD"
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in {**files, record: "\n".join([*rows, f"{record},,"])}.items():
            archive.writestr(path, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


class Checkout:
    """A checkout whose locks name one small package."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.wheels = root / "wheels"

    def lay_out(self) -> None:
        shutil.copy(ROOT / "manage.py", self.root)
        shutil.copytree(ROOT / "releasetrain" / "bootstrap", self.root / "releasetrain" / "bootstrap")
        (self.root / "releasetrain" / "__init__.py").touch()
        (self.root / "releasetrain" / "processes").mkdir()
        (self.root / "releasetrain" / "processes" / "__init__.py").touch()
        (self.root / "releasetrain" / "processes" / "main.py").write_text(
            "import sys\n"
            "def run(command, argv):\n"
            "    import rtsmall\n"
            "    print(command, rtsmall.version, sys.prefix)\n"
            "    return 0\n"
        )
        self.lock("1.0")

    def lock(self, version: str) -> None:
        self.root.mkdir(exist_ok=True)
        self.wheels.mkdir(exist_ok=True)
        line = wheel(self.wheels, "rtsmall", version)
        for name in ("requirements.txt", "requirements-dev.txt"):
            (self.root / name).write_text(f"# a lock\n{line}")

    def start(self, *arguments: str, python: Path = SYSTEM_PYTHON, **more: str) -> "subprocess.Popen[str]":
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            **more,
        }
        argv = [str(python), "manage.py", *arguments]
        return subprocess.Popen(
            argv, cwd=self.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, python: Path = SYSTEM_PYTHON, **more: str) -> tuple[int, str, str]:
        with self.start(*arguments, python=python, **more) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "releasetrain.json"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Lay out a fresh clone."""
    fresh = Checkout(tmp_path)
    fresh.lay_out()
    return fresh


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run one clone's first command, for others to be copied from."""
    fresh = Checkout(tmp_path_factory.mktemp("pattern") / "clone")
    fresh.root.mkdir()
    fresh.lay_out()
    assert fresh.run("up")[0] == 0
    return fresh.root


@pytest.fixture
def ready(pattern: Path, tmp_path: Path) -> Checkout:
    """Give a clone that has run before."""
    return Checkout(Path(shutil.copytree(pattern, tmp_path / "clone", symlinks=True)))


def test_the_first_run_makes_the_environment_and_goes_on_inside_it(checkout: Checkout) -> None:
    code, out, err = checkout.run("up")
    assert (code, out) == (0, f"up 1.0 {checkout.root}/.venv\n")
    assert err.splitlines()[0] == "Preparing .venv, once …"


def test_every_further_run_goes_straight_on(ready: Checkout) -> None:
    assert ready.run("up") == (0, f"up 1.0 {ready.root}/.venv\n", "")


def test_a_changed_lock_is_installed_over_the_old_one(ready: Checkout) -> None:
    ready.lock("2.0")
    assert ready.run("up")[1] == f"up 2.0 {ready.root}/.venv\n"


def test_a_run_cut_short_is_begun_again_from_nothing(ready: Checkout) -> None:
    (ready.root / ".venv" / "releasetrain.unfinished").touch()
    (ready.root / ".venv" / "half-written").touch()
    assert ready.run("up")[0] == 0
    assert not (ready.root / ".venv" / "half-written").exists()


@pytest.mark.faults
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name
)
def test_a_run_ended_at_any_moment_heals(checkout: Checkout, number: signal.Signals) -> None:
    with checkout.start("up") as process:
        until = time.monotonic() + 60
        while not (checkout.root / ".venv" / "bin").exists() and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        err = process.communicate(timeout=60)[1]
    assert "Traceback" not in err
    assert not checkout.stamp.exists()
    assert checkout.run("up")[1] == f"up 1.0 {checkout.root}/.venv\n"


@pytest.mark.faults
def test_two_first_runs_at_once_make_one_environment(checkout: Checkout) -> None:
    with checkout.start("up") as one, checkout.start("up") as other:
        outs = [process.communicate(timeout=120) for process in (one, other)]
    assert [out for out, _ in outs] == [f"up 1.0 {checkout.root}/.venv\n"] * 2
    assert sum("Another run is preparing .venv; waiting for it." in err for _, err in outs) == 1


def test_a_library_with_another_hash_is_refused(checkout: Checkout) -> None:
    locked = (checkout.root / "requirements.txt").read_text()
    (checkout.root / "requirements.txt").write_text(locked[:-6] + "00000\n")
    code, out, err = checkout.run("up")
    assert (code, out) == (1, "")
    assert "so nothing was installed" in err
    assert not checkout.stamp.exists()


def test_a_missing_library_is_a_sentence_and_no_trace(checkout: Checkout) -> None:
    (checkout.root / "requirements.txt").write_text("rt-nowhere==1.0 --hash=sha256:" + "0" * 64 + "\n")
    code, _, err = checkout.run("up")
    assert code == 1
    assert "Traceback" not in err
    assert "pip's words are in" in err


def test_an_environment_that_somebody_keeps_survives_a_run_cut_short(ready: Checkout) -> None:
    ready.stamp.unlink()
    (ready.root / ".venv" / "theirs").touch()
    ready.lock("2.0")
    assert ready.run("up")[0] == 0
    ready.stamp.unlink()
    (ready.root / ".venv" / "releasetrain.unfinished").write_text("theirs")
    next((ready.root / ".venv").glob("lib/python*/site-packages/rtsmall.py")).unlink()
    assert ready.run("up")[1] == f"up 2.0 {ready.root}/.venv\n"
    assert (ready.root / ".venv" / "theirs").exists()


def test_an_environment_that_lost_its_interpreter_is_made_anew(ready: Checkout) -> None:
    for each in (ready.root / ".venv" / "bin").glob("python*"):
        each.unlink()
        each.symlink_to("/nowhere/python")
    assert ready.run("up")[:2] == (0, f"up 1.0 {ready.root}/.venv\n")


def test_an_environment_can_renew_itself_from_inside(ready: Checkout) -> None:
    (ready.root / ".venv" / "releasetrain.unfinished").touch()
    code, out, _ = ready.run("up", python=ready.root / ".venv" / "bin" / "python")
    assert (code, out) == (0, f"up 1.0 {ready.root}/.venv\n")


def test_a_folder_that_is_no_environment_is_left_alone(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv" / "letters.txt").write_text("mine")
    code, _, err = checkout.run("up")
    assert (code, "is not a virtual environment. Move it away" in err) == (1, True)
    assert (checkout.root / ".venv" / "letters.txt").exists()


def test_an_interpreter_that_has_everything_needs_no_environment_of_its_own(checkout: Checkout) -> None:
    elsewhere = checkout.root / "site"
    with zipfile.ZipFile(next(checkout.wheels.glob("*.whl"))) as archive:
        archive.extractall(elsewhere)
    code, out, _ = checkout.run("up", PYTHONPATH=str(elsewhere))
    assert (code, out) == (0, f"up 1.0 {sys.base_prefix}\n")
    assert not (checkout.root / ".venv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_cannot_be_written_is_named(checkout: Checkout) -> None:
    checkout.root.chmod(0o500)
    try:
        code, _, err = checkout.run("up")
    finally:
        checkout.root.chmod(0o700)
    assert (code, "cannot be written by this user" in err) == (1, True)


def test_an_older_python_gets_a_sentence(checkout: Checkout) -> None:
    program = (
        "import sys, runpy; sys.version_info = (3, 10, 0); runpy.run_path('manage.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=checkout.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Release Train needs Python 3.11 or newer" in done.stderr
    assert "Traceback" not in done.stderr
