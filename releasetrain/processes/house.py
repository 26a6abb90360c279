"""Know the house of this checkout: its data folder, who holds it, and the addresses it runs at."""

import contextlib
import fcntl
import json
import os
import secrets
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from releasetrain.embedded import ServerError

ROOT = Path(__file__).resolve().parents[2]

# What `up` hands to its children and writes down for every other command.
HANDED_ON = (
    "DATABASE_URL",
    "REDIS_URL",
    "RELEASETRAIN_DATA",
    "RELEASETRAIN_SECRET_KEY",
    "RELEASETRAIN_PUBLIC_URL",
    "RELEASETRAIN_STREAM_URL",
    "RELEASETRAIN_STOREFRONT_URL",
    "RELEASETRAIN_DEMO",
    "RELEASETRAIN_DEMO_PROXY",
)


@dataclass(frozen=True)
class Holder:
    """Who holds the house at the moment."""

    pid: int
    command: str
    address: str = ""


class HouseIsHeldError(Exception):
    """Another process holds the house of this checkout."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        super().__init__(f"`manage.py {holder.command}` (pid {holder.pid}) holds it")


@dataclass(frozen=True)
class House:
    """One data folder and what stands in it."""

    data: Path

    @property
    def lock_file(self) -> Path:
        return self.data / "house.lock"

    @property
    def env_file(self) -> Path:
        return self.data / "env"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def is_built(self) -> bool:
        """Tell whether `up` ever came as far as making a key here."""
        return (self.data / "secret_key").exists()

    @contextlib.contextmanager
    def held(self, by: Holder) -> Iterator[None]:
        """Hold the house; the lock is the kernel's, so it falls with its holder, however that dies.

        :raises HouseIsHeldError: somebody else holds it
        """
        self.make()
        with self._opening(), self.lock_file.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HouseIsHeldError(self._read_holder()) from None
            lock.truncate(0)
            lock.write(json.dumps(asdict(by)))
            lock.flush()
            yield

    def holder(self) -> Holder | None:
        """Tell who holds the house, or None when nobody does."""
        if not self.lock_file.exists():
            return None
        with self._opening(), self.lock_file.open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return self._read_holder()
        return None

    def _read_holder(self) -> Holder:
        try:
            return Holder(**json.loads(self.lock_file.read_text()))
        except (ValueError, TypeError):  # it has taken the lock and not yet written its name
            return Holder(0, "up")

    def make(self) -> None:
        """Make the data folder; only we may look inside, others may at most walk through."""
        with self._opening():
            self.data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def _opening(self) -> Iterator[None]:
        try:
            yield
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise ServerError(
                f"The data folder {self.data} cannot be used ({error.strerror}: {error.filename}). Run as "
                "the user that owns it, or set RELEASETRAIN_DATA to a folder of your own."
            ) from error

    def secret_key(self) -> str:
        """Give the signing key of this house, made once and readable by its owner only."""
        kept = self.data / "secret_key"
        if not kept.exists():
            _write_private(kept, secrets.token_urlsafe(48))
        return kept.read_text().strip()

    def write_env(self, values: Mapping[str, str]) -> None:
        """Write down where the house runs, for the commands beside it."""
        lines = (f"{name}={shlex.quote(values[name])}\n" for name in HANDED_ON if values.get(name))
        _write_private(self.env_file, "".join(lines))

    def read_env(self) -> dict[str, str]:
        """Read what `write_env` wrote."""
        try:
            lines = self.env_file.read_text().splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line.partition("=") for line in lines)
        return {name: shlex.split(value)[0] for name, _, value in pairs if name in HANDED_ON}


def this_house(environ: Mapping[str, str]) -> House:
    """Find the house of this checkout, or the one that RELEASETRAIN_DATA names."""
    return House(Path(environ.get("RELEASETRAIN_DATA") or ROOT / ".data").absolute())


def _write_private(path: Path, text: str) -> None:
    """Replace a file in one step, never readable by others."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
