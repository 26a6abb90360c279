"""Run the whole house from one terminal: `python3 manage.py up`."""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from releasetrain.bootstrap.terminal import Progress, say
from releasetrain.embedded import ServerError, Servers
from releasetrain.embedded.children import end, spawn
from releasetrain.processes import options
from releasetrain.processes.house import ROOT, Holder, House, HouseIsHeldError, this_house
from releasetrain.processes.kept import KeptServer
from releasetrain.processes.leftovers import end_leftovers, remember
from releasetrain.processes.logs import Log, Prefixes
from releasetrain.processes.options import Options
from releasetrain.processes.ports import answers, is_healthy, require_free
from releasetrain.processes.programs import Program, read_procfile
from releasetrain.processes.signals import StoppedError, Wish
from releasetrain.processes.supervisor import Supervisor

SECONDS_TO_ANSWER = 90
DEATHS_BEFORE_GIVING_UP = 3
SECONDS_BETWEEN_TIDYING = 60


def up(arguments: Sequence[str]) -> int:
    """Run the house until somebody stops it, and give the exit code."""
    chosen = options.read(arguments)
    house = this_house(os.environ)
    wish = Wish()
    wish.listen()
    address = chosen.addresses(os.environ)["RELEASETRAIN_PUBLIC_URL"]
    try:
        with house.held(Holder(os.getpid(), "up", address)):
            return Run(house, chosen, wish).run()
    except HouseIsHeldError as held:
        say(already_held(held.holder, house))
        return 1


def already_held(holder: Holder, house: House) -> str:
    """Say politely who was here first."""
    if holder.command == "up":
        return (
            f"Release Train already runs from this folder: {holder.address} (pid {holder.pid}). Stop it with "
            f"Ctrl-C or `kill {holder.pid}`; a second house needs its own RELEASETRAIN_DATA and --port."
        )
    return (
        f"`manage.py {holder.command}` (pid {holder.pid}) is using the servers of {house.data} at the "
        "moment. Try again when it has finished."
    )


class Run:
    """One run of the house, from the first port to the last process."""

    def __init__(self, house: House, chosen: Options, wish: Wish) -> None:
        self.house = house
        self.options = chosen
        self.wish = wish
        self.servers = Servers(house.data, os.environ)
        self.supervisor = Supervisor(self._tell)
        self.supervisor.on_launch = self._remember
        self.programs: list[Program] = []
        self.progress = Progress("Starting Release Train")
        self.environ = dict(os.environ)

    def run(self) -> int:
        """Start everything, keep it running, and end all of it whatever happens."""
        try:
            self._start()
            self._keep_running()
        except StoppedError:
            self.progress.clear()
            say("Stopping …")
        except ServerError:
            self.progress.clear()
            raise
        finally:
            self._end()
        say(f"Release Train has stopped. Its data stays in {self.servers.kept_in}.")
        return self.wish.exit_code

    def _start(self) -> None:
        self.progress.show("looking around")
        end_leftovers(self._record)
        require_free(self.options.host, self.options.ports())
        self.progress.show("database and messages")
        self.servers.start(self.wish.check)
        for server in self.servers.private:
            self.supervisor.take(KeptServer(server))
        self._complete_environ()
        self.progress.show("tables" if self.options.demo == "none" else "tables and the demonstration world")
        link, is_demo = self._prepare()
        self.progress.show("pages, sockets, workers and beat")
        self._launch_programs(with_demo=is_demo)
        self._wait_until_it_answers()
        self.progress.clear()
        self._announce(link)

    @property
    def _record(self) -> Path:
        return self.house.data / "processes.json"

    def _remember(self) -> None:
        """Write down what runs, for the run after a crash; PostgreSQL keeps its own record."""
        pids = self.supervisor.pids()
        remember(self._record, {name: pid for name, pid in pids.items() if name != "postgresql"})

    def _complete_environ(self) -> None:
        """Put together what the children read, and write down what other commands need."""
        binaries = str(Path(sys.executable).parent)
        self.environ |= self.servers.environ | self.options.addresses(os.environ)
        self.environ |= {
            "RELEASETRAIN_DATA": str(self.house.data),
            "RELEASETRAIN_SECRET_KEY": os.environ.get("RELEASETRAIN_SECRET_KEY") or self.house.secret_key(),
            "RELEASETRAIN_DEMO": "0" if self.options.demo == "none" else "1",
            "RELEASETRAIN_DEMO_PROXY": self.options.proxy,
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "releasetrain.settings"),
            "HOST": self.options.host,
            "PORT": str(self.options.port),
            "STREAM_PORT": str(self.options.stream_port),
            "STOREFRONT_PORT": str(self.options.storefront_port),
            "PATH": os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),  # many threads, little memory
        }
        self.house.write_env(self.environ)

    def _prepare(self) -> tuple[str, bool]:
        """Migrate and load the demonstration; give the first sign-in link, and whether it is loaded."""
        log = Log(self.house.logs / "prepare.log")
        log.begin_run()
        result = self.house.data / "prepared.json"
        argv = [sys.executable, "-m", "releasetrain.processes.prepare", str(result), self.options.demo]
        with log.path.open("ab") as output:
            process = spawn(argv, output=output, env=self.environ, cwd=ROOT)
        try:
            while process.poll() is None:
                self.wish.pause()
        finally:
            end(process, (signal.SIGTERM, 3))
        if process.returncode:
            last = (log.tail() or ["it said nothing"])[-1]
            raise ServerError(f"The tables could not be prepared: {last} (all of it is in {log.path}).")
        read = json.loads(result.read_text())
        result.unlink()  # it lets somebody in
        if self.options.demo != "none" and not read["is_demo"]:
            self._tell((log.tail() or ["The demonstration was left out."])[-1])
        return str(read["link"]), bool(read["is_demo"])

    def _launch_programs(self, *, with_demo: bool) -> None:
        self.environ["RELEASETRAIN_DEMO"] = str(int(with_demo))
        self.house.write_env(self.environ)
        lines = read_procfile(ROOT / "Procfile")
        if with_demo:
            name = "Procfile.proxy" if self.options.proxy else "Procfile"
            lines |= read_procfile(ROOT / "releasetrain" / "demo" / name)
        for name, command in lines.items():
            program = Program(name, command, environ=self.environ, cwd=ROOT, logs=self.house.logs)
            self.programs.append(program)
            self.supervisor.launch(program)

    def _wait_until_it_answers(self) -> None:
        """Wait for the pages and their sockets, looking after everyone meanwhile."""
        until = time.monotonic() + SECONDS_TO_ANSWER
        while not self._answers():
            self.wish.pause()
            self._look()
            for program in self.programs:
                if self.supervisor.deaths_of(program.name) >= DEATHS_BEFORE_GIVING_UP:
                    raise ServerError(
                        f"{program.name} does not start; what it says is in {program.log.path}."
                    )
            if time.monotonic() > until:
                raise ServerError(
                    f"The pages do not answer after {SECONDS_TO_ANSWER} s; the logs are in {self.house.logs}."
                )

    def _answers(self) -> bool:
        chosen = self.options
        name = urlsplit(self.environ["RELEASETRAIN_PUBLIC_URL"]).netloc
        return is_healthy(chosen.host, chosen.port, name) and answers(chosen.host, chosen.stream_port)

    def _announce(self, link: str) -> None:
        """Print the one line that everybody waits for."""
        url = self.environ["RELEASETRAIN_PUBLIC_URL"]
        line = f"Release Train runs at {url}/"
        if link:
            line += f" · its first administrator signs in, once, with {link}"
        sys.stdout.write(f"{line} · Ctrl-C ends it\n")
        sys.stdout.flush()

    def _keep_running(self) -> None:
        tidy_at = time.monotonic() + SECONDS_BETWEEN_TIDYING
        while True:
            self.wish.pause()
            self._look()
            if time.monotonic() > tidy_at:
                tidy_at = time.monotonic() + SECONDS_BETWEEN_TIDYING
                for program in self.programs:
                    program.log.keep_small()

    def _look(self) -> None:
        self.supervisor.look()
        if self.options.is_verbose:
            self._show_lines()

    def _show_lines(self) -> None:
        names = [program.name for program in self.programs]
        prefixes = Prefixes(names, coloured=sys.stderr.isatty())
        for program in self.programs:
            for line in program.log.new_lines():
                say(prefixes.line(program.name, line))

    def _tell(self, sentence: str) -> None:
        self.progress.clear()
        say(sentence)

    def _end(self) -> None:
        """End the programs, then the servers they stand on."""
        self.supervisor.end(self.programs, hurry=lambda: self.wish.is_urgent)
        self.servers.stop()
        self.house.env_file.unlink(missing_ok=True)
        self._record.unlink(missing_ok=True)
