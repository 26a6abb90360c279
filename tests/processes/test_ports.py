import socket

import pytest

from releasetrain.embedded import ServerError
from releasetrain.processes.ports import answers, require_free, suggestion


def test_a_taken_port_is_named_with_its_program_and_what_to_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError) as refused:
            require_free("127.0.0.1", {"the pages": port, "their live connection": port + 1})
    assert f"Port {port}, wanted for the pages, is taken by " in str(refused.value)
    assert "The house needs 2 free ports in a row" in str(refused.value)
    assert f"--port {suggestion(port)}" in str(refused.value)


def test_free_ports_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    require_free("127.0.0.1", {"the pages": port})


def test_a_host_that_is_not_this_machine_is_named() -> None:
    with pytest.raises(ServerError, match=r"--host 192\.0\.2\.1 is no address of this machine"):
        require_free("192.0.2.1", {"the pages": 8000})
    with pytest.raises(ServerError, match="--host no such host is no address of this machine"):
        require_free("no such host", {"the pages": 8000})


def test_the_suggestion_is_another_port_that_exists() -> None:
    assert [suggestion(port) for port in (8000, 8002, 443, 65533)] == [8100, 8100, 500, 8100]


def test_an_open_port_answers_and_a_closed_one_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert answers("127.0.0.1", port)
    assert not answers("127.0.0.1", port)
