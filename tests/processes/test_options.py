import pytest

from releasetrain.processes import options


def test_up_asks_for_nothing_and_stays_on_this_machine() -> None:
    chosen = options.read([])
    assert (chosen.host, chosen.port, chosen.demo, chosen.is_verbose) == ("127.0.0.1", 8000, "load", False)


def test_the_three_ports_stand_in_a_row() -> None:
    assert list(options.read(["--port", "9100"]).ports().values()) == [9100, 9101, 9102]
    assert list(options.read(["--port", "9100", "--proxy", "envoy"]).ports().values()) == [*range(9100, 9106)]
    assert list(options.read(["--port", "9100", "--no-demo"]).ports().values()) == [9100, 9101]


def test_addresses_follow_the_port_unless_they_are_set() -> None:
    addresses = options.read(["--port", "9100"]).addresses(
        {"RELEASETRAIN_PUBLIC_URL": "https://trains.example.org"}
    )
    assert addresses == {
        "RELEASETRAIN_PUBLIC_URL": "https://trains.example.org",
        "RELEASETRAIN_STREAM_URL": "http://127.0.0.1:9101",
        "RELEASETRAIN_STOREFRONT_URL": "http://127.0.0.1:9102",
    }


@pytest.mark.parametrize(
    ("host", "seen"), [("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("10.0.0.7", "10.0.0.7")]
)
def test_addresses_can_be_opened_in_a_browser(host: str, seen: str) -> None:
    addresses = options.read(["--host", host]).addresses({})
    assert addresses["RELEASETRAIN_PUBLIC_URL"] == f"http://{seen}:8000"


@pytest.mark.parametrize("port", ["0", "65534", "-1", "eighty", "٣"])
def test_a_port_that_cannot_be_is_refused_with_the_range(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        options.read([f"--port={port}"])
    assert f"“{port}” is no port; choose a number from 1024 to 65533" in capsys.readouterr().err


def test_no_demo_and_reset_demo_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.read(["--no-demo", "--reset-demo"])
    assert "not allowed with argument --no-demo" in capsys.readouterr().err
