"""Run a command on the servers it needs: given ones, a running house's, or private ones meanwhile.

The rule, for every command but `up`:
1. DATABASE_URL and REDIS_URL win.
2. What they do not name is taken from the house that `up` runs in this checkout (it writes `.data/env`).
3. If no house runs but one was built here, its private servers run for as long as the command does.
4. On a fresh clone nothing is started by surprise: the command says what to do.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from releasetrain.bootstrap.terminal import say
from releasetrain.embedded import ServerError, Servers
from releasetrain.processes.house import Holder, House, HouseIsHeldError, this_house

# Commands that touch no row. Everything else gets its servers first.
WITHOUT_SERVERS = {
    "bench",
    "chaos",
    "help",
    "version",
    "--help",
    "-h",
    "--version",
    "check",
    "collectstatic",
    "findstatic",
    "tail",
}
# These must work while Redis is gone.
WITHOUT_REDIS = {"rollback"}
WITH_SERVERS_IF_ANY = {"makemigrations", "diffsettings", "startapp", "sendtestemail"}

OUR_COMMANDS = """\
Release Train
    up      run the house: servers, pages, sockets, workers, beat (and a demonstration world on the first run)
    test    run the tests, bringing what they need
    proxy   run the small reverse proxy that the driver “embedded” moves users through
    lock    renew requirements.txt and requirements-dev.txt from pyproject.toml
"""


def run(command: str, argv: list[str]) -> int:
    """Run one command and give its exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releasetrain.settings")
    try:
        if command == "up":
            from releasetrain.processes.up import up  # the others need not load it

            return up(argv[2:])
        if command == "proxy":
            from releasetrain.proxy.__main__ import main as proxy  # the others need not load it

            return proxy(argv[2:])
        if command == "help" and len(argv) <= 2:
            sys.stdout.write(OUR_COMMANDS)
        return _on_servers(command, argv)
    except ServerError as error:
        say(str(error))
        return 1
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            raise
        say(
            f"{error.filename or 'The disk'} cannot be written: {error.strerror}. Make room and run it again."
        )
        return 1


def _on_servers(command: str, argv: list[str]) -> int:
    if command in WITHOUT_SERVERS or {"--help", "-h"} & set(argv[2:]):
        return _django(argv)
    house = this_house(os.environ)
    holder = house.holder()
    if holder and holder.command == "up":
        _take_over(house.read_env())
    if _is_complete(command) or (command in WITH_SERVERS_IF_ANY and not house.is_built):
        return _django(argv)
    if holder and holder.command == "up":
        raise ServerError(f"The house is just starting (pid {holder.pid}). Try again in a moment.")
    if not house.is_built:
        raise ServerError(
            "There is no house here yet. Run `python3 manage.py up` first, or set DATABASE_URL and REDIS_URL "
            "to servers of your own."
        )
    return _with_private_servers(house, command, lambda: _django(argv))


def _take_over(values: dict[str, str]) -> None:
    for name, value in values.items():
        os.environ.setdefault(name, value)


def _is_complete(command: str) -> bool:
    has_redis = command in WITHOUT_REDIS or os.environ.get("REDIS_URL")
    return bool(os.environ.get("DATABASE_URL") and has_redis)


def _with_private_servers(house: House, command: str, work: Callable[[], int]) -> int:
    """Run the house's own servers for as long as `work` does."""
    servers = Servers(house.data, os.environ, with_redis=command not in WITHOUT_REDIS)
    try:
        with house.held(Holder(os.getpid(), command)):
            signal.signal(signal.SIGTERM, _exit)
            signal.signal(signal.SIGHUP, _exit)
            say(f"No house is running here: its own servers run for as long as `{command}` does.")
            try:
                servers.start()
                os.environ.update(servers.environ, RELEASETRAIN_SECRET_KEY=house.secret_key())
                return work()
            finally:
                servers.stop()
    except HouseIsHeldError as held:
        raise ServerError(
            f"`manage.py {held.holder.command}` (pid {held.holder.pid}) is using this house's servers. Wait "
            "for it, or run `python3 manage.py up` and then both."
        ) from held


def _django(argv: list[str]) -> int:
    from django.core.management import execute_from_command_line  # only once the environment is complete

    execute_from_command_line(argv)
    return 0


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
