"""Talk with HAProxy’s runtime API over its socket, one command a connection, within a total deadline."""

import errno
import socket

from releasetrain.rollouts.drivers.budget import Budget

CONNECT_SECONDS = 0.5
MOST_BYTES = 8 * 1024 * 1024


class Silent(Exception):
    """No answer, or none that is whole; `may_have_run` says that the command may have been carried out."""

    def __init__(self, sentence: str, *, may_have_run: bool = False, is_forbidden: bool = False) -> None:
        super().__init__(sentence)
        self.may_have_run = may_have_run
        self.is_forbidden = is_forbidden


def ask(endpoint: str, command: str, budget: Budget) -> str:
    """Return the reply to one command.

    :param endpoint: the path of a socket, or "host:port"
    :raises Silent: there is none
    """
    try:
        connection = _connect(endpoint, budget)
    except OSError as error:
        raise _unreached(endpoint, error) from error
    with connection:
        try:
            connection.settimeout(max(budget.left, 0.001))
            connection.sendall(f"{command}\n".encode())
            return _all_of(connection, budget)
        except TimeoutError as error:
            sentence = f"{endpoint} does not answer within {budget.seconds:.1f} s."
            raise Silent(sentence, may_have_run=True) from error
        except OSError as error:
            sentence = f"{endpoint} broke off in the middle of its answer."
            raise Silent(sentence, may_have_run=True) from error


def _connect(endpoint: str, budget: Budget) -> socket.socket:
    seconds = max(0.001, min(CONNECT_SECONDS, budget.left))
    if not endpoint.startswith("/"):
        host, _, port = endpoint.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), seconds)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(endpoint)
    except OSError:
        connection.close()
        raise
    return connection


def _all_of(connection: socket.socket, budget: Budget) -> str:
    reply = bytearray()
    while True:
        connection.settimeout(max(budget.left, 0.001))
        piece = connection.recv(65536)
        if not piece:
            if not reply.endswith(b"\n"):
                raise OSError(errno.ECONNRESET, "not a whole reply")
            return reply.decode(errors="replace")
        reply += piece
        if budget.is_spent:
            raise TimeoutError
        if len(reply) > MOST_BYTES:
            raise OSError(errno.EMSGSIZE, "more than a reply")


def _unreached(endpoint: str, error: OSError) -> Silent:
    if isinstance(error, PermissionError):
        sentence = f"{endpoint} may not be opened by this process: its mode and group say who may."
        return Silent(sentence, is_forbidden=True)
    if isinstance(error, FileNotFoundError):
        return Silent(f"There is no socket {endpoint}: HAProxy is not running, or has another one.")
    if isinstance(error, TimeoutError | BlockingIOError):
        return Silent(f"{endpoint} takes no connection within {CONNECT_SECONDS:g} s.")
    return Silent(f"{endpoint} cannot be reached ({error.strerror or type(error).__name__}).")
