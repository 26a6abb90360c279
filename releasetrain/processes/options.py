"""Read what was asked of `up`."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PROXIES = ("embedded", "envoy", "haproxy", "nginx")


@dataclass(frozen=True)
class Options:
    """How to run the house."""

    host: str
    port: int
    demo: str  # load | reset | none
    is_verbose: bool
    proxy: str = ""  # what stands before the demonstration's shop; "" asks a flag

    @property
    def stream_port(self) -> int:
        return self.port + 1

    @property
    def storefront_port(self) -> int:
        return self.port + 2

    def ports(self) -> dict[str, int]:
        """List the ports that must be free, by purpose."""
        ports = {"the pages": self.port, "their live connection": self.stream_port}
        if self.demo == "none":
            return ports
        ports["the demonstration shop"] = self.storefront_port
        behind = ("its old version", "its new version", "its proxy") if self.proxy else ()
        return ports | {name: self.storefront_port + n for n, name in enumerate(behind, 1)}

    def addresses(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Give the addresses that people and pages use; set ones win."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        seen = "127.0.0.1" if host in {"0.0.0.0", "[::]"} else host  # noqa: S104 - compared, not bound
        ours = {
            "RELEASETRAIN_PUBLIC_URL": f"http://{seen}:{self.port}",
            "RELEASETRAIN_STREAM_URL": f"http://{seen}:{self.stream_port}",
            "RELEASETRAIN_STOREFRONT_URL": f"http://{seen}:{self.storefront_port}",
        }
        return {name: environ.get(name) or value for name, value in ours.items()}


def read(arguments: Sequence[str]) -> Options:
    """Read the command line; a mistake ends the program with a sentence, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="manage.py up",
        description="Run the house: private PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL are "
        "set), pages, sockets, worker and beat. Ctrl-C ends all of it; the data stays.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="listen there (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument(
        "--port", type=_port, default=8000, help="the first of three ports in a row (default: 8000)"
    )
    demo = parser.add_mutually_exclusive_group()
    demo.add_argument("--no-demo", action="store_true", help="without the demonstration world")
    demo.add_argument("--reset-demo", action="store_true", help="begin the demonstration world afresh")
    parser.add_argument(
        "--proxy",
        choices=PROXIES,
        default="",
        help="let the demonstration move real traffic: two versions of its shop behind this proxy, on three "
        "more ports",
    )
    parser.add_argument("--verbose", action="store_true", help="show what every process says")
    read = parser.parse_args(arguments)
    wish = "none" if read.no_demo else "reset" if read.reset_demo else "load"
    return Options(read.host, read.port, wish, read.verbose, read.proxy)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 65533:
        raise argparse.ArgumentTypeError(f"“{text}” is no port; choose a number from 1024 to 65533.")
    return int(text)
