"""Install a hashed lock with pip, showing one calm line, and turn its failures into sentences."""

import platform
import subprocess
import sys
import time
from pathlib import Path

from releasetrain.bootstrap.errors import BootstrapError
from releasetrain.bootstrap.locks import pins
from releasetrain.bootstrap.terminal import Progress

NETWORK = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname",
    "Network is unreachable",
    "Failed to establish a new connection",
    "NewConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "Read timed out",
    "ProxyError",
    "Connection refused",
    "Connection reset",
    "CERTIFICATE_VERIFY_FAILED",
)


def install(pip: list[str], lock: Path, log: Path, *, again: bool = False) -> None:
    """Install every pin of the lock, refusing any file whose hash is not in it.

    :param again: install also what seems to be there, because a former run was cut short while writing it
    :raises BootstrapError: pip failed; the sentence says why
    """
    total = len(pins(lock.read_text()))
    started = time.monotonic()
    progress = Progress("Preparing .venv, once")
    said: list[str] = []
    argv = [*pip, "install", "--require-hashes", "--no-deps", "--requirement", str(lock), *QUIETLY]
    argv += ["--force-reinstall"] if again else []
    with _popen(argv) as process:
        try:
            for line in process.stdout or ():
                said.append(line)
                progress.show(describe(said, total))
        except BaseException:
            progress.clear()
            process.kill()
            raise
    log.write_text("".join(said))
    if process.returncode:
        progress.clear()
        raise BootstrapError(sentence_for("".join(said), log))
    progress.done(f"{total} packages in {time.monotonic() - started:.0f} s")


# Without --no-compile it would compile six times what the house ever imports.
QUIETLY = (
    "--no-compile",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar",
    "off",
    "--prefer-binary",
)


def _popen(argv: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )


def describe(said: list[str], total: int) -> str:
    """Say how far pip has come, from what it has printed."""
    if any(line.startswith("Installing collected packages") for line in said):
        return f"installing {total} packages"
    found = sum(line.startswith(("Collecting ", "Requirement already satisfied")) for line in said)
    return f"{min(found, total)} of {total} packages"


def sentence_for(said: str, log: Path) -> str:
    """Turn pip's complaint into what, why and what to do."""
    if "No space left on device" in said:
        return (
            f"The libraries do not fit: the disk that holds {log.parent} is full. Make room and run it again."
        )
    if "DO NOT MATCH THE HASHES" in said:
        return (
            "A downloaded library is not the one that the lock names, so nothing was installed. Run it "
            f"again; if it stays so, look at the package index that pip uses. pip's words are in {log}."
        )
    if any(sign in said for sign in NETWORK):
        return (
            "The libraries could not be downloaded: the package index does not answer. Check the network (or "
            f"pip's proxy settings) and run it again. pip's words are in {log}."
        )
    if "Permission denied" in said or "Read-only file system" in said:
        return (
            f"The libraries could not be written to {log.parent}. Run it as the user that owns this folder."
        )
    if "No matching distribution found" in said or "subprocess-exited-with-error" in said:
        return (
            f"A library has no ready-made build for Python {platform.python_version()} on "
            f"{sys.platform} {platform.machine()}. Try Python 3.11 to 3.13 on Linux or macOS. "
            f"pip's words are in {log}."
        )
    return (
        f"The libraries could not be installed; pip's words are in {log}. Run it again once that is mended."
    )
