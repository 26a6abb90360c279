"""Settings for the tests: the house's own, over a PostgreSQL and a Valkey that live as long as the run.

pytest-django reads settings before any conftest, so the servers start here. DATABASE_URL and REDIS_URL win,
as everywhere. Only pytest starts servers; a type checker or an editor may import this module freely.
"""

import atexit
import os
import signal
import sys
import threading
from types import FrameType

from releasetrain.embedded import ServerError, throwaway_servers


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _bring_servers() -> None:
    """Start servers for this process, to be stopped when it exits and not by any copy of it."""
    running = throwaway_servers(os.environ)
    try:
        os.environ.update(running.__enter__().environ)
    except ServerError as fault:
        sys.exit(f"The tests need PostgreSQL and Redis. {fault}")
    owner = os.getpid()
    atexit.register(lambda: running.__exit__(None, None, None) if os.getpid() == owner else None)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)  # so that a terminated run cleans up, too


if "pytest" in sys.modules:
    _bring_servers()
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in the thread of the test

from releasetrain.settings import *  # noqa: E402, F403 - the addresses must stand first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The append-only log lets itself be emptied between tests, and nowhere else.
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c releasetrain.may_empty_log=on"  # noqa: F405
WHITENOISE_AUTOREFRESH = True  # each test client would otherwise list every static file again
