"""Build a private house for one benchmark: its own servers, folder, ports and signing key."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Result, result_from_json
from releasetrain.bench.options import Options
from releasetrain.bench.serving import HOST, ROOT, free_ports
from releasetrain.embedded import ServerError, Servers, throwaway_folder
from releasetrain.embedded.children import end, spawn

REFUSED = 3


def measure(name: str, options: Options) -> Result:
    """Run one benchmark in a process of its own, whose settings lead to private servers.

    :raises CannotMeasure: with the benchmark's or the servers' own sentence
    """
    try:
        with throwaway_folder() as folder, _servers(folder / "servers") as servers:
            data, answer = folder / "data", folder / "result.json"
            data.mkdir()
            env = environment(servers, data)
            command = [sys.executable, "-m", "releasetrain.bench.inside", name, json.dumps(options.as_json())]
            return answer_of(_run([*command, str(answer)], env), answer, name)
    except ServerError as error:
        raise CannotMeasure(str(error)) from error


@contextlib.contextmanager
def _servers(data: Path) -> Iterator[dict[str, str]]:
    """Run private servers and give their addresses; the database commits as durably as in a real house."""
    servers = Servers(data, {})
    try:
        servers.start()
        yield servers.environ
    finally:
        servers.stop()


def environment(servers: Mapping[str, str], data: Path) -> dict[str, str]:
    """Make an environment in which nothing leads to any other house of this machine."""
    web, stream, storefront = free_ports(3)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RELEASETRAIN_")}
    return {
        **kept,
        **servers,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
        "DJANGO_SETTINGS_MODULE": "releasetrain.settings",
        "RELEASETRAIN_DATA": str(data),
        "RELEASETRAIN_SECRET_KEY": secrets.token_hex(32),
        "RELEASETRAIN_PUBLIC_URL": f"http://{HOST}:{web}",
        "RELEASETRAIN_STREAM_URL": f"http://{HOST}:{stream}",
        "RELEASETRAIN_STOREFRONT_URL": f"http://{HOST}:{storefront}",
        "RELEASETRAIN_LOG_LEVEL": "WARNING",
        "HOST": HOST,
        "PORT": str(web),
        "STREAM_PORT": str(stream),
    }


def _run(command: list[str], env: Mapping[str, str]) -> int:
    """Run the benchmark's process to its end, and end it if this one is interrupted."""
    process = spawn(command, output=sys.stderr.fileno(), when_orphaned=signal.SIGINT, env=env, cwd=ROOT)
    try:
        return process.wait()
    finally:
        end(process, (signal.SIGINT, 15))


def answer_of(code: int, answer: Path, name: str) -> Result:
    """Read what the benchmark's process left behind.

    :raises CannotMeasure: it refused, or ended without a result
    """
    if not answer.exists():
        raise CannotMeasure(f"The benchmark {name} ended (exit code {code}) without a result; see above why.")
    plain: dict[str, Any] = json.loads(answer.read_text())
    if refusal := plain.get("refused"):
        raise CannotMeasure(refusal)
    return result_from_json(plain)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a benchmark finds inside its process: its servers' environment, and a folder for their logs."""

    env: Mapping[str, str]
    logs: Path

    @property
    def web_port(self) -> int:
        return int(self.env["PORT"])

    @property
    def stream_port(self) -> int:
        return int(self.env["STREAM_PORT"])

    @property
    def storefront_port(self) -> int:
        return self.web_port + 2


def surroundings() -> Surroundings:
    """Read what `measure` handed down."""
    logs = Path(os.environ["RELEASETRAIN_DATA"]) / "logs"
    logs.mkdir(exist_ok=True)
    return Surroundings(dict(os.environ), logs)


@contextlib.contextmanager
def helper(module: str, env: Mapping[str, str], core: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of the bench with a pipe both ways; it ends when the block does."""
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(env),
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        yield process
    finally:
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close() if pipe else None
        end(process, (signal.SIGTERM, 5))
