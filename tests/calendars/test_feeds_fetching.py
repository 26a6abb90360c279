"""Calendars are fetched from public hosts only, within a deadline and a size, from a real server."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from pytest_django.fixtures import Settings

from releasetrain.calendars import fetching
from releasetrain.calendars.fetching import Unfetched, fetch
from releasetrain.calendars.ics.lines import MOST_BYTES
from releasetrain.lib import fetching as lib_fetching
from releasetrain.lib.addresses import read_address, why_not_address, why_not_hosts
from tests.calendars.serving import Server, serving

HERE = frozenset({"127.0.0.1"})


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    settings.INTERNAL_HOSTS = HERE
    with serving() as running:
        yield running


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_a_host_inside_a_network_is_refused_unless_it_is_named(number: str) -> None:
    why = why_not_hosts("calendar.example.org", [number], frozenset())
    assert why
    assert "RELEASETRAIN_INTERNAL_HOSTS" in why
    assert why_not_hosts("calendar.example.org", [number], frozenset({"calendar.example.org"})) is None


def test_one_number_inside_is_enough_to_refuse() -> None:
    assert why_not_hosts("both.example.org", ["93.184.215.14", "10.0.0.1"], frozenset())


@pytest.mark.parametrize("number", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_host_is_asked(number: str) -> None:
    assert why_not_hosts("example.org", [number], frozenset()) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "calendar.ics",
        "file:///etc/passwd",
        "ftp://example.org/a.ics",
        "gopher://example.org/",
        "http://",
        "http:///a.ics",
        "https://example.org:99999/",
        "https://[::1/",
        "https://example.org/a b",
        "https://example.org/\r\nHost: x",
        "https://ada:secret@example.org/",
        f"https://example.org/{'x' * 500}",
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    assert why_not_address(url)


def test_webcal_is_https() -> None:
    assert read_address(" webcal://example.org/a.ics ") == "https://example.org/a.ics"
    assert why_not_address("https://example.org/a.ics") is None


def test_a_calendar_is_fetched(server: Server) -> None:
    server.says(b"BEGIN:VCALENDAR")
    assert fetch(server.url()) == b"BEGIN:VCALENDAR"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1"])
def test_this_machine_is_not_asked_however_it_is_spelt(server: Server, settings: Settings, host: str) -> None:
    settings.INTERNAL_HOSTS = frozenset()
    server.says(b"secret")
    with pytest.raises(Unfetched):
        fetch(server.url(host=host))
    assert server.asked == []


def test_redirects_are_followed_three_times_and_no_more(server: Server) -> None:
    for number in range(4):
        server.leads(f"/{number + 1}", path=f"/{number}", status=(301, 302, 307, 308)[number])
    server.says(b"there", path="/4")
    assert fetch(server.url("/1")) == b"there"
    with pytest.raises(Unfetched, match="more than 3 times"):
        fetch(server.url("/0"))


def test_a_redirect_into_the_network_is_refused(server: Server) -> None:
    server.leads(server.url("/secret", host="localhost"))
    server.says(b"secret", path="/secret")
    with pytest.raises(Unfetched, match="localhost lies inside a network"):
        fetch(server.url())
    assert [path for _, path in server.asked] == ["/feed.ics"]


@pytest.mark.parametrize("to", ["file:///etc/passwd", "gopher://example.org/", "https://ada:x@example.org/"])
def test_a_redirect_to_no_address_of_the_web_is_refused(server: Server, to: str) -> None:
    server.leads(to)
    with pytest.raises(Unfetched, match="address"):
        fetch(server.url())


def test_the_number_that_was_judged_is_the_one_that_is_asked(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers differently the second time is not asked a second time."""
    settings.INTERNAL_HOSTS = frozenset({"calendar.test"})
    looked_up: list[str] = []

    def once(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(lib_fetching, "_look_up", once)
    server.says(b"there")
    assert fetch(server.url(host="calendar.test")) == b"there"
    assert looked_up == ["calendar.test"]
    assert server.asked == [(f"calendar.test:{server.server_port}", "/feed.ics")]


def test_a_host_that_nobody_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError

    monkeypatch.setattr(lib_fetching, "_look_up", nobody)
    with pytest.raises(Unfetched, match=r"Nobody knows the host calendar\.test"):
        fetch("https://calendar.test/")


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500])
def test_another_status_is_said(server: Server, status: int) -> None:
    server.says(b"", status=status)
    with pytest.raises(Unfetched, match=f"answers {status}"):
        fetch(server.url())


def test_what_is_too_large_is_not_read_to_its_end(server: Server) -> None:
    server.says(b"x" * (MOST_BYTES + 1))
    with pytest.raises(Unfetched, match="larger than 2 MB"):
        fetch(server.url())
    server.says(b"x" * MOST_BYTES)
    assert len(fetch(server.url())) == MOST_BYTES


def test_what_is_compressed_is_not_blown_up(server: Server) -> None:
    server.says(gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip")
    with pytest.raises(Unfetched, match="compressed"):
        fetch(server.url())


def test_the_deadline_holds_for_the_whole_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the whole never does."""
    monkeypatch.setattr(fetching, "DEADLINE_SECONDS", 0.5)
    is_over = threading.Event()

    def drip(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        while not is_over.wait(0.02):
            try:
                to.wfile.write(b"x")
            except OSError:
                return

    server.answers["/feed.ics"] = drip
    with pytest.raises(Unfetched, match="did not answer within"):
        fetch(server.url())
    is_over.set()


def test_a_silent_name_server_does_not_outlast_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "DEADLINE_SECONDS", 0.2)
    is_over = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        is_over.wait(30)
        return []

    monkeypatch.setattr(lib_fetching, "_look_up", silent)
    with pytest.raises(Unfetched, match="did not answer within"):
        fetch("https://calendar.test/")
    is_over.set()


def test_nobody_at_home_is_said(server: Server) -> None:
    url = server.url()
    server.server_close()
    with pytest.raises(Unfetched, match="cannot be reached"):
        fetch(url)


def test_proxies_of_the_environment_are_not_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.says(b"there")
    assert fetch(server.url()) == b"there"
