"""Find out whether the house's ports are free, and who has them if not."""

import contextlib
import errno
import http.client
import socket
from collections.abc import Mapping

import psutil

from releasetrain.embedded import ServerError

HIGHEST = 65535


def require_free(host: str, ports: Mapping[str, int], command: str = "python3 manage.py up") -> None:
    """Refuse to start on ports that cannot be had.

    :param ports: what each port is for, and its number
    """
    if max(ports.values()) > HIGHEST:
        raise ServerError(
            f"Port {max(ports.values())} does not exist: the house needs {len(ports)} ports in a row. Choose "
            f"--port {HIGHEST - len(ports)} or lower."
        )
    for purpose, port in ports.items():
        _require_free(host, port, purpose, len(ports), f"{command} --port {suggestion(port)}")


def suggestion(port: int) -> int:
    """Give a port that is worth trying instead."""
    return port // 100 * 100 + 100 if port < HIGHEST - 200 else 8100


def _require_free(host: str, port: int, purpose: str, needed: int, instead: str) -> None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers themselves do
            probe.bind(address)
    except socket.gaierror as error:
        raise ServerError(f"--host {host} is no address of this machine: {error.strerror}.") from error
    except OSError as error:
        raise ServerError(_sentence(error, host, port, purpose, needed, instead)) from error


def _sentence(error: OSError, host: str, port: int, purpose: str, needed: int, instead: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port}, wanted for {purpose}, is taken{_by_whom(port)}. The house needs {needed} free "
            f"ports in a row; choose others, for example: {instead}"
        )
    if error.errno == errno.EACCES:
        return f"Port {port}, wanted for {purpose}, is reserved for root. Choose a higher one: {instead}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine."
    return f"Port {port}, wanted for {purpose}, cannot be used ({error.strerror}). Try: {instead}"


def _by_whom(port: int) -> str:
    """Name the program that listens there, as far as we may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections("tcp"):
            if each.laddr and each.laddr.port == port and each.status == psutil.CONN_LISTEN and each.pid:
                return f" by {psutil.Process(each.pid).name()} (pid {each.pid})"
    return " by another program"


def answers(host: str, port: int) -> bool:
    """Tell whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def is_healthy(host: str, port: int, known_as: str) -> bool:
    """Tell whether the pages answer there, directly and past any proxy.

    :param known_as: the name that people reach them by; they answer to no other
    """
    connection = http.client.HTTPConnection(host, port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz", headers={"Host": known_as})
        return connection.getresponse().status == 200
    return False
