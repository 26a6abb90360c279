"""Read how to run the proxy."""

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

READ_METHODS = ("GET", "HEAD", "OPTIONS")
DESCRIPTION = (
    "Stand between users and two versions of a service. A user is known by a header and stays where the "
    "percentage puts them; whoever is not known gets the baseline. The percentage is set at the admin's "
    "address."
)


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen, whom to ask, and how to know a user."""

    listen: str
    admin: str
    state: Path
    token_file: Path
    baseline: list[str]
    candidate: list[str]
    user_header: str = "x-user-id"
    version_path: str = "/version"
    mirror_methods: frozenset[str] = frozenset(READ_METHODS)
    compares_bodies: bool = False
    most_body_bytes: int = 64 * 1024 * 1024
    stop_seconds: float = 10.0


def read(arguments: Sequence[str]) -> Options:
    """Read the command line; a mistake ends the program with a sentence, as argparse does.

    `--config FILE` reads the same names from a JSON object; what is typed wins.
    """
    parser = argparse.ArgumentParser(prog="manage.py proxy", description=DESCRIPTION)
    parser.add_argument("--config", type=Path, help="a JSON file with these options")
    known, _ = parser.parse_known_args([word for word in arguments if word not in {"-h", "--help"}])
    _add_arguments(parser)
    if known.config:
        parser.set_defaults(**_from_file(parser, known.config))
    chosen = parser.parse_args(arguments)
    for name in ("listen", "admin", "state", "token_file", "baseline"):
        if not getattr(chosen, name):
            parser.error(f"--{name.replace('_', '-')} is missing")
    return Options(
        listen=chosen.listen,
        admin=chosen.admin,
        state=Path(chosen.state),
        token_file=Path(chosen.token_file),
        baseline=chosen.baseline,
        candidate=chosen.candidate or [],
        user_header=chosen.user_header,
        version_path=chosen.version_path,
        mirror_methods=frozenset(method.upper() for method in chosen.mirror_methods),
        compares_bodies=chosen.compare_bodies,
        most_body_bytes=int(chosen.most_body_megabytes * 1024 * 1024),
        stop_seconds=chosen.stop_seconds,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    place = "host:port"
    parser.add_argument("--listen", type=_address, help="where users come in", metavar=place)
    parser.add_argument(
        "--admin", type=_admin, help="where the percentage is set: host:port, or unix:/path", metavar="place"
    )
    parser.add_argument("--state", help="the file that keeps the percentage across restarts", metavar="file")
    parser.add_argument("--token-file", help="the file that holds the admin's secret", metavar="file")
    parser.add_argument("--baseline", type=_address, nargs="+", help="the servers of the old version")
    parser.add_argument("--candidate", type=_address, nargs="+", help="the servers of the new version")
    parser.add_argument(
        "--user-header", type=_header, default="x-user-id", help="the header that names a user"
    )
    parser.add_argument("--version-path", default="/version", help="what servers are asked whether they live")
    parser.add_argument(
        "--mirror-methods", nargs="*", default=READ_METHODS, help="which methods shadow traffic may repeat"
    )
    parser.add_argument(
        "--compare-bodies", action="store_true", help="compare the bodies of mirrored answers"
    )
    parser.add_argument("--most-body-megabytes", type=float, default=64, help="larger bodies are refused")
    parser.add_argument("--stop-seconds", type=float, default=10, help="how long open requests may finish")


def _from_file(parser: argparse.ArgumentParser, path: Path) -> dict[str, object]:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        parser.error(f"{path} cannot be read: {error}")
    if not isinstance(values, dict):
        parser.error(f"{path} holds no JSON object")
    return {name.replace("-", "_"): value for name, value in values.items()}


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536 or "/" in host or "@" in host:
        raise argparse.ArgumentTypeError(f"“{text}” is no host:port such as 127.0.0.1:8080.")
    return text


def _admin(text: str) -> str:
    if text.startswith("unix:"):
        if not text.removeprefix("unix:").startswith("/"):
            raise argparse.ArgumentTypeError(
                f"“{text}” needs an absolute path, such as unix:/run/proxy.sock."
            )
        return text
    return _address(text)


def _header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+", text):
        raise argparse.ArgumentTypeError(f"“{text}” is no name of a header.")
    return text
