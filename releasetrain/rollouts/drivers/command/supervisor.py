"""Run one command to its end and leave nothing of it behind: a program of the standard library alone.

What to run comes as JSON on standard input (`runs._spec` writes it), so that no secret stands in an argument
or in a file that stays. How it ended is written beside its output as `outcome.json`: reason, exit, last_line,
bytes, left_behind, detail and ended_at, where the reason is one of exited, timeout, flood, stopped and
cannot_start. A file `stop` in the folder ends it early. While it runs, `alive` is locked.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

LONGEST_LINE = 64 * 1024
MOST_BYTES = 5 * 1024 * 1024
KEPT_HEAD, KEPT_TAIL = 128 * 1024, 64 * 1024
MASK = "•••"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK_SECONDS = 0.05
GRACE_SECONDS = 2.0
REAP_SECONDS = 5.0
CHUNK = 64 * 1024

LIBC = ctypes.CDLL(None, use_errno=True)


class Output:
    """Take in what a command prints: lines up to a length, all of it up to a size, binary as signs."""

    def __init__(self, log: Path, masked: list[str]) -> None:
        self.bytes = 0
        self.last_line: str | None = None
        self._masked = [one for one in masked if one]
        self._log = log.open("w", encoding="utf-8")
        self._written = 0
        self._line = bytearray()
        self._is_cut = False
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._left_out = 0

    @property
    def is_flood(self) -> bool:
        return self.bytes > MOST_BYTES

    def feed(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._grow(part)
            self._end_line()
        self._grow(rest)

    def close(self) -> None:
        if self._line or self._is_cut:
            self._end_line()
        if self._left_out:
            self._log.write(f"… {self._left_out} characters are left out here …\n")
        self._log.writelines(self._tail)
        self._log.close()

    def _grow(self, part: bytes) -> None:
        room = LONGEST_LINE - len(self._line)
        self._line += part[:room]
        self._is_cut = self._is_cut or len(part) > room

    def _end_line(self) -> None:
        text = readable(bytes(self._line))
        for secret in self._masked:
            text = text.replace(secret, MASK)
        if text.strip():
            self.last_line = None if self._is_cut else text.strip()
        self._keep(text + (" … cut" if self._is_cut else "") + "\n")
        self._line.clear()
        self._is_cut = False

    def _keep(self, text: str) -> None:
        if self._written + len(text) <= KEPT_HEAD and not self._tail:
            self._written += len(text)
            self._log.write(text)
            self._log.flush()
            return
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size > KEPT_TAIL and len(self._tail) > 1:
            gone = len(self._tail.popleft())
            self._tail_size -= gone
            self._left_out += gone


def readable(line: bytes) -> str:
    """Return a line as text; what is no text, or would steer a terminal, is shown as a sign for it."""
    text = line.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in text.rstrip("\r"))


def main() -> int:
    spec: dict[str, Any] = json.load(sys.stdin)
    if not spec["background"]:
        print(json.dumps(supervise(spec)), flush=True)  # noqa: T201 - its answer
        return 0
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        # Whoever started this goes on once the run holds its lock, and is never its parent.
        return 0 if os.read(reading, 1) else 1
    os.setsid()
    _leave_standard_streams()
    supervise(spec, started=writing)
    return 0


def _leave_standard_streams() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def supervise(spec: dict[str, Any], started: int | None = None) -> dict[str, Any]:
    """Run the command of a spec and return its outcome, which stands in its folder by then."""
    folder = Path(spec["folder"])
    # Held until this process ends: a run whose lock is free and that has no outcome was lost.
    alive = os.open(folder / "alive", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (folder / "pid").write_text(str(os.getpid()))
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if started is not None:
        os.write(started, b"1")
        os.close(started)
    output = Output(folder / "output.log", spec["masked"])
    try:
        outcome = _run(spec, folder, output)
    finally:
        output.close()
        _forget_secret(folder)
    outcome |= {"last_line": output.last_line, "bytes": output.bytes, "ended_at": time.time()}
    _write(folder / "outcome.json", json.dumps(outcome))
    return outcome


def _run(spec: dict[str, Any], folder: Path, output: Output) -> dict[str, Any]:
    until = time.monotonic() + spec["seconds"]
    is_told = _told_to_stop()
    try:
        env = spec["env"] | _secret(spec, folder)
        process = _start(spec, env)
    except (OSError, ValueError) as error:
        return {"reason": "cannot_start", "exit": None, "left_behind": 0, "detail": str(error)}
    reason = "exited"
    with contextlib.suppress(OSError):  # a command need not read what it is given
        _give(process, spec)
    while process.poll() is None:
        _read(process, output, LOOK_SECONDS)
        if output.is_flood:
            reason = "flood"
        elif (folder / "stop").exists() or is_told():
            reason = "stopped"
        elif time.monotonic() >= until:
            reason = "timeout"
        else:
            continue
        _end(process, output, spec.get("grace", GRACE_SECONDS) if reason != "flood" else 0.0)
        break
    left_behind = _bury()
    _read_rest(process, output)
    if reason == "exited" and output.is_flood:
        reason = "flood"
    return {"reason": reason, "exit": process.returncode, "left_behind": left_behind, "detail": ""}


def _told_to_stop() -> Any:
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda *args: told.append(args[0]))
    return lambda: bool(told)


def _secret(spec: dict[str, Any], folder: Path) -> dict[str, str]:
    """Put the secret into a file that only this run has, where it is wanted so."""
    if spec["secret_by"] != "file" or not spec["secret"]:  # noqa: S105 - how it comes
        return {}
    path = folder / "secret"
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as stream:
        stream.write(spec["secret"])
    return {"RT_SECRET_FILE": str(path)}


def _forget_secret(folder: Path) -> None:
    (folder / "secret").unlink(missing_ok=True)


def _start(spec: dict[str, Any], env: dict[str, str]) -> subprocess.Popen[bytes]:
    wants_input = spec["secret_by"] == "stdin" and spec["secret"]  # noqa: S105 - how it comes
    process = subprocess.Popen(
        spec["argv"],
        stdin=subprocess.PIPE if wants_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=spec["cwd"],
        env=env,
        start_new_session=True,
        preexec_fn=_die_with_supervisor,
    )
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    os.set_blocking(process.stdout.fileno(), False)
    return process


def _die_with_supervisor() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _give(process: subprocess.Popen[bytes], spec: dict[str, Any]) -> None:
    if process.stdin is not None:
        with process.stdin:
            process.stdin.write(spec["secret"].encode())


def _read(process: subprocess.Popen[bytes], output: Output, seconds: float) -> bool:
    """Take in what is there, waiting so long for the first of it; false once there is no more to come."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    if not select.select([process.stdout], [], [], seconds)[0]:
        return True
    try:
        chunk = os.read(process.stdout.fileno(), CHUNK)
    except BlockingIOError:
        return True
    if not chunk:
        # It has closed its output and goes on; there is nothing to wait for but its end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return False
    output.feed(chunk)
    return True


def _read_rest(process: subprocess.Popen[bytes], output: Output) -> None:
    """Take in what lies in the pipe when everybody who could write to it is gone."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    with process.stdout, contextlib.suppress(BlockingIOError):
        while not output.is_flood and (chunk := os.read(process.stdout.fileno(), CHUNK)):
            output.feed(chunk)


def _end(process: subprocess.Popen[bytes], output: Output, grace: float) -> None:
    """End the whole group: politely first, for as long as the grace lasts."""
    until = time.monotonic() + grace
    _signal_group(process.pid, signal.SIGTERM if grace else signal.SIGKILL)
    while process.poll() is None and time.monotonic() < until and not output.is_flood:
        _read(process, output, LOOK_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _bury() -> int:
    """Kill whatever the command has left behind, wherever it went; return how many that were."""
    killed: set[int] = set()
    until = time.monotonic() + REAP_SECONDS
    _reap()
    while (left := descendants(os.getpid())) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= set(left)
        time.sleep(0.005)
        _reap()
    return len(killed)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants(of: int) -> list[int]:
    """Return the living processes below one: those that left its group and session have come back to it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _parent(entry)) is not None:
            parents[int(entry.name)] = found
    below, grown = {of}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below, grown = below | more, bool(more)
    return sorted(below - {of})


def _parent(entry: Path) -> int | None:
    try:
        state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" and int(parent) != os.getpid() else int(parent)


def _write(path: Path, text: str) -> None:
    half = path.with_suffix(".half")
    with half.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    half.replace(path)


if __name__ == "__main__":
    sys.exit(main())
