"""Which servers stand behind a driver, and of which version: asked within a total deadline."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from releasetrain.rollouts.drivers.arms import Fault, ask_version, servers_of, version_in, why_not_version
from releasetrain.rollouts.drivers.base import Arm, Server
from tests.drivers.echo import Dripping, Echo, echoes


@pytest.fixture
def pair() -> Iterator[list[Echo]]:
    with echoes("v1", "v2") as servers:
        yield servers


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Listen and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_the_version_of_a_server_is_asked(pair: list[Echo]) -> None:
    assert ask_version(pair[1].address, "/version", 5) == "v2"
    assert ask_version(pair[1].address, "/other", 5) == "v2"
    assert ask_version(f"http://{pair[1].address}", "/version", 5) == "v2"


@pytest.mark.parametrize(
    ("answer", "headers", "version"),
    [
        ('{"version": "v2"}', {"x-version": "v3"}, "v3"),
        ('{"version": "v2"}', {}, "v2"),
        ('{"release": "v2"}', {}, ""),
        ("  v2\n", {}, "v2"),
        ("<html>" + "x" * 200, {}, ""),
        ("[1, 2]", {}, "[1, 2]"),
    ],
)
def test_a_version_is_a_header_or_json_or_a_short_text(
    answer: str, headers: dict[str, str], version: str
) -> None:
    assert version_in(answer, headers) == version


def test_wrong_version_behind_the_candidate_is_named(pair: list[Echo]) -> None:
    config = {"candidate": [pair[0].address, pair[1].address]}
    assert why_not_version({"candidate": [pair[1].address]}, "v2", 5) == ""
    assert why_not_version(config, "v2", 5) == f"The candidate {pair[0].address} runs v1, not v2."
    assert "No server" in why_not_version({"candidate": []}, "v2", 5)


def test_deadlines_are_totals_on_a_server_that_drips() -> None:
    with Dripping() as server:
        assert ask_version(server.address, "/version", 0.3) == Fault("does not answer within 0.3 s")
        server.shutdown()


def test_dead_and_silent_servers_are_told_within_the_deadline(pair: list[Echo]) -> None:
    with silent() as address:
        pair[0].status = 503
        found = servers_of({"baseline": [address, nobody()], "candidate": [pair[1].address, "x:y"]}, 0.3)
    assert [one.is_up for one in found] == [True, False, False, False]
    assert found[0] == Server(pair[1].address, Arm.CANDIDATE, is_up=True, version="v2")
    assert [one.detail for one in found[1:]] == [
        "is no address such as 10.0.0.7:8080",
        "does not answer within 0.3 s",
        "cannot be reached",
    ]


def test_a_server_that_knows_no_version_path_is_up(pair: list[Echo]) -> None:
    pair[1].status = 404
    (server,) = servers_of({"candidate": [pair[1].address], "version_path": "/none"}, 5)
    assert (server.is_up, server.detail) == (True, "answers 404 to GET /none")
    pair[1].status = 500
    (server,) = servers_of({"candidate": [pair[1].address], "version_path": "/none"}, 5)
    assert (server.is_up, server.detail) == (False, "answers 500")


def test_without_a_version_path_only_a_connection_is_asked_for(pair: list[Echo]) -> None:
    config = {"candidate": [pair[1].address], "version_path": ""}
    assert why_not_version(config, "v9", 5) == ""
    assert "cannot be reached" in why_not_version(config | {"candidate": [nobody()]}, "v9", 5)
